import InferenceProtocol
import Numerics
import Serving
import Synchronization

/// A model whose probabilities are the shares of its features, and that counts how it is asked.
final class StubModel: ServedModel, RowPredictor {
    let description: ModelDescription
    /// How many rows it was asked about at once, each time.
    let batches = Mutex<[Int]>([])
    private let marker: Double

    /// - Parameter marker: what the first class's share is raised by.
    init(
        _ name: String, featureCount: Int = 3, marker: Double = 0
    ) throws(InferenceError) {
        description = try ModelDescription(
            name: name, input: .features(featureCount),
            classNames: (0..<featureCount).map { "class \($0)" }, schemes: ["shares"])
        self.marker = marker
    }

    func predictor(scheme: String?) throws(InferenceError) -> any RowPredictor {
        guard scheme == nil || scheme == "shares" else {
            throw InferenceError("there is no scheme \(scheme ?? "")")
        }
        return self
    }

    func probabilities(_ rows: InferenceRows) throws(InferenceError) -> [Double] {
        guard case .features(let matrix) = rows else { return [] }
        batches.withLock { $0.append(matrix.rowCount) }
        if matrix.values.contains(-1) {
            throw InferenceError(status: 500, "the model cannot answer")
        }
        return (0..<matrix.rowCount).flatMap { row in
            let values = matrix.row(row).map { Double($0) }
            let sum = values.reduce(marker, +)
            return values.enumerated().map { ($0.element + ($0.offset == 0 ? marker : 0)) / sum }
        }
    }
}
