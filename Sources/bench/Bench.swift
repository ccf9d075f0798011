import ArgumentParser
import Backbone

/// `bench`: fixed work, its parameters, a digest of its result, and how fast it went.
@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures the hot paths on fixed, seeded work.",
        discussion: "Example: bench heads --json",
        subcommands: [HeadsBench.self, BackboneBench.self])

    static func main() {
        SleepingThreads.restartIfNeeded()
        main(nil)
    }
}
