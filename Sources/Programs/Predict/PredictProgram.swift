import Decoding
import FeatureSource
import Formats
import Model
import Numerics
import Prediction
package import System

/// `coordinator predict`: a model's answers for the rows of a file, some rows at a time.
package struct PredictProgram: Sendable {
    private let options: PredictOptions
    private let format: PredictOptions.Format

    /// Predictions of these options.
    ///
    /// - Throws: `usage` with one sentence for what cannot be asked.
    package init(_ options: PredictOptions) throws(RunError) {
        self.options = options
        format = try options.format()
    }

    /// Reads the model and the rows, and writes an answer a row.
    ///
    /// - Throws: `RunError` with the exit status and one sentence.
    package func run() async throws(RunError) {
        do {
            try await predict()
        } catch let error as PredictionError {
            throw RunError(error, options.model)
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private func predict() async throws {
        let job = try PredictionJob(options, format)
        while let features = try job.next() {
            let explanations = options.explains ? try await explanations(features, job) : []
            guard try job.write(await answers(features, job), explanations) else { break }
        }
        await job.pool.shutdown()
        try job.writer.finish()
    }

    /// Answers in the order of the rows, in parts.
    private func answers(
        _ features: Matrix, _ job: PredictionJob
    ) async throws -> [ClassProbabilities] {
        let predictor = job.predictor
        return try await job.pool.parallelRanges(features.rowCount) { rows in
            try predictor.probabilities(ofFeatures: features, rows: rows)
        }
    }

    /// Explanations in the order of the rows.
    private func explanations(
        _ features: Matrix, _ job: PredictionJob
    ) async throws -> [Explanation] {
        let predictor = job.predictor
        return try await job.pool.parallelRanges(features.rowCount) { rows in
            try rows.map { try predictor.explanation(ofFeatures: features, row: $0) }
        }.flatMap(\.self)
    }
}

/// What a prediction works with.
private final class PredictionJob {
    /// Rows that are read before the first answers are written.
    private static let firstRowCount = 16
    /// Values that are read at a time after that.
    private static let blockValueCount = 1 << 20

    let predictor: Predictor
    let pool: ComputePool
    let writer: AnswerWriter
    private var rows: RowStream
    private var rowCount = firstRowCount

    init(_ options: PredictOptions, _ format: PredictOptions.Format) throws {
        if let output = options.output {
            try OutputFile.check(
                output,
                isNone: [
                    (options.input, "the input"),
                    (try OpenedModel.path(options.model), "the model"),
                ])
        }
        let model = try OpenedModel.read(options.model)
        predictor = try Predictor(model, scheme: options.scheme, threadCount: options.threads)
        let threshold = try predictor.threshold(rejecting: options.reject, options.model)
        var request = options.request
        request.shape = model.rowShape
        rows = try RowStream(options.input, request)
        pool = try ComputePool(threadCount: options.threads, name: "predict")
        writer = try AnswerWriter(options, format, model, threshold: threshold)
        if let note = writer.note { StandardStream.error("coordinator: \(note)\n") }
    }

    /// Features of the rows that follow; nil after the last.
    func next() throws -> Matrix? {
        guard let block = try rows.next(rowCount) else { return nil }
        let features = try predictor.features(block)
        rowCount = max(
            1,
            Self.blockValueCount / max(1, features.columnCount + predictor.model.classCount))
        return features
    }

    /// Writes answers; returns whether somebody still reads.
    func write(_ parts: [ClassProbabilities], _ explanations: [Explanation]) throws -> Bool {
        try writer.write(parts, explanations)
    }
}
