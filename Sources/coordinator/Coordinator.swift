import ArgumentParser
import LeNet
import Programs
import System

/// `coordinator`: trains the backbone, hands out heads, collects them, evaluates.
@main
struct Coordinator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract:
            "Trains a shared backbone once and thousands of classifier heads on it, in parallel.",
        discussion: """
            Example, with two workers on this machine:
              coordinator run --dataset fashion-mnist --every 10 --workers 2
            """,
        version: Release.description,
        subcommands: [
            RunCommand.self, ProbeCommand.self, ResumeCommand.self, PredictCommand.self,
            EvaluateCommand.self,
            ServeCommand.self, ExportCommand.self, ClassesCommand.self, BenchmarkCommand.self,
            SimulateCommand.self,
            ReproduceCommand.self, KeygenCommand.self,
        ],
        defaultSubcommand: RunCommand.self)

    /// Errors in options begin as all other errors do.
    static let _errorPrefix = "coordinator: "

    static func main() async {
        // No worker is beside a prediction, and whoever waits for its first row waits for a restart.
        if CommandLine.arguments.dropFirst().first != PredictCommand._commandName {
            SleepingThreads.restartIfNeeded()
        }
        // After it: what that starts would not have the handlers.
        ProgramStart.prepare("coordinator")
        CommandNames(
            of: "coordinator",
            shown: configuration.subcommands.compactMap { $0.configuration.commandName }
        ).checkCommandLine()
        CommandLineWords.checkCommandLine(of: "coordinator")
        await main(nil)
    }
}
