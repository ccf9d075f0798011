import Hashing
package import Numerics

/// A feature table cut into content-addressed chunks, as a coordinator sends it.
///
/// Chunks are views of the table, or of its code where leaving out zeros saves an eighth or more:
/// sending copies nothing.
package struct FeatureChunks: Sendable {
    /// The chunks, each named by its position.
    package let manifest: FeatureManifest
    /// What was cut.
    package let table: FeatureTable

    /// Who keeps the bytes of every chunk alive and unchanged, for sending without a copy.
    package let owner: FloatBuffer

    /// Where each chunk's bytes lie among the owner's floats.
    private let places: [Range<Int>]

    /// Cuts, codes and hashes `table`; a class's last chunk may be smaller.
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
        var entries: [ChunkEntry] = []
        var floats: [Range<Int>] = []
        for (classIndex, classRowCount) in table.classRowCounts.enumerated() {
            for firstRow in stride(from: 0, to: classRowCount, by: limit / rowByteCount) {
                let rowCount = min(limit / rowByteCount, classRowCount - firstRow)
                let row = table.classRowOffsets[classIndex] + firstRow
                floats.append(row * table.featureCount..<(row + rowCount) * table.featureCount)
                entries.append(
                    ChunkEntry(
                        classIndex: classIndex, firstRow: firstRow, rowCount: rowCount,
                        byteCount: rowCount * rowByteCount, hash: []))
            }
        }
        for (entry, range) in zip(entries, floats) {
            let isFinite = unsafe table.features.withUnsafeBufferPointer {
                unsafe $0[range].allSatisfy(\.isFinite)
            }
            guard isFinite else { throw .notFinite("class \(entry.classIndex)") }
        }
        if let coded = Self.coded(table.features, floats) {
            (owner, places) = coded
        } else {
            (owner, places) = (table.features, floats)
        }
        for (index, place) in places.enumerated() {
            entries[index].byteCount = place.count * 4
            entries[index].hash = unsafe owner.withUnsafeBufferPointer {
                unsafe BLAKE2b.digest(
                    UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: $0[place])))
            }
        }
        self.table = table
        manifest = FeatureManifest(
            featureCount: table.featureCount, classRowCounts: table.classRowCounts,
            chunks: entries)
    }

    /// The chunks without their zeros, and where they lie; nil if that saves less than an eighth.
    ///
    /// A chunk that would not become smaller stays as it is.
    private static func coded(
        _ features: FloatBuffer, _ chunks: [Range<Int>]
    ) -> (FloatBuffer, [Range<Int>])? {
        unsafe features.withUnsafeBufferPointer { floats in
            var places: [Range<Int>] = []
            var end = 0
            for chunk in chunks {
                let coded = unsafe ZeroCoding.byteCount(
                    UnsafeBufferPointer(rebasing: floats[chunk]))
                let count = min(coded / 4, chunk.count)
                places.append(end..<end + count)
                end += count
            }
            guard end <= floats.count - floats.count / 8 - 1 else { return nil }
            // One float more, which coding the last chunk uses up.
            let buffer = FloatBuffer(unfilledCount: end + 1)
            unsafe buffer.withUnsafeMutableBufferPointer { target in
                for (chunk, place) in zip(chunks, places) {
                    let source = unsafe UnsafeBufferPointer(rebasing: floats[chunk])
                    if place.count == chunk.count {
                        _ = unsafe UnsafeMutableBufferPointer(rebasing: target[place])
                            .update(from: source)
                    } else {
                        // A chunk begins where the one before it used a float up.
                        unsafe ZeroCoding.encode(
                            source,
                            into: UnsafeMutableBufferPointer(
                                rebasing: target[place.lowerBound..<place.upperBound + 1]))
                    }
                }
                unsafe target[end] = 0
            }
            return (buffer, places)
        }
    }

    /// Reads the bytes of one chunk as they are sent.
    ///
    /// The pointer stays valid as long as ``owner`` is retained. Traps on an index that is not in
    /// the manifest: callers check what a peer asked for.
    package func withUnsafeBytes<Result, Failure: Error>(
        ofChunk index: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let place = places[index]
        return try unsafe owner.withUnsafeBufferPointer { pointer throws(Failure) in
            try unsafe body(
                UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: pointer[place])))
        }
    }
}
