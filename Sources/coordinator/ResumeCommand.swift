import ArgumentParser
import Programs
import System

/// `coordinator resume`: goes on with a run, a study or a probe, by the options that its folder has.
struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Goes on with a run, a study or a probe without its options being repeated.",
        discussion: """
            The folder has the options that a run was begun with, or the command that computed the last \
            of a study or a probe. What is there already is not computed again; of a finished run, files that \
            are missing or damaged are made again. Options behind the folder are those of run, \
            reproduce or probe, and take the place of the former ones: such as --workers, --threads, --bind, \
            --data-dir, --save-features, --json. What the results depend on stays as it was.

            Example: coordinator resume runs/RUN --workers 4
            """)

    @Argument(help: ArgumentHelp("Folder of a run, a study or a probe.", valueName: "folder"))
    var folder: String

    @Argument(
        parsing: .captureForPassthrough,
        help: ArgumentHelp("Options in the place of former ones.", valueName: "options"))
    var options: [String] = []

    func run() async throws {
        if !options.isEmpty, Set(options).isSubset(of: ["--help", "-h"]) {
            throw CleanExit.helpRequest(self)
        }
        var words: [String] = []
        try await reporting { () throws(RunError) in
            let resumption = try Resumption(folder: folder, more: options)
            resumption.setVariables()
            words = resumption.words
        }
        switch try Coordinator.parseAsRoot(words) {
        case let study as ReproduceCommand: try await study.run(as: words)
        case let probe as ProbeCommand: try await probe.run(as: words)
        case let run as RunCommand: try await run.run()
        default: throw ValidationError("\(words.first ?? "nothing") cannot be resumed")
        }
    }
}
