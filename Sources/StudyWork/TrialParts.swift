import Hashing
import Heads
import ImageData
import LeNet
import Numerics
import Study
import Synchronization

/// Features of a trial's rows.
struct Features {
    /// `[sample, feature]`.
    let train: Matrix
    /// `[sample, feature]`.
    let test: Matrix
    /// As in a run's `digests.features`.
    let digest: String

    init(
        of backbone: Backbone, _ train: LabeledImages, _ test: LabeledImages,
        _ check: () throws -> Void
    ) throws {
        self.train = try backbone.features(pixels: train.pixels) { _ in try check() }
        self.test = try backbone.features(pixels: test.pixels) { _ in try check() }
        guard (self.train.values + self.test.values).allSatisfy(\.isFinite) else {
            throw TrialError("the backbone's training diverged; lower --learning-rate")
        }
        digest = hexadecimalSHA256([self.train.values, self.test.values])
    }
}

/// Of heads in their plan's order, as in a run's `digests.heads`.
func digest(_ heads: [Head]) -> String {
    hexadecimalSHA256(heads.flatMap { [Array($0.weightSlice), $0.biases] })
}

/// The seed of a whole network over some classes, different for every class set and arm.
func networkSeed(_ seed: UInt64, _ arm: StudyArm, classKeys: [UInt64]) -> UInt64 {
    let word = Philox.block(
        seed: seed ^ ClassSet.fingerprint(ofKeys: classKeys), UInt32(arm == .warm ? 1 : 0),
        UInt32(classKeys.count), 0, 0)
    return UInt64(word.y) << 32 | UInt64(word.x)
}

/// Backbones of the trials that warm networks start from: each thread that needs one finds it, or trains
/// it while the others that need the same one wait.
final class BackboneCache: Sendable {
    private final class Entry: Sendable {
        let weights = Mutex<BackboneWeights?>(nil)
    }

    /// Ten megabytes each.
    private static let countMax = 8

    /// By data set, those that are not to be trained.
    private let given: [String: BackboneWeights]
    private let entries = Mutex<[(key: TrialKey, entry: Entry)]>([])

    init(given: [String: BackboneWeights]) { self.given = given }

    func weights(
        of key: TrialKey, _ train: () throws -> BackboneWeights
    ) throws -> BackboneWeights {
        if let known = given[key.dataset] { return known }
        let entry = entries.withLock { entries in
            if let known = entries.first(where: { $0.key == key }) { return known.entry }
            let made = Entry()
            entries.append((key, made))
            if entries.count > Self.countMax { entries.removeFirst() }
            return made
        }
        return try entry.weights.withLock { weights in
            if let weights { return weights }
            let made = try train()
            weights = made
            return made
        }
    }
}
