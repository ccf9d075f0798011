import CoordinatorNetwork
import Display
import Formats
import Heads
import ImageData
import Journal
import Numerics
import Pages
import RunFolder
import Scheduling
import Sessions
package import System

/// `coordinator benchmark`: the head phase again and again with other numbers of worker processes.
///
/// The backbone is trained once. Every trial starts fresh processes, waits until all hold the
/// features, and counts from the first lease to the last head. Digests that differ are an error.
package final class BenchmarkProgram: Sendable {
    /// A trial and what it came from.
    struct Measurement: Sendable {
        let trial: SpeedupReport.Trial
        let collected: CollectedHeads
    }

    private let options: RunOptions
    private let plan: BenchmarkPlan
    private let console: Console

    /// A benchmark of this plan.
    package init(_ options: RunOptions, _ plan: BenchmarkPlan) {
        self.options = options
        self.plan = plan
        console = Console(
            minimum: options.isQuiet ? .warning : options.logLevel,
            showsProgress: !options.isQuiet)
    }

    /// Runs all trials, writes speedup.json and speedup.svg, and prints a table or the JSON.
    package func run() async throws(RunError) {
        try await CoordinatorProgram.endingAtSignals(options, console) {
            try await self.runTrials($0, $1)
        }
    }

    private func runTrials(_ kept: KeptFiles, _ admission: Admission?) async throws {
        let clock = PhaseClock()
        let thread = try ThreadExecutor(name: "data")
        let data = try await thread.run { [options] in try RunData.load(options) }
        await thread.shutdown()
        console.note(options, data)
        let directory = try options.openDirectory(name: data.name, kind: .benchmark)
        let path = directory.path.shellQuoted
        kept.open(directory, command: "the same command with --run-dir \(path)")
        clock.end(\.data)
        let hasBackbone = try directory.openJournal.backbone() != nil
        let backbone = try await BackbonePhase(options, console).run(
            data, directory, clock)
        let phase = HeadPhase(
            options: options, plan: try options.plan(classCount: data.classCount),
            backbone: backbone, admission: admission, console: console)
        let measurements = try await measure(phase, directory)
        var report = try SpeedupReport(
            trials: measurements.map(\.trial),
            // What was trained before was not measured now.
            serialSeconds: hasBackbone ? nil : clock.serialSeconds,
            coreCount: plan.hosts == nil ? Processor.availableCoreCount : nil,
            config: options.config)
        try report.predict(phase.simulatedJob)
        try directory.write(JSONFile.encode(report), named: "speedup.json")
        try directory.write(Array(report.chart.rendered().utf8), named: "speedup.svg")
        let width = Terminal.outputColumns
        let text =
            options.printsJSON
            ? String(decoding: try JSONFile.encode(report), as: UTF8.self)
            : report.text(width: width)
                + Format.folded(
                    report.predictionText
                        + "\nwritten: \(directory.path)/speedup.json, speedup.svg\n",
                    width: width)
        try StandardStream.output(text)
    }

    /// All trials, in the order they were run.
    private func measure(
        _ phase: HeadPhase, _ directory: RunDirectory
    ) async throws -> [Measurement] {
        var measurements: [Measurement] = []
        for trial in 0..<plan.trialCount {
            // All counts in turn, so that a machine that slows down slows them all.
            for count in plan.workerCounts {
                let measurement = try await measure(phase, workers: count, trial: trial)
                // Each has its own, to see where its time went.
                try directory.write(
                    TimelineFile.encoded([measurement.collected.timeline.events]),
                    named: "timeline-\(count)-workers-\(trial + 1).jsonl")
                measurements.append(measurement)
                // At the first that differs: no time is spent on more of them.
                try SpeedupReport.check(measurements.map(\.trial))
                describe(measurement.trial)
            }
        }
        return measurements
    }

    private func measure(
        _ phase: HeadPhase, workers count: Int, trial: Int
    ) async throws -> Measurement {
        let before = plan.hosts == nil ? CoreUse.now() : nil
        let collected = try await phase.run(bind: options.bind) {
            try plan.launches(count: count, endpoint: $0, admission: phase.admission)
        }
        let otherWorkShare = before.flatMap { before in CoreUse.now()?.otherShare(since: before) }
        try collected.check()
        try Self.check(collected.workers, count: count, bind: options.bind)
        let figures = collected.timeline.headPhase
        return Measurement(
            trial: SpeedupReport.Trial(
                workers: count, trial: trial,
                threads: collected.workers.reduce(0) { $0 + $1.threadCount },
                seconds: collected.headSeconds, idleShare: figures?.idleShare ?? 0,
                finishSpreadSeconds: figures?.finishSpreadSeconds ?? 0,
                finishSpreadBundles: figures?.finishSpreadBundles ?? 0,
                distributionSeconds: Self.distributionSeconds(collected.timeline.events),
                otherWorkShare: otherWorkShare,
                digest: RunDigests.heads(collected.heads.compactMap(\.self))),
            collected: collected)
    }

    /// From the last worker's hello, or the features' announcement if that came later, to the first
    /// lease.
    private static func distributionSeconds(_ events: [RunEvent]) -> Double {
        guard let lease = events.first(where: { $0.kind == .bundleLeased }),
            let audience = events.last(where: {
                $0.seconds <= lease.seconds
                    && ($0.kind == .workerJoined || $0.kind == .broadcastBegan)
            })
        else { return 0 }
        return lease.seconds - audience.seconds
    }

    /// Checks that the workers that were started did the work, all the time, and no others did.
    ///
    /// - Throws: `unavailable` if not: what was measured is something else.
    static func check(
        _ workers: [WorkerReport], count: Int, bind: String
    ) throws(RunError) {
        if let gone = workers.first(where: { $0.state == .gone }) {
            throw RunError(
                .unavailable,
                "worker \(gone.name) on \(gone.host) left in the middle of a trial, which then measures nothing; see why, and start again"
            )
        }
        guard workers.count == count else {
            throw RunError(
                .unavailable,
                "\(workers.count.counted("worker")) took part in a trial of \(count): another one connects to \(bind); stop it, or choose another --bind"
            )
        }
    }

    private func describe(_ trial: SpeedupReport.Trial) {
        let others =
            trial.otherWorkShare.map { ", other work \(Format.percent($0, places: 1))" } ?? ""
        console.log(
            .info,
            "\(Format.count(trial.workers, "worker")), trial \(trial.trial + 1) of \(plan.trialCount): \(Format.decimal(trial.seconds, places: 3)) s, idle \(Format.percent(trial.idleShare)), finished within \(Format.decimal(trial.finishSpreadBundles, places: 2)) bundles\(others)"
        )
    }
}
