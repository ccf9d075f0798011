import ArgumentParser
import LeNet
import System

/// `bench`: fixed work, its parameters, a digest of its result, and how fast it went.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures the hot paths on fixed, seeded work.",
        discussion: "Example: bench heads --json",
        subcommands: [
            HeadsBench.self, ConvergeBench.self, BackboneBench.self, BroadcastBench.self,
            StartupBench.self, PlainReceiver.self,
        ])

    static func main() async {
        SleepingThreads.restartIfNeeded()
        ProgramStart.prepare("bench")
        await main(nil)
    }
}
