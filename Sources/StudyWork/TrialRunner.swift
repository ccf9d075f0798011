import Decoding
import Hashing
package import HeadTraining
import Heads
package import ImageData
package import LeNet
import LogitKernels
import Numerics
package import Study

/// Computes the units of a study: whole trials, and whole networks.
///
/// A unit's numbers depend on its rows, its key and the settings alone, and on the type of processor as
/// the backbone's do; not on who computes it, beside what else, or in which order.
package struct TrialRunner: Sendable {
    /// Shared by all trials.
    package let settings: StudySettings
    private let datasets: [String: Dataset]
    private let variant: KernelVariant
    private let backbones: BackboneCache

    /// A runner on these data sets, whose classes and rows are those of the settings' scope.
    ///
    /// - Parameter backbones: by data set, what warm networks start from; without, the trial's own.
    package init(
        settings: StudySettings, datasets: [Dataset], variant: KernelVariant,
        backbones: [String: BackboneWeights] = [:]
    ) {
        self.backbones = BackboneCache(given: backbones)
        self.settings = settings
        self.datasets = Dictionary(
            datasets.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.variant = variant
    }

    /// Computes one unit on the calling thread.
    ///
    /// - Parameter isCancelled: asked after every minibatch; true ends the work.
    /// - Throws: ``TrialError`` for a unit that does not fit the data, `CancellationError`, and what
    ///   training throws.
    package func run(
        _ unit: StudyUnit, isCancelled: @escaping () -> Bool = { false }
    ) throws -> UnitOutcome {
        guard let dataset = datasets[unit.key.dataset] else {
            throw TrialError("there is no data set \(unit.key.dataset) here")
        }
        guard (1...1_000_000).contains(unit.key.fractionMillionths) else {
            throw TrialError("\(unit.key) keeps no possible share of the rows")
        }
        let work = TrialWork(
            settings: settings, key: unit.key, dataset: dataset, variant: variant,
            backbones: backbones, isCancelled: isCancelled)
        switch unit {
        case .trial(_, let arms, let isControlled):
            return .trial(try work.trial(arms, isControlled: isControlled))
        case .network(_, let arm, let classes):
            guard Set(classes).count == classes.count, classes.count >= 2,
                classes.allSatisfy({ (0..<dataset.classCount).contains($0) })
            else { throw TrialError("\(classes) are no classes of \(unit.key.dataset)") }
            return .network(try work.network(arm, ClassSet(classes)))
        }
    }
}

/// Why a unit cannot be computed.
package struct TrialError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence.
    package let description: String

    /// An error that says this.
    package init(_ description: String) { self.description = description }
}

/// One unit under way.
struct TrialWork {
    let settings: StudySettings
    let dataset: Dataset
    /// The trial's own rows.
    let train: LabeledImages
    let seed: UInt64
    let variant: KernelVariant
    let key: TrialKey
    let backbones: BackboneCache
    let isCancelled: () -> Bool

    init(
        settings: StudySettings, key: TrialKey, dataset: Dataset, variant: KernelVariant,
        backbones: BackboneCache, isCancelled: @escaping () -> Bool
    ) {
        self.key = key
        self.backbones = backbones
        self.settings = settings
        self.dataset = dataset
        self.variant = variant
        self.isCancelled = isCancelled
        seed = key.seed(base: settings.seed)
        train = dataset.train.drawn(
            fraction: key.fraction, imbalance: settings.imbalance,
            isResampled: settings.balance == .resample, seed: seed,
            classCount: dataset.classCount, classKeys: dataset.classKeys)
    }

    private var classCount: Int { dataset.classCount }

    /// Whether rows weigh by their class, in whatever is trained on them.
    private var isWeighted: Bool { settings.balance == .weights }

    private var scoring: SchemeScoring {
        SchemeScoring(labels: dataset.test.labels, classCount: classCount)
    }

    private func check() throws {
        if isCancelled() { throw CancellationError() }
    }

    // MARK: - A trial

    func trial(_ arms: [StudyArm], isControlled: Bool) throws -> TrialOutcome {
        if let arm = arms.first(where: \.trainsNetworks) {
            throw TrialError("\(arm.rawValue) heads are networks of their own, not a trial's")
        }
        let backbone = try trainedBackbone()
        let features = try Features(of: backbone, train, dataset.test, check)
        let output = try backbone.weights().outputHead
        var outcome = TrialOutcome(
            trainRowCount: train.count, featureDigest: features.digest,
            backbone: [
                try scoring.outcome(
                    of: .oneVsAll, HeadLogits(HeadBank([output]), features.test))
            ], arms: [])
        let table = FeatureTable(
            grouping: features.train, labels: train.labels, classCount: classCount,
            classKeys: dataset.classKeys)
        for arm in arms {
            outcome.arms.append(try heads(arm, table, output, features.test))
        }
        if isControlled {
            outcome.backbone.append(try control(backbone))
        }
        return outcome
    }

    private func trainedBackbone() throws -> Backbone {
        let backbone = try Backbone(configuration(classCount, of: train, seed: seed))
        try trainEpochs(0..<settings.epochCount, of: backbone, on: train)
        return backbone
    }

    /// The backbone as if it had been given the heads' epochs too, all layers, Adadelta's memory kept.
    private func control(_ backbone: Backbone) throws -> SchemeOutcome {
        let first = settings.epochCount
        try trainEpochs(first..<first + settings.headEpochCount, of: backbone, on: train)
        let features = try backbone.features(pixels: dataset.test.pixels) { _ in try check() }
        let output = try HeadBank([backbone.weights().outputHead])
        return try scoring.outcome(of: .oneVsAllEqualSteps, HeadLogits(output, features))
    }

    private func heads(
        _ arm: StudyArm, _ table: FeatureTable, _ output: Head, _ test: Matrix
    ) throws -> ArmOutcome {
        let specs = HeadPlan(.subsets, classCount: classCount).heads
        guard arm == .converged else {
            return try evaluated(arm, try trained(arm, specs, table, output), test)
        }
        let l2 =
            try settings.l2
            ?? ConvergedHeadTrainer.chooseL2(
                table: table, seed: seed, isBalanced: isWeighted, variant: variant,
                isCancelled: isCancelled
            ).cautiousL2
        let found = try ConvergedHeadTrainer(
            table: table, isBalanced: isWeighted, l2: l2, variant: variant
        ).train(specs, isCancelled: isCancelled)
        var outcome = try evaluated(arm, found.map(\.head), test)
        outcome.certifiedCount = found.count(where: \.isCertified)
        outcome.l2 = l2
        return outcome
    }

    private func evaluated(_ arm: StudyArm, _ heads: [Head], _ test: Matrix) throws -> ArmOutcome {
        let logits = try HeadLogits(HeadBank(heads), test)
        return ArmOutcome(
            arm: arm, schemes: try scoring.outcomes(logits),
            policies: try scoring.frontier(logits, featureCount: test.columnCount),
            headDigest: digest(heads), headCount: heads.count)
    }

    private func trained(
        _ arm: StudyArm, _ specs: [HeadKey], _ table: FeatureTable, _ output: Head
    ) throws -> [Head] {
        let initialisation: HeadInitialisation =
            switch arm {
            case .frozen: .glorot
            case .zero: .zero
            case .derived: .derived
            case .converged, .warm, .scratch:
                throw TrialError("\(arm.rawValue) heads are not trained by epochs on features")
            }
        let trainer = try HeadTrainer(
            table: table,
            hyperparameters: HeadHyperparameters(
                epochCount: settings.headEpochCount, batchSize: settings.batchSize,
                learningRate: settings.learningRate, dropout: settings.headDropout,
                initialisation: initialisation, seed: seed, isBalanced: isWeighted),
            derivedFrom: output, variant: variant)
        return try trainer.train(specs, isCancelled: isCancelled)
    }

    // MARK: - A network

    func network(_ arm: StudyArm, _ classes: ClassSet) throws -> NetworkOutcome {
        guard arm.trainsNetworks else {
            throw TrialError("\(arm.rawValue) heads are layers on frozen features, not networks")
        }
        // As of heads: what the network's classes are numbered by is not where they stand in the run.
        let order = ClassOrder(classes, keys: dataset.classKeys)
        let rows = train.keepingClasses(order.classes)
        let configuration = configuration(
            classes.count, of: rows,
            seed: networkSeed(seed, arm, classKeys: order.classes.map { dataset.classKeys[$0] }))
        let network =
            arm == .scratch
            ? try Backbone(configuration)
            : try Backbone(
                configuration,
                weights: backbones.weights(of: key) { try trainedBackbone().weights() }
                    .keepingClasses(order.classes))
        try trainEpochs(0..<settings.headEpochCount, of: network, on: rows)
        let features = try network.features(pixels: dataset.test.pixels) { _ in try check() }
        let weights = try network.weights()
        let logits = try weights.keepingClasses(order.positions).outputHead.logits(features).values
        guard logits.allSatisfy(\.isFinite) else {
            throw TrialError("the network over \(classes) diverged; lower --learning-rate")
        }
        return NetworkOutcome(
            trainRowCount: rows.count, logits: logits,
            weightDigest: hexadecimalSHA256(weights.tensors.map(\.values)))
    }

    private func configuration(
        _ classCount: Int, of rows: LabeledImages, seed: UInt64
    ) -> BackboneConfiguration {
        let shape = rows.shape
        // One thread: units are what cores share.
        var configuration = BackboneConfiguration(
            channelCount: shape.channelCount, height: shape.height, width: shape.width,
            classCount: classCount, seed: seed, threadCount: 1)
        // A minibatch is padded to its full size: one larger than the data would be padding.
        configuration.batchSize = min(settings.batchSize, rows.count)
        if isWeighted {
            configuration.classWeights = ClassWeights.balanced(
                rowCounts: rows.classCounts(classCount: classCount)
            ).map(Float.init)
        }
        configuration.learningRate = settings.learningRate
        return configuration
    }

    private func trainEpochs(
        _ epochs: Range<Int>, of network: Backbone, on rows: LabeledImages
    ) throws {
        for epoch in epochs {
            try network.trainEpoch(epoch, pixels: rows.pixels, labels: rows.labels) { _ in
                try check()
            }
        }
    }
}
