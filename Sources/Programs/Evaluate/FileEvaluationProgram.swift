import Decoding
import FeatureSource
import Formats
import Heads
import Model
import Numerics
import Prediction
package import System

/// `coordinator evaluate MODEL --test FILE`: how well a model predicts the rows of a file.
package struct FileEvaluationProgram: Sendable {
    /// Values that are read at a time.
    private static let blockValueCount = 1 << 20

    private let options: FileEvaluationOptions

    /// An evaluation of these options.
    ///
    /// - Throws: `usage` with one sentence for what cannot be asked.
    package init(_ options: FileEvaluationOptions) throws(RunError) {
        try options.check()
        self.options = options
    }

    /// Reads the model and the rows, and prints tables or the JSON.
    ///
    /// - Throws: `RunError` with the exit status and one sentence.
    package func run() async throws(RunError) {
        do {
            let report = try await evaluate()
            try StandardStream.output(
                options.printsJSON
                    ? String(decoding: try JSONFile.encode(report.json), as: UTF8.self)
                    : report.text, rest: "")
        } catch let error as PredictionError {
            throw RunError(error, options.model)
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private func evaluate() async throws -> FileReport {
        let model = try OpenedModel.read(options.model)
        let predictor = try Predictor(
            model, scheme: options.scheme, threadCount: options.threads)
        let threshold = try predictor.threshold(rejecting: options.reject, options.model)
        var request = options.request
        request.shape = model.rowShape
        var rows = try LabeledRows(
            options.test, labels: options.testLabels, request, classNames: model.classNames)
        let pool = try ComputePool(threadCount: options.threads, name: "evaluate")
        var tally = FileTally(threshold: threshold)
        let count = max(
            1, Self.blockValueCount / max(1, (model.featureCount ?? 0) + model.classCount))
        while let block = try rows.next(count) {
            if threshold == nil { try rows.refuseUnknown(block.labels, from: tally.rowCount) }
            let features = try predictor.features(block.rows)
            let parts = try await pool.parallelRanges(features.rowCount) { range in
                try predictor.probabilities(ofFeatures: features, rows: range)
            }
            tally.add(parts, labels: block.labels)
        }
        await pool.shutdown()
        return try FileReport(options, predictor, tally)
    }
}

/// What is kept of the rows of a file, in their order: no probabilities.
struct FileTally {
    /// The probability below which a row is none of the classes; nil where none is rejected.
    let threshold: Double?
    /// Rows of classes that the model knows, and their labels.
    private(set) var scores = RowScores()
    private(set) var labels: [Int] = []
    /// Of those, the rows that are not rejected, and how many of them are right.
    private(set) var keptCount = 0
    private(set) var keptCorrectCount = 0
    /// Rows of other classes, and how many of them are rejected.
    private(set) var outsideCount = 0
    private(set) var outsideRejectedCount = 0

    init(threshold: Double?) { self.threshold = threshold }

    /// Rows that were added.
    var rowCount: Int { labels.count + outsideCount }

    /// Adds the rows that follow: their probabilities in parts, and a label a row, nil for another class.
    mutating func add(_ parts: [ClassProbabilities], labels block: [Int?]) {
        var row = 0
        for part in parts {
            var known: [Int] = []
            var values: [Double] = []
            for (index, prediction) in part.predictions.enumerated() {
                let probabilities = part.row(index)
                let isRejected = threshold.map { (probabilities.max() ?? 0) < $0 } ?? false
                if let label = block[row] {
                    known.append(label)
                    values += probabilities
                    keptCount += isRejected ? 0 : 1
                    keptCorrectCount += !isRejected && label == prediction ? 1 : 0
                } else {
                    outsideCount += 1
                    outsideRejectedCount += isRejected ? 1 : 0
                }
                row += 1
            }
            scores.add(
                ClassProbabilities(
                    classes: ClassSet(part.classes), rowCount: known.count, values: values),
                labels: known[...])
            labels += known
        }
    }
}
