import Decoding
package import Formats
import Heads
import ImageData
import LeNet
import Numerics

/// The model as a file: `Model.docc/File.md` describes it for whoever reads it elsewhere.
extension Model {
    private static let backbonePrefix = "backbone."
    private static let meanName = "normalization.mean"
    private static let scaleName = "normalization.scale"

    /// What ``Model`` reads itself; the rest of the map is ``metadata``.
    private enum Key: String, CaseIterable {
        case classes
        case classNames = "class_names"
        case classKeys = "class_keys"
        case imageShape = "image_shape"
        case normalization
        case calibration
        case scheme
    }

    /// The model as a file.
    ///
    /// - Throws: `FormatError` for heads that no file holds, see ``ModelTensors``.
    package func file() throws(FormatError) -> Safetensors {
        var metadata = metadata
        func set(_ key: Key, _ text: String?) { metadata[key.rawValue] = text }
        set(.classes, classNames.joined(separator: ","))
        // Names of the user's own may have commas.
        set(.classNames, JSONValue.array(classNames.map { .string($0) }).text)
        set(.classKeys, JSONValue.array(classKeys.map { .string(String($0)) }).text)
        if let shape = imageShape {
            let sides = [shape.channelCount, shape.height, shape.width]
            set(.imageShape, JSONValue.array(sides.map { .integer(Int64($0)) }).text)
        }
        set(.normalization, normalization.kind.rawValue)
        if !calibrations.isEmpty {
            set(
                .calibration,
                JSONValue.object(
                    Dictionary(
                        uniqueKeysWithValues: calibrations.map { ($0.rawValue, $1.json) })
                ).text)
        }
        set(.scheme, chosenScheme?.rawValue)
        var tensors = backbone?.named(Self.backbonePrefix) ?? []
        if case .standardize(let means, let scales) = normalization {
            for (name, values) in [(Self.meanName, means), (Self.scaleName, scales)] {
                tensors.append(
                    NamedTensor(name: name, shape: [values.count], content: .float64(values)))
            }
        }
        return Safetensors(
            metadata: metadata,
            tensors: tensors + (try ModelTensors.tensors(of: heads, classCount: classCount)))
    }

    /// Reads a model out of a file at `path`.
    ///
    /// - Throws: `FormatError`, one sentence, for a file that cannot be read, is damaged or of another
    ///   kind.
    package init(contentsOf path: String) throws(FormatError) {
        try self.init(try Safetensors(contentsOf: path), path: path)
    }

    /// Reads a model out of a file.
    ///
    /// - Parameter path: of the file, for messages.
    /// - Throws: `FormatError`, one sentence, for a file that is damaged or of another kind.
    package init(_ file: Safetensors, path: String) throws(FormatError) {
        func text(_ key: Key) -> String? { file.metadata[key.rawValue] }
        guard let names = Self.list(text(.classNames)), names.count >= 2,
            let keys = Self.list(text(.classKeys))?.map({ UInt64($0) }),
            keys.count == names.count, Set(keys).count == keys.count, !keys.contains(nil)
        else {
            throw .malformed(
                path, "it does not name its classes; give a model.safetensors of a run")
        }
        let heads = try ModelTensors.heads(
            in: file, classCount: names.count, path: path)
        let hasBackbone = file.tensors.contains { $0.name.hasPrefix(Self.backbonePrefix) }
        let backbone =
            hasBackbone
            ? try BackboneWeights(file.tensors, Self.backbonePrefix, path: path) : nil
        guard let width = heads.first?.featureCount ?? backbone?.outputHead.featureCount,
            heads.allSatisfy({ $0.featureCount == width }),
            heads.allSatisfy({ ($0.classes.members.last ?? 0) < names.count })
        else {
            throw .malformed(path, "its heads are not over its \(names.count.counted("class"))")
        }
        if let backbone {
            guard backbone.fc2Weight.shape == [names.count, width],
                backbone.fc2Bias.shape == [names.count]
            else {
                throw .malformed(
                    path, "it has no output layer over \(names.count.counted("class"))")
            }
        }
        self.init(
            classNames: names, classKeys: keys.compactMap(\.self), heads: heads,
            backbone: backbone, imageShape: try Self.imageShape(text(.imageShape), path),
            normalization: try Self.normalization(
                text(.normalization), file, featureCount: width, path),
            calibrations: try Self.calibrations(text(.calibration), path),
            chosenScheme: text(.scheme).flatMap { Scheme(rawValue: $0) },
            metadata: file.metadata.filter { Key(rawValue: $0.key) == nil })
    }

    private static func list(_ text: String?) -> [String]? {
        guard let text, case .array(let values)? = JSONValue(text: text) else { return nil }
        let names = values.compactMap { value -> String? in
            if case .string(let name) = value { name } else { nil }
        }
        return names.count == values.count ? names : nil
    }

    private static func imageShape(_ text: String?, _ path: String) throws(FormatError)
        -> ImageShape?
    {
        guard let text else { return nil }
        guard case .array(let values)? = JSONValue(text: text), values.count == 3 else {
            throw .malformed(path, "its image_shape is not [channels, height, width]")
        }
        let sides = values.compactMap { $0.number.flatMap { Int(exactly: $0) } }
        guard sides.count == 3, sides.allSatisfy((1...1 << 16).contains) else {
            throw .malformed(path, "its image_shape is not [channels, height, width]")
        }
        return ImageShape(channelCount: sides[0], height: sides[1], width: sides[2])
    }

    private static func normalization(
        _ text: String?, _ file: Safetensors, featureCount: Int, _ path: String
    ) throws(FormatError) -> Normalization {
        switch Normalization.Kind(rawValue: text ?? Normalization.Kind.none.rawValue) {
        case Normalization.Kind.none?: return .none
        case .l2?: return .l2
        case .standardize?:
            guard let means = file[meanName]?.doubles, let scales = file[scaleName]?.doubles,
                means.count == featureCount, scales.count == featureCount,
                means.allSatisfy(\.isFinite), scales.allSatisfy({ $0.isFinite && $0 > 0 })
            else {
                throw .malformed(
                    path, "\(meanName) and \(scaleName) are not a number for each feature")
            }
            return .standardize(means: means, scales: scales)
        case nil:
            throw .malformed(
                path, "its normalization \(text ?? "") is unknown; it is of a later version")
        }
    }

    private static func calibrations(
        _ text: String?, _ path: String
    ) throws(FormatError) -> [Scheme: Calibration] {
        guard let text else { return [:] }
        guard case .object(let object)? = JSONValue(text: text) else {
            throw .malformed(path, "its calibration is not an object of schemes")
        }
        var calibrations: [Scheme: Calibration] = [:]
        for (key, value) in object {
            // Of a later version's schemes nothing is asked here.
            guard let scheme = Scheme(rawValue: key) else { continue }
            guard let calibration = Calibration(value) else {
                throw .malformed(path, "its calibration of \(key) is not a temperature above 0")
            }
            calibrations[scheme] = calibration
        }
        return calibrations
    }
}

extension Calibration {
    private static let temperatureKey = "temperature"
    private static let quantilesKey = "confidence_quantiles"

    fileprivate var json: JSONValue {
        .object([
            Self.temperatureKey: .number(temperature),
            Self.quantilesKey: .array(confidenceQuantiles.map { .number($0) }),
        ])
    }

    fileprivate init?(_ json: JSONValue) {
        guard case .object(let object) = json,
            let temperature = object[Self.temperatureKey]?.number, temperature > 0,
            temperature.isFinite, case .array(let values) = object[Self.quantilesKey] ?? .array([])
        else { return nil }
        let quantiles = values.compactMap(\.number)
        guard quantiles.count == values.count,
            zip(quantiles, quantiles.dropFirst()).allSatisfy({ $0 <= $1 })
        else { return nil }
        self.init(temperature: temperature, confidenceQuantiles: quantiles)
    }
}
