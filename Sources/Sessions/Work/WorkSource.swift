package import Heads
package import Scheduling
package import WireProtocol

/// What a session has workers do: heads on features, or tasks on materials.
///
/// What schedules and describes the work; the bytes that it is done on are a chunk source's.
package protocol WorkSource: Sendable {
    /// Workers that must be ready together before the first lease.
    var minWorkerCount: Int { get }
    /// How the scheduler is to work on this job.
    var schedulerConfiguration: SchedulerConfiguration { get }
    /// The work as the scheduler weighs it.
    var work: [HeadWork] { get }
    /// Operations of all the work.
    var totalFlops: Double { get }
    /// What an earlier start has; nil where it is missing.
    var resumedProducts: [Product?] { get }
    /// Who made those.
    var resumedTrainers: [TrainerID?] { get }
    /// The workers of earlier starts.
    var formerTrainers: [TrainerID: WorkerReport] { get }
    /// Those of them that were found to compute wrongly.
    var formerFaults: [WorkerReport] { get }
    /// Work that a second process is to do as well.
    var checkedHeads: Set<WorkID> { get set }
    /// Work that may not be given out before it is released.
    var heldWork: Set<WorkID> { get }
    /// Whether the same work gives the same bytes on every machine, so that this one can say which of
    /// two are right; otherwise only machines of one kind are to agree.
    var isPortable: Bool { get }

    /// Chunks of what workers have to hold before they begin.
    var chunkCount: Int { get }
    /// Whether workers ask for all chunks by themselves: a broadcast would queue as many as there are for
    /// each that is slower than the coordinator.
    var isPulled: Bool { get }
    /// What workers are told of it.
    func description(broadcastComplete: Bool) -> CoordinatorMessage
    /// What a worker is told that is to do this work.
    func content(of work: [WorkID]) -> BundleAssignment.Content
    /// Whether a result is what was to be done, in this order.
    func fits(_ result: BundleTrained, _ work: [WorkID]) -> Bool
    /// What this machine would have to train to judge; empty if the job is not portable.
    func heads(of work: [WorkID]) -> [HeadKey]
    /// The work of a head; nil for one that is not of this job.
    func id(of head: HeadKey) -> WorkID?
    /// What is kept of a product to compare others with; of one that may be large, its digest.
    func kept(_ product: Product) -> Product
    /// What people call many pieces of work.
    var noun: String { get }
    /// What people call a piece of work, in the middle of a sentence.
    func name(of work: WorkID) -> String
}

extension WorkSource {
    /// None, unless the job says otherwise.
    package var heldWork: Set<WorkID> { [] }

    /// The work that is to be done.
    var missingWork: [HeadWork] { zip(work, resumedProducts).filter { $1 == nil }.map(\.0) }

    var resumedTrainersByHead: [WorkID: TrainerID] {
        var trainers: [WorkID: TrainerID] = [:]
        for (index, product) in resumedProducts.enumerated() where product != nil {
            trainers[work[index].id] = resumedTrainers[index] ?? TrainerID(0)
        }
        return trainers
    }

    /// Chooses a share of the work to be checked, at least one, by chance: nobody can know which.
    package mutating func choose(shareToCheck share: Double) {
        guard share > 0, !work.isEmpty else { return }
        let count = max(1, Int((share * Double(work.count)).rounded(.up)))
        checkedHeads = Set(work.map(\.id).shuffled().prefix(count))
    }

    /// Operations of a piece of work.
    func flops(of id: WorkID) -> Double { work[Int(id.rawValue)].trainingFlops }

    /// Operations of some pieces.
    func flops(of ids: [WorkID]) -> Double { ids.reduce(0) { $0 + flops(of: $1) } }
}
