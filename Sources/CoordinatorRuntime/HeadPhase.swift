import HeadPlan
import Tensors

/// The head phase by itself: a network thread and local workers of its own, from hello to harvest.
struct HeadPhase {
    let options: RunOptions
    let plan: HeadPlan
    let backbone: BackboneOutcome
    let console: Console

    /// Starts `workers` processes, trains all heads once `minWorkers` hold the features, and
    /// returns when the processes are gone.
    func run(bind: String, workers count: Int, minWorkers: Int) async throws -> HeadHarvest {
        let link = try CoordinatorLink()
        let endpoint = try await link.start(bind: bind, console: console)
        let workers = try LocalWorkers(endpoint: endpoint, isNeeded: true, console: console)
        do {
            try workers.start(count: count)
            let harvest = try await link.train(
                HeadJob(options, plan, backbone, minWorkerCount: minWorkers))
            workers.stop()
            console.endPhase()
            return harvest
        } catch {
            link.abort(reason: "the benchmark ended")
            workers.stop()
            // The farewell leaves with the thread.
            _ = try? await link.harvest()
            throw error
        }
    }
}

extension HeadJob {
    /// The head phase of a run with these options, on what its backbone left.
    init(
        _ options: RunOptions, _ plan: HeadPlan, _ backbone: BackboneOutcome, minWorkerCount: Int
    ) {
        self.init(
            plan: plan, hyperparameters: options.headHyperparameters,
            derivedHead: options.headInitialisation == .derived ? backbone.output : nil,
            chunks: backbone.chunks, minWorkerCount: minWorkerCount)
    }
}
