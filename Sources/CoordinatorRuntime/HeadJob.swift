package import FeatureStore
package import Heads
package import Scheduling
package import WireProtocol

/// The head phase: what workers are to train on what.
package struct HeadJob: Sendable {
    /// Which heads there are to be.
    package let plan: HeadPlan
    /// How each is trained.
    package let hyperparameters: HeadHyperparameters
    /// The backbone's output layer, for `HeadInitialisation.derived`.
    package let derivedHead: Head?
    /// What they are trained on.
    package let chunks: FeatureChunks
    /// Workers that must be ready together before the first lease.
    package let minWorkerCount: Int
    /// How the scheduler is to work on this job.
    package var schedulerConfiguration: SchedulerConfiguration

    /// Heads that an earlier start of the run has, in the plan's order; nil where one is missing.
    package var resumedHeads: [Head?]
    /// Who trained those.
    package var resumedTrainers: [TrainerID?]
    /// The workers of earlier starts.
    package var formerTrainers: [TrainerID: WorkerReport] = [:]
    /// Those of them that were found to compute wrongly.
    package var formerFaults: [WorkerReport] = []
    /// Heads that a second process is to train as well.
    package var checkedHeads: Set<HeadID> = []

    /// The heads as the scheduler weighs them, in the plan's order.
    package let work: [HeadWork]
    /// Operations to train all heads.
    package let totalFlops: Double

    /// The job of training all heads of `plan` on the rows in `chunks`.
    package init(
        plan: HeadPlan, hyperparameters: HeadHyperparameters, derivedHead: Head?,
        chunks: FeatureChunks, minWorkerCount: Int
    ) {
        self.plan = plan
        self.hyperparameters = hyperparameters
        self.derivedHead = derivedHead
        self.chunks = chunks
        self.minWorkerCount = minWorkerCount
        let manifest = chunks.manifest
        work = HeadWork.all(
            of: plan, classRowCounts: manifest.classRowCounts,
            featureCount: manifest.featureCount, epochCount: hyperparameters.epochCount)
        totalFlops = work.reduce(0) { $0 + $1.trainingFlops }
        resumedHeads = [Head?](repeating: nil, count: plan.heads.count)
        resumedTrainers = [TrainerID?](repeating: nil, count: plan.heads.count)
        schedulerConfiguration = SchedulerConfiguration(
            minWorkerCount: minWorkerCount,
            rowCount: manifest.classRowCounts.reduce(0, +), featureCount: manifest.featureCount,
            epochCount: hyperparameters.epochCount)
        // Each goes through its own rows by itself: nothing is shared by a bundle.
        if hyperparameters.optimumL2 != nil {
            schedulerConfiguration.bundleFixedFlops = 0
            schedulerConfiguration.firstBundleFlops = 0
        }
    }

    var featureCount: Int { chunks.manifest.featureCount }
    /// Rows of each class.
    var classRowCounts: [Int] { chunks.manifest.classRowCounts }
}

/// What the head phase brought, or a job of tasks, of which all that is said of heads is true as well.
package struct HeadHarvest: Sendable {
    /// In the order of the work, as kept to compare others with; nil for what was given up.
    package var products: [Product?]
    /// What was given up, ascending.
    var givenUp: [HeadID] = []
    /// What the last worker said that tried and could not, by what it tried alone.
    var reasons: [HeadID: String] = [:]
    /// Of tasks, who did which when.
    var spans: [TaskSpan] = []
    /// Heads that were given up because workers died of them.
    package var quarantined: [HeadSpec] = []
    /// Heads of `heads` that an earlier start of the run had.
    package var resumedCount = 0
    /// Heads that came once more and were compared with the first.
    package var duplicatedCount = 0
    /// Results and messages that failed a check.
    package var rejectedCount = 0
    /// Duplicates whose bytes differed: some machine computes wrongly.
    package var mismatchCount = 0
    /// Heads that a second process trained with the same bytes.
    package var checkedCount = 0
    /// Heads whose check was given up, because workers died of it.
    package var uncheckedCount = 0
    /// Heads that this machine trained itself to compare.
    package var refereedCount = 0
    /// Why no head can be trusted, if so.
    package var contradiction: String?
    /// What that is about.
    package var contradicted: HeadID?
    /// Operations of all heads that were not resumed, by the textbook's count.
    package var totalFlops = 0.0
    /// From the first feature out until all who were there had them all.
    package var broadcastSeconds = 0.0
    /// From the first lease until the last head is on disk.
    package var headSeconds = 0.0
    /// Bytes of leases, results and signs of life from the first lease on, the heads' weights apart.
    package var controlByteCount = 0
    /// Who was kept out; nil in a run without encryption.
    package var refusals: Refusals?
    /// When the features were there.
    package var servedAt: SchedulerInstant?
    /// In order of joining, gone ones included; a process that came back has one line.
    package var workers: [WorkerReport] = []
    /// What happened, from the first hello to the end.
    package var timeline = RunTimeline()

    /// In the plan's order; nil for a head that was given up.
    package var heads: [Head?] {
        products.map { if case .head(let head) = $0 { head } else { nil } }
    }
}

extension HeadHarvest {
    /// The part of the broadcast before the first lease; the rest passes while heads train.
    var broadcastSecondsBeforeHeads: Double {
        guard let servedAt, let leasedAt = workers.compactMap(\.leasedAt).min() else {
            return broadcastSeconds
        }
        return min(broadcastSeconds, leasedAt.seconds(since: servedAt))
    }

    /// Most given-up heads that a message names.
    private static let namedCountMax = 8

    /// Checks that every head is there.
    ///
    /// - Throws: `RunError` of code `incomplete` that names the heads given up.
    package func checkComplete() throws(RunError) {
        guard !quarantined.isEmpty else { return }
        let names = quarantined.prefix(Self.namedCountMax).map(\.classes.description)
        let rest = quarantined.count - names.count
        throw RunError(
            .incomplete,
            "\(quarantined.count == 1 ? "a head was" : "\(quarantined.count) heads were") given up because three workers died of each: \(names.joined(separator: ", "))\(rest > 0 ? " and \(rest) more" : ""); the backbone's own outputs stand in for what is missing, and all others are kept: see why workers die, and start the same run again"
        )
    }

    /// Checks what came.
    ///
    /// - Throws: `RunError` if no two machines agree about a head, so that none can be trusted.
    package func check() throws(RunError) {
        if let contradiction { throw RunError(.internal, contradiction) }
    }
}

/// What one worker was and did.
package struct WorkerReport: Equatable, Sendable {
    /// As in its hello.
    let incarnation: UInt64
    /// What people call it.
    package var name: String
    /// The machine it runs on.
    package var host: String
    /// Its kernel variant.
    package var isa: String
    /// Its compute threads.
    package var threadCount: Int
    /// What its machine calls its processor; empty if it does not say.
    package var cpu: String
    /// Heads whose first result came from it.
    package var headCount = 0
    /// Seconds of training, summed over its threads.
    package var busySeconds = 0.0
    /// As of its last heartbeat.
    package var peakRSSByteCount = 0
    /// As of its last heartbeat.
    package var receivedByteCount = 0
    /// When its hello was first answered.
    package var joinedAt: SchedulerInstant?
    /// When it first held all features.
    package var readyAt: SchedulerInstant?
    /// When it was first given something to train.
    package var leasedAt: SchedulerInstant?
    /// Where it stands.
    package var state = State.joined
    /// What it did wrong, if it was found out.
    package var fault: WorkerFault?

    /// A worker that has done nothing yet.
    package init(
        incarnation: UInt64, name: String, host: String, isa: String, threadCount: Int,
        cpu: String = ""
    ) {
        self.incarnation = incarnation
        self.name = name
        self.host = host
        self.isa = isa
        self.threadCount = threadCount
        self.cpu = cpu
    }

    /// Where a worker stands.
    package enum State: String, Sendable {
        case joined = "joined"
        case ready = "ready"
        case gone = "gone"
    }
}
