import ArgumentParser
import Programs
import System

/// `coordinator evaluate`: a finished run's schemes and elimination policies, from its files.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Compares schemes and elimination policies on a finished run's test rows.",
        discussion: """
            For each scheme: accuracy, negative log-likelihood, Brier score, expected calibration \
            error. For each elimination policy also what it asks per row, and how often the most \
            probable class stays the same from the first head to the last. Without policies a few \
            of each kind. Features are the run's saved ones, or computed by its backbone.

            Example: coordinator evaluate runs/RUN --drop 1,2,3 --threshold 0.01,0.05 --json
            """)

    @Argument(help: ArgumentHelp("Folder of a finished run.", valueName: "run"))
    var folder: String

    @Option(help: "Classes that elimination drops per step, as 1,2,3.")
    var drop: String?

    @Option(help: "Drop all classes less probable than this, as 0.01,0.05.")
    var threshold: String?

    @Option(help: "Stop when the leader is this much more probable than the next, as 0.5,0.9.")
    var margin: String?

    @Option(help: "Folder with the standard files (default: the run's).")
    var dataDir: String?

    @Option(help: "Threads for the backbone (default: all cores).")
    var threads: Int?

    @Flag(help: "Print JSON on standard output in place of the table.")
    var json = false

    func run() async throws {
        var options = EvaluateOptions(
            run: folder, threads: threads ?? Processor.availableCoreCount)
        options.drop = drop
        options.threshold = threshold
        options.margin = margin
        options.dataDirectory = dataDir
        options.printsJSON = json
        try await reporting { () throws(RunError) in try EvaluateProgram(options).run() }
    }
}
