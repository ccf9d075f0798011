package import Heads
import Simulation
import System

/// Every option of `coordinator simulate`.
package struct SimulationOptions: Sendable {
    /// Worker counts to simulate, as they were given.
    package var workerCounts: [Int] = []
    /// A run's folder, or its results.json or speedup.json: costs and, unless given, the job.
    package var run: String?
    /// Training rows; nil takes the run's, or 60,000.
    package var rowCount: Int?
    /// Classes; nil takes the run's, or 14.
    package var classCount: Int?
    /// Features of a row; nil takes the run's, or 256.
    package var featureCount: Int?
    /// Share of the features that are not zero; nil takes the benchmark's, or 0.4.
    package var nonzeroShare: Double?
    /// Which class sets get a head; nil takes the run's, or all subsets.
    package var heads: HeadPlan.Kind?
    /// Epochs of every head; nil takes the run's, or 20.
    package var headEpochs: Int?
    /// 10^9 bits a second of the coordinator's link, each way.
    package var bandwidth = 10.0
    /// Milliseconds of a message under way, one way.
    package var latency = 0.1
    /// Deaths an hour of each worker.
    package var failuresPerHour = 0.0
    /// Seconds until a dead worker is back.
    package var restartSeconds = 10.0
    /// Standard deviation of the logarithm of the workers' speeds.
    package var spread = 0.0
    /// Workers that must hold all features before heads are leased.
    package var minWorkers = 1
    /// Seed of speeds and deaths.
    package var seed: UInt64 = 0
    /// Folder for simulate.json and simulate.svg; nil means the run's, or one of its own under `runs`.
    package var output: String?
    /// Whether standard output gets simulate.json in place of the table.
    package var printsJSON = false

    /// The defaults.
    package init() {}

    /// - Throws: `usage` with one sentence for what cannot be simulated.
    func check() throws(RunError) {
        guard !workerCounts.isEmpty, workerCounts.allSatisfy({ (1...16_384).contains($0) }),
            Set(workerCounts).count == workerCounts.count
        else {
            throw .usage("--workers must be different numbers from 1 to 16,384, as in 1,2,4,64")
        }
        try require("--rows", rowCount.map(Double.init), 1, 1e9)
        try require("--classes", classCount.map(Double.init), 2, 2_048)
        try require("--dimension", featureCount.map(Double.init), 1, 65_536)
        try require("--nonzero", nonzeroShare, 0, 1)
        try require("--head-epochs", headEpochs.map(Double.init), 1, 100_000)
        try require("--bandwidth", bandwidth, 0.001, 100_000)
        try require("--latency", latency, 0, 60_000)
        try require("--failures-per-hour", failuresPerHour, 0, 3_600)
        try require("--restart-seconds", restartSeconds, 0, 86_400)
        try require("--spread", spread, 0, 2)
        try require("--min-workers", Double(minWorkers), 1, 100_000)
    }

    private func require(
        _ option: String, _ value: Double?, _ least: Double, _ most: Double
    ) throws(RunError) {
        guard let value, !(value >= least && value <= most) else { return }
        throw .usage(
            "\(option) must be \(Self.plain(least)) to \(Self.plain(most)), not \(Self.plain(value))"
        )
    }

    /// A number without a fraction where it has none.
    static func plain(_ value: Double) -> String {
        Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    /// The fleet of so many workers.
    func fleet(of workerCount: Int) -> FleetModel {
        var fleet = FleetModel(workerCount: workerCount)
        fleet.spread = spread
        fleet.failuresPerHour = failuresPerHour
        fleet.restartSeconds = restartSeconds
        fleet.minWorkerCount = minWorkers
        fleet.seed = seed
        return fleet
    }

    /// The network.
    var network: NetworkModel {
        NetworkModel(gigabitsPerSecond: bandwidth, latencySeconds: latency * 1e-3)
    }
}
