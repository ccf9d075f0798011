package import Heads
import Transfer
package import WireProtocol

// Heads as a session sees them.
extension HeadJob: WorkSource {
    /// The heads that an earlier start has.
    package var resumedProducts: [Product?] { resumedHeads.map { $0.map { .head($0) } } }

    /// Every machine computes the same heads.
    package var isPortable: Bool { true }

    /// Chunks of the features.
    package var chunkCount: Int { manifest.chunks.count }

    /// The manifest, as everybody gets it.
    package func description(broadcastComplete: Bool) -> CoordinatorMessage {
        .features(
            FeatureDescription(
                manifest: manifest, hyperparameters: hyperparameters,
                broadcastComplete: broadcastComplete, derivedHead: derivedHead))
    }

    /// The heads themselves.
    package func content(of work: [HeadID]) -> BundleAssignment.Content {
        .heads(work.map { plan[$0] })
    }

    /// Whether these are heads of the right shapes and classes.
    package func fits(_ result: BundleTrained, _ work: [HeadID]) -> Bool {
        guard case .heads(let heads, shape.featureCount) = result.content, heads.map(\.id) == work
        else {
            return false
        }
        return heads.allSatisfy { $0.head.classes == plan[$0.id].classes }
    }

    /// The heads themselves.
    package func specs(of work: [HeadID]) -> [HeadSpec] { work.map { plan[$0] } }

    /// The head itself.
    package func kept(_ product: Product) -> Product { product }

    /// Heads.
    package var noun: String { "heads" }

    /// By its classes.
    package func name(of work: HeadID) -> String { "the head over \(plan[work].classes)" }
}
