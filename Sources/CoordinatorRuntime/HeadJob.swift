import FeatureStore
import HeadPlan
import Scheduling
import Tensors

/// The head phase: what workers are to train on what.
struct HeadJob: Sendable {
    let plan: HeadPlan
    let hyperparameters: HeadHyperparameters
    /// The backbone's output layer, for `HeadInitialisation.derived`.
    let derivedHead: Head?
    let chunks: FeatureChunks
    let minWorkerCount: Int

    /// Textbook operations of a row that is streamed but belongs to no head: the masked copy costs
    /// about as much as 16 multiply-adds a feature (measured: 80 ns a row of 256 at 60 GFLOP/s).
    private static let streamFlopsPerFeature = 20.0

    /// The heads as the scheduler weighs them, in the plan's order.
    let work: [HeadWork]
    /// Operations to train all heads.
    let totalFlops: Double

    init(
        plan: HeadPlan, hyperparameters: HeadHyperparameters, derivedHead: Head?,
        chunks: FeatureChunks, minWorkerCount: Int
    ) {
        self.plan = plan
        self.hyperparameters = hyperparameters
        self.derivedHead = derivedHead
        self.chunks = chunks
        self.minWorkerCount = minWorkerCount
        let manifest = chunks.manifest
        work = plan.heads.map { spec in
            let members = spec.classes.members
            return HeadWork(
                id: spec.id,
                trainingFlops: spec.trainingFlops(
                    rowCount: members.reduce(0) { $0 + manifest.classRowCounts[$1] },
                    featureCount: manifest.featureCount,
                    epochCount: hyperparameters.epochCount),
                resultByteCount: members.count * (manifest.featureCount + 1) * 4)
        }
        totalFlops = work.reduce(0) { $0 + $1.trainingFlops }
    }

    var featureCount: Int { chunks.manifest.featureCount }
    /// Rows of each class.
    var classRowCounts: [Int] { chunks.manifest.classRowCounts }

    /// Operations to train one head.
    func flops(of head: HeadID) -> Double { work[Int(head.rawValue)].trainingFlops }

    /// How the scheduler is to work on this job.
    var schedulerConfiguration: SchedulerConfiguration {
        var configuration = SchedulerConfiguration()
        configuration.minWorkerCount = minWorkerCount
        configuration.bundleFixedFlops =
            Self.streamFlopsPerFeature * Double(featureCount)
            * Double(classRowCounts.reduce(0, +)) * Double(hyperparameters.epochCount)
        return configuration
    }
}

/// What the head phase brought.
struct HeadHarvest: Sendable {
    /// In the plan's order; nil for a head that was given up.
    var heads: [Head?]
    var duplicatedCount = 0
    /// Results and messages that failed a check.
    var rejectedCount = 0
    /// Duplicates whose bytes differed: some machine computes wrongly.
    var mismatchCount = 0
    /// Operations of all heads, by the textbook's count.
    var totalFlops = 0.0
    var broadcastSeconds = 0.0
    var headSeconds = 0.0
    /// In order of joining, gone ones included.
    var workers: [WorkerReport] = []
}

extension HeadHarvest {
    /// Share of the head phase in which so many compute threads had nothing to train.
    func idleShare(slotCount: Int) -> Double {
        let busy = workers.reduce(0) { $0 + $1.busySeconds }
        return 1 - busy / max(headSeconds * Double(slotCount), 1e-9)
    }

    /// - Throws: `RunError` if heads are missing or two machines disagreed: the results are written
    ///   and must not be trusted unread.
    func check() throws(RunError) {
        if mismatchCount > 0 {
            throw RunError(
                .internal,
                "\(mismatchCount) heads came twice with different bytes: one of the machines computes wrongly"
            )
        }
    }
}

/// What one worker was and did.
struct WorkerReport: Sendable {
    var name: String
    var host: String
    var isa: String
    var threadCount: Int
    var headCount = 0
    var busySeconds = 0.0
    var peakRSSByteCount = 0
    var receivedByteCount = 0
    var state = State.joined

    enum State: String, Sendable {
        case joined = "joined"
        case ready = "ready"
        case gone = "gone"
    }
}
