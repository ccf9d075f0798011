import ArgumentParser
import FeatureSource
import Heads
import ImageData
import LeNet
import Numerics
import Programs
import Sessions
import System

/// `coordinator run`: the main job.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs the whole job: backbone, heads on workers, evaluation, artefacts.",
        discussion: """
            The table (or results.json) goes to standard output, progress to standard error.

            Example, features of your own backbone, on two worker processes:
              coordinator run --train X.npy --train-labels y.npy --test X2.npy --test-labels y2.npy \
                --workers 2

            Example, with workers that other hosts start by themselves:
              coordinator keygen keys --workers 3
              coordinator run --dataset mnist --data-dir DIR --bind tcp://0.0.0.0:5555 \
                --key keys/server.key_secret --allow keys
              worker --connect tcp://THIS-HOST:5555 --key worker-1.key_secret --server-key server.key
            """)

    @OptionGroup var data: DataOptions
    @OptionGroup var training: TrainingOptions
    @OptionGroup var workers: WorkerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var options = RunOptions(
            threads: workers.threads ?? Processor.availableCoreCount)
        try data.apply(to: &options)
        training.apply(to: &options)
        workers.apply(to: &options)
        output.apply(to: &options)
        try await reporting { () throws(RunError) in
            try options.check()
            let isUnasked = CommandLine.arguments.dropFirst().first?.hasPrefix("-") != false
            try await CoordinatorProgram(options).run(isUnasked: isUnasked)
            // Here, so that coordinator resume does it too.
            if let from = options.from, let folder = options.runDirectory {
                let sentence = try ClassChange.report(from: from, in: folder)
                if !options.isQuiet { StandardStream.error("coordinator: \(sentence)\n") }
            }
        }
    }
}

/// Which rows to train on.
struct DataOptions: ParsableArguments {
    @Option(help: "fashion-mnist, mnist or cifar10 (default: fashion-mnist).")
    var dataset: DatasetName?

    @Option(
        help: ArgumentHelp(
            "Your own training rows, in the place of a data set; of several files as a,b.",
            discussion: """
                .npy, .npz, .safetensors, svmlight, .csv, IDX or CIFAR. Rows of two axes are features of any backbone, [sample, feature]; of three or four \
                axes of bytes they are images, [sample, row, column(, channel)], on which the LeNet \
                is trained. FILE:NAME is one array of an .npz or .safetensors, or the column of labels \
                of a .csv.
                """))
    var train: String?

    @Option(help: "Their labels: integers or strings, .npy, FILE.npz:NAME, .csv or a text file.")
    var trainLabels: String?

    @Option(
        help: ArgumentHelp(
            "Your own validation rows: the penalty, the scheme and the probabilities are chosen by them.",
            discussion: """
                Without --l2 the penalty with the least loss on them is taken; heads train on the \
                training rows alone. Every scheme's probabilities get the temperature that fits them \
                best, and the model predicts by the scheme with the least loss.
                """))
    var val: String?

    @Option(help: "Their labels.")
    var valLabels: String?

    @Option(help: "Your own test rows.")
    var test: String?

    @Option(help: "Their labels.")
    var testLabels: String?

    @Option(name: .customLong("as"), help: "features or images (default: by the rows' shape).")
    var kind: UserDataRequest.Kind?

    @Option(help: "Number of the first column of svmlight files: 0 or 1.")
    var svmlightBase: Int?

    @Option(help: "bf16: what has two bytes and no type in an .npy file is bfloat16.")
    var dtype: TwoByteType?

    @Option(
        help: ArgumentHelp(
            "What is done to features: none, l2 (rows to length 1) or standardize (default: none).",
            discussion: """
                standardize takes each feature's mean over the training rows off it and divides by its \
                standard deviation there. It is part of the model, which does it to every row it predicts.
                """))
    var normalize = Normalization.Kind.none

    @Option(
        help: "A file of a number for each training row: what it weighs (--head-epochs converge).")
    var sampleWeight: String?

    @Option(
        help: ArgumentHelp(
            "Your own features are held in memory up to so many MiB; larger files are read in pieces (default: \(UserDataRequest.heldMebibyteCount)).",
            valueName: "mib"))
    var featureMemory: Int?

    @Option(
        help: """
            Folder with the standard files, in it or in a folder named like the data set; else \
            $MANYHEADS_DATA, then what Debian installs.
            """)
    var dataDir: String?

    @Option(
        help: ArgumentHelp(
            "Classes to keep, as all, 0-4 or 0,3,7; of --train by name, as cat,dog.",
            discussion:
                "Labels are numbered in this order. A name with a comma is in quotes: '\"a, b\",c'."
        ))
    var classes = "all"

    @Option(help: "Keep every Nth training row of the kept classes.")
    var every = 1

    @Option(help: "Then keep this share of the rows of each class, drawn by the seed.")
    var fraction = 1.0

    @Option(
        help: ArgumentHelp(
            "Then take this share of the rows of each class to choose by, in the place of --val.",
            discussion: "Drawn by the seed; at least one row of each class stays to train on."))
    var holdout: Double?

    private var selection: ClassSelection {
        get throws(DatasetError) {
            try train == nil ? ClassSelection(parsing: classes) : ClassSelection(names: classes)
        }
    }

    func validate() throws {
        do throws(DatasetError) { _ = try selection } catch {
            throw ValidationError(error.message)
        }
        if let other = [
            trainLabels, val, valLabels, test, testLabels, kind.map { "--as \($0.rawValue)" },
            sampleWeight, svmlightBase.map { "--svmlight-base \($0)" },
            dtype.map { "--dtype \($0.rawValue)" },
            featureMemory.map { "--feature-memory \($0)" },
        ].compactMap(\.self).first, train == nil {
            throw ValidationError("which training rows? \(other) was given without --train")
        }
        if let dataset, train != nil {
            throw ValidationError(
                "--train is your own data, in the place of --dataset \(dataset.rawValue); give one of them"
            )
        }
        if let testLabels, test == nil {
            throw ValidationError(
                "\(testLabels) labels test rows, and there are none; give them by --test")
        }
        if let valLabels, val == nil {
            throw ValidationError(
                "\(valLabels) labels validation rows, and there are none; give them by --val")
        }
        guard UserDataRequest.heldMebibyteRange.contains(featureMemory ?? 0) else {
            throw ValidationError(
                "--feature-memory is in MiB, 0 to \(UserDataRequest.heldMebibyteRange.upperBound)")
        }
        if train != nil, dataDir != nil {
            throw ValidationError("--data-dir is for a --dataset; --train names its file itself")
        }
    }

    func apply(to options: inout RunOptions) throws {
        options.dataset = dataset ?? .fashionMNIST
        options.userData = train.map {
            var request = UserDataRequest(
                train: $0, trainLabels: trainLabels, test: test, testLabels: testLabels,
                sampleWeights: sampleWeight, val: val, valLabels: valLabels, kind: kind,
                svmlightBase: svmlightBase,
                readsBfloat16: dtype != nil)
            if let featureMemory { request.heldByteCountMax = featureMemory << 20 }
            return request
        }
        options.dataDirectory = dataDir
        options.classes = try selection
        options.every = every
        options.fraction = fraction
        options.holdout = holdout
        options.normalization = normalize
    }
}

/// What `--dtype` takes; the raw value is also what config.json has.
enum TwoByteType: String, CaseIterable, ExpressibleByArgument {
    case bf16
}

/// How backbone and heads train.
struct TrainingOptions: ParsableArguments {
    @Option(help: "Epochs of the backbone.")
    var epochs = 12

    @Option(
        help: ArgumentHelp(
            "Epochs of every head, or converge (default: 20; of --train, converge).",
            discussion: """
                converge trains each head to its optimum, without dropout and with an L2 penalty; the \
                results say how many are certified. There is one optimum, wherever heads \
                start; --batch-size and --learning-rate do not matter to them.
                """))
    var headEpochs: HeadEpochs?

    @Option(
        help: """
            L2 of --head-epochs converge (default: by the validation rows, else by cross-validation on \
            the training rows).
            """)
    var l2: Double?

    @Option(
        help:
            "none, or balanced: each of a head's classes weighs the same in all, as in scikit-learn."
    )
    var classWeight = ClassWeight.none

    @Option(
        help: ArgumentHelp(
            "Numbers of the backbone's heavy products: fp32, or bf16 where the processor can.",
            discussion: "Weights, sums and heads are fp32 in both."))
    var precision = BackbonePrecision.fp32

    @Option(help: "Rows per update, backbone and heads.")
    var batchSize = 128

    @Option(help: "Adadelta's learning rate; 1 is Keras's own, 0.001 a well-known trap.")
    var learningRate: Float = 1

    @Option(help: "Share of the features dropped while heads train (default: 0.5; 0 to converge).")
    var headDropout: Float?

    @Option(
        help:
            "subsets (every set of two classes or more) or pairs (default: subsets; of --train, pairs)."
    )
    var heads: HeadPlan.Kind?

    @Option(
        help: ArgumentHelp(
            "frozen (heads on the backbone's features), warm or scratch (a whole network per head).",
            discussion: """
                Whole networks are trained on the workers from the raw images, from the backbone's \
                weights (warm) or from new ones (scratch). They cost some thousand times what heads do, and \
                their bits depend on the kind of processor; only what they say of the test rows is kept.
                """))
    var headMode = HeadMode.frozen

    @Option(help: "Where heads start: glorot, zero or derived (the backbone's own output rows).")
    var headInit = HeadInitialisation.glorot

    @Option(help: "Seed of everything that is drawn.")
    var seed: UInt64 = 0

    func apply(to options: inout RunOptions) {
        options.epochs = epochs
        options.givenHeadEpochs = headEpochs
        options.precision = precision
        options.l2 = l2
        options.classWeight = classWeight
        options.batchSize = batchSize
        options.learningRate = learningRate
        options.headDropout = headDropout
        options.givenHeads = heads
        options.headMode = headMode
        options.headInitialisation = headInit
        options.seed = seed
    }
}

/// Who does the work, and where they meet.
struct WorkerOptions: ParsableArguments {
    @Option(help: "Worker processes to start on this machine, one compute thread each.")
    var workers = 0

    @Option(help: "Hand out heads once this many workers have all features.")
    var minWorkers = 1

    @Option(
        help: "Seconds to wait at most for workers while too few are there (default: for ever).")
    var wait: WaitLimit?

    @Option(
        help: ArgumentHelp(
            "Share of the heads, 0 to 1, that a second worker trains as well, to compare.",
            discussion:
                "A worker whose head differs gets no more work, and its heads are trained again."))
    var verify = 0.0

    @Option(
        help: """
            Control endpoint, of an address or a name of this machine; * is all addresses. Features are \
            broadcast on the next port. Port 0 picks free ones.
            """)
    var bind = "tcp://127.0.0.1:5555"

    @OptionGroup var access: AccessOptions

    @Option(
        help: ArgumentHelp(
            "Threads for the backbone and the evaluation (default: all cores it may use).",
            discussion: """
                These are the cores that affinity and the quotas of a container or a service leave. \
                The features' bits depend on the number: give it for the same digests elsewhere.
                """))
    var threads: Int?

    func apply(to options: inout RunOptions) {
        options.workers = workers
        options.minWorkers = minWorkers
        options.waitLimit = wait
        options.verify = verify
        options.bind = bind
        access.apply(to: &options)
    }
}

/// What comes out, and where.
struct OutputOptions: ParsableArguments {
    @Option(help: "Folder of the run's files (default: runs/<UTC time>-<dataset>).")
    var runDir: String?

    @Flag(help: "Also write features and labels as .npy files.")
    var saveFeatures = false

    @Option(
        help: ArgumentHelp(
            "Folder of a finished run on features: heads that would be the same are taken over.",
            discussion: """
                They are those of classes with the same rows, trained alike. With --run-dir, heads.csv \
                there has each head's digest before and after.
                """))
    var from: String?

    @OptionGroup var printing: PrintOptions

    func apply(to options: inout RunOptions) {
        options.from = from
        options.runDirectory = runDir
        options.savesFeatures = saveFeatures
        printing.apply(to: &options)
    }
}

extension DatasetName: ExpressibleByArgument {}
extension UserDataRequest.Kind: ExpressibleByArgument {}
extension HeadPlan.Kind: ExpressibleByArgument {}
extension LogLevel: ExpressibleByArgument {}
extension WaitLimit: ExpressibleByArgument {}
extension HeadMode: ExpressibleByArgument {}
extension ClassWeight: ExpressibleByArgument {}
extension Normalization.Kind: ExpressibleByArgument {}
extension BackbonePrecision: ExpressibleByArgument {
    /// What is for checking only is not offered.
    private static let offered: [BackbonePrecision] = [.fp32, .bf16]

    /// Nil for what is not offered.
    package init?(argument: String) {
        guard let known = BackbonePrecision(rawValue: argument), Self.offered.contains(known) else {
            return nil
        }
        self = known
    }

    /// What help and refusals list.
    package static var allValueStrings: [String] { offered.map(\.rawValue) }
}
extension HeadInitialisation: ExpressibleByArgument {}
extension HeadEpochs: ExpressibleByArgument {}
