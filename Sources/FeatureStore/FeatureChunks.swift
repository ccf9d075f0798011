import Hashing
package import Tensors

/// A feature table cut into content-addressed chunks, as a coordinator sends it.
///
/// Chunks are views of the table: nothing is copied.
package struct FeatureChunks: Sendable {
    /// The chunks, each named by its position.
    package let manifest: FeatureManifest
    /// What was cut.
    package let table: FeatureTable

    /// Cuts and hashes `table`; a class's last chunk may be smaller.
    ///
    /// - Throws: `rowTooLarge`, and `notFinite`, which workers would refuse.
    package init(
        _ table: FeatureTable, chunkByteCountMax: Int = FeatureManifest.chunkByteCountMax
    ) throws(FeatureStoreError) {
        let rowByteCount = table.featureCount * 4
        let limit = min(chunkByteCountMax, FeatureManifest.chunkByteCountMax)
        guard rowByteCount <= limit else {
            throw .rowTooLarge(byteCount: rowByteCount, max: limit)
        }
        let chunkRowCount = limit / rowByteCount
        var chunks: [ChunkEntry] = []
        for (classIndex, classRowCount) in table.classRowCounts.enumerated() {
            for firstRow in stride(from: 0, to: classRowCount, by: chunkRowCount) {
                let rowCount = min(chunkRowCount, classRowCount - firstRow)
                let row = table.classRowOffsets[classIndex] + firstRow
                let floats = row * table.featureCount..<(row + rowCount) * table.featureCount
                let isFinite = unsafe table.features.withUnsafeBufferPointer {
                    unsafe $0[floats].allSatisfy(\.isFinite)
                }
                guard isFinite else { throw .notFinite("class \(classIndex)") }
                let hash = unsafe table.features.withUnsafeBufferPointer {
                    unsafe BLAKE2b.digest(
                        UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: $0[floats])))
                }
                chunks.append(
                    ChunkEntry(
                        classIndex: classIndex, firstRow: firstRow, rowCount: rowCount,
                        byteCount: rowCount * rowByteCount, hash: hash))
            }
        }
        self.table = table
        manifest = FeatureManifest(
            featureCount: table.featureCount, classRowCounts: table.classRowCounts, chunks: chunks)
    }

    /// Who keeps the bytes of every chunk alive and unchanged, for sending without a copy.
    package var owner: FloatBuffer { table.features }

    /// Reads the bytes of one chunk: float32 little-endian as they lie in the table.
    ///
    /// The pointer stays valid as long as ``owner`` is retained. Traps on an index that is not in
    /// the manifest: callers check what a peer asked for.
    package func withUnsafeBytes<Result, Failure: Error>(
        ofChunk index: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let chunk = manifest.chunks[index]
        let row = table.classRowOffsets[chunk.classIndex] + chunk.firstRow
        let floats = row * table.featureCount..<(row + chunk.rowCount) * table.featureCount
        return try unsafe table.features.withUnsafeBufferPointer { pointer throws(Failure) in
            try unsafe body(
                UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: pointer[floats])))
        }
    }
}
