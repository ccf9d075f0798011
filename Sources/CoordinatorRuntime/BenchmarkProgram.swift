import Datasets
import Foundation
import HeadPlan
import Reporting
import RunStore
import Tensors
import Threading

/// `coordinator benchmark`: the head phase again and again with other numbers of worker processes.
///
/// The backbone is trained once. Every trial starts fresh processes, waits until all hold the
/// features, and counts from the first lease to the last head. Digests that differ are an error.
package final class BenchmarkProgram: Sendable {
    private let options: RunOptions
    private let workerCounts: [Int]
    private let trialCount: Int
    private let console: Console

    /// A benchmark of these worker counts.
    ///
    /// - Throws: `usage` unless there are counts, each at least 1, and at least one trial.
    package init(
        _ options: RunOptions, workerCounts: [Int], trialCount: Int
    ) throws(RunError) {
        guard !workerCounts.isEmpty, workerCounts.allSatisfy({ (1...1_024).contains($0) }),
            Set(workerCounts).count == workerCounts.count
        else {
            throw .usage("--workers must be different numbers from 1 to 1,024, as in 1,2,4")
        }
        guard (1...1_000).contains(trialCount) else {
            throw .usage("--trials must be 1 to 1,000, not \(trialCount)")
        }
        self.options = options
        self.workerCounts = workerCounts.sorted()
        self.trialCount = trialCount
        console = Console(
            minimum: options.isQuiet ? .warning : options.logLevel,
            showsProgress: !options.isQuiet)
    }

    /// Runs all trials, writes speedup.json and speedup.svg, and prints a table or the JSON.
    package func run() async throws(RunError) {
        do {
            try await CoordinatorProgram.endingAtSignals { kept in
                try await self.runTrials(kept)
            }
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private func runTrials(_ kept: KeptFiles) async throws {
        let clock = PhaseClock()
        let thread = ThreadExecutor(name: "data")
        let request = options.datasetRequest
        let dataset = try await thread.run { try Dataset.load(request) }
        await thread.shutdown()
        let directory = try options.openDirectory()
        kept.open(directory)
        clock.end(\.data)
        let backbone = try await BackbonePhase(options, console).run(
            dataset, directory, kept, clock)
        let phase = HeadPhase(
            options: options, plan: try options.plan(classCount: dataset.classCount),
            backbone: backbone, console: console)
        var trials: [SpeedupReport.Trial] = []
        for trial in 0..<trialCount {
            // All counts in turn, so that a machine that slows down slows them all.
            for count in workerCounts {
                let harvest = try await phase.run(
                    bind: "tcp://127.0.0.1:0", workers: count, minWorkers: count)
                try harvest.check()
                let heads = harvest.heads.compactMap(\.self)
                let measured = SpeedupReport.Trial(
                    workers: count, trial: trial, seconds: harvest.headSeconds,
                    idleShare: harvest.idleShare(slotCount: count),
                    digest: RunDigests.heads(heads))
                trials.append(measured)
                console.log(
                    .info,
                    "workers \(count), trial \(trial + 1) of \(trialCount): \(Format.decimal(harvest.headSeconds, places: 3)) s, idle \(Format.percent(measured.idleShare))"
                )
            }
        }
        clock.end(\.heads)
        var report = try SpeedupReport(
            trials: trials, serialSeconds: clock.serialSeconds,
            coreCount: ProcessInfo.processInfo.activeProcessorCount, config: options.config)
        try report.predict(phase.simulatedJob)
        try directory.write(JSONFile.encode(report), named: "speedup.json")
        try directory.write(Array(report.chart.rendered().utf8), named: "speedup.svg")
        let text =
            options.printsJSON
            ? String(decoding: try JSONFile.encode(report), as: UTF8.self)
            : report.table + report.predictionText
                + "\nwritten: \(directory.path)/speedup.json, speedup.svg\n"
        try StandardStream.output(text)
    }
}
