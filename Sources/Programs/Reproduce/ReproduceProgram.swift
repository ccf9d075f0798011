import CoordinatorNetwork
import Display
import Fleet
import Formats
import Foundation
import Hashing
import Heads
import ImageData
import Journal
import LeNet
import Numerics
import Pages
import RunFolder
import Scheduling
import Sessions
import Study
import StudyWork
package import System

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
            minimum: options.run.isQuiet ? .warning : options.run.logLevel,
            showsProgress: !options.run.isQuiet)
    }

    /// Has workers compute what is missing, then writes and prints the report; a signal ends it, and
    /// what is computed is kept.
    ///
    /// - Throws: `RunError` with the exit status and one sentence.
    package func run() async throws(RunError) {
        try await CoordinatorProgram.endingAtSignals(options.run, console) {
            try await self.runStudy($0, $1)
        }
    }

    private func runStudy(_ kept: KeptFiles, _ admission: Admission?) async throws {
        if options.isReportOnly, !StudyDirectory.exists(in: path) {
            throw RunError(
                .data,
                "\(path) holds no study, so there is nothing to report; give the --run-dir of one, or leave out --report-only to compute it"
            )
        }
        let thread = try ThreadExecutor(name: "data")
        let requests = try options.datasetNames().map { try options.request($0) }
        console.show(.activity("reading \(options.datasets)"))
        let datasets = try await thread.run {
            try requests.map { try Dataset.load($0) }
        }
        await thread.shutdown()
        for (request, dataset) in zip(requests, datasets) { console.note(request, dataset) }
        var progress = StudyProgress(grid: grid, settings: options.settings, datasets: datasets)
        if options.isDryRun, !StudyDirectory.exists(in: path) {
            return try describe(progress)
        }
        let directory = try StudyDirectory(path: path, config: config(datasets))
        try directory.journal.forEachRecord { try progress.add($0) }
        if options.isDryRun { return try describe(progress) }
        kept.open { [path] in
            let count = (try? directory.journal.recordCount()) ?? 0
            return count == 0
                ? nil
                : "\(count.counted("unit")) \(count == 1 ? "is" : "are") kept: coordinator resume \(path.shellQuoted) goes on"
        }
        if options.isReportOnly, progress.spans.isEmpty {
            throw RunError(
                .data,
                "\(path) holds nothing of this grid, so there is nothing to report; give the data sets, fractions and trials it was computed with, or leave out --report-only"
            )
        }
        let failures = options.isReportOnly ? [] : try await compute(progress, directory, admission)
        progress = StudyProgress(grid: grid, settings: options.settings, datasets: datasets)
        try directory.journal.forEachRecord { try progress.add($0) }
        try publish(progress, directory)
        // Last: the results are written, and name the missing parts.
        if let first = failures.first {
            throw RunError(
                .incomplete,
                "\(failures.count.counted("unit")) could not be computed, the first because \(first.reason); the same command tries them again"
            )
        }
    }

    private var path: String {
        options.run.runDirectory ?? "runs/study-\(options.settings.scope.rawValue)"
    }

    /// What every number of the study depends on.
    private func config(_ datasets: [Dataset]) throws -> [String: JSONValue] {
        let settings = options.settings
        // Version 1 of the definition took positions for keys: other bits, where they differ.
        let isKeyed = datasets.contains { $0.classKeys != (0..<$0.classCount).map { UInt64($0) } }
        var config: [String: JSONValue] = [
            "protocol": .string(settings.scope.rawValue),
            "classes": .string(settings.classes + (isKeyed ? " by key" : "")),
            "every": .integer(Int64(settings.every)),
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

    /// - Returns: the units that failed.
    private func compute(
        _ progress: StudyProgress, _ directory: StudyDirectory, _ admission: Admission?
    ) async throws -> [CollectedOutcomes.Failure] {
        let units = progress.missing
        if units.isEmpty { return [] }
        console.log(
            .info,
            "\(grid.trials.count.counted("trial")), \(units.count.counted("unit")) to compute")
        if options.settings.balance == .resample && options.settings.l2 == nil
            && grid.arms.contains(.converged)
        {
            console.log(
                .warning,
                "--balance resample repeats rows, which then stand on both sides of a fold of the cross-validation: the penalty of converged heads comes out too weak; give --l2"
            )
        }
        let (work, chunks) = try progress.job(units, minWorkerCount: options.run.minWorkers)
        var job = work
        job.choose(shareToCheck: options.run.verify)
        var fleet = Fleet(bind: options.run.bind, admission: admission, observer: console) {
            "the coordinator ended: \(CoordinatorProgram.runError($0).message)"
        }
        fleet.waitLimit = options.run.waitLimit
        fleet.expectsOthers = !progress.spans.isEmpty
        return try await fleet.run { endpoint in
            try options.run.launches(endpoint, admission, console)
        } _: { [console, command = options.command, job] members in
            let collected = try await members.link.perform(job, on: chunks) { outcomes in
                let now = Date().timeIntervalSince1970
                try directory.note(command: command)
                try directory.journal.commit(
                    outcomes.map { outcome in
                        StudyRecord(
                            outcome, of: units[Int(outcome.id.rawValue)].description, at: now)
                    })
            } withdraw: { task in
                try directory.journal.remove(units[Int(task.rawValue)].description)
            }
            console.endPhase()
            return collected.failures
        }
    }

    private func publish(_ progress: StudyProgress, _ directory: StudyDirectory) throws {
        let report = try progress.report(
            command: options.command, computingCommands: try directory.commands(),
            versions: RunRecord.versions.merging(["cpu": Processor.modelName ?? "unknown"]) {
                first, _ in first
            }
        ) { hexadecimalSHA256($0) }
        let json = try JSONFile.encode(report)
        try directory.write(json, named: "results.json")
        try directory.write(Array(StudyTable.csv(report).utf8), named: "results.csv")
        try directory.write(Array(StudyPage.rendered(report).utf8), named: "report.html")
        console.log(.info, "written: \(path)/report.html, results.csv, results.json")
        if options.run.printsJSON {
            try StandardStream.output(String(decoding: json, as: UTF8.self))
        } else {
            try StandardStream.output(StudyTable.text(report, width: Terminal.outputColumns))
        }
    }

    private func describe(_ progress: StudyProgress) throws {
        let units = progress.missing
        let workerCount = max(1, options.run.workers)
        var table = TextTable(columns: [
            ("data set", .left), ("trials", .right), ("units to compute", .right),
            ("heads", .right), ("TFLOP", .right), ("hours", .right),
        ])
        func add(_ name: String, _ trials: Int, _ units: [StudyUnit]) {
            let work = units.reduce(0) { $0 + progress.flops(of: $1) }
            table.add([
                name, Format.count(trials), Format.count(units.count),
                Format.count(units.reduce(0) { $0 + progress.headCount(of: $1) }),
                Format.decimal(work / 1e12, places: 1),
                Format.decimal(
                    work / Self.flopsPerSecond / 3_600 / Double(workerCount), places: 2),
            ])
        }
        for name in grid.datasets {
            add(
                name, grid.trials.count { $0.dataset == name },
                units.filter { $0.key.dataset == name })
        }
        add("all", grid.trials.count, units)
        let width = Terminal.outputColumns
        let lines =
            table.lines(width: width) + [""]
            + Format.wrapped(
                "hours with \(Format.count(workerCount, "compute thread")) of \(Format.decimal(Self.flopsPerSecond / 1e9, places: 0)) GFLOP/s each, as on one core of an AMD EPYC (Zen 3)",
                width: width)
        try StandardStream.output(lines.map { $0 + "\n" }.joined())
    }

    /// Of LeNet's layers on one core, training and features together, as measured.
    private static let flopsPerSecond = 75e9
}

extension Dataset {
    /// For predicting what trials cost.
    var size: StudyDatasetSize {
        let backbone = BackboneConfiguration(
            channelCount: train.shape.channelCount, height: train.shape.height,
            width: train.shape.width, classCount: classCount, seed: 0, threadCount: 1)
        return StudyDatasetSize(
            trainRowCounts: train.classCounts(classCount: classCount), testRowCount: test.count,
            featureCount: BackboneConfiguration.featureCount,
            flopsPerImage: backbone.featureFlops)
    }
}
