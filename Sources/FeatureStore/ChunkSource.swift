package import Numerics
package import Transfer

/// Where the chunks of a manifest come from when they are sent.
package protocol ChunkSource: Sendable {
    /// The chunks, each named by its position.
    var manifest: ChunkManifest { get }
    /// Whether chunks that were lent take as much memory as they should: who can wait for some of them to
    /// be gone does.
    var isExhausted: Bool { get }

    /// Lends the bytes of one chunk as they are sent.
    ///
    /// Traps on an index that is not in the manifest: callers check what a peer asked for.
    ///
    /// - Parameter body: gets the bytes, and who keeps them alive and unchanged, for sending them without
    ///   a copy; without a keeper the pointer is valid within `body` alone.
    /// - Throws: one sentence, for features whose file cannot be read any more, or holds others now.
    func lend<Result>(
        chunk index: Int, _ body: (UnsafeRawBufferPointer, _ keeper: FloatBuffer?) -> Result
    ) throws -> Result
}

/// The chunks of training features: what workers get, and what the coordinator itself reads of them.
package protocol FeatureChunkSource: ChunkSource {
    /// The features' shape, as the manifest has it.
    var shape: FeatureShape { get }
    /// What the rows of each class weigh together: without weights their number.
    var classWeightSums: [Double] { get }
    /// All features, where they are in memory; nil otherwise.
    var held: FeatureTable? { get }

    /// The rows of some classes; possibly of more, where those are in memory anyway.
    ///
    /// - Throws: one sentence, for features whose file cannot be read any more.
    func table(of classes: [Int]) throws -> FeatureTable
}
