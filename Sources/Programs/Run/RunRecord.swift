import Decoding
import FeatureStore
import Formats
import Heads
import ImageData
import Journal
import LeNet
import Model
import Numerics
import RunFolder
import Scheduling
import Sessions
import Study
import System
import Transfer
import ZeroMQ

/// Everything a run found, on its way into files and onto the screen.
struct RunRecord {
    let options: RunOptions
    let data: RunData
    let plan: HeadPlan
    let backbone: BackboneOutcome
    let trained: TrainedHeads
    /// What validation rows said; nil without any.
    let choice: SchemeChoice?
    let evaluation: SchemeEvaluation

    private var collected: CollectedHeads { trained.collected }

    /// Writes predictions.csv, model.safetensors and, last, results.json; what a finished run says of
    /// itself there stays.
    func write(to directory: RunDirectory, _ clock: PhaseClock) throws -> RunResults {
        let predictions = PredictionsCSV(
            labels: evaluation.labels, classNames: data.classNames,
            columns: evaluation.results.map {
                .init(
                    key: $0.scheme.rawValue, predictions: $0.metrics.evaluation.predictions,
                    probabilities: $0.confidences)
            })
        let digests = RunResults.Digests(
            features: backbone.featureDigest, heads: trained.digest,
            predictions: RunDigests.predictions(predictions.kept()))
        try directory.write(predictions.encoded(), as: .predictions)
        let model = Model(
            classNames: data.classNames, classKeys: data.classKeys, heads: trained.heads,
            backbone: backbone.weights, imageShape: data.images?.train.shape,
            normalization: data.normalization, calibrations: choice?.calibrations ?? [:],
            chosenScheme: choice?.scheme,
            metadata: metadata(digests))
        try model.file().write(to: directory.path(of: .model))
        try TimelineFile.write([clock.events, collected.timeline.events], to: directory)
        let journal = try directory.openJournal
        try journal.commit(JournalEntries(clock.timing))
        var results = results(digests, try journal.starts().map { .init($0) })
        if let former = directory.results, former.digests.heads == digests.heads,
            former.digests.features == digests.features
        {
            results = former
            results.digests = digests
        }
        results.files = try directory.fileDigests()
        try directory.write(results)
        return results
    }

    private func metadata(_ digests: RunResults.Digests) -> [String: String] {
        var metadata = [
            "dataset": data.name, "seed": "\(options.seed)", "digest.features": digests.features,
            "digest.heads": digests.heads, "digest.predictions": digests.predictions,
            "version": Release.version,
        ]
        if options.headMode != .frozen { metadata["heads.networks"] = options.headMode.rawValue }
        if !trained.missing.isEmpty {
            metadata["heads.missing"] = trained.missing.map {
                $0.classes.members.map(String.init).joined(separator: ",")
            }.joined(separator: ";")
        }
        return metadata
    }

    private var verification: RunResults.Verification? {
        guard options.verify > 0 || collected.mismatchCount > 0 else { return nil }
        return RunResults.Verification(
            share: options.verify, checked: collected.checkedCount,
            unchecked: collected.uncheckedCount, differing: collected.mismatchCount,
            refereed: collected.refereedCount)
    }

    private var quarantine: RunResults.Quarantine? {
        let workers = collected.workers.compactMap { worker in
            worker.fault.map {
                RunResults.Quarantine.Worker(
                    name: worker.name, host: worker.host, reason: $0.reason,
                    headsWithdrawn: $0.withdrawnCount)
            }
        }
        if workers.isEmpty && trained.missing.isEmpty { return nil }
        return RunResults.Quarantine(
            heads: trained.missing.map(\.classes.members), workers: workers)
    }

    private func results(
        _ digests: RunResults.Digests, _ starts: [RunResults.Timing]
    ) -> RunResults {
        RunResults(
            config: config,
            data: .init(
                trainRows: data.trainLabels.count,
                validationRows: data.hasValidation ? data.validationLabels.count : nil,
                testRows: data.testLabels.count,
                classes: data.classCount, classNames: data.classNames,
                featureCount: backbone.testFeatures.columnCount, sha256: data.sha256,
                featureBytes: options.headMode == .frozen
                    ? backbone.chunks.manifest.byteCount : nil),
            schemes: Dictionary(
                uniqueKeysWithValues: evaluation.results.map { ($0.scheme.rawValue, summary($0)) }),
            chosenScheme: choice?.scheme.rawValue, digests: digests,
            timing: starts.reduce(into: .init(), +=), starts: starts,
            heads: headCounts,
            optimum: trained.optimum, verification: verification, quarantine: quarantine,
            workers: collected.workers.map { .init($0) },
            coordinator: .here(threads: options.threads),
            security: .init(collected.refusals),
            versions: Self.versions)
    }

    /// Every option in force, and the penalty that was chosen.
    private var config: [String: JSONValue] {
        options.config.merging(
            trained.optimum.map { ["l2": .number($0.l2)] } ?? [:]
        ) { _, chosen in chosen }
    }

    private func summary(_ result: Evaluator.Result) -> RunResults.SchemeSummary {
        let cost = result.scheme.cost(
            classCount: plan.classCount, featureCount: backbone.testFeatures.columnCount)
        let parameterCount =
            cost.parameterCount
            + (result.scheme.asksBackbone ? 0 : cost.headCount * trained.bodyParameterCount)
        let metrics = evaluation.labels.isEmpty ? nil : result.metrics
        let uncalibrated = evaluation.labels.isEmpty ? nil : result.uncalibrated
        let validation = choice?.evaluation.results.first { $0.scheme == result.scheme }?.metrics
        return RunResults.SchemeSummary(
            accuracy: metrics?.accuracy, correct: metrics?.evaluation.correctCount,
            nll: metrics?.negativeLogLikelihood, brier: metrics?.brierScore,
            ece: metrics?.expectedCalibrationError, topFiveAccuracy: metrics?.topFiveAccuracy,
            recall: metrics?.evaluation.recalls,
            temperature: choice?.calibrations[result.scheme]?.temperature,
            uncalibrated: uncalibrated.map {
                ($0.negativeLogLikelihood, $0.brierScore, $0.expectedCalibrationError)
            },
            validation: validation.map {
                .init(
                    accuracy: $0.accuracy, nll: $0.negativeLogLikelihood,
                    ece: $0.expectedCalibrationError)
            },
            heads: cost.headCount, headsPerPrediction: cost.headsPerPrediction,
            parameters: parameterCount, bytes: parameterCount * 4)
    }

    private var headCounts: RunResults.HeadCounts {
        let count = collected.products.count { $0 != nil } - collected.resumedCount
        let seconds = max(collected.headSeconds, 1e-9)
        var rates = (epochs: 0.0, gflops: 0.0)
        if case .count(let epochCount) = options.headEpochs {
            rates = (
                Double(count * epochCount) / seconds, collected.totalFlops / seconds * 1e-9
            )
        }
        return RunResults.HeadCounts(
            trained: count, resumed: collected.resumedCount, duplicated: collected.duplicatedCount,
            rejected: collected.rejectedCount, certified: trained.certifiedCount,
            headEpochsPerSecond: rates.epochs, gflopsPerSecond: rates.gflops,
            idleShare: collected.timeline.headPhase?.idleShare,
            finishSpreadSeconds: collected.timeline.headPhase?.finishSpreadSeconds,
            finishSpreadBundles: collected.timeline.headPhase?.finishSpreadBundles,
            wireOverheadBytesPerHead: Double(collected.controlByteCount) / Double(max(1, count)))
    }
}

extension RunResults.SecuritySummary {
    /// Of a run with so many refusals; nil is one without encryption, which refuses nobody by key.
    fileprivate init(_ refusals: Refusals?) {
        let reasons = Refusals.Reason.allCases.map { ($0.rawValue, refusals?.counts[$0] ?? 0) }
        self.init(
            encryption: refusals == nil ? "none" : "curve", refused: refusals?.total ?? 0,
            refusedByReason: Dictionary(uniqueKeysWithValues: reasons))
    }
}

extension RunRecord {
    /// Programs and libraries that results depend on, by name.
    static var versions: [String: String] {
        [
            "manyheads": Release.version, "commit": Release.commit,
            "libzmq": Context.libraryVersion, "onednn": Backbone.libraryVersion,
        ]
    }
}
