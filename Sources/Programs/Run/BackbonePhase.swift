import Display
import FeatureStore
import Formats
import Foundation
import Heads
import ImageData
import Journal
import LeNet
import Numerics
import RunFolder
import Sessions
import System

/// What heads are trained and judged on, wherever it comes from.
struct BackboneOutcome: Sendable {
    /// Of the backbone that made the features; nil where they come from files.
    let weights: BackboneWeights?
    /// The backbone's output layer over all classes: the one-vs-all scheme; nil likewise.
    let output: Head?
    /// Training features as workers get them.
    let chunks: any FeatureChunkSource
    /// `[sample, feature]`; no rows without validation rows.
    let validationFeatures: any FeatureRows
    /// `[sample, feature]`.
    let testFeatures: any FeatureRows
    let featureDigest: String
}

/// Takes features from files, or trains the backbone (or takes it from an earlier start of the run) and
/// has it make them.
struct BackbonePhase {
    let options: RunOptions
    private let console: Console

    init(_ options: RunOptions, _ console: Console) {
        self.options = options
        self.console = console
    }

    func run(
        _ data: RunData, _ directory: RunDirectory, _ clock: PhaseClock
    ) async throws -> BackboneOutcome {
        let journal = try directory.openJournal
        try directory.settle(journal, dataDigest: data.sha256)
        var start = JournalEntries()
        let time = Date(timeIntervalSinceNow: -clock.secondsSinceStart)
        start.events = [
            JournalEvent(
                seconds: 0, kind: JournalEvent.startedKind,
                payload: ["time": .string(time.formatted(.iso8601))]),
            clock.timing.journalEvent,
        ]
        try journal.commit(start)
        let writer = try JournalWriter(journal)
        let thread = try ThreadExecutor(name: "backbone")
        let result: Result<BackboneOutcome, any Error>
        do {
            result = .success(
                try await thread.run { flag in
                    switch data.rows {
                    case .images(let dataset, let validation):
                        try compute(
                            data, dataset, validation, directory, journal, writer, clock, flag)
                    case .features(let train, let validation, let test):
                        try take(
                            data, (train, validation, test), directory, journal, writer, clock,
                            flag)
                    }
                })
        } catch {
            result = .failure(error)
        }
        await thread.shutdown()
        // No head is accepted before this is on the disk, and no signal's sentence said.
        try await writer.finish()
        return try result.get()
    }

    /// Features of files: nothing is computed, and the clock of the backbone stands still.
    private func take(
        _ data: RunData, _ features: FeatureParts, _ directory: RunDirectory,
        _ journal: RunJournal, _ writer: JournalWriter, _ clock: PhaseClock,
        _ flag: CancellationFlag
    ) throws -> BackboneOutcome {
        console.show(.activity("hashing features"))
        let outcome = try finish(nil, features, data, directory, flag)
        let features = try settled(outcome, journal, origin: "files of the user's own")
        clock.end(\.features)
        var entries = JournalEntries(clock.timing)
        entries.features = features
        writer.append(entries)
        return outcome
    }

    private func compute(
        _ data: RunData, _ dataset: Dataset, _ validation: LabeledImages,
        _ directory: RunDirectory, _ journal: RunJournal,
        _ writer: JournalWriter, _ clock: PhaseClock, _ flag: CancellationFlag
    ) throws -> BackboneOutcome {
        let backbone = try trained(dataset, journal, writer, clock, flag)
        console.endPhase()
        clock.end(\.backbone)
        console.show(.activity("extracting features"))
        func features(_ images: LabeledImages) throws -> Matrix {
            let features =
                images.count == 0
                ? Matrix(rowCount: 0, columnCount: BackboneConfiguration.featureCount)
                : try backbone.features(pixels: images.pixels) { _ in try flag.check() }
            try Self.check(features.values.allSatisfy(\.isFinite))
            return features
        }
        let outcome = try finish(
            backbone.weights(),
            (features(dataset.train), features(validation), features(dataset.test)), data,
            directory, flag)
        let features = try settled(outcome, journal, origin: origin)
        clock.end(\.features)
        var entries = JournalEntries(clock.timing)
        entries.features = features
        writer.append(entries)
        return outcome
    }

    private func trained(
        _ dataset: Dataset, _ journal: RunJournal, _ writer: JournalWriter, _ clock: PhaseClock,
        _ flag: CancellationFlag
    ) throws -> Backbone {
        let shape = dataset.train.shape
        var configuration = BackboneConfiguration(
            channelCount: shape.channelCount, height: shape.height, width: shape.width,
            classCount: dataset.classCount, seed: options.seed, threadCount: options.threads)
        // A minibatch is padded to its full size: one larger than the data would be padding.
        configuration.batchSize = min(options.batchSize, dataset.train.count)
        configuration.learningRate = options.learningRate
        configuration.precision = options.precision
        if options.isBalanced {
            configuration.classWeights = ClassWeights.balanced(
                rowCounts: dataset.train.classCounts(classCount: dataset.classCount)
            ).map(Float.init)
        }
        let record = try journal.backbone()
        let epochsDone = record?.epochCount ?? 0
        let backbone: Backbone
        if let record {
            try warnOfOtherThreads(journal)
            console.log(
                .info,
                epochsDone >= options.epochs
                    ? "the backbone was trained before; going on from it"
                    : "\(epochsDone) of \(options.epochs) epochs of the backbone were trained before; going on with the others"
            )
            backbone = try Backbone(configuration, checkpoint: BackboneCheckpoint(record, journal))
        } else {
            backbone = try Backbone(configuration)
        }
        let progress = BackboneTracker(epochsDone: epochsDone, epochCount: options.epochs)
        for epoch in epochsDone..<max(epochsDone, options.epochs) {
            try backbone.trainEpoch(
                epoch, pixels: dataset.train.pixels, labels: dataset.train.labels
            ) { report in
                try flag.check()
                console.show(.backbone(progress.update(report)))
            }
            let checkpoint = try backbone.checkpoint()
            try BackbonePhase.check(
                checkpoint.weights.tensors.allSatisfy { $0.values.allSatisfy(\.isFinite) })
            // Written while the next epoch trains.
            try writer.check()
            var entries = JournalEntries()
            entries.backbone = checkpoint.record(epochCount: epoch + 1)
            // Says how long this start has run at least.
            entries.events = [JournalEvent(seconds: clock.secondsSinceStart, kind: "epoch")]
            writer.append(entries)
        }
        return backbone
    }

    /// Says so where a run goes on with another number of threads: that is where its digests part
    /// from those of a run with one number.
    private func warnOfOtherThreads(_ journal: RunJournal) throws {
        guard case .integer(let former)? = try journal.config()["threads"]?.normalised,
            former != Int64(options.threads)
        else { return }
        console.log(
            .warning,
            "the run began with --threads \(former) and goes on with \(options.threads): the features' bits depend on that, and with them all digests; --threads \(former) goes on as it began"
        )
    }

    /// - Throws: `usage` for numbers that are not finite: no head can be trained on them.
    private static func check(_ isFinite: Bool) throws(RunError) {
        guard isFinite else {
            throw .usage("the backbone's training diverged; lower --learning-rate")
        }
    }

    /// As heads read them, `[sample, feature]`.
    private typealias FeatureParts = (
        train: any FeatureRows, validation: any FeatureRows, test: any FeatureRows
    )

    private func finish(
        _ weights: BackboneWeights?, _ features: FeatureParts, _ data: RunData,
        _ directory: RunDirectory, _ flag: CancellationFlag
    ) throws -> BackboneOutcome {
        // An earlier start's too: results.json has the digests of all that are there.
        let hasSome = RunDirectory.savedFeatures.contains {
            FileSystem.exists(directory.path(of: $0))
        }
        if options.savesFeatures || hasSome {
            try NPY.write(features.train, to: directory.path(of: .trainFeatures))
            try NPY.write(labels: data.trainLabels, to: directory.path(of: .trainLabels))
            try NPY.write(features.test, to: directory.path(of: .testFeatures))
            try NPY.write(labels: data.testLabels, to: directory.path(of: .testLabels))
        }
        let digest = try RunDigests.features(train: features.train, test: features.test) {
            try flag.check()
            if data.holdsFeatures { return }
            console.show(.activity("hashing features", share: Double($0) / Double($1)))
        }
        return BackboneOutcome(
            weights: weights, output: weights?.outputHead,
            chunks: try chunks(of: features.train, data, flag),
            validationFeatures: features.validation, testFeatures: features.test,
            featureDigest: digest)
    }

    /// The training features cut into chunks: in memory, unless they take too much of it.
    private func chunks(
        of train: any FeatureRows, _ data: RunData, _ flag: CancellationFlag
    ) throws -> any FeatureChunkSource {
        if let matrix = train.held, data.holdsFeatures {
            return try FeatureChunks(
                FeatureTable(
                    grouping: matrix, labels: data.trainLabels, classCount: data.classCount,
                    classKeys: data.classKeys, weights: data.trainWeights))
        }
        if train.held == nil {
            console.log(
                .info,
                "\(train.name) has \(train.byteCount >> 20) MiB of features, which stay there and are read in pieces; workers hold all of them"
            )
        }
        let grouping = RowGrouping(
            labels: data.trainLabels, classCount: data.classCount, classKeys: data.classKeys,
            weights: data.trainWeights)
        return try StreamedChunks(train, grouping) { index, count in
            try flag.check()
            console.show(
                .activity("hashing features by class", share: Double(index) / Double(count)))
        }
    }
}

/// Rate and time left of the backbone's training.
private struct BackboneTracker {
    private let epochsDone: Int
    private let epochCount: Int
    private let start = ContinuousClock.now

    /// - Parameter epochsDone: by an earlier start.
    init(epochsDone: Int, epochCount: Int) {
        self.epochsDone = epochsDone
        self.epochCount = epochCount
    }

    func update(_ report: EpochProgress) -> BackboneProgress {
        let seconds = start.duration(to: .now) / .seconds(1)
        let done = report.epoch * report.rowCount + report.rowsDone
        let rate = Double(done - epochsDone * report.rowCount) / max(seconds, 1e-3)
        return BackboneProgress(
            epoch: report.epoch + 1, epochCount: epochCount, rowsDone: report.rowsDone,
            rowCount: report.rowCount, loss: report.meanLoss, accuracy: report.accuracy,
            imagesPerSecond: rate,
            secondsLeft: Double(epochCount * report.rowCount - done) / rate)
    }
}
