import Decoding
import FeatureStore
import Hashing
import Heads
import ImageData
import Journal
import LeNet
import Numerics
import Scheduling
import Sessions
import Study
import StudyWork
import WireProtocol

/// The results of a study so far, and the units that are still to be computed.
struct StudyProgress: Sendable {
    /// Of one trial.
    private struct Known: Sendable {
        var outcomes: [TrialOutcome] = []
        /// By arm and classes.
        var networks: [StudyArm: [[Int]: NetworkOutcome]] = [:]

        /// The outcomes on one backbone: that of the equal-step control.
        ///
        /// An arm that was added later had the backbone trained again. On another type of processor
        /// that is another one, with which nothing of this trial may be compared.
        var onOneBackbone: [TrialOutcome] {
            let control = outcomes.first { outcome in
                outcome.backbone.contains { $0.scheme == .oneVsAllEqualSteps }
            }
            guard let control else { return [] }
            return [control]
                + outcomes.filter { $0.featureDigest == control.featureDigest && $0 != control }
        }
    }

    let grid: StudyGrid
    let settings: StudySettings
    private let datasets: [String: Dataset]
    private var known: [TrialKey: Known] = [:]
    /// What was computed when, for the timeline.
    private(set) var spans: [(record: StudyRecord, kind: String)] = []

    init(grid: StudyGrid, settings: StudySettings, datasets: [Dataset]) {
        self.grid = grid
        self.settings = settings
        self.datasets = Dictionary(
            datasets.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Adds a result of an earlier start or of a worker; ignores what the grid does not ask for.
    ///
    /// - Throws: `TrialError` for a record that this program never writes.
    mutating func add(_ record: StudyRecord) throws {
        let entry = try UnitRecord(decoding: record.payload)
        guard let dataset = datasets[entry.unit.key.dataset], asksFor(entry.unit.key),
            entry.fits(labels: dataset.test.labels, classCount: dataset.classCount)
        else { return }
        switch (entry.unit, entry.outcome) {
        case (.trial(let key, _, _), .trial(let outcome)):
            known[key, default: Known()].outcomes.append(outcome)
            spans.append((record, "trial"))
        case (.network(let key, let arm, let classes), .network(let outcome)):
            known[key, default: Known()].networks[arm, default: [:]][classes] = outcome
            spans.append((record, "network"))
        default: return
        }
    }

    private func asksFor(_ key: TrialKey) -> Bool {
        grid.datasets.contains(key.dataset) && (0..<grid.trialCount).contains(key.trial)
            && grid.fractionsMillionths.contains(key.fractionMillionths)
    }

    /// What is to be computed, trials in the grid's order.
    var missing: [StudyUnit] {
        grid.trials.flatMap { key -> [StudyUnit] in
            guard let dataset = datasets[key.dataset] else { return [] }
            let known = known[key]
            return grid.missingUnits(
                of: key, classCount: dataset.classCount,
                hasBackbone: known?.onOneBackbone.isEmpty == false,
                armsDone: Set(known?.onOneBackbone.flatMap { $0.arms.map(\.arm) } ?? []),
                networksDone: known?.networks.mapValues { Set($0.keys) } ?? [:])
        }
    }

    /// What a unit costs, roughly.
    func flops(of unit: StudyUnit) -> Double {
        datasets[unit.key.dataset]?.size.flops(of: unit, settings) ?? 0
    }

    /// Heads that a unit brings.
    func headCount(of unit: StudyUnit) -> Int {
        switch unit {
        case .network: return 1
        case .trial(let key, let arms, _):
            let classCount = datasets[key.dataset]?.classCount ?? 0
            return arms.count * ((1 << classCount) - classCount - 1)
        }
    }

    /// Units as tasks for workers, on the data sets that they need.
    func job(_ units: [StudyUnit], minWorkerCount: Int) throws -> (TaskJob, MaterialChunks) {
        let needed = grid.datasets.filter { name in units.contains { $0.key.dataset == name } }
        let tests = datasets.mapValues { (labels: $0.test.labels, classCount: $0.classCount) }
        let chunks = MaterialChunks(
            try StudyMaterials.materials(
                settings: settings, datasets: needed.compactMap { datasets[$0] }))
        let job = try TaskJob(
            tasks: units.map {
                TaskJob.Item(
                    $0.description, flops: flops(of: $0),
                    description: try StudyMaterials.description(of: $0))
            },
            on: chunks.manifest, minWorkerCount: minWorkerCount,
            digest: BLAKE2b.digest
        ) { id, bytes in
            let unit = units[Int(id.rawValue)]
            guard let record = try? UnitRecord(decoding: bytes), record.unit == unit,
                let test = tests[unit.key.dataset]
            else { return false }
            return record.fits(labels: test.labels, classCount: test.classCount)
        }
        return (job, chunks)
    }

    /// The report of all results, with a sentence for each missing part.
    func report(
        command: String, computingCommands: [String], versions: [String: String],
        digest: ([[Float]]) -> String
    ) throws -> StudyReport {
        var report = StudyReport(
            command: command, protocolName: settings.scope.rawValue, versions: versions,
            datasets: [], timeline: timeline, missing: notRun)
        report.settings = settings
        report.computingCommands = computingCommands
        for name in grid.datasets {
            guard let dataset = datasets[name] else { continue }
            var summary = StudySummary(
                grid: grid, settings: settings, labels: dataset.test.labels,
                classCount: dataset.classCount)
            for key in grid.trials where key.dataset == name {
                guard let known = known[key] else { continue }
                for outcome in known.onOneBackbone { summary.add(asked(outcome), of: key) }
                for arm in grid.arms {
                    guard let networks = known.networks[arm],
                        let outcome = try summary.arm(
                            arm, networks: networks,
                            featureCount: BackboneConfiguration.featureCount,
                            flopsPerImage: dataset.size.flopsPerImage, digest: digest)
                    else { continue }
                    summary.add(outcome, of: key)
                }
            }
            var found = try summary.dataset(
                name: name, classNames: dataset.classNames, trainRowCount: dataset.train.count,
                sha256: dataset.sha256)
            found.rows = rows(of: dataset)
            report.datasets.append(found)
        }
        try report.correctPValues()
        return report
    }

    private func rows(of dataset: Dataset) -> [StudyRows] {
        grid.fractionsMillionths.map { millionths in
            let fraction = Double(millionths) / 1_000_000
            func counts(isResampled: Bool) -> [Int] {
                dataset.train.drawnClassCounts(
                    fraction: fraction, imbalance: settings.imbalance, isResampled: isResampled,
                    classCount: dataset.classCount)
            }
            return StudyRows(
                fraction: fraction,
                rowCounts: counts(isResampled: settings.balance == .resample),
                distinctRowCounts: counts(isResampled: false))
        }
    }

    /// Without arms that an earlier start asked for and this one does not.
    private func asked(_ outcome: TrialOutcome) -> TrialOutcome {
        var outcome = outcome
        outcome.arms.removeAll { !grid.arms.contains($0.arm) }
        return outcome
    }

    private var timeline: [StudySpan] {
        let origin = spans.map(\.record.time).min() ?? 0
        return spans.map { span in
            StudySpan(
                worker: span.record.worker, work: span.record.unit, kind: span.kind,
                start: span.record.time - origin, seconds: span.record.seconds)
        }.sorted { ($0.start, $0.worker, $0.work) < ($1.start, $1.worker, $1.work) }
    }

    /// A sentence for each data set, fraction and arm that is incomplete.
    private var notRun: [String] {
        var counts: [String: Set<Int>] = [:]
        var order: [String] = []
        for unit in missing {
            let what: [String] =
                switch unit {
                case .trial(_, let arms, _): arms.isEmpty ? ["the backbone"] : arms.map(\.title)
                case .network(_, let arm, _): [arm.title]
                }
            for arm in what {
                let place = "\(unit.key.dataset), fraction \(unit.key.fraction), \(arm)"
                if counts[place] == nil { order.append(place) }
                counts[place, default: []].insert(unit.key.trial)
            }
        }
        return order.map { place in
            "\(place): \(counts[place]?.count ?? 0) of \(grid.trialCount.counted("trial")) not run"
        }
    }
}
