import ArgumentParser
import Decoding
import Programs
import System

/// `coordinator export`: a model as a file of other tools.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes a trained model as an ONNX graph, or as weights for scikit-learn.",
        discussion: """
            MODEL is the folder of a finished run, or its model.safetensors. A graph holds the whole \
            decision: normalisation or backbone, heads, scheme and temperature. It reads \
            features, float32 [N, d], or images, uint8 [N, height, width] or [N, height, width, \
            channel], and gives label, label_index and probabilities.

            Example:
              coordinator export runs/RUN --output model.onnx --scheme one_vs_all
            """)

    @Argument(help: ArgumentHelp("Folder of a run, or a model.safetensors.", valueName: "model"))
    var model: String

    @Option(help: "The file to write.")
    var output: String

    @Option(help: "onnx or npz (default: by the file's name).")
    var format: ExportOptions.Format?

    @Option(
        help: """
            one_vs_all, all_vs_all, all_vs_all_coupling, tree, ... (default: what validation rows \
            chose, else all-vs-all by coupling, above 64 classes the shortlist).
            """)
    var scheme: Scheme?

    @Option(
        help: """
            What a graph gives, of label, label_index, probabilities and score; label,score suits \
            MLflow (default: label,label_index,probabilities).
            """)
    var outputs: String?

    @Flag(help: "Print JSON on standard output in place of a line.")
    var json = false

    func run() async throws {
        var options = ExportOptions(model: model, output: output)
        options.format = format
        options.scheme = scheme
        options.outputs = outputs
        options.printsJSON = json
        try await reporting { () throws(RunError) in try ExportProgram(options).run() }
    }
}

extension ExportOptions.Format: ExpressibleByArgument {}
