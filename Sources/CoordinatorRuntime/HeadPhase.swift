import Heads
import Numerics

/// The head phase by itself: a network thread and workers of its own, from hello to harvest.
struct HeadPhase {
    let options: RunOptions
    let plan: HeadPlan
    let backbone: BackboneOutcome
    /// Who may join, where all is encrypted.
    let admission: Admission?
    let console: Console

    /// What is to be trained, by at least so many workers.
    func job(minWorkerCount: Int) -> HeadJob {
        HeadJob(options, plan, backbone, l2: nil, minWorkerCount: minWorkerCount)
    }

    /// Starts workers, trains all heads once every one of them holds the features, and returns when
    /// the processes are gone.
    ///
    /// - Parameters:
    ///   - bind: where to listen.
    ///   - launches: what to start, given the endpoint that was bound.
    /// - Throws: `unavailable` if a worker ends before the work is done.
    func run(
        bind: String, launches: (_ endpoint: String) throws -> [WorkerLaunch]
    ) async throws -> HeadHarvest {
        let link = try CoordinatorLink()
        let endpoint = try await link.start(
            bind: bind, admission: admission, console: console)
        var workers: LocalWorkers?
        do {
            let launches = try launches(endpoint)
            let started = LocalWorkers(
                launches, onLoss: .report { link.abort(reason: $0.message) }, console: console)
            workers = started
            try started.start()
            let harvest = try await link.train(job(minWorkerCount: launches.count))
            started.stop()
            console.endPhase()
            return harvest
        } catch {
            link.abort(reason: "the benchmark ended")
            // The farewell leaves with the thread, and workers that are still there answer it.
            _ = try? await link.harvest()
            workers?.stop()
            throw workers?.loss ?? error
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
        let hyperparameters = options.headHyperparameters(l2: l2)
        self.init(
            plan: plan, hyperparameters: hyperparameters,
            derivedHead: hyperparameters.initialisation == .derived ? backbone.output : nil,
            chunks: backbone.chunks, minWorkerCount: minWorkerCount)
    }
}
