import Hashing
package import Numerics
package import Transfer

/// A feature table cut into content-addressed chunks, as a coordinator sends it: rows, and behind them their
/// weights, where they have any.
///
/// Chunks are views of the table, or of its code where leaving out zeros saves an eighth or more:
/// sending copies nothing.
package struct FeatureChunks: FeatureChunkSource {
    /// The chunks, each named by its position.
    package let manifest: ChunkManifest
    /// What was cut.
    package let table: FeatureTable
    /// Of the table.
    package let shape: FeatureShape

    /// The table's own floats, or their code without zeros.
    private let owner: FloatBuffer

    /// Where each chunk's bytes lie among the owner's floats; behind them are the weights.
    private let places: [Range<Int>]
    private let weights: WeightChunks

    /// Cuts, codes and hashes `table`; a class's last chunk may be smaller.
    ///
    /// - Parameter chunkByteCountMax: bytes of a chunk; nil is as many as suit the table.
    /// - Throws: `rowTooLarge`, `tooLarge` for more chunks than a manifest lists, `notFinite` and
    ///   `badWeight`, which workers would refuse.
    package init(
        _ table: FeatureTable, chunkByteCountMax: Int? = nil
    ) throws(TransferError) {
        let shape = FeatureShape(
            featureCount: table.featureCount, classRowCounts: table.classRowCounts,
            classKeys: table.classKeys, isWeighted: table.rowWeights != nil)
        let weights = try WeightChunks(
            table.rowWeights, shape, classRowOffsets: table.classRowOffsets)
        let pieces = try Self.pieces(of: shape, byteCountMax: chunkByteCountMax)
        let floats = pieces.map { piece in
            let row = table.classRowOffsets[piece.part] + piece.first
            return row * table.featureCount..<(row + piece.count) * table.featureCount
        }
        for (piece, range) in zip(pieces, floats) {
            let isFinite = unsafe table.features.withUnsafeBufferPointer {
                unsafe $0[range].allSatisfy(\.isFinite)
            }
            guard isFinite else { throw .notFinite("class \(piece.part)") }
        }
        let coded = Self.coded(table.features, floats) ?? (table.features, floats)
        let (owner, places) = coded
        self.owner = owner
        self.places = places
        self.weights = weights
        self.table = table
        self.shape = shape
        manifest = ChunkManifest(
            .features(shape),
            chunks: zip(pieces, places).map { piece, place in
                let hash = unsafe owner.withUnsafeBufferPointer {
                    unsafe ContentHash(
                        of: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: $0[place])))
                }
                return Chunk(
                    part: piece.part, first: piece.first, count: piece.count,
                    byteCount: place.count * 4, hash: hash)
            } + weights.chunks)
    }

    /// Where features of a shape are cut.
    ///
    /// - Throws: `rowTooLarge`, and `tooLarge` for more chunks than a manifest lists.
    static func pieces(
        of shape: FeatureShape, byteCountMax: Int?
    ) throws(TransferError) -> [(part: Int, first: Int, count: Int)] {
        let rowByteCount = shape.featureCount * 4
        let asked = byteCountMax.map { min($0, ChunkManifest.chunkByteCountMax) }
        let limit = asked ?? ChunkManifest.chunkByteCountMax
        guard rowByteCount <= limit else {
            throw .rowTooLarge(byteCount: rowByteCount, max: limit)
        }
        let pieces = ChunkManifest.cut(
            partCounts: shape.classRowCounts, unitByteCount: rowByteCount, byteCountMax: asked)
        let weightCount =
            shape.isWeighted
            ? ChunkManifest.cut(
                partCounts: shape.classRowCounts, unitByteCount: 4,
                byteCountMax: ChunkManifest.chunkByteCountMax
            ).count : 0
        guard pieces.count + weightCount <= ChunkManifest.chunkCountMax else {
            throw .tooManyChunks(pieces.count + weightCount, max: ChunkManifest.chunkCountMax)
        }
        return pieces
    }

    /// Whether chunks are sent without their zeros: where that saves an eighth or more.
    ///
    /// - Parameter codedCount: words of all chunks, each coded if that makes it smaller.
    static func isCoded(_ codedCount: Int, of count: Int) -> Bool {
        codedCount <= count - count / 8 - 1
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
            guard isCoded(end, of: floats.count) else { return nil }
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

    /// What the rows of each class weigh together: without weights their number.
    package var classWeightSums: [Double] {
        shape.classRowCounts.indices.map { table.weightSum(of: $0) }
    }
    /// The table.
    package var held: FeatureTable? { table }
    /// The table, or its code, whose keeper keeps all chunks of rows.
    package var keeper: FloatBuffer? { owner }
    /// Never: lending copies nothing.
    package var isExhausted: Bool { false }

    /// The whole table.
    package func table(of classes: [Int]) -> FeatureTable { table }

    /// Lends a view.
    package func lend<Result>(
        chunk index: Int, _ body: (UnsafeRawBufferPointer, FloatBuffer?) -> Result
    ) -> Result {
        guard index < places.count else {
            return unsafe weights.lend(chunk: index - places.count, body)
        }
        let place = places[index]
        return unsafe owner.withUnsafeBufferPointer { pointer in
            unsafe body(
                UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: pointer[place])), owner)
        }
    }

    /// Reads the bytes of one chunk as they are sent.
    ///
    /// The pointer stays valid as long as the table and ``keeper`` are retained. Traps on an index that is not in
    /// the manifest: callers check what a peer asked for.
    package func withUnsafeBytes<Result>(
        ofChunk index: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        unsafe lend(chunk: index) { bytes, _ in unsafe body(bytes) }
    }
}
