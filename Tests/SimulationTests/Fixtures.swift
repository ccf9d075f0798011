import Heads
import Simulation

/// A job of so many classes of equal size.
func job(
    _ kind: HeadPlan.Kind = .subsets, classCount: Int, rowCount: Int, featureCount: Int = 256,
    epochCount: Int = 20
) -> SimulatedJob {
    SimulatedJob(
        plan: HeadPlan(kind, classCount: classCount),
        classRowCounts: SimulatedJob.evenClasses(rowCount: rowCount, classCount: classCount),
        featureCount: featureCount, epochCount: epochCount)
}

/// A network that costs nothing.
let freeNetwork = NetworkModel(gigabitsPerSecond: .infinity, latencySeconds: 0)

/// A network as found in a rack.
let rackNetwork = NetworkModel(gigabitsPerSecond: 10, latencySeconds: 1e-4)

/// Costs of about a server's core, none of them nothing: what `coordinator simulate` assumes.
var usualCosts: SimulationCosts {
    var costs = SimulationCosts(flopsPerSecond: 76e9)
    costs.streamSecondsPerFeature = 0.44e-9
    costs.orderSecondsPerRow = 44e-9
    costs.switchSeconds = 1e-4
    costs.intakeBytesPerSecond = 450e6
    costs.readySeconds = 5e-3
    costs.messageSeconds = 20e-6
    costs.headSeconds = 2e-6
    costs.resultByteSeconds = 1e-9
    costs.schedulerSecondsPerWorker = 5e-8
    costs.broadcastBytesPerSecond = 2e9
    return costs
}

func simulate(
    _ job: SimulatedJob, workers: Int, _ costs: SimulationCosts = usualCosts,
    _ network: NetworkModel = rackNetwork, configure: (inout FleetModel) -> Void = { _ in }
) throws -> SimulationOutcome {
    var fleet = FleetModel(workerCount: workers)
    configure(&fleet)
    var simulation = HeadPhaseSimulation(job: job, costs: costs, network: network, fleet: fleet)
    return try simulation.run()
}
