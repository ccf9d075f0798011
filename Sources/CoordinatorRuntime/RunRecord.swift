import Backbone
import Datasets
import Decoding
import FeatureStore
import Foundation
import HeadPlan
import Reporting
import RunStore
import Scheduling
import Tensors
import ZeroMQ

/// Everything a run found, on its way into files and onto the screen.
struct RunRecord {
    let options: RunOptions
    let dataset: Dataset
    let plan: HeadPlan
    let backbone: BackboneOutcome
    let harvest: HeadHarvest
    let evaluation: SchemeEvaluation

    /// Writes predictions.csv, model.safetensors and, last, results.json.
    func write(to directory: RunDirectory, _ clock: PhaseClock) throws -> RunResults {
        let predictions = PredictionsCSV(
            labels: evaluation.labels,
            oneVsAll: evaluation.predictions(of: .oneVsAll) ?? [],
            oneVsAllRefit: evaluation.predictions(of: .oneVsAllRefit),
            allVsAll: evaluation.predictions(of: .allVsAll),
            tree: evaluation.predictions(of: .treeElimination)
        ).encoded()
        let heads = harvest.heads.compactMap(\.self)
        let digests = RunResults.Digests(
            features: backbone.featureDigest, heads: RunDigests.heads(heads),
            predictions: RunDigests.predictions(predictions))
        try directory.write(predictions, as: .predictions)
        let model = try ModelArtefact.file(
            backbone: backbone.weights.named("backbone."), heads: heads,
            metadata: metadata(digests))
        try directory.write(model.encoded(), as: .model)
        try TimelineFile.write([clock.events, harvest.timeline.events], to: directory)
        let results = try results(digests, clock.timing)
        try directory.write(results)
        return results
    }

    private func metadata(_ digests: RunResults.Digests) -> [String: String] {
        var metadata = [
            "dataset": dataset.name.rawValue,
            "classes": dataset.classNames.joined(separator: ","),
            "seed": "\(options.seed)", "digest.features": digests.features,
            "digest.heads": digests.heads, "digest.predictions": digests.predictions,
        ]
        if !harvest.quarantined.isEmpty {
            metadata["heads.missing"] = harvest.quarantined.map {
                $0.classes.members.map(String.init).joined(separator: ",")
            }.joined(separator: ";")
        }
        return metadata
    }

    private var verification: RunResults.Verification? {
        guard options.verify > 0 || harvest.mismatchCount > 0 else { return nil }
        return RunResults.Verification(
            share: options.verify, checked: harvest.checkedCount,
            unchecked: harvest.uncheckedCount, differing: harvest.mismatchCount,
            refereed: harvest.refereedCount)
    }

    private var quarantine: RunResults.Quarantine? {
        let workers = harvest.workers.compactMap { worker in
            worker.fault.map {
                RunResults.Quarantine.Worker(
                    name: worker.name, host: worker.host, reason: $0.reason,
                    headsWithdrawn: $0.withdrawnCount)
            }
        }
        if workers.isEmpty && harvest.quarantined.isEmpty { return nil }
        return RunResults.Quarantine(
            heads: harvest.quarantined.map(\.classes.members), workers: workers)
    }

    private func results(
        _ digests: RunResults.Digests, _ timing: RunResults.Timing
    ) throws -> RunResults {
        RunResults(
            config: options.config,
            data: .init(
                trainRows: dataset.train.count, testRows: dataset.test.count,
                classes: dataset.classCount, classNames: dataset.classNames,
                sha256: dataset.sha256),
            schemes: .init(
                oneVsAll: try summary(.oneVsAll) ?? Self.noSummary,
                oneVsAllRefit: try summary(.oneVsAllRefit), allVsAll: try summary(.allVsAll),
                tree: try summary(.treeElimination)),
            digests: digests, timing: timing, heads: headCounts(timing),
            verification: verification, quarantine: quarantine,
            workers: harvest.workers.map {
                .init(
                    name: $0.name, host: $0.host, isa: $0.isa, threads: $0.threadCount,
                    heads: $0.headCount, busySeconds: $0.busySeconds,
                    peakRSSBytes: $0.peakRSSByteCount, bytesReceived: $0.receivedByteCount)
            },
            security: .init(harvest.refusals),
            versions: Self.versions)
    }

    private static let noSummary = RunResults.SchemeSummary(
        accuracy: 0, correct: 0, heads: 0, headsPerPrediction: 0, parameters: 0, bytes: 0)

    private func summary(_ scheme: Scheme) throws -> RunResults.SchemeSummary? {
        guard let predictions = evaluation.predictions(of: scheme) else { return nil }
        let found = try Evaluation(
            predictions: predictions, labels: evaluation.labels, classCount: plan.classCount)
        let cost = scheme.cost(
            classCount: plan.classCount, featureCount: backbone.output.weights.columnCount)
        return RunResults.SchemeSummary(
            accuracy: found.accuracy, correct: found.correctCount, heads: cost.headCount,
            headsPerPrediction: cost.headsPerPrediction, parameters: cost.parameterCount,
            bytes: cost.byteCount)
    }

    private func headCounts(_ timing: RunResults.Timing) -> RunResults.HeadCounts {
        let trained = harvest.heads.count { $0 != nil } - harvest.resumedCount
        let seconds = max(harvest.headSeconds, 1e-9)
        return RunResults.HeadCounts(
            trained: trained, resumed: harvest.resumedCount, duplicated: harvest.duplicatedCount,
            rejected: harvest.rejectedCount,
            headEpochsPerSecond: Double(trained * options.headEpochs) / seconds,
            gflopsPerSecond: harvest.totalFlops / seconds * 1e-9,
            idleShare: harvest.timeline.headPhase?.idleShare,
            finishSpreadSeconds: harvest.timeline.headPhase?.finishSpreadSeconds,
            finishSpreadBundles: harvest.timeline.headPhase?.finishSpreadBundles,
            wireOverheadBytesPerHead: Double(harvest.controlByteCount) / Double(max(1, trained)))
    }

    /// The table of a run, as standard output gets it.
    static func table(of results: RunResults) -> String {
        let schemes: [(Scheme, RunResults.SchemeSummary?)] = [
            (Scheme.oneVsAll, results.schemes.oneVsAll),
            (.oneVsAllRefit, results.schemes.oneVsAllRefit),
            (.allVsAll, results.schemes.allVsAll), (.treeElimination, results.schemes.tree),
        ]
        return ResultsTable(
            rows: schemes.compactMap { scheme, summary in
                summary.map {
                    ResultsTable.Row(
                        scheme: scheme.title, correct: $0.correct, total: results.data.testRows,
                        headCount: $0.heads, headsPerPrediction: $0.headsPerPrediction,
                        parameterCount: $0.parameters)
                }
            },
            digests: [
                ("features", results.digests.features), ("heads", results.digests.heads),
                ("predictions", results.digests.predictions),
            ],
            times: [
                ("data", results.timing.data), ("backbone", results.timing.backbone),
                ("features", results.timing.features), ("broadcast", results.timing.broadcast),
                ("heads", results.timing.heads), ("evaluate", results.timing.evaluate),
                ("total", results.timing.total),
            ]
        ).rendered()
    }
}

/// This release of Manyheads.
package enum Release {
    /// As `--version` and results.json say it.
    package static let version = "0.1.0"
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
            "manyheads": Release.version, "libzmq": Context.libraryVersion,
            "onednn": Backbone.libraryVersion,
        ]
    }
}
