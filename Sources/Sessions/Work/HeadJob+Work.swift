package import Heads
package import Scheduling
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
                manifest: manifest, training: training,
                broadcastComplete: broadcastComplete, derivedHead: derivedHead))
    }

    /// The heads themselves.
    package func content(of work: [WorkID]) -> BundleAssignment.Content {
        .heads(heads(of: work))
    }

    /// Whether these are heads of the right shapes and classes.
    package func fits(_ result: BundleTrained, _ work: [WorkID]) -> Bool {
        guard case .heads(let blocks) = result.content,
            blocks.allSatisfy({ $0.featureCount == shape.featureCount })
        else { return false }
        return blocks.flatMap(\.keys) == heads(of: work)
    }

    /// The heads themselves.
    package func heads(of work: [WorkID]) -> [HeadKey] {
        work.map { plan.heads[Int($0.rawValue)] }
    }

    /// Its position in the plan.
    package func id(of head: HeadKey) -> WorkID? {
        plan.position(of: head).map { WorkID(UInt32($0)) }
    }

    /// The head itself.
    package func kept(_ product: Product) -> Product { product }

    /// Heads.
    package var noun: String { "heads" }

    /// By its classes.
    package func name(of work: WorkID) -> String {
        "the head over \(plan.heads[Int(work.rawValue)])"
    }
}
