import Decoding
import FeatureSource
import Formats
import Model
import Numerics
import Prediction
package import System

/// `coordinator predict`: a model's answers for the rows of a file, some rows at a time.
package struct PredictProgram: Sendable {
    /// Rows that are read before the first answers are written.
    private static let firstRowCount = 256
    /// Values that are read at a time after that.
    private static let blockValueCount = 1 << 20

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
            throw RunError(
                error.fault == .request ? .usage : .data, "\(options.model): \(error.message)")
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private func predict() async throws {
        let model = try OpenedModel.read(options.model)
        let predictor = try Predictor(
            model, scheme: options.scheme, threadCount: options.threads)
        let threshold = try threshold(predictor)
        var request = options.request
        request.shape =
            switch model.input {
            case .features(let count)?: .features(count)
            case .images(let shape)?: .image(shape)
            case nil: nil
            }
        var rows = try RowStream(options.input, request)
        let pool = try ComputePool(threadCount: options.threads, name: "predict")
        let writer = try AnswerWriter(options, format, model, threshold: threshold)
        if let note = writer.note { StandardStream.error("coordinator: \(note)\n") }
        var count = Self.firstRowCount
        while let block = try rows.next(count) {
            let features = try predictor.features(block)
            let parts = try await pool.parallelRanges(features.rowCount) { range in
                try predictor.probabilities(ofFeatures: features, rows: range)
            }
            guard try writer.write(parts) else { break }
            count = max(1, Self.blockValueCount / max(1, features.columnCount + model.classCount))
        }
        await pool.shutdown()
        try writer.finish()
    }

    /// The probability below which a row is none of the classes.
    private func threshold(_ predictor: Predictor) throws(RunError) -> Double? {
        guard let share = options.reject else { return nil }
        guard let threshold = predictor.calibration?.threshold(rejecting: share) else {
            throw .usage(
                "--reject needs a threshold, which validation rows choose, and \(options.model) was trained without; train it with --val or --holdout"
            )
        }
        return threshold
    }
}
