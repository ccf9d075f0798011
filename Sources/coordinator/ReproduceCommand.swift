import ArgumentParser
import Programs
import Study
import System

/// `coordinator reproduce`: the post's table, its controls, and more, as one resumable command.
struct ReproduceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce",
        abstract: "Trains the whole grid of trials and reports what the schemes gain.",
        discussion: """
            Every (data set, fraction, trial) has a seed of its own for rows, weights and orders. \
            What is computed is kept in --run-dir: the same command goes on after an interruption, \
            and one with more trials, fractions, data sets or head modes computes only what is new.

            Protocol post: classes 0 to 4, every tenth training row, then the fraction of each \
            class, 26 heads a trial. Protocol full: all classes and rows, 1,013 heads.

            Head modes: frozen, zero, derived and converged are heads on the backbone's features \
            (fresh start, from zeros, from its own output rows, at the optimum); warm and scratch \
            train a whole network per head.

            Workers compute the units: --workers starts some here, others join as in a run.

            Example: coordinator reproduce --datasets mnist --fractions 0.01,0.1 --trials 3 \
            --head-modes frozen,derived --data-dir DIR --workers 2 --dry-run
            """)

    @Option(help: "Data sets, with commas: mnist, cifar10, fashion-mnist.")
    var datasets = "mnist,cifar10,fashion-mnist"

    @Option(help: "Shares of each class's training rows, with commas.")
    var fractions = "0.01,0.1,0.25,0.5,1"

    @Option(help: "Trials of each data set and fraction.")
    var trials = 10

    @Option(name: .customLong("protocol"), help: "post or full.")
    var scope = StudySettings.Scope.post

    @Option(help: "Classes to keep in place of the protocol's, as all, 0-4 or 0,3,7.")
    var classes: String?

    @Option(help: "Keep every Nth training row in place of the protocol's.")
    var every: Int?

    @Option(help: "How heads are trained: frozen, zero, derived, converged, warm, scratch.")
    var headModes = "frozen"

    @Option(help: "Epochs of the backbone.")
    var epochs = 12

    @Option(help: "Epochs of every head, and of the equal-step control.")
    var headEpochs = 20

    @Option(help: "Rows per update.")
    var batchSize = 128

    @Option(help: "Adadelta's learning rate.")
    var learningRate: Float = 1

    @Option(help: "Share of the features dropped while heads on features train.")
    var headDropout: Float = 0.5

    @Option(help: "L2 of converged heads (default: by cross-validation in each trial).")
    var l2: Double?

    @Option(help: "Makes classes unequal: the first keeps this many times more rows than the last.")
    var imbalance = 1.0

    @Option(
        help: """
            What is done about unequal classes: none; weights (rows of small classes weigh more, \
            for every backbone, network and head over its own classes); resample (rows of small \
            classes are repeated: converged heads should have --l2, for copies of one row stand on \
            both sides of a cross-validation).
            """)
    var balance = StudySettings.Balance.none

    @Option(help: "Base of the seeds of all trials.")
    var seed: UInt64 = 0

    @Option(
        help: """
            Folder with the standard files, in it or in a folder named like the data set; else \
            $MANYHEADS_DATA, then what Debian installs.
            """)
    var dataDir: String?

    @Option(help: "Folder of the study's files (default: runs/study-<protocol>).")
    var runDir: String?

    @OptionGroup var workers: WorkerOptions

    @Flag(help: "Print what would be computed, and how long it may take.")
    var dryRun = false

    @Flag(help: "Compute nothing; report the grid's results so far, and what is missing.")
    var reportOnly = false

    @OptionGroup var printing: PrintOptions

    func run() async throws { try await run(as: Array(CommandLine.arguments.dropFirst())) }

    /// Runs the study as if these words had been the command line.
    func run(as words: [String]) async throws {
        var run = RunOptions(
            threads: workers.threads ?? Processor.availableCoreCount)
        workers.apply(to: &run)
        printing.apply(to: &run)
        run.dataDirectory = dataDir
        run.runDirectory = runDir
        var options = ReproduceOptions(run: run)
        options.datasets = datasets
        options.fractions = fractions
        options.trials = trials
        options.headModes = headModes
        options.settings = settings
        options.isDryRun = dryRun
        options.isReportOnly = reportOnly
        options.command = ShellCommand.line("coordinator", words)
        try await reporting { () throws(RunError) in
            try await ReproduceProgram(options).run()
        }
    }

    private var settings: StudySettings {
        var settings = StudySettings(scope: scope)
        settings.epochCount = epochs
        settings.headEpochCount = headEpochs
        settings.batchSize = batchSize
        settings.learningRate = learningRate
        settings.headDropout = headDropout
        settings.l2 = l2
        settings.seed = seed
        settings.otherClasses = classes
        settings.otherEvery = every
        settings.imbalance = imbalance
        settings.balance = balance
        return settings
    }
}

extension StudySettings.Scope: ExpressibleByArgument {}
extension StudySettings.Balance: ExpressibleByArgument {}
