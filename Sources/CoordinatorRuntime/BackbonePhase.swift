import Backbone
import Datasets
import FeatureStore
import HeadPlan
import Reporting
import RunStore
import Tensors
import Threading

/// What the backbone phase leaves: frozen weights and features.
struct BackboneOutcome: Sendable {
    let weights: BackboneWeights
    /// The output layer over all classes: the one-vs-all scheme.
    let output: Head
    /// Training features as workers get them.
    let chunks: FeatureChunks
    /// `[sample, feature]`.
    let testFeatures: Matrix
    let featureDigest: String
}

/// Trains the backbone, or takes it from an earlier start of the run, and extracts features.
struct BackbonePhase {
    private let options: RunOptions
    private let console: Console

    init(_ options: RunOptions, _ console: Console) {
        self.options = options
        self.console = console
    }

    func run(
        _ dataset: Dataset, _ directory: RunDirectory, _ kept: KeptFiles, _ clock: PhaseClock
    ) async throws -> BackboneOutcome {
        let thread = ThreadExecutor(name: "backbone")
        let outcome = try await thread.run { flag in
            let backbone = try trained(dataset, directory, flag, kept)
            console.endPhase()
            clock.end(\.backbone)
            console.show(.activity("extracting features"))
            let check: (Int) throws -> Void = { _ in try flag.check() }
            let train = try backbone.features(pixels: dataset.train.pixels, onMinibatch: check)
            let test = try backbone.features(pixels: dataset.test.pixels, onMinibatch: check)
            let outcome = try finish(backbone.weights(), train, test, dataset, directory)
            clock.end(\.features)
            return outcome
        }
        await thread.shutdown()
        return outcome
    }

    private func trained(
        _ dataset: Dataset, _ directory: RunDirectory, _ flag: CancellationFlag, _ kept: KeptFiles
    ) throws -> Backbone {
        let shape = dataset.train.shape
        var configuration = BackboneConfiguration(
            channelCount: shape.channelCount, height: shape.height, width: shape.width,
            classCount: dataset.classCount, seed: options.seed, threadCount: options.threads)
        // A minibatch is padded to its full size: one larger than the data would be padding.
        configuration.batchSize = min(options.batchSize, dataset.train.count)
        configuration.learningRate = options.learningRate
        if let weights = try BackboneFile.read(from: directory, dataset: dataset) {
            console.log(.info, "the backbone was trained before; going on from it")
            kept.keepBackbone()
            return try Backbone(configuration, weights: weights)
        }
        let backbone = try Backbone(configuration)
        let progress = BackboneTracker(epochCount: options.epochs)
        for epoch in 0..<options.epochs {
            try backbone.trainEpoch(
                epoch, pixels: dataset.train.pixels, labels: dataset.train.labels
            ) { report in
                try flag.check()
                console.show(.backbone(progress.update(report)))
            }
        }
        try BackbonePhase.check(
            backbone.weights().tensors.allSatisfy { $0.values.allSatisfy(\.isFinite) })
        try BackboneFile.write(backbone.weights(), to: directory, dataset: dataset)
        kept.keepBackbone()
        return backbone
    }

    /// - Throws: `usage` for numbers that are not finite: no head can be trained on them.
    private static func check(_ isFinite: Bool) throws(RunError) {
        guard isFinite else {
            throw .usage("the backbone's training diverged; lower --learning-rate")
        }
    }

    private func finish(
        _ weights: BackboneWeights, _ train: Matrix, _ test: Matrix, _ dataset: Dataset,
        _ directory: RunDirectory
    ) throws -> BackboneOutcome {
        if options.savesFeatures {
            try NPY.write(train, to: directory.path(of: .trainFeatures))
            try NPY.write(labels: dataset.train.labels, to: directory.path(of: .trainLabels))
            try NPY.write(test, to: directory.path(of: .testFeatures))
            try NPY.write(labels: dataset.test.labels, to: directory.path(of: .testLabels))
        }
        try Self.check(train.values.allSatisfy(\.isFinite) && test.values.allSatisfy(\.isFinite))
        let classCount = dataset.classCount
        return BackboneOutcome(
            weights: weights,
            output: Head(
                classes: .all(classCount),
                weights: Matrix(
                    rowCount: classCount, columnCount: BackboneConfiguration.featureCount,
                    values: weights.fc2Weight.values),
                biases: weights.fc2Bias.values),
            chunks: try FeatureChunks(
                FeatureTable(
                    grouping: train, labels: dataset.train.labels, classCount: classCount)),
            testFeatures: test, featureDigest: RunDigests.features(train: train, test: test))
    }
}

/// Rate and time left of the backbone's training.
private struct BackboneTracker {
    private let epochCount: Int
    private let start = ContinuousClock.now

    init(epochCount: Int) {
        self.epochCount = epochCount
    }

    func update(_ report: EpochProgress) -> BackboneProgress {
        let seconds = start.duration(to: .now) / .seconds(1)
        let done = report.epoch * report.rowCount + report.rowsDone
        let rate = Double(done) / max(seconds, 1e-3)
        return BackboneProgress(
            epoch: report.epoch + 1, epochCount: epochCount, rowsDone: report.rowsDone,
            rowCount: report.rowCount, loss: report.meanLoss, accuracy: report.accuracy,
            imagesPerSecond: rate,
            secondsLeft: Double(epochCount * report.rowCount - done) / rate)
    }
}

/// The trained backbone in the run directory, for going on after an interruption.
enum BackboneFile {
    /// The backbone's tensors under the contract's names.
    static func tensors(_ weights: BackboneWeights) -> [NamedTensor] {
        zip(BackboneWeights.names, weights.tensors).map {
            NamedTensor("backbone." + $0, $1.shape, $1.values)
        }
    }

    static func write(
        _ weights: BackboneWeights, to directory: RunDirectory, dataset: Dataset
    ) throws(RunStoreError) {
        try directory.saveBackbone(tensors(weights), metadata: ["data_sha256": dataset.sha256])
    }

    /// Nil if there is none; one of other data is refused.
    static func read(
        from directory: RunDirectory, dataset: Dataset
    ) throws -> BackboneWeights? {
        guard let file = try directory.loadBackbone() else { return nil }
        guard file.metadata["data_sha256"] == dataset.sha256 else {
            throw RunError(
                .usage,
                "\(directory.path) holds a backbone trained on other data; choose another --run-dir"
            )
        }
        let tensors = try BackboneWeights.names.map { name in
            guard let tensor = file["backbone." + name], let values = tensor.floats else {
                throw RunError(
                    .data, "\(directory.path(of: .backbone)) lacks \(name); remove it to train anew"
                )
            }
            return BackboneTensor(shape: tensor.shape, values: values)
        }
        return BackboneWeights(
            conv1Weight: tensors[0], conv1Bias: tensors[1], conv2Weight: tensors[2],
            conv2Bias: tensors[3], fc1Weight: tensors[4], fc1Bias: tensors[5],
            fc2Weight: tensors[6], fc2Bias: tensors[7])
    }
}
