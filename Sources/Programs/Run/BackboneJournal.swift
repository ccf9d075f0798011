import FeatureStore
import Formats
import Foundation
import Journal
import LeNet
import Model
import Numerics
import System
import Transfer

// The backbone and its features to the journal and back.
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
    /// - Throws: `FormatError` when the journal lacks a tensor; shapes are for `Backbone` to check.
    init(_ record: BackboneRecord, _ journal: RunJournal) throws(FormatError) {
        let (tensors, path) = (record.tensors, journal.path)
        self.init(
            weights: try BackboneWeights(tensors, Self.weightPrefix, path: path),
            squaredGradients: try BackboneWeights(tensors, Self.gradientPrefix, path: path),
            squaredUpdates: try BackboneWeights(tensors, Self.updatePrefix, path: path))
    }
}

extension BackbonePhase {
    /// The features for the journal, if its heads are trained on the very same, of classes with the
    /// same keys.
    ///
    /// - Throws: `RunError` when they are not: the backbone's bits depend on the processor.
    func settled(
        _ outcome: BackboneOutcome, _ journal: RunJournal, origin: String
    ) throws -> FeatureRecord {
        let record = FeatureRecord(
            digest: outcome.featureDigest, origin: origin, manifest: outcome.chunks.manifest)
        guard let found = try journal.features(),
            found.digest != record.digest || found.manifest.features != record.manifest.features
        else { return record }
        let headCount = try journal.progress().headCount
        guard headCount == 0 else {
            throw RunError(
                .data,
                "the features computed here (\(record.origin)) differ from those that the \(headCount.counted("head")) in \(journal.path) were trained on (\(found.origin)): go on on a machine of that kind with as many --threads, or start over in another --run-dir"
            )
        }
        return record
    }

    /// What the features' bits depend on besides the weights.
    var origin: String {
        "\(Processor.modelName ?? "unknown processor"), threads: \(options.threads), oneDNN \(Backbone.libraryVersion)"
    }
}
