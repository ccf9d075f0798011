import ArgumentParser
import Decoding
import FeatureSource
import Programs
import System

/// `coordinator evaluate`: a finished run's schemes and elimination policies from its files, or how well
/// a model predicts the rows of any other file.
struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Compares schemes on a finished run's test rows, or tests a model on a file.",
        discussion: """
            Of a run alone, for each scheme: accuracy, negative log-likelihood, Brier score, expected \
            calibration error. For each elimination policy also what it asks per row, and how often \
            the most probable class stays the same from the first head to the last. Without policies \
            a few of each kind. Features are the run's saved ones, or computed by its backbone.

            With a file of labelled rows, for one scheme: these figures with intervals, the recall of \
            each class, and what was taken for what most often. MODEL is then the folder of a run or \
            its model.safetensors alone. Labels that the model does not know are refused, unless \
            --reject counts them as none of its classes.

            Example: coordinator evaluate runs/RUN --drop 1,2,3 --threshold 0.01,0.05 --json

            Example: coordinator evaluate runs/RUN --test X.npy --test-labels y.npy --confusions 20
            """)

    @Argument(
        help: ArgumentHelp(
            "Folder of a finished run, or its model.safetensors.", valueName: "model"))
    var folder: String

    @Argument(help: ArgumentHelp("The same as --test FILE.", valueName: "file"))
    var file: String?

    @Option(help: "File of labelled rows to predict: features or images, as of coordinator run.")
    var test: String?

    @Option(help: "Their labels, where that file has none.")
    var testLabels: String?

    @Option(
        help: """
            Of a file: one_vs_all, all_vs_all, all_vs_all_coupling, tree, ... (default: what \
            validation rows chose, else all-vs-all by coupling, above 64 classes the shortlist).
            """)
    var scheme: Scheme?

    @Option(help: "Of a file: how many confusions to show, the most frequent first (default: 10).")
    var confusions: Int?

    @Option(
        help: """
            Of a file: answer none of the classes where the best is less probable than in all but \
            this share of the validation rows.
            """)
    var reject: Double?

    @Option(
        name: .customLong("as"), help: "Of a file: features or images (default: by their shape).")
    var kind: UserDataRequest.Kind?

    @Option(help: "Number of the first column in svmlight files: 0 or 1.")
    var svmlightBase: Int?

    @Option(help: "bf16: what has two bytes and no type in an .npy file is bfloat16.")
    var dtype: TwoByteType?

    @Option(help: "Of a run: classes that elimination drops per step, as 1,2,3.")
    var drop: String?

    @Option(help: "Of a run: drop all classes less probable than this, as 0.01,0.05.")
    var threshold: String?

    @Option(help: "Of a run: stop when the leader is this much ahead of the next, as 0.5,0.9.")
    var margin: String?

    @Option(help: "Of a run: folder with the standard files (default: the run's).")
    var dataDir: String?

    @Option(help: "Threads (default: all cores it may use).")
    var threads: Int?

    @Flag(help: "Print JSON on standard output in place of the table.")
    var json = false

    func run() async throws {
        try await reporting { () throws(RunError) in
            if let options = try fileOptions() {
                try await FileEvaluationProgram(options).run()
            } else {
                try EvaluateProgram(runOptions).run()
            }
        }
    }

    private var runOptions: EvaluateOptions {
        var options = EvaluateOptions(
            run: folder, threads: threads ?? Processor.availableCoreCount)
        options.drop = drop
        options.threshold = threshold
        options.margin = margin
        options.dataDirectory = dataDir
        options.printsJSON = json
        return options
    }

    /// What is asked of a file; nil where none is given.
    private func fileOptions() throws(RunError) -> FileEvaluationOptions? {
        if test != nil, file != nil { throw .usage("give one file: FILE, or --test FILE") }
        guard let path = test ?? file else {
            try refuse(
                [
                    ("--test-labels", testLabels != nil), ("--scheme", scheme != nil),
                    ("--confusions", confusions != nil), ("--reject", reject != nil),
                    ("--as", kind != nil), ("--svmlight-base", svmlightBase != nil),
                    ("--dtype", dtype != nil),
                ], "is about a file of rows; give it too, by --test FILE")
            return nil
        }
        try refuse(
            [
                ("--drop", drop != nil), ("--threshold", threshold != nil),
                ("--margin", margin != nil), ("--data-dir", dataDir != nil),
            ], "is about a run's own test rows; leave it out, or \(path)")
        var options = FileEvaluationOptions(
            model: folder, test: path, threads: threads ?? Processor.availableCoreCount)
        options.testLabels = testLabels
        options.scheme = scheme
        options.confusionCount = confusions ?? options.confusionCount
        options.reject = reject
        options.request.kind = kind
        options.request.svmlightBase = svmlightBase
        options.request.readsBfloat16 = dtype != nil
        options.printsJSON = json
        return options
    }

    private func refuse(
        _ options: [(name: String, isGiven: Bool)], _ why: String
    ) throws(RunError) {
        if let option = options.first(where: \.isGiven) { throw .usage("\(option.name) \(why)") }
    }
}
