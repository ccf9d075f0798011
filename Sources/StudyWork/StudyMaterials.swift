package import FeatureStore
import Foundation
package import HeadTraining
import Heads
package import ImageData
package import LeNet
package import Study

/// What workers need for a study, as bytes under names: settings, and images as they are in the files.
package enum StudyMaterials {
    /// A data set without its images.
    private struct Header: Codable {
        var name: String
        var classNames: [String]
        var classKeys: [UInt64]
        var channelCount: Int
        var height: Int
        var width: Int
    }

    private static let settingsName = "settings.json"
    /// Weights, float32 little-endian.
    private static let backboneEnding = "/backbone"
    /// The materials of a study on these data sets.
    ///
    /// - Parameter backbones: by data set, what warm networks start from; without, the trials' own.
    /// - Throws: ``TrialError`` for settings that are not finite, or too many classes.
    package static func materials(
        settings: StudySettings, datasets: [Dataset], backbones: [String: BackboneWeights] = [:]
    ) throws -> Materials {
        var items = [Materials.Item(name: settingsName, bytes: try encode(settings))]
        for dataset in datasets {
            guard dataset.classCount <= HeadPlan.subsetClassCountMax else {
                throw TrialError(
                    "a study trains heads over all subsets, of at most \(HeadPlan.subsetClassCountMax) classes"
                )
            }
            let name = dataset.name
            let shape = dataset.train.shape
            let header = Header(
                name: name, classNames: dataset.classNames, classKeys: dataset.classKeys,
                channelCount: shape.channelCount, height: shape.height, width: shape.width)
            items.append(Materials.Item(name: name + "/header.json", bytes: try encode(header)))
            if let backbone = backbones[name] {
                items.append(
                    Materials.Item(
                        name: name + backboneEnding,
                        bytes: unsafe backbone.values.withUnsafeBytes { unsafe Array($0) }))
            }
            for (part, images) in [("train", dataset.train), ("test", dataset.test)] {
                items.append(Materials.Item(name: "\(name)/\(part)/pixels", bytes: images.pixels))
                let labels = images.labels.compactMap { UInt8(exactly: $0) }
                guard labels.count == images.count else {
                    throw TrialError("a label of \(name) does not fit one byte; use fewer classes")
                }
                items.append(Materials.Item(name: "\(name)/\(part)/labels", bytes: labels))
            }
        }
        return Materials(items)
    }

    /// Runs a study's units on materials received over the network, all of them untrusted.
    ///
    /// - Throws: ``TrialError`` for materials that are not a study's.
    package static func runner(
        _ materials: Materials, variant: KernelVariant
    ) throws -> TrialRunner {
        func part(_ name: String) throws -> [UInt8] {
            guard let found = materials.bytes(of: name) else {
                throw TrialError("the study has no \(name)")
            }
            return found
        }
        let settings = try decode(StudySettings.self, try part(settingsName))
        guard settings.imbalance >= 1, settings.imbalance.isFinite,
            (1...1_000_000).contains(settings.epochCount),
            (1...1_000_000).contains(settings.headEpochCount),
            (1...65_536).contains(settings.batchSize)
        else { throw TrialError("the study's settings are out of range") }
        let ending = "/header.json"
        let datasets = try materials.items.filter { $0.name.hasSuffix(ending) }.map { item in
            let header = try decode(Header.self, item.bytes)
            let sides = [header.channelCount, header.height, header.width]
            guard !header.name.isEmpty, item.name == header.name + ending,
                sides.allSatisfy({ (1...4_096).contains($0) }),
                (2...HeadPlan.subsetClassCountMax).contains(header.classNames.count)
            else { throw TrialError("the study has a data set without a name: \(item.name)") }
            guard header.classKeys.count == header.classNames.count,
                Set(header.classKeys).count == header.classKeys.count
            else { throw TrialError("the classes of \(header.name) have no keys of their own") }
            let shape = ImageShape(
                channelCount: header.channelCount, height: header.height, width: header.width)
            func images(_ name: String) throws -> LabeledImages {
                let pixels = try part("\(header.name)/\(name)/pixels")
                let labels = try part("\(header.name)/\(name)/labels").map { Int($0) }
                guard pixels.count == labels.count * shape.pixelCount, !labels.isEmpty,
                    labels.allSatisfy({ $0 < header.classNames.count })
                else { throw TrialError("the \(name) images of \(header.name) do not fit") }
                return LabeledImages(shape: shape, pixels: pixels, labels: labels)
            }
            return Dataset(
                name: header.name, folder: "", classNames: header.classNames,
                classKeys: header.classKeys, train: try images("train"), test: try images("test"))
        }
        var backbones: [String: BackboneWeights] = [:]
        for dataset in datasets {
            guard let weights = materials.bytes(of: dataset.name + backboneEnding) else { continue }
            backbones[dataset.name] = try backbone(weights, of: dataset)
        }
        return TrialRunner(
            settings: settings, datasets: datasets, variant: variant, backbones: backbones)
    }

    private static func backbone(
        _ bytes: [UInt8], of dataset: Dataset
    ) throws -> BackboneWeights {
        let shape = dataset.train.shape
        let configuration = BackboneConfiguration(
            channelCount: shape.channelCount, height: shape.height, width: shape.width,
            classCount: dataset.classCount, seed: 0, threadCount: 1)
        let values = FloatBytes.floats(bytes)
        guard let values, values.allSatisfy(\.isFinite),
            let weights = try? BackboneWeights(values: values, for: configuration)
        else { throw TrialError("the backbone of \(dataset.name) does not fit") }
        return weights
    }

    /// A unit as the description of a task.
    package static func description(of unit: StudyUnit) throws -> [UInt8] { try encode(unit) }

    /// The unit that a task's description is.
    ///
    /// - Throws: ``TrialError`` for bytes that describe no unit.
    package static func unit(_ description: [UInt8]) throws -> StudyUnit {
        try decode(StudyUnit.self, description)
    }

    private static func encode(_ value: some Encodable) throws -> [UInt8] {
        do { return Array(try PackedText.encoder.encode(value)) } catch {
            throw TrialError("a setting is not a finite number")
        }
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, _ bytes: [UInt8]
    ) throws -> Value {
        do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
            throw TrialError("the materials of the study cannot be read")
        }
    }
}
