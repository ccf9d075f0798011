import Decoding
import FeatureSource
import Formats
import Model
import Prediction
import RunFolder
import System

/// A model as a person names it: the folder of a finished run, or a model's file.
enum OpenedModel {
    /// The model's file.
    ///
    /// - Throws: `data` with one sentence for a folder without one, or nothing at that path.
    static func path(_ place: String) throws(RunError) -> String {
        guard FileSystem.isFolder(place) else {
            guard FileSystem.exists(place) else {
                throw RunError(
                    .data,
                    "\(place) is not there; name the folder of a finished run, or its model.safetensors"
                )
            }
            return place
        }
        let path = RunDirectory.path(of: .model, in: place)
        if FileSystem.exists(path) { return path }
        let isBegun = FileSystem.exists(RunDirectory.path(of: .config, in: place))
        throw RunError(
            .data,
            isBegun
                ? "\(place) is a run without a model yet; coordinator resume \(place.shellQuoted) goes on with it"
                : "\(place) holds no model.safetensors; name the folder of a finished run, or the file itself"
        )
    }

    /// Reads the model at a place.
    ///
    /// - Throws: `RunError` or `FormatError`, one sentence, for what is no model or has none.
    static func read(_ place: String) throws -> Model {
        let path = try path(place)
        let model = try Model(contentsOf: path)
        if let mode = model.metadata["heads.networks"] {
            throw RunError(
                .data,
                "\(path) is of a run of whole networks (--head-mode \(mode)), whose heads are not kept; it cannot predict by them"
            )
        }
        return model
    }
}

extension Model {
    /// What each row of a file must be that the model is asked about; nil where its own file does not
    /// say.
    var rowShape: InputRequest.Shape? {
        switch input {
        case .features(let count)?: .features(count)
        case .images(let shape)?: .image(shape)
        case nil: nil
        }
    }
}

extension Predictor {
    /// The probability below which a row is none of the classes; nil where nobody rejects rows.
    ///
    /// - Parameters:
    ///   - share: of the validation rows, those that may be rejected at most.
    ///   - place: of the model, for messages.
    /// - Throws: `usage` for a model that no validation rows calibrated.
    func threshold(rejecting share: Double?, _ place: String) throws(RunError) -> Double? {
        guard let share else { return nil }
        guard let threshold = calibration?.threshold(rejecting: share) else {
            throw .usage(
                "--reject needs a threshold, which validation rows choose, and \(place) was trained without; train it with --val or --holdout"
            )
        }
        return threshold
    }
}

extension RunError {
    /// What the model at a place cannot answer.
    init(_ error: PredictionError, _ place: String) {
        self.init(error.fault == .request ? .usage : .data, "\(place): \(error.message)")
    }
}
