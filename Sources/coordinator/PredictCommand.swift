import ArgumentParser
import Decoding
import FeatureSource
import Programs
import System

/// `coordinator predict`: a model's answers for the rows of a file.
struct PredictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Predicts the rows of a file by a trained model.",
        discussion: """
            MODEL is the folder of a finished run, or its model.safetensors alone, on any machine. Rows \
            are prepared as the model's training rows were. CSV goes to standard output: label, its \
            index, its probability; a rejected row has an empty label and the index -1. In an .npy \
            its label is the empty text, of integer labels -9223372036854775808.

            Example:
              coordinator predict runs/RUN new.npy --top 3 --output answers.csv
            """)

    @Argument(help: ArgumentHelp("Folder of a run, or a model.safetensors.", valueName: "model"))
    var model: String

    @Argument(
        help: ArgumentHelp(
            "One file of features or images, of a kind as --train takes.", valueName: "input"))
    var input: String

    @Option(
        help: """
            one_vs_all, all_vs_all, all_vs_all_coupling, tree, ... (default: what validation rows \
            chose, else all-vs-all by coupling, above 64 classes the shortlist).
            """)
    var scheme: Scheme?

    @Option(help: "Answer by so many classes, the most probable first.")
    var top = 1

    @Flag(help: "Also the probability of every class.")
    var probabilities = false

    @Option(
        help: """
            Answer none of the classes where the best is less probable than in all but this share of \
            the validation rows.
            """)
    var reject: Double?

    @Flag(
        help: """
            Say of each row what was asked and answered: lines on standard output, or within FILE.jsonl.
            """)
    var explain = false

    @Option(help: "Where to: FILE.csv, FILE.jsonl or FILE.npy (default: CSV on standard output).")
    var output: String?

    @Option(name: .customLong("as"), help: "features or images (default: by the rows' shape).")
    var kind: UserDataRequest.Kind?

    @Option(help: "Number of the first column in svmlight files: 0 or 1.")
    var svmlightBase: Int?

    @Option(help: "bf16: what has two bytes and no type in an .npy file is bfloat16.")
    var dtype: TwoByteType?

    @Option(help: "Threads (default: all cores it may use).")
    var threads: Int?

    func run() async throws {
        var options = PredictOptions(
            model: model, input: input, threads: threads ?? Processor.availableCoreCount)
        options.scheme = scheme
        options.top = top
        options.printsProbabilities = probabilities
        options.reject = reject
        options.explains = explain
        options.output = output
        options.request.kind = kind
        options.request.svmlightBase = svmlightBase
        options.request.readsBfloat16 = dtype != nil
        try await reporting { () throws(RunError) in try await PredictProgram(options).run() }
    }
}

extension Scheme: ExpressibleByArgument {
    /// By its key in results, or with hyphens in it: `one-vs-rest` is `one_vs_rest`.
    package init?(argument: String) {
        self.init(rawValue: String(argument.map { $0 == "-" ? "_" : $0 }))
    }

    /// As results name them; the control of a study is none to predict by.
    package static var allValueStrings: [String] {
        allCases.filter { $0 != .oneVsAllEqualSteps }.map(\.rawValue)
    }
}
