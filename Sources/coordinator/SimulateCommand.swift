import ArgumentParser
import Heads
import Programs
import System

/// `coordinator simulate`: speedup against worker count, without the workers.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Predicts how the head phase speeds up with many workers.",
        discussion: """
            The production scheduler in virtual time: workers, the coordinator's thread and its \
            network are modelled with measured costs. Prints a table, and writes simulate.json and \
            simulate.svg to --output, else to the run's folder, else to runs/<UTC time>-simulate. \
            Rates come from --from; without it they are those of one machine, which the output says.

            Example: coordinator simulate --workers 1,2,4,16,64,256 --rows 60000 --classes 14
            """)

    @Option(help: "Numbers of workers, one compute thread each.")
    var workers: String

    @Option(help: "Folder of a run or a benchmark (or its results.json or speedup.json).")
    var from: String?

    @Option(help: "Training rows (default: the run's, or 60000).")
    var rows: Int?

    @Option(help: "Classes, of equal size (default: the run's, or 14).")
    var classes: Int?

    @Option(help: "Features of a row (default: the run's, or 256).")
    var dimension: Int?

    @Option(help: "Share of the features that are not zero (default: the benchmark's, or 0.4).")
    var nonzero: Double?

    @Option(help: "subsets or pairs (default: the run's, or subsets).")
    var heads: HeadPlan.Kind?

    @Option(help: "Epochs of every head (default: the run's, or 20).")
    var headEpochs: Int?

    @Option(help: "Gbit a second of the coordinator's link, each way.")
    var bandwidth = 10.0

    @Option(help: "Milliseconds that a message is under way, one way.")
    var latency = 0.1

    @Option(help: "Deaths an hour of each worker.")
    var failuresPerHour = 0.0

    @Option(help: "Seconds until a dead worker is back, without features.")
    var restartSeconds = 10.0

    @Option(help: "Standard deviation of the logarithm of the workers' speeds; their mean stays.")
    var spread = 0.0

    @Option(help: "Hand out heads once this many workers have all features.")
    var minWorkers = 1

    @Option(help: "Seed of speeds and deaths.")
    var seed: UInt64 = 0

    @Option(help: "Folder for simulate.json and simulate.svg.")
    var output: String?

    @Flag(help: "Print simulate.json on standard output in place of the table.")
    var json = false

    func run() async throws {
        var options = SimulationOptions()
        options.workerCounts = numbers(in: workers)
        options.run = from
        options.rowCount = rows
        options.classCount = classes
        options.featureCount = dimension
        options.nonzeroShare = nonzero
        options.heads = heads
        options.headEpochs = headEpochs
        options.bandwidth = bandwidth
        options.latency = latency
        options.failuresPerHour = failuresPerHour
        options.restartSeconds = restartSeconds
        options.spread = spread
        options.minWorkers = minWorkers
        options.seed = seed
        options.output = output
        options.printsJSON = json
        try await reporting { () throws(RunError) in try SimulateProgram(options).run() }
    }
}
