package import FeatureStore
package import HeadPlan
package import Scheduling

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

    /// The heads as the scheduler weighs them, in the plan's order.
    let work: [HeadWork]
    /// Operations to train all heads.
    let totalFlops: Double

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
        schedulerConfiguration = SchedulerConfiguration(
            minWorkerCount: minWorkerCount,
            rowCount: manifest.classRowCounts.reduce(0, +), featureCount: manifest.featureCount,
            epochCount: hyperparameters.epochCount)
    }

    var featureCount: Int { chunks.manifest.featureCount }
    /// Rows of each class.
    var classRowCounts: [Int] { chunks.manifest.classRowCounts }

    /// The heads that are to be trained.
    var missingWork: [HeadWork] { zip(work, resumedHeads).filter { $1 == nil }.map(\.0) }

    /// Operations to train one head.
    func flops(of head: HeadID) -> Double { work[Int(head.rawValue)].trainingFlops }

    /// Operations to train some heads.
    func flops(of heads: [HeadID]) -> Double { heads.reduce(0) { $0 + flops(of: $1) } }
}

/// What the head phase brought.
package struct HeadHarvest: Sendable {
    /// In the plan's order; nil for a head that was given up.
    package var heads: [Head?]
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

    /// Checks that every head is there, before anything is made of them.
    ///
    /// - Throws: `RunError` of code `incomplete` that names the heads given up.
    package func checkComplete() throws(RunError) {
        guard !quarantined.isEmpty else { return }
        let names = quarantined.prefix(Self.namedCountMax).map(\.classes.description)
        let rest = quarantined.count - names.count
        throw RunError(
            .incomplete,
            "\(quarantined.count) heads were given up because every worker that trained them died: \(names.joined(separator: ", "))\(rest > 0 ? " and \(rest) more" : ""); all others are kept, so see why workers die and start the same run again"
        )
    }

    /// Checks what came.
    ///
    /// - Throws: `RunError` if heads are missing (`incomplete`) or two machines disagreed: the
    ///   results are written then and must not be trusted unread.
    package func check() throws(RunError) {
        try checkComplete()
        if mismatchCount > 0 {
            throw RunError(
                .internal,
                "\(mismatchCount) heads came twice with different bytes: one of the machines computes wrongly"
            )
        }
    }
}

/// What one worker was and did.
package struct WorkerReport: Sendable {
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

    init(incarnation: UInt64, name: String, host: String, isa: String, threadCount: Int) {
        self.incarnation = incarnation
        self.name = name
        self.host = host
        self.isa = isa
        self.threadCount = threadCount
    }

    /// Where a worker stands.
    package enum State: String, Sendable {
        case joined = "joined"
        case ready = "ready"
        case gone = "gone"
    }
}
