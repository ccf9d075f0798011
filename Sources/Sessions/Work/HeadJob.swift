package import Heads
package import Scheduling
package import Transfer

/// The head phase: what workers are to train on what.
package struct HeadJob: Sendable {
    /// Which heads there are to be.
    package let plan: HeadPlan
    /// How each is trained.
    package let training: Training
    /// The backbone's output layer, for `HeadInitialisation.derived`.
    package let derivedHead: Head?
    /// What they are trained on, as it is sent.
    package let manifest: ChunkManifest
    /// The rows of it.
    package let shape: FeatureShape
    /// Whether workers ask for all chunks by themselves, see ``WorkSource``.
    package var isPulled = false
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
    package var checkedHeads: Set<WorkID> = []

    /// The heads as the scheduler weighs them, in the plan's order.
    package let work: [HeadWork]
    /// Operations to train all heads.
    package let totalFlops: Double

    /// The job of training all heads of `plan` on rows; traps on a manifest of materials.
    package init(
        plan: HeadPlan, training: Training, derivedHead: Head?,
        manifest: ChunkManifest, minWorkerCount: Int
    ) {
        guard let shape = manifest.features else {
            preconditionFailure("heads are trained on features")
        }
        self.plan = plan
        self.training = training
        self.derivedHead = derivedHead
        self.manifest = manifest
        self.shape = shape
        self.minWorkerCount = minWorkerCount
        work = HeadWork.all(
            of: plan, classRowCounts: shape.classRowCounts,
            featureCount: shape.featureCount, epochCount: training.passCount)
        totalFlops = work.reduce(0) { $0 + $1.trainingFlops }
        resumedHeads = [Head?](repeating: nil, count: plan.heads.count)
        resumedTrainers = [TrainerID?](repeating: nil, count: plan.heads.count)
        schedulerConfiguration = SchedulerConfiguration(
            minWorkerCount: minWorkerCount,
            rowCount: shape.rowCount, featureCount: shape.featureCount,
            epochCount: training.passCount)
        // Each goes through its own rows by itself: nothing is shared by a bundle.
        if case .optimum = training {
            schedulerConfiguration.bundleFixedFlops = 0
            schedulerConfiguration.firstBundleFlops = 0
        }
    }
}
