import ArgumentParser
import CoordinatorRuntime
import Foundation

/// `coordinator benchmark`: speedup against worker count, measured with real processes.
struct BenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measures how the head phase speeds up with local worker processes.",
        discussion: """
            Trains the backbone once, then repeats the head phase with each number of workers. \
            Writes speedup.json and speedup.svg to the run directory and prints the table.

            Example: coordinator benchmark --workers 1,2,4 --trials 3 --every 10
            """)

    @OptionGroup var data: DataOptions
    @OptionGroup var training: TrainingOptions
    @OptionGroup var output: OutputOptions

    @Option(help: "Numbers of worker processes, one compute thread each.")
    var workers = "1,2"

    @Option(help: "Head phases with each number.")
    var trials = 3

    @Option(help: "Threads for the backbone (default: all cores).")
    var threads: Int?

    func run() async throws {
        var options = RunOptions(
            threads: threads ?? ProcessInfo.processInfo.activeProcessorCount)
        data.apply(to: &options)
        training.apply(to: &options)
        output.apply(to: &options)
        let counts = workers.split(separator: ",", omittingEmptySubsequences: false).map {
            Int($0) ?? 0
        }
        try await reporting { () throws(RunError) in
            try options.check()
            try await BenchmarkProgram(options, workerCounts: counts, trialCount: trials).run()
        }
    }
}

/// Runs a command's work; an error becomes one sentence and its exit status.
func reporting(_ work: () async throws(RunError) -> Void) async throws {
    do throws(RunError) {
        try await work()
    } catch {
        StandardStream.error("coordinator: \(error.message)\n")
        throw ExitCode(error.code.exitStatus)
    }
}
