package import Formats
package import Heads
package import LeNet
import Numerics

/// A trained model: classes, heads and, where it made its own features, the backbone.
///
/// What evaluates, predicts, serves or exports opens this and nothing else.
package struct Model: Sendable {
    /// A name per class.
    package let classNames: [String]
    /// The stable key of each class.
    package let classKeys: [UInt64]
    /// Ascending, at least one.
    package let heads: [Head]
    /// Makes features of images; nil where features come from elsewhere.
    package let backbone: BackboneWeights?
    /// What else the file says: data set, seed, digests.
    package let metadata: [String: String]

    private static let backbonePrefix = "backbone."
    private static let ownKeys: Set<String> = ["classes", "class_names", "class_keys"]

    /// A model of these parts; traps unless every class has a name and a key.
    package init(
        classNames: [String], classKeys: [UInt64], heads: [Head], backbone: BackboneWeights?,
        metadata: [String: String] = [:]
    ) {
        precondition(classNames.count == classKeys.count)
        self.classNames = classNames
        self.classKeys = classKeys
        self.heads = heads
        self.backbone = backbone
        self.metadata = metadata
    }

    /// How many classes there are.
    package var classCount: Int { classNames.count }

    /// Features that heads read; nil without heads and backbone.
    package var featureCount: Int? {
        heads.first?.featureCount ?? backbone?.outputHead.featureCount
    }

    /// The model as a file.
    ///
    /// - Throws: `FormatError` for heads that no file holds, see ``ModelTensors``.
    package func file() throws(FormatError) -> Safetensors {
        var metadata = metadata
        metadata["classes"] = classNames.joined(separator: ",")
        // Names of the user's own may have commas.
        metadata["class_names"] = JSONValue.array(classNames.map { .string($0) }).text
        metadata["class_keys"] = JSONValue.array(classKeys.map { .string(String($0)) }).text
        return Safetensors(
            metadata: metadata,
            tensors: (backbone?.named(Self.backbonePrefix) ?? [])
                + (try ModelTensors.tensors(of: heads)))
    }

    /// Reads a model out of a file.
    ///
    /// - Parameter path: of the file, for messages.
    /// - Throws: `FormatError`, one sentence, for a file that is damaged or of another kind.
    package init(_ file: Safetensors, path: String) throws(FormatError) {
        guard let names = Self.list(file.metadata["class_names"]), names.count >= 2,
            let keys = Self.list(file.metadata["class_keys"])?.map({ UInt64($0) }),
            keys.count == names.count, Set(keys).count == keys.count, !keys.contains(nil)
        else {
            throw .malformed(
                path, "it does not name its classes; give a model.safetensors of a run")
        }
        let heads = try ModelTensors.heads(in: file)
        let hasBackbone = file.tensors.contains { $0.name.hasPrefix(Self.backbonePrefix) }
        let backbone =
            hasBackbone
            ? try BackboneWeights(file.tensors, Self.backbonePrefix, path: path) : nil
        let width = heads.first?.featureCount ?? backbone?.outputHead.featureCount
        guard heads.allSatisfy({ $0.featureCount == width }),
            heads.allSatisfy({ ($0.classes.members.last ?? 0) < names.count })
        else {
            throw .malformed(path, "its heads are not over its \(names.count.counted("class"))")
        }
        if let backbone {
            guard backbone.fc2Weight.shape == [names.count, width ?? 0],
                backbone.fc2Bias.shape == [names.count]
            else {
                throw .malformed(
                    path, "it has no output layer over \(names.count.counted("class"))")
            }
        }
        classNames = names
        classKeys = keys.compactMap(\.self)
        self.heads = heads
        self.backbone = backbone
        metadata = file.metadata.filter { !Self.ownKeys.contains($0.key) }
    }

    private static func list(_ text: String?) -> [String]? {
        guard let text, case .array(let values)? = JSONValue(text: text) else { return nil }
        let names = values.compactMap { value -> String? in
            if case .string(let name) = value { name } else { nil }
        }
        return names.count == values.count ? names : nil
    }
}
