import FeatureStore
package import Heads
package import Numerics
package import WireProtocol

// Heads as a session sees them.
extension HeadJob: Job {
    /// The heads that an earlier start has.
    package var resumedProducts: [Product?] { resumedHeads.map { $0.map { .head($0) } } }

    /// Every machine computes the same heads.
    package var isPortable: Bool { true }

    /// Chunks of the features.
    package var chunkCount: Int { chunks.manifest.chunks.count }

    /// The features.
    package var chunkOwner: FloatBuffer? { chunks.owner }

    /// Reads the rows of a chunk; the pointer is valid while the features are retained.
    package func withUnsafeBytes<Result>(
        ofChunk index: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        unsafe chunks.withUnsafeBytes(ofChunk: index) { unsafe body($0) }
    }

    /// The manifest, as everybody gets it.
    package func description(broadcastComplete: Bool) -> CoordinatorMessage {
        .features(
            FeatureDescription(
                featureCount: featureCount, classRowCounts: classRowCounts,
                hyperparameters: hyperparameters,
                chunks: chunks.manifest.chunks.map {
                    ChunkDescription(
                        classIndex: $0.classIndex, firstRow: $0.firstRow, rowCount: $0.rowCount,
                        byteCount: $0.byteCount, hash: $0.hash)
                },
                broadcastComplete: broadcastComplete, derivedHead: derivedHead))
    }

    /// The heads themselves.
    package func content(of work: [HeadID]) -> BundleAssignment.Content {
        .heads(work.map { plan[$0] })
    }

    /// Whether these are heads of the right shapes and classes.
    package func fits(_ result: BundleTrained, _ work: [HeadID]) -> Bool {
        guard case .heads(let heads, featureCount) = result.content, heads.map(\.id) == work else {
            return false
        }
        return heads.allSatisfy { $0.head.classes == plan[$0.id].classes }
    }

    /// The heads themselves.
    package func specs(of work: [HeadID]) -> [HeadSpec] { work.map { plan[$0] } }

    /// Heads.
    package var noun: String { "heads" }

    /// By its classes.
    package func name(of work: HeadID) -> String { "the head over \(plan[work].classes)" }
}
