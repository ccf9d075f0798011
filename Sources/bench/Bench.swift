import ArgumentParser
import LeNet
import Programs
import System

/// `bench`: fixed work, its parameters, a digest of its result, and how fast it went.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures the hot paths on fixed, seeded work.",
        discussion: "Example: bench heads --json",
        version: Release.description,
        subcommands: [
            HeadsBench.self, ConvergeBench.self, PredictBench.self, BackboneBench.self,
            BroadcastBench.self, StartupBench.self, ServeBench.self, PlainReceiver.self,
        ])

    /// Errors in options begin as all other errors do.
    static let _errorPrefix = "bench: "

    static func main() async {
        SleepingThreads.restartIfNeeded()
        // After it: what that starts would not have the handlers.
        ProgramStart.prepare("bench")
        let commands = configuration.subcommands.map { $0.configuration }
        CommandNames(
            of: "bench",
            shown: commands.filter { $0.shouldDisplay }.compactMap { $0.commandName },
            hidden: commands.filter { !$0.shouldDisplay }.compactMap { $0.commandName }
        ).checkCommandLine()
        await main(nil)
    }
}
