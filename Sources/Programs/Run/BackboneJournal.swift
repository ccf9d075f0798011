import FeatureStore
import Formats
import Foundation
import Journal
import LeNet
import System

// The backbone and its features to the journal and back.
extension BackboneWeights {
    /// The tensors under their names behind a prefix.
    func named(_ prefix: String) -> [NamedTensor] {
        zip(Self.names, tensors).map { NamedTensor(prefix + $0, $1.shape, $1.values) }
    }

    /// The tensors that ``named(_:)`` made, out of the file at `path`.
    init(_ tensors: [NamedTensor], _ prefix: String, path: String) throws(RunError) {
        var found: [BackboneTensor] = []
        for name in Self.names {
            guard let tensor = tensors.first(where: { $0.name == prefix + name }),
                let values = tensor.floats
            else {
                throw RunError(.data, "\(path) lacks \(prefix)\(name); use another run folder")
            }
            found.append(BackboneTensor(shape: tensor.shape, values: values))
        }
        self.init(
            conv1Weight: found[0], conv1Bias: found[1], conv2Weight: found[2],
            conv2Bias: found[3], fc1Weight: found[4], fc1Bias: found[5], fc2Weight: found[6],
            fc2Bias: found[7])
    }
}

extension BackboneCheckpoint {
    private static let weightPrefix = "weights."
    private static let gradientPrefix = "squared_gradients."
    private static let updatePrefix = "squared_updates."

    /// The checkpoint as the journal takes it.
    func record(epochCount: Int) -> BackboneRecord {
        BackboneRecord(
            epochCount: epochCount,
            tensors: weights.named(Self.weightPrefix)
                + squaredGradients.named(Self.gradientPrefix)
                + squaredUpdates.named(Self.updatePrefix))
    }

    /// The checkpoint that ``record(epochCount:)`` made.
    ///
    /// - Throws: `RunError` when the journal lacks a tensor; shapes are for `Backbone` to check.
    init(_ record: BackboneRecord, _ journal: RunJournal) throws(RunError) {
        let (tensors, path) = (record.tensors, journal.path)
        self.init(
            weights: try BackboneWeights(tensors, Self.weightPrefix, path: path),
            squaredGradients: try BackboneWeights(tensors, Self.gradientPrefix, path: path),
            squaredUpdates: try BackboneWeights(tensors, Self.updatePrefix, path: path))
    }
}

extension BackbonePhase {
    /// The features for the journal, if its heads are trained on the very same.
    ///
    /// - Throws: `RunError` when they are not: the backbone's bits depend on the processor.
    func settled(
        _ outcome: BackboneOutcome, _ journal: RunJournal, origin: String
    ) throws -> FeatureRecord {
        let record = FeatureRecord(
            digest: outcome.featureDigest, origin: origin, manifest: outcome.chunks.manifest)
        guard let found = try journal.features(), found.digest != record.digest else {
            return record
        }
        let headCount = try journal.progress().headCount
        guard headCount == 0 else {
            throw RunError(
                .data,
                "the features computed here (\(record.origin)) differ from those that the \(headCount) heads in \(journal.path) were trained on (\(found.origin)): go on on a machine of that kind with as many --threads, or start anew in another --run-dir"
            )
        }
        return record
    }

    /// What the features' bits depend on besides the weights.
    var origin: String {
        "\(Processor.modelName ?? "unknown processor"), threads: \(options.threads), oneDNN \(Backbone.libraryVersion)"
    }
}
