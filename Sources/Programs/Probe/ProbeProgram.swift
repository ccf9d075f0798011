import CoordinatorNetwork
import Decoding
import Display
import FeatureSource
import FeatureStore
import Fleet
import Formats
import Foundation
import Hashing
import Heads
import Journal
import Numerics
import Probe
import ProbeWork
import RunFolder
import Scheduling
import Sessions
package import System

/// `coordinator probe`: heads at the optimum of every penalty, the best one refitted, resumable.
package final class ProbeProgram: Sendable {
    private let options: ProbeOptions
    private let console: Console

    /// A probe of these options.
    ///
    /// - Throws: `usage` with one sentence for what cannot run.
    package init(_ options: ProbeOptions) throws(RunError) {
        try options.run.check()
        try options.check()
        self.options = options
        console = Console(
            minimum: options.run.isQuiet ? .warning : options.run.logLevel,
            showsProgress: !options.run.isQuiet)
    }

    /// Has workers train what is missing, chooses, refits, tests and prints the results.
    ///
    /// A signal ends it, and what is trained is kept.
    ///
    /// - Throws: `RunError` with the exit status and one sentence.
    package func run() async throws(RunError) {
        try await CoordinatorProgram.endingAtSignals(options.run, console) {
            try await self.runProbe($0, $1)
        }
    }

    private func runProbe(_ kept: KeptFiles, _ admission: Admission?) async throws {
        let clock = ProbeClock()
        let compute = try ComputePool(threadCount: options.run.threads, name: "probe")
        let name = options.run.userData?.train ?? ""
        console.show(.activity("reading \(name)"))
        let (data, rows) = try await compute.threads[0].run { [options, console] flag in
            let data = try RunData.load(options.dataOptions) { (share) throws(FormatError) in
                guard !flag.isCancelled else {
                    throw .cannotRead(name, "the run was cancelled")
                }
                console.show(.activity("reading \(name)", share: share))
            }
            return (data, try ProbeData(data, options))
        }
        console.note(options.run, data)
        if let obstacle = rows.advice.obstacle { throw RunError(.data, obstacle) }
        for note in rows.advice.notes { console.log(.warning, note) }
        clock.end(.data)
        let plan = ProbePlan(
            cValues: try options.parsedCValues(), classCount: data.classCount,
            families: try options.families(), foldCount: options.folds ?? 0)
        let settings = ProbeSettings(
            plan: plan, training: rows.training, validation: rows.validation,
            isBalanced: options.run.isBalanced, gapTolerance: options.gap)
        let config = config(data)
        let directory = try StudyDirectory(
            path: try options.run.runDirectory
                ?? RunDirectory.makeDefault(
                    dataset: "probe", at: Int(Date().timeIntervalSince1970)),
            kind: .probe, config: config)
        let book = ProbeBook(plan, featureCount: rows.training.featureCount)
        try directory.journal.forEachRecord { kept in
            guard let record = book.decoded(kept.payload) else { return }
            _ = book.add(record, busySeconds: kept.seconds, isResumed: true)
        }
        describe(data, rows, plan, directory.path)
        kept.open { [path = directory.path] in
            let count = (try? directory.journal.recordCount()) ?? 0
            return count == 0
                ? nil
                : "\(count.counted("piece")) of the path \(count == 1 ? "is" : "are") kept: coordinator resume \(path.shellQuoted) goes on"
        }
        let chooser = ProbeChooser(book, rows.judge, by: options.criterion, console)
        try await compute.threads[0].run { _ = try chooser.look() }
        if chooser.isDone { clock.endPathOrRefit() }
        let collected = try await train(
            settings, rows, book, chooser, directory, admission, clock)
        clock.endPathOrRefit()
        if let failure = collected?.failures.first {
            throw RunError(
                .incomplete,
                "\(plan.units[Int(failure.id.rawValue)]) could not be trained: \(failure.reason); the same command tries it again"
            )
        }
        let record = ProbeFindings(
            options: options, config: config, data: data, rows: rows, book: book, chooser: chooser,
            collected: collected)
        try await compute.threads[0].run { [console] in
            try record.publish(to: directory, clock, console)
        }
        await compute.shutdown()
    }

    /// What every number of the probe depends on.
    private func config(_ data: RunData) -> [String: JSONValue] {
        let run = options.dataOptions
        return [
            "data": .string(data.sha256), "c": .string(options.cValues),
            "schemes": .string(options.schemes),
            "folds": options.folds.map { .integer(Int64($0)) } ?? .null,
            "gap": .number(options.gap), "seed": .unsigned(run.seed),
            "class_weight": .string(run.classWeight.rawValue),
            "normalize": .string(run.normalization.rawValue),
            "classes": .string("\(data.classNames.joined(separator: ","))"),
            "every": .integer(Int64(run.every)), "fraction": .number(run.fraction),
            "holdout": run.holdout.map { .number($0) } ?? .null,
        ]
    }

    private func describe(
        _ data: RunData, _ rows: ProbeData, _ plan: ProbePlan, _ path: String
    ) {
        let way =
            options.folds.map { "by \($0) folds of them" }
            ?? "by \(data.validationLabels.count.grouped) validation rows"
        console.log(
            .info,
            "\(rows.training.rowCount.grouped) training rows of \(data.classCount.counted("class")), \(rows.training.featureCount.counted("feature")); C is chosen \(way) from \(plan.cValues.count.counted("value")); files in \(path)"
        )
        if options.dataOptions.holdout != options.run.holdout {
            console.log(
                .info,
                "a tenth of the training rows is held out to choose by, as nothing else was given (--val, --holdout, --folds)"
            )
        }
    }

    /// - Returns: nil where nothing was left to do.
    private func train(
        _ settings: ProbeSettings, _ rows: ProbeData, _ book: ProbeBook, _ chooser: ProbeChooser,
        _ directory: StudyDirectory, _ admission: Admission?, _ clock: ProbeClock
    ) async throws -> CollectedOutcomes? {
        let plan = book.plan
        let known = try book.known()
        guard known.contains(where: { $0 == nil }) else { return nil }
        try directory.note(command: options.command)
        let chunks = MaterialChunks(
            try ProbeMaterials.materials(
                settings, training: rows.training, validation: rows.validation,
                folds: rows.folds))
        var job = try TaskJob(
            tasks: plan.units.map {
                TaskJob.Item(
                    "the head \($0)", flops: flops(of: $0, plan, rows.training), description: [])
            }, on: chunks.manifest, known: known, minWorkerCount: options.run.minWorkers,
            noun: "heads", held: book.held,
            describe: { book.description(Int($0.rawValue)) },
            digest: { bytes in
                var hash = SHA256()
                hash.update(bytes)
                return hash.finalize()
            }, accepts: { book.decoded($1, of: Int($0.rawValue)) != nil })
        job.choose(shareToCheck: options.run.verify)
        let work = job
        var fleet = Fleet(bind: options.run.bind, admission: admission, observer: console) {
            "the coordinator ended: \(CoordinatorProgram.runError($0).message)"
        }
        fleet.waitLimit = options.run.waitLimit
        fleet.expectsOthers = known.contains { $0 != nil }
        return try await fleet.run { endpoint in
            try options.run.launches(endpoint, admission, console)
        } _: { [console] members in
            let link = members.link
            let collected = try await link.perform(work, on: chunks) { outcomes in
                let now = Date().timeIntervalSince1970
                try directory.journal.commit(
                    outcomes.map { outcome in
                        StudyRecord(
                            outcome, of: plan.units[Int(outcome.id.rawValue)].description, at: now)
                    })
                for outcome in outcomes {
                    guard let record = book.decoded(outcome.bytes) else { continue }
                    link.release(book.add(record, busySeconds: outcome.busySeconds))
                }
                let wasDone = chooser.isDone
                link.release(try chooser.look())
                if chooser.isDone, !wasDone { clock.endPathOrRefit() }
            } withdraw: { task in
                try directory.journal.remove(plan.units[Int(task.rawValue)].description)
            }
            console.endPhase()
            return collected
        }
    }

    /// Roughly what a unit costs; alike for all penalties, so that no path runs ahead of the others.
    private func flops(of unit: ProbeUnit, _ plan: ProbePlan, _ table: FeatureTable) -> Double {
        let heads = plan.heads(of: unit) ?? []
        // Gradients and products with second derivatives; about what heads of 150 classes take.
        let passCount = 12
        return heads.reduce(0) { sum, head in
            let rowCount =
                head.classes.count == plan.classCount
                ? table.rowCount
                : head.classes.members.reduce(0) { $0 + table.classRowCounts[$1] }
            return sum
                + head.trainingFlops(
                    rowCount: rowCount, featureCount: table.featureCount, epochCount: passCount)
        }
    }
}
