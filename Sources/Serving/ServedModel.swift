package import InferenceProtocol
import Synchronization

/// A model that is served.
package protocol ServedModel: Sendable {
    /// What the protocol says of it.
    var description: ModelDescription { get }

    /// What predicts by a scheme; the same object each time.
    ///
    /// - Parameter scheme: nil for the model's own choice.
    /// - Throws: `InferenceError` for a scheme that the model does not have.
    func predictor(scheme: String?) throws(InferenceError) -> any RowPredictor
}

/// Probabilities for rows, by one model and scheme; threads share it.
package protocol RowPredictor: AnyObject, Sendable {
    /// Probabilities of all classes, `[sample, class]`.
    ///
    /// A row's depend on that row alone, not on the rows beside it.
    ///
    /// - Throws: `InferenceError` of status 500 where the model cannot answer.
    func probabilities(_ rows: InferenceRows) throws(InferenceError) -> [Double]
}

/// The models that are served now.
package final class ModelRegistry: Sendable {
    private let models = Mutex<[String: any ServedModel]>([:])

    /// No models.
    package init() {}

    /// Puts models in the place of all there were; requests that are being answered keep theirs.
    package func replace(with models: [any ServedModel]) {
        let named = Dictionary(models.map { ($0.description.name, $0) }) { first, _ in first }
        self.models.withLock { $0 = named }
    }

    /// The names, in order.
    package var names: [String] { models.withLock { $0.keys.sorted() } }

    /// The model of a name.
    ///
    /// - Throws: `InferenceError` of status 404 for a name that there is none of.
    package func model(_ name: String) throws(InferenceError) -> any ServedModel {
        if let model = models.withLock({ $0[name] }) { return model }
        let names = self.names
        let shown = names.prefix(10).joined(separator: ", ") + (names.count > 10 ? ", ..." : "")
        throw InferenceError(
            status: 404, "there is no model \(name.prefix(200)); there are: \(shown)")
    }
}
