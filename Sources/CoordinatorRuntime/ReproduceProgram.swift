import Backbone
import Datasets
import Foundation
import HeadTraining
import Reporting
import RunStore
import Study
import Synchronization
import Threading
import Trials

/// `coordinator reproduce`: a grid of trials, each backbone and heads, resumable, then the report.
package final class ReproduceProgram: Sendable {
    private let options: ReproduceOptions
    private let grid: StudyGrid
    private let console: Console

    /// A study of these options.
    ///
    /// - Throws: `usage` with one sentence for what cannot run.
    package init(_ options: ReproduceOptions) throws(RunError) {
        self.options = options
        grid = try options.grid()
        console = Console(
            minimum: options.isQuiet ? .warning : options.logLevel,
            showsProgress: !options.isQuiet)
    }

    /// Computes what is missing, then writes and prints the report; a signal ends it, and what is
    /// computed is kept.
    ///
    /// - Throws: `RunError` with the exit status and one sentence.
    package func run() async throws(RunError) {
        do {
            try await CoordinatorProgram.endingAtSignals(readingAgain: nil, console) { _ in
                try await self.runStudy()
            }
        } catch let error as TrialError {
            throw RunError(.data, error.description)
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private func runStudy() async throws {
        let thread = ThreadExecutor(name: "data")
        let requests = try options.datasetNames().map { try options.request($0) }
        let datasets = try await thread.run {
            try requests.map { try Dataset.load($0) }
        }
        await thread.shutdown()
        var shelf = StudyShelf(grid: grid, settings: options.settings, datasets: datasets)
        let sizes = Dictionary(uniqueKeysWithValues: datasets.map { ($0.name.rawValue, $0.size) })
        if options.isDryRun, !FileManager.default.fileExists(atPath: path) {
            return try describe(shelf, sizes)
        }
        let directory = try StudyDirectory(path: path, config: config(datasets))
        try directory.forEachRecord { try shelf.add($0) }
        if options.isDryRun { return try describe(shelf, sizes) }
        try await compute(shelf.missing, datasets, sizes, directory)
        shelf = StudyShelf(grid: grid, settings: options.settings, datasets: datasets)
        try directory.forEachRecord { try shelf.add($0) }
        try publish(shelf, directory)
    }

    private var path: String {
        options.runDirectory ?? "runs/study-\(options.settings.scope.rawValue)"
    }

    /// What every number of the study depends on.
    private func config(_ datasets: [Dataset]) throws -> [String: JSONValue] {
        let settings = options.settings
        var config: [String: JSONValue] = [
            "protocol": .string(settings.scope.rawValue),
            "epochs": .integer(Int64(settings.epochCount)),
            "head_epochs": .integer(Int64(settings.headEpochCount)),
            "batch_size": .integer(Int64(settings.batchSize)),
            "learning_rate": .number(Double(settings.learningRate)),
            "head_dropout": .number(Double(settings.headDropout)),
            "l2": settings.l2.map { .number($0) } ?? .string("cross-validated"),
            "seed": .unsigned(settings.seed), "imbalance": .number(settings.imbalance),
            "balance": .string(settings.balance.rawValue),
        ]
        for dataset in datasets { config["data_\(dataset.name)"] = .string(dataset.sha256) }
        return config
    }

    private func compute(
        _ units: [StudyUnit], _ datasets: [Dataset], _ sizes: [String: StudyDatasetSize],
        _ directory: StudyDirectory
    ) async throws {
        if units.isEmpty { return }
        let variant = try KernelVariant.select(
            ProcessInfo.processInfo.environment["MANYHEADS_ISA"])
        let runner = TrialRunner(
            settings: options.settings, datasets: datasets, variant: variant)
        let flops = units.map { sizes[$0.key.dataset]?.flops(of: $0, options.settings) ?? 0 }
        let tracker = StudyTracker(totalFlops: flops.reduce(0, +), unitCount: units.count)
        // The largest first, so that the end is made of small ones.
        let queue = Mutex(
            zip(units, flops).sorted { ($0.1, $0.0.description) < ($1.1, $1.0.description) })
        let host = ProcessInfo.processInfo.hostName
        let console = console
        let pool = ComputePool(threadCount: options.threads, name: "study")
        try await pool.parallelRanges(options.threads) { range, flag in
            while let (unit, flops) = queue.withLock({ $0.popLast() }) {
                try flag.check()
                let time = Date().timeIntervalSince1970
                let start = ContinuousClock.now
                let outcome = try runner.run(unit) { flag.isCancelled }
                let record = UnitRecord(unit: unit, outcome: outcome)
                try directory.commit([
                    StudyRecord(
                        unit: unit.description, payload: try record.encoded(),
                        worker: "thread \(range.lowerBound)", host: host, time: time,
                        seconds: start.duration(to: .now) / .seconds(1))
                ])
                if let line = tracker.done(flops) { console.show(.activity(line)) }
            }
        }
        await pool.shutdown()
        console.endPhase()
    }

    private func publish(_ shelf: StudyShelf, _ directory: StudyDirectory) throws {
        let report = try shelf.report(
            command: options.command, versions: RunRecord.versions
        ) { RunDigests.arrays($0) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let json = Array(try encoder.encode(report)) + [UInt8(ascii: "\n")]
        try directory.write(json, named: "results.json")
        try directory.write(Array(StudyTable.csv(report).utf8), named: "results.csv")
        try directory.write(Array(StudyPage.rendered(report).utf8), named: "report.html")
        console.log(.info, "written: \(path)/report.html, results.csv, results.json")
        if options.printsJSON {
            try StandardStream.output(String(decoding: json, as: UTF8.self))
        } else {
            try StandardStream.output(StudyTable.text(report))
        }
    }

    private func describe(_ shelf: StudyShelf, _ sizes: [String: StudyDatasetSize]) throws {
        let units = shelf.missing
        func flops(_ units: [StudyUnit]) -> Double {
            units.reduce(0) {
                $0 + (sizes[$1.key.dataset]?.flops(of: $1, options.settings) ?? 0)
            }
        }
        var table = TextTable(columns: [
            ("data set", .left), ("trials", .right), ("units to compute", .right),
            ("heads", .right), ("TFLOP", .right), ("hours", .right),
        ])
        func add(_ name: String, _ trials: Int, _ units: [StudyUnit]) {
            let work = flops(units)
            table.add([
                name, Format.count(trials), Format.count(units.count),
                Format.count(units.reduce(0) { $0 + $1.headCount(sizes) }),
                Format.decimal(work / 1e12, places: 1),
                Format.decimal(
                    work / Self.flopsPerSecond / 3_600 / Double(options.threads), places: 2),
            ])
        }
        for name in grid.datasets {
            add(
                name, grid.trials.count { $0.dataset == name },
                units.filter { $0.key.dataset == name })
        }
        add("all", grid.trials.count, units)
        let lines =
            table.lines + [
                "",
                "hours with \(options.threads) threads of \(Format.decimal(Self.flopsPerSecond / 1e9, places: 0)) GFLOP/s each, as on one core of an AMD EPYC (Zen 3)",
            ]
        try StandardStream.output(lines.map { $0 + "\n" }.joined())
    }

    /// Of LeNet's layers on one core, training and features together, as measured.
    private static let flopsPerSecond = 75e9
}

extension StudyUnit {
    /// Heads it brings.
    fileprivate func headCount(_ sizes: [String: StudyDatasetSize]) -> Int {
        switch self {
        case .network: return 1
        case .trial(let key, let arms, _):
            let classCount = sizes[key.dataset]?.trainRowCounts.count ?? 0
            return arms.count * ((1 << classCount) - classCount - 1)
        }
    }
}

extension Dataset {
    /// For foretelling what trials cost.
    var size: StudyDatasetSize {
        StudyDatasetSize(
            trainRowCounts: train.classCounts(classCount: classCount), testRowCount: test.count,
            channelCount: train.shape.channelCount, height: train.shape.height,
            width: train.shape.width)
    }
}

/// How far a study is, said now and then.
final class StudyTracker: Sendable {
    private struct State {
        var doneFlops = 0.0
        var doneCount = 0
        var saidAt: ContinuousClock.Instant?
    }

    private let totalFlops: Double
    private let unitCount: Int
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    init(totalFlops: Double, unitCount: Int) {
        self.totalFlops = totalFlops
        self.unitCount = unitCount
    }

    /// Counts a unit; a line if the last one was said long enough ago.
    func done(_ flops: Double) -> String? {
        state.withLock { state in
            state.doneFlops += flops
            state.doneCount += 1
            let now = ContinuousClock.now
            if let saidAt = state.saidAt, saidAt.duration(to: now) < .seconds(5),
                state.doneCount < unitCount
            {
                return nil
            }
            state.saidAt = now
            let seconds = start.duration(to: now) / .seconds(1)
            let share = state.doneFlops / max(totalFlops, 1)
            let left = share > 0 ? seconds / share - seconds : 0
            return
                "\(state.doneCount) of \(unitCount) units, \(Format.percent(share)) of the work, about \(Format.duration(seconds: left)) left"
        }
    }
}
