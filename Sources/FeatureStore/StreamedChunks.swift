package import Numerics
import Synchronization
package import Transfer

/// Features cut into the same chunks as ``FeatureChunks`` cuts, each made when it is sent: what is in
/// memory is the rows' numbers and a few chunks.
///
/// A chunk is compared with its hash whenever it is made, so that a file that changes in the meantime is
/// found out before anything is done with what it holds.
package final class StreamedChunks: FeatureChunkSource {
    /// The chunks, each named by its position.
    package let manifest: ChunkManifest
    /// The features' shape.
    package let shape: FeatureShape
    /// Nil: they are not in memory.
    package var held: FeatureTable? { nil }

    private let rows: any FeatureRows
    private let grouping: RowGrouping
    private let weights: WeightChunks
    private let recent = Mutex(RecentChunks())

    /// Reads all rows by class, and hashes them.
    ///
    /// - Parameters:
    ///   - chunkByteCountMax: bytes of a chunk; nil is as many as suit the features.
    ///   - onChunk: called before a chunk is read, with its number and how many there are; may throw.
    /// - Throws: as ``FeatureChunks/init(_:chunkByteCountMax:)``; what reading and `onChunk` throw.
    package init(
        _ rows: any FeatureRows, _ grouping: RowGrouping, chunkByteCountMax: Int? = nil,
        onChunk: (_ index: Int, _ count: Int) throws -> Void = { _, _ in }
    ) throws {
        let shape = FeatureShape(
            featureCount: rows.columnCount, classRowCounts: grouping.classRowCounts,
            classKeys: grouping.classKeys, isWeighted: grouping.rowWeights != nil)
        weights = try WeightChunks(
            grouping.rowWeights.map { FloatBuffer($0) }, shape,
            classRowOffsets: grouping.classRowOffsets)
        let pieces = try FeatureChunks.pieces(of: shape, byteCountMax: chunkByteCountMax)
        // Both ways: which one is taken is known at the end.
        var plain: [Chunk] = []
        var coded: [Chunk] = []
        var totals = (plain: 0, coded: 0)
        for (index, piece) in pieces.enumerated() {
            try onChunk(index, pieces.count)
            let floats = try Self.read(piece, rows, grouping)
            let isFinite = unsafe floats.withUnsafeBufferPointer {
                unsafe $0.allSatisfy(\.isFinite)
            }
            guard isFinite else { throw TransferError.notFinite("class \(piece.part)") }
            let byteCount = Self.codedByteCount(floats)
            totals.plain += floats.count
            totals.coded += byteCount / 4
            for isCoded in [false, true] {
                let isSmaller = isCoded && byteCount < 4 * floats.count
                if isCoded && !isSmaller {
                    coded.append(plain[index])
                    continue
                }
                let bytes = isSmaller ? Self.encode(floats, byteCount: byteCount) : floats
                let count = isSmaller ? byteCount : 4 * floats.count
                let chunk = Chunk(
                    part: piece.part, first: piece.first, count: piece.count, byteCount: count,
                    hash: Self.hash(bytes, byteCount: count))
                if isCoded { coded.append(chunk) } else { plain.append(chunk) }
            }
        }
        self.rows = rows
        self.grouping = grouping
        self.shape = shape
        manifest = ChunkManifest(
            .features(shape),
            chunks: (FeatureChunks.isCoded(totals.coded, of: totals.plain) ? coded : plain)
                + weights.chunks)
    }

    /// Whether chunks that were lent take as much memory as they should.
    package var isExhausted: Bool { recent.withLock { $0.isExhausted } }

    /// Makes a chunk, unless it was made a moment ago, and lends it.
    package func lend<Result>(
        chunk index: Int, _ body: (UnsafeRawBufferPointer, FloatBuffer?) -> Result
    ) throws -> Result {
        let rowChunkCount = manifest.chunks.count - weights.chunks.count
        guard index < rowChunkCount else {
            return unsafe weights.lend(chunk: index - rowChunkCount, body)
        }
        let buffer: FloatBuffer
        if let known = recent.withLock({ $0.find(index) }) {
            buffer = known
        } else {
            buffer = try made(index).sent
            recent.withLock { $0.insert(buffer, index) }
        }
        let byteCount = manifest.chunks[index].byteCount
        return unsafe buffer.withUnsafeBufferPointer {
            let bytes = UnsafeRawBufferPointer($0)
            return unsafe body(UnsafeRawBufferPointer(rebasing: bytes[..<byteCount]), buffer)
        }
    }

    /// The rows of one chunk, as a table of its class alone; traps on a chunk of weights.
    ///
    /// - Throws: as ``lend(chunk:_:)``.
    package func table(ofChunk index: Int) throws -> FeatureTable {
        let chunk = manifest.chunks[index]
        let counts = shape.classRowCounts.indices.map { $0 == chunk.part ? chunk.count : 0 }
        return FeatureTable(
            features: try made(index).rows, featureCount: shape.featureCount,
            classRowCounts: counts, classKeys: shape.classKeys,
            isHeld: shape.classRowCounts.indices.map { $0 == chunk.part },
            rowWeights: grouping.rowWeights.map { weights in
                let first = grouping.classRowOffsets[chunk.part] + chunk.first
                return FloatBuffer(Array(weights[first..<first + chunk.count]))
            })
    }

    /// The rows of some classes, read into memory.
    ///
    /// - Throws: one sentence, for a file that cannot be read any more.
    package func table(of classes: [Int]) throws -> FeatureTable {
        let held = Set(classes)
        return try FeatureTable(
            grouping.restricted(to: classes), of: rows,
            isHeld: shape.classRowCounts.indices.map { held.contains($0) })
    }

    /// What the rows of each class weigh together: without weights their number.
    package var classWeightSums: [Double] {
        shape.classRowCounts.indices.map { grouping.weightSum(of: $0) }
    }

    /// Some of the rows, of every class the same share, read into memory: all of them, if they take no
    /// more than so many bytes.
    ///
    /// - Throws: one sentence, for a file that cannot be read any more.
    package func sample(byteCountMax: Int, seed: UInt64) throws -> FeatureTable {
        let rowCountMax = byteCountMax / (4 * shape.featureCount)
        return try FeatureTable(
            grouping.sample(rowCountMax: rowCountMax, seed: seed), of: rows)
    }

    /// A chunk's rows, and its bytes as they are sent; compared with its hash.
    private func made(_ index: Int) throws -> (rows: FloatBuffer, sent: FloatBuffer) {
        let chunk = manifest.chunks[index]
        let floats = try Self.read((chunk.part, chunk.first, chunk.count), rows, grouping)
        var sent = floats
        if chunk.byteCount < 4 * floats.count {
            // Another number of zeros would not fit.
            guard Self.codedByteCount(floats) == chunk.byteCount else { throw changed }
            sent = Self.encode(floats, byteCount: chunk.byteCount)
        }
        guard Self.hash(sent, byteCount: chunk.byteCount) == chunk.hash else { throw changed }
        return (floats, sent)
    }

    private var changed: TransferError { .changed(rows.name) }

    private static func read(
        _ piece: (part: Int, first: Int, count: Int), _ rows: any FeatureRows,
        _ grouping: RowGrouping
    ) throws -> FloatBuffer {
        let numbers = grouping.rows(of: piece.part)
        let first = numbers.startIndex + piece.first
        let buffer = FloatBuffer(unfilledCount: piece.count * rows.columnCount)
        try unsafe buffer.withUnsafeMutableBufferPointer {
            try unsafe rows.copy(numbers[first..<first + piece.count], into: $0)
        }
        return buffer
    }

    private static func codedByteCount(_ floats: FloatBuffer) -> Int {
        unsafe floats.withUnsafeBufferPointer { unsafe ZeroCoding.byteCount($0) }
    }

    private static func encode(_ floats: FloatBuffer, byteCount: Int) -> FloatBuffer {
        // One float more, which coding uses up.
        let buffer = FloatBuffer(unfilledCount: byteCount / 4 + 1)
        unsafe floats.withUnsafeBufferPointer { source in
            unsafe buffer.withUnsafeMutableBufferPointer { target in
                unsafe ZeroCoding.encode(source, into: target)
            }
        }
        return buffer
    }

    private static func hash(_ buffer: FloatBuffer, byteCount: Int) -> ContentHash {
        unsafe buffer.withUnsafeBufferPointer {
            unsafe ContentHash(
                of: UnsafeRawBufferPointer(
                    rebasing: UnsafeRawBufferPointer($0)[..<byteCount]))
        }
    }
}

/// Chunks that were made last, and those that somebody still sends.
private struct RecentChunks {
    private struct Loan {
        let index: Int
        let byteCount: Int
        weak var buffer: FloatBuffer?
    }

    /// The last ones, which several workers ask for at about the same time.
    private var kept: [(index: Int, buffer: FloatBuffer)] = []
    private var loans: [Loan] = []

    private static let keptCountMax = 8
    /// Bytes of chunks on their way to workers: some seconds of a fast link.
    private static let lentByteCountMax = 48 << 20

    var isExhausted: Bool {
        mutating get {
            loans.removeAll { $0.buffer == nil }
            return loans.reduce(0) { $0 + $1.byteCount } >= Self.lentByteCountMax
        }
    }

    mutating func find(_ index: Int) -> FloatBuffer? {
        loans.first { $0.index == index && $0.buffer != nil }?.buffer
    }

    mutating func insert(_ buffer: FloatBuffer, _ index: Int) {
        loans.removeAll { $0.buffer == nil }
        loans.append(Loan(index: index, byteCount: 4 * buffer.count, buffer: buffer))
        kept.append((index, buffer))
        if kept.count > Self.keptCountMax { kept.removeFirst() }
    }
}
