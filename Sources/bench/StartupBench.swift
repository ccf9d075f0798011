import ArgumentParser
import Foundation
import Numerics
import Programs
import Statistics
import System

/// `bench startup`: a worker process from its start to its first lease, with a coordinator that waits.
struct StartupBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "startup", abstract: "Times a worker from its start to its first lease.",
        discussion: """
            The coordinator's network thread, in this process, holds features and waits. The \
            program worker beside this one is started, joins, fetches and checks the features, and \
            is given a head to train.

            Example: bench startup --rows 6000 --json
            """)

    @Flag(help: "Print JSON instead of a line.")
    var json = false

    @Option(help: "Rows; 6000 of 256 features are a tenth of Fashion-MNIST.")
    var rows = 6_000

    @Option(help: "Features of a row.")
    var features = 256

    @Option(help: "Compute threads of the worker (default: all cores, as a worker has).")
    var threads: Int?

    @Option(help: "Trials; the median counts.")
    var trials = 9

    func validate() throws {
        try SampleJob.check(rows: rows, features: features, threads: threads, trials: trials)
    }

    func run() async throws {
        let threadCount = threads ?? Processor.availableCoreCount
        let (job, chunks) = try SampleJob.make(rowCount: rows, featureCount: features)
        var outcomes: [StartupTrial.Outcome] = []
        try await Output.failing {
            for _ in 0..<trials {
                outcomes.append(
                    try await StartupTrial(
                        job: job, chunks: chunks, threadCount: threadCount
                    ).run())
            }
        }
        try Output.print(
            StartupResult(
                rows: rows, bytes: rows * features * 4, workerThreads: threadCount,
                trials: trials, secondsToJoin: Median.of(outcomes.map(\.joined)),
                secondsToFeatures: Median.of(outcomes.map(\.ready)),
                secondsToFirstLease: Median.of(outcomes.map(\.leased)),
                slowestSecondsToFirstLease: outcomes.map(\.leased).max() ?? 0), asJSON: json)
    }
}

/// What was measured, from the moment before the process is made; keys as in `--json`.
private struct StartupResult: Encodable, CustomStringConvertible {
    let rows: Int
    let bytes: Int
    let workerThreads: Int
    let trials: Int
    let secondsToJoin: Double
    let secondsToFeatures: Double
    let secondsToFirstLease: Double
    let slowestSecondsToFirstLease: Double

    var description: String {
        String(
            format:
                "%@, %.1f MB, %@, %@: joined %.1f ms, features %.1f ms, first lease %.1f ms (slowest %.1f)",
            rows.counted("row"), Double(bytes) * 1e-6, workerThreads.counted("thread"),
            trials.counted("trial"), secondsToJoin * 1e3, secondsToFeatures * 1e3,
            secondsToFirstLease * 1e3, slowestSecondsToFirstLease * 1e3)
    }
}
