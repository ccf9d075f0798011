package import Decoding
package import FeatureSource
import System

/// What `coordinator evaluate` is asked of a file of labelled rows.
package struct FileEvaluationOptions: Sendable {
    /// Folder of a finished run, or a model's file.
    package var model: String
    /// The file of rows.
    package var test: String
    /// The file of their labels; nil where the rows' file has them.
    package var testLabels: String?
    /// By which scheme; nil takes the model's own.
    package var scheme: Scheme?
    /// Confusions in the table, 0 or more.
    package var confusionCount = 10
    /// The share of validation rows that may be rejected at most; nil rejects none.
    package var reject: Double?
    /// What rows are, where the file does not say it.
    package var request = InputRequest()
    /// Threads, 1 to 4,096.
    package var threads: Int
    /// Whether standard output gets JSON in place of the tables.
    package var printsJSON = false

    /// An evaluation of a model on the rows of a file.
    package init(model: String, test: String, threads: Int) {
        self.model = model
        self.test = test
        self.threads = threads
    }

    /// Checks what no parser of a single option can.
    ///
    /// - Throws: `usage` with one sentence.
    func check() throws(RunError) {
        guard (1...4_096).contains(threads) else {
            throw .usage("--threads must be 1 to 4,096, not \(threads)")
        }
        guard confusionCount >= 0 else {
            throw .usage("--confusions must be at least 0, not \(confusionCount)")
        }
        if let reject, !(0..<1).contains(reject) {
            throw .usage("--reject must be a share of at least 0 and below 1, not \(reject)")
        }
    }
}
