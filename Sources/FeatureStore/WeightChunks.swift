import Numerics
import Transfer

/// What rows weigh, cut into chunks that lie behind those of the rows; they are views of one buffer.
struct WeightChunks: Sendable {
    /// None where rows have no weights.
    let chunks: [Chunk]
    private let owner: FloatBuffer?
    private let ranges: [Range<Int>]

    /// Cuts, checks and hashes weights in the order of the rows.
    ///
    /// - Parameter classRowOffsets: the first row of each class.
    /// - Throws: `badWeight`, which workers would refuse.
    init(
        _ weights: FloatBuffer?, _ shape: FeatureShape, classRowOffsets: [Int]
    ) throws(TransferError) {
        var chunks: [Chunk] = []
        var ranges: [Range<Int>] = []
        if let weights {
            let classCount = shape.classRowCounts.count
            for piece in ChunkManifest.cut(
                partCounts: shape.classRowCounts, unitByteCount: 4,
                byteCountMax: ChunkManifest.chunkByteCountMax)
            {
                let first = classRowOffsets[piece.part] + piece.first
                let range = first..<first + piece.count
                let hash: ContentHash? = unsafe weights.withUnsafeBufferPointer {
                    let values = unsafe UnsafeBufferPointer(rebasing: $0[range])
                    guard unsafe values.allSatisfy({ $0 > 0 && $0.isFinite }) else { return nil }
                    return unsafe ContentHash(of: UnsafeRawBufferPointer(values))
                }
                guard let hash else { throw .badWeight("class \(piece.part)") }
                ranges.append(range)
                chunks.append(
                    Chunk(
                        part: classCount + piece.part, first: piece.first, count: piece.count,
                        byteCount: 4 * piece.count, hash: hash))
            }
        }
        owner = weights
        self.chunks = chunks
        self.ranges = ranges
    }

    /// Lends a view of the buffer, which keeps it.
    func lend<Result>(
        chunk index: Int, _ body: (UnsafeRawBufferPointer, FloatBuffer?) -> Result
    ) -> Result {
        guard let owner else { preconditionFailure("rows have no weights") }
        return unsafe owner.withUnsafeBufferPointer { pointer in
            unsafe body(
                UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: pointer[ranges[index]])),
                owner)
        }
    }
}
