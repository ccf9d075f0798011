import Formats
import Model
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
