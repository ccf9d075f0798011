import Decoding
import FeatureSource
import Formats
import ImageData
import InferenceProtocol
import Model
import Numerics
import Prediction
import Serving
import Synchronization
import System

/// A model of ours as it is served: a predictor for each scheme that was asked for.
final class PredictedModel: ServedModel {
    let description: ModelDescription
    private let model: Model
    private let usual: SchemePredictor
    private let threadCount: Int
    /// Made when they are first asked for.
    private let others = Mutex<[Scheme: SchemePredictor]>([:])

    /// Reads a model.
    ///
    /// - Parameter scheme: of requests that name none; nil takes the model's own choice.
    /// - Throws: `data` for a file that cannot be read or a model that cannot be served, `usage` for a
    ///   scheme that it does not have.
    init(
        _ entry: ModelFolder.Entry, scheme: Scheme?, threadCount: Int
    ) throws(RunError) {
        do {
            model = try Model(contentsOf: entry.path)
            let predictor = try Predictor(model, scheme: scheme, threadCount: threadCount)
            usual = SchemePredictor(predictor)
            self.threadCount = threadCount
            let schemes = try Predictor.schemes(of: model)
            description = try ModelDescription(
                name: entry.name, input: try Self.input(of: model, entry),
                classNames: model.classNames,
                schemes: [predictor.scheme.rawValue]
                    + schemes.filter { $0 != predictor.scheme }.map(\.rawValue))
        } catch let error as FormatError {
            throw RunError(.data, error.message)
        } catch let error as PredictionError {
            throw RunError(
                error.fault == .request ? .usage : .data, "\(entry.path): \(error.message)")
        } catch let error as InferenceError {
            throw RunError(.data, "\(entry.path): \(error.message)")
        } catch let error as RunError {
            throw error
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private static func input(
        of model: Model, _ entry: ModelFolder.Entry
    ) throws(RunError) -> ModelDescription.Input {
        switch model.input {
        case .features(let count)?: .features(count)
        case .images(let shape)?:
            .images(
                channelCount: shape.channelCount, height: shape.height, width: shape.width)
        case nil:
            throw RunError(.data, "\(entry.path) does not say what its rows are; train it again")
        }
    }

    func predictor(scheme name: String?) throws(InferenceError) -> any RowPredictor {
        guard let name, name != usual.predictor.scheme.rawValue else { return usual }
        guard let scheme = Scheme(rawValue: name), description.schemes.contains(name) else {
            throw InferenceError(
                "the model \(description.name) has no scheme \(name.prefix(100)); it has \(description.schemes.joined(separator: ", "))"
            )
        }
        return try others.withLock { (others) throws(InferenceError) in
            if let found = others[scheme] { return found }
            do throws(PredictionError) {
                let made = SchemePredictor(
                    try Predictor(model, scheme: scheme, threadCount: threadCount))
                others[scheme] = made
                return made
            } catch {
                throw InferenceError(status: 500, error.message)
            }
        }
    }
}

/// Predicts by one scheme.
private final class SchemePredictor: RowPredictor {
    let predictor: Predictor

    init(_ predictor: Predictor) {
        self.predictor = predictor
    }

    func probabilities(_ rows: InferenceRows) throws(InferenceError) -> [Double] {
        do throws(PredictionError) {
            return try predictor.probabilities(try input(rows)).values
        } catch {
            // The rows were compared with the model before: this is the model's fault.
            throw InferenceError(status: 500, error.message)
        }
    }

    private func input(_ rows: InferenceRows) throws(PredictionError) -> InputRows {
        switch rows {
        case .features(let features): return .features(features)
        case .images(_, let pixels):
            guard let shape = predictor.model.imageShape else {
                throw PredictionError(.data, "the model does not say which images it reads")
            }
            return .images(shape, pixels: pixels)
        }
    }
}
