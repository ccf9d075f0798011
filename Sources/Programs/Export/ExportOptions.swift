package import Decoding
import ONNX
import System

/// What `coordinator export` is asked.
package struct ExportOptions: Sendable {
    /// What is written.
    package enum Format: String, Sendable, CaseIterable {
        /// A graph that other runtimes run.
        case onnx
        /// Weights as scikit-learn has them.
        case npz
    }

    /// Folder of a finished run, or a model's file.
    package var model: String
    /// The file to write.
    package var output: String
    /// What is written; nil goes by the name of the file.
    package var format: Format?
    /// By which scheme; nil takes the model's own.
    package var scheme: Scheme?
    /// What a graph gives, comma-separated; nil is label, label_index and probabilities.
    package var outputs: String?
    /// Whether standard output gets JSON in place of a line.
    package var printsJSON = false

    /// An export of a model to a file.
    package init(model: String, output: String) {
        self.model = model
        self.output = output
    }

    /// The format asked for, or that of the file's name.
    ///
    /// - Throws: `usage` where neither says it, or an option does not belong to it.
    func resolvedFormat() throws(RunError) -> Format {
        guard
            let format = format ?? Format.allCases.first(where: { output.hasSuffix(".\($0)") })
        else {
            throw .usage("--output \(output) ends in neither .onnx nor .npz; say --format")
        }
        if format == .npz, outputs != nil {
            throw .usage("--outputs is of graphs; an .npz holds weights")
        }
        return format
    }

    /// What a graph gives, in the order asked for.
    ///
    /// - Throws: `usage` for an unknown name, or one given twice.
    func graphOutputs() throws(RunError) -> [ClassifierGraph.Output] {
        guard let outputs else { return [.label, .labelIndex, .probabilities] }
        var found: [ClassifierGraph.Output] = []
        for part in outputs.split(separator: ",", omittingEmptySubsequences: false) {
            guard let output = ClassifierGraph.Output(rawValue: String(part)),
                !found.contains(output)
            else {
                let all = ClassifierGraph.Output.allCases.map(\.rawValue).joined(separator: ", ")
                throw .usage("--outputs takes each of \(all) at most once, not '\(outputs)'")
            }
            found.append(output)
        }
        return found
    }
}
