package import Decoding
package import FeatureSource
import System

/// What `coordinator predict` is asked.
package struct PredictOptions: Sendable {
    /// Folder of a finished run, or a model's file.
    package var model: String
    /// The file of rows.
    package var input: String
    /// By which scheme; nil takes the model's own.
    package var scheme: Scheme?
    /// How many classes each row is answered by, the most probable first, 1 or more.
    package var top = 1
    /// Whether each row gets the probabilities of all classes.
    package var printsProbabilities = false
    /// The share of validation rows that may be rejected at most; nil rejects none.
    package var reject: Double?
    /// Whether each row is told with what was asked about it and answered.
    package var explains = false
    /// Where answers go: `.csv`, `.jsonl` or `.npy`; nil is CSV on standard output.
    package var output: String?
    /// What rows are, where the file does not say it.
    package var request = InputRequest()
    /// Threads, 1 to 4,096.
    package var threads: Int

    /// The answers for the rows of a file, as CSV on standard output.
    package init(model: String, input: String, threads: Int) {
        self.model = model
        self.input = input
        self.threads = threads
    }

    /// How answers are written.
    enum Format: String {
        case csv
        case jsonl
        case npy
        /// Lines for a person, on standard output alone.
        case text
    }

    /// Checks what no parser of a single option can.
    ///
    /// - Throws: `usage` with one sentence.
    func format() throws(RunError) -> Format {
        guard top >= 1 else { throw .usage("--top must be at least 1, not \(top)") }
        guard (1...4_096).contains(threads) else {
            throw .usage("--threads must be 1 to 4,096, not \(threads)")
        }
        if let reject, !(0..<1).contains(reject) {
            throw .usage("--reject must be a share of at least 0 and below 1, not \(reject)")
        }
        guard let output else {
            guard !explains || top == 1 && !printsProbabilities else {
                throw .usage(
                    "--explain on standard output shows no --top or --probabilities; add --output FILE.jsonl"
                )
            }
            return explains ? .text : .csv
        }
        let formats: [Format] = [.csv, .jsonl, .npy]
        guard let format = formats.first(where: { output.hasSuffix(".\($0.rawValue)") }) else {
            throw .usage("--output must end in .csv, .jsonl or .npy, not \(output)")
        }
        guard !explains || format == .jsonl else {
            throw .usage(
                "--explain writes lines on standard output, or into a .jsonl, not \(output)")
        }
        if format == .npy, top > 1 {
            throw .usage(
                "an .npy holds one label a row, or all probabilities; --top \(top) needs .csv or .jsonl"
            )
        }
        return format
    }
}
