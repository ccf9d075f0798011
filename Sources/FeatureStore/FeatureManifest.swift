import Hashing

/// One chunk: whole rows of one class.
package struct ChunkEntry: Hashable, Sendable {
    /// The class of all the rows.
    package var classIndex: Int
    /// The first row, counted within its class.
    package var firstRow: Int
    /// Rows, one or more.
    package var rowCount: Int
    /// `rowCount * featureCount * 4`, or less if the rows come without their zeros.
    package var byteCount: Int
    /// BLAKE2b-256 of the bytes.
    package var hash: [UInt8]

    /// An entry of these fields, unchecked.
    package init(
        classIndex: Int, firstRow: Int, rowCount: Int, byteCount: Int, hash: [UInt8]
    ) {
        self.classIndex = classIndex
        self.firstRow = firstRow
        self.rowCount = rowCount
        self.byteCount = byteCount
        self.hash = hash
    }
}

/// The shape of a run's features and the chunks that make them up.
///
/// Fields may come from a peer, so making one checks nothing; ``validate(byteCountMax:)`` does,
/// and ``FeatureAssembly`` calls it.
package struct FeatureManifest: Hashable, Sendable {
    /// Features of a row.
    package var featureCount: Int
    /// Rows of each class.
    package var classRowCounts: [Int]
    /// In any order; a chunk is named by its position here.
    package var chunks: [ChunkEntry]

    /// Bytes of all chunks.
    package var byteCount: Int { chunks.reduce(0) { $0 + $1.byteCount } }

    /// Share of the features that are sent: all of them where rows come with their zeros.
    package var sentShare: Double {
        var sent = 0
        var all = 0
        for chunk in chunks {
            let floatCount = chunk.rowCount * featureCount
            let isWhole = chunk.byteCount == 4 * floatCount
            sent +=
                isWhole ? floatCount : (chunk.byteCount - ZeroCoding.maskByteCount(floatCount)) / 4
            all += floatCount
        }
        return all == 0 ? 1 : Double(sent) / Double(all)
    }

    /// Bytes of the largest chunk.
    package static let chunkByteCountMax = 1 << 20

    /// A manifest of these fields, unchecked.
    package init(featureCount: Int, classRowCounts: [Int], chunks: [ChunkEntry]) {
        self.featureCount = featureCount
        self.classRowCounts = classRowCounts
        self.chunks = chunks
    }

    /// Checks that the chunks cover each row of each class exactly once, and takes no memory that
    /// the manifest itself does not take.
    ///
    /// - Parameter byteCountMax: bytes all rows may take.
    /// - Returns: how many rows there are.
    @discardableResult
    package func validate(byteCountMax: Int) throws(FeatureStoreError) -> Int {
        guard featureCount > 0, featureCount <= Self.chunkByteCountMax / 4 else {
            throw .badManifest("\(featureCount) features a row")
        }
        var rowCount = 0
        for (classIndex, count) in classRowCounts.enumerated() {
            guard count >= 0 else { throw .badManifest("\(count) rows of class \(classIndex)") }
            let (sum, overflow) = rowCount.addingReportingOverflow(count)
            guard !overflow, sum <= byteCountMax / (featureCount * 4) else {
                throw .tooLarge("\(sum) rows of \(featureCount) features", max: byteCountMax)
            }
            rowCount = sum
        }
        for (index, chunk) in chunks.enumerated() { try validate(chunk, index) }
        // Sorted by class and row, each chunk must begin where the one before it ended.
        let order = chunks.indices.sorted {
            (chunks[$0].classIndex, chunks[$0].firstRow)
                < (chunks[$1].classIndex, chunks[$1].firstRow)
        }
        var covered = [Int](repeating: 0, count: classRowCounts.count)
        for index in order {
            let chunk = chunks[index]
            let expected = covered[chunk.classIndex]
            guard chunk.firstRow == expected else {
                throw .badManifest(
                    "chunk \(index) begins at row \(chunk.firstRow) of class "
                        + "\(chunk.classIndex), not \(expected)")
            }
            covered[chunk.classIndex] += chunk.rowCount
        }
        guard covered == classRowCounts else { throw .badManifest("rows are in no chunk") }
        return rowCount
    }

    private func validate(_ chunk: ChunkEntry, _ index: Int) throws(FeatureStoreError) {
        guard classRowCounts.indices.contains(chunk.classIndex) else {
            throw .badManifest("chunk \(index) is of class \(chunk.classIndex)")
        }
        let classRowCount = classRowCounts[chunk.classIndex]
        guard chunk.firstRow >= 0, chunk.firstRow <= classRowCount, chunk.rowCount > 0,
            chunk.rowCount <= classRowCount - chunk.firstRow
        else {
            throw .badManifest("chunk \(index) reaches beyond its class's \(classRowCount) rows")
        }
        // No overflow: the rows are fewer than the rows counted above.
        let floatCount = chunk.rowCount * featureCount
        guard floatCount * 4 <= Self.chunkByteCountMax, chunk.byteCount <= floatCount * 4,
            chunk.byteCount >= ZeroCoding.maskByteCount(floatCount),
            chunk.byteCount.isMultiple(of: 4)
        else {
            throw .badManifest(
                "chunk \(index) has \(chunk.byteCount) bytes for \(chunk.rowCount) rows")
        }
        guard chunk.hash.count == BLAKE2b.byteCount else {
            throw .badManifest("chunk \(index) has a hash of \(chunk.hash.count) bytes")
        }
    }
}
