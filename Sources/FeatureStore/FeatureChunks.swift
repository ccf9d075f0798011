import Hashing
package import Numerics
package import Transfer

/// A feature table cut into content-addressed chunks, as a coordinator sends it: rows, and behind them their
/// weights, where they have any.
///
/// Chunks are views of the table, or of its code where leaving out zeros saves an eighth or more:
/// sending copies nothing.
package struct FeatureChunks: ChunkSource {
    /// The chunks, each named by its position.
    package let manifest: ChunkManifest
    /// What was cut.
    package let table: FeatureTable

    /// Floats that lie side by side in a buffer.
    private struct Place {
        /// The table's own, or the code without zeros.
        let owner: FloatBuffer
        let range: Range<Int>

        /// Reads them as bytes.
        func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            unsafe owner.withUnsafeBufferPointer { pointer in
                unsafe body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: pointer[range])))
            }
        }
    }

    /// Where each chunk's bytes lie.
    private let places: [Place]

    /// Cuts, codes and hashes `table`; a class's last chunk may be smaller.
    ///
    /// - Parameter chunkByteCountMax: bytes of a chunk; nil is as many as suit the table.
    /// - Throws: `rowTooLarge`, `tooLarge` for more chunks than a manifest lists, and `notFinite` and
    ///   `badWeight`, which workers would refuse.
    package init(
        _ table: FeatureTable, chunkByteCountMax: Int? = nil
    ) throws(TransferError) {
        let rowByteCount = table.featureCount * 4
        let asked = chunkByteCountMax.map { min($0, ChunkManifest.chunkByteCountMax) }
        let limit = asked ?? ChunkManifest.chunkByteCountMax
        guard rowByteCount <= limit else {
            throw .rowTooLarge(byteCount: rowByteCount, max: limit)
        }
        let pieces = ChunkManifest.cut(
            partCounts: table.classRowCounts, unitByteCount: rowByteCount,
            byteCountMax: asked)
        let weights = Self.weights(of: table)
        let chunkCount = pieces.count + weights.count
        guard chunkCount <= ChunkManifest.chunkCountMax else {
            throw .tooManyChunks(chunkCount, max: ChunkManifest.chunkCountMax)
        }
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
        for (piece, place) in weights {
            let isValid = unsafe place.withUnsafeBytes {
                unsafe $0.bindMemory(to: Float.self).allSatisfy { $0 > 0 && $0.isFinite }
            }
            guard isValid else { throw .badWeight("class \(piece.part - table.classCount)") }
        }
        let (owner, ranges) = Self.coded(table.features, floats) ?? (table.features, floats)
        let places = ranges.map { Place(owner: owner, range: $0) } + weights.map(\.place)
        self.places = places
        self.table = table
        manifest = ChunkManifest(
            .features(
                FeatureShape(
                    featureCount: table.featureCount, classRowCounts: table.classRowCounts,
                    classKeys: table.classKeys, isWeighted: table.rowWeights != nil)),
            chunks: zip(pieces + weights.map(\.piece), places).map { piece, place in
                Chunk(
                    part: piece.part, first: piece.first, count: piece.count,
                    byteCount: place.range.count * 4,
                    hash: unsafe place.withUnsafeBytes { unsafe ContentHash(of: $0) })
            })
    }

    /// Chunks of the rows' weights, and where they lie; none where rows have none.
    private static func weights(of table: FeatureTable) -> [(piece: Piece, place: Place)] {
        guard let weights = table.rowWeights else { return [] }
        return ChunkManifest.cut(
            partCounts: table.classRowCounts, unitByteCount: 4,
            byteCountMax: ChunkManifest.chunkByteCountMax
        ).map { piece in
            let first = table.classRowOffsets[piece.part] + piece.first
            return (
                (table.classCount + piece.part, piece.first, piece.count),
                Place(owner: weights, range: first..<first + piece.count)
            )
        }
    }

    private typealias Piece = (part: Int, first: Int, count: Int)

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

    /// The table, its weights, or its code.
    package func keeper(ofChunk index: Int) -> FloatBuffer? { places[index].owner }

    /// Reads the bytes of one chunk as they are sent.
    ///
    /// The pointer stays valid as long as ``keeper(ofChunk:)`` is retained. Traps on an index that is not in
    /// the manifest: callers check what a peer asked for.
    package func withUnsafeBytes<Result>(
        ofChunk index: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        unsafe places[index].withUnsafeBytes(body)
    }
}
