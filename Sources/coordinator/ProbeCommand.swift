import ArgumentParser
import Probe
import Programs
import System

/// `coordinator probe`: a linear probe's sweep of penalties.
struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Linear probe: heads at the optimum of every penalty, the best one refitted.",
        discussion: """
            Heads are trained on features for every value of C, each to an optimum that is certified: its \
            objective is above the least possible by at most the share that --gap says. The best C by \
            the validation rows (--val, --holdout, or --folds) is trained once more on training and \
            validation rows together, tested, and kept as model.safetensors.

            C is scikit-learn's: at one C the optimum is that of its LogisticRegression. Heads of \
            one C begin where those of a smaller one ended; what is computed is kept in --run-dir, \
            and the same command, or coordinator resume, goes on.

            Example: coordinator probe --train X.npy --train-labels y.npy --val V.npy --val-labels \
            v.npy --test T.npy --test-labels t.npy --workers 2
            """)

    @OptionGroup var data: DataOptions

    @Option(
        name: .customLong("C"),
        help: "Values of C: with commas, or LOW..HIGH:COUNT, equally far apart in logarithm.")
    var cValues = ProbeOptions.defaultCValues

    @Option(help: "one-vs-all, one-vs-rest, all-vs-all, with commas.")
    var schemes = "one-vs-all"

    @Option(
        help: "The best C is that of the highest accuracy or the least nll; of equals the smallest."
    )
    var by = ProbeCriterion.accuracy

    @Option(help: "Choose by so many folds of the training rows, in the place of validation rows.")
    var folds: Int?

    @Option(
        help: "What certifies a head: how far its objective may be above the least, relatively.")
    var gap = 1e-6

    @Option(help: "none, or balanced: each of a head's classes weighs the same in all.")
    var classWeight = ClassWeight.none

    @Option(help: "Seed of what is drawn: rows held out, folds.")
    var seed: UInt64 = 0

    @OptionGroup var workers: WorkerOptions

    @Option(help: "Folder of the probe's files (default: runs/<UTC time>-probe).")
    var runDir: String?

    @OptionGroup var printing: PrintOptions

    func run() async throws { try await run(as: Array(CommandLine.arguments.dropFirst())) }

    /// Runs the probe as if these words had been the command line.
    func run(as words: [String]) async throws {
        var run = RunOptions(threads: workers.threads ?? Processor.availableCoreCount)
        try data.apply(to: &run)
        workers.apply(to: &run)
        printing.apply(to: &run)
        run.seed = seed
        run.classWeight = classWeight
        run.runDirectory = runDir
        run.givenHeadEpochs = .converge
        var options = ProbeOptions(run: run)
        options.cValues = cValues
        options.schemes = schemes
        options.criterion = by
        options.folds = folds
        options.gap = gap
        options.command = ShellCommand.line("coordinator", words)
        try await reporting { () throws(RunError) in
            try await ProbeProgram(options).run()
        }
    }
}

extension ProbeCriterion: ExpressibleByArgument {}
