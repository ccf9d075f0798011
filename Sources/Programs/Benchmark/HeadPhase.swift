import CoordinatorNetwork
import Display
import FeatureStore
import Fleet
import Heads
import Numerics
import Sessions

/// The head phase by itself: a network thread and workers of its own, from hello to the last head.
struct HeadPhase {
    let options: RunOptions
    let plan: HeadPlan
    let backbone: BackboneOutcome
    /// Who may join, where all is encrypted.
    let admission: Admission?
    let console: Console

    /// Starts workers, trains all heads once every one of them holds the features, and returns when
    /// the processes are gone.
    ///
    /// - Parameters:
    ///   - bind: where to listen.
    ///   - launches: what to start, given the endpoint that was bound.
    /// - Throws: `unavailable` if a worker ends before the work is done.
    func run(
        bind: String, launches: (_ endpoint: String) throws -> [WorkerLaunch]
    ) async throws -> CollectedHeads {
        var fleet = Fleet(bind: bind, admission: admission, observer: console) { _ in
            "the benchmark ended"
        }
        fleet.replacesLosses = false
        fleet.waitLimit = options.waitLimit
        return try await fleet.run(launches: launches) { [self] members in
            let job = HeadJob(
                options, plan, backbone, l2: nil, minWorkerCount: members.workers.count)
            let collected = try await members.link.train(job, on: backbone.chunks)
            console.endPhase()
            return collected
        }
    }
}

extension HeadJob {
    /// The head phase of a run with these options, on what its backbone left.
    ///
    /// - Parameter l2: the penalty in force of heads at their optimum; nil of heads trained by epochs.
    init(
        _ options: RunOptions, _ plan: HeadPlan, _ backbone: BackboneOutcome, l2: Double?,
        minWorkerCount: Int
    ) {
        let training = options.training(l2: l2)
        self.init(
            plan: plan, training: training,
            derivedHead: training.isDerived ? backbone.output : nil,
            manifest: backbone.chunks.manifest, minWorkerCount: minWorkerCount)
        isPulled = backbone.chunks.held == nil
    }
}
