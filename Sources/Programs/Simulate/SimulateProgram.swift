import Display
import Formats
import Foundation
import Heads
import Numerics
import Pages
import RunFolder
import Simulation
package import System

/// `coordinator simulate`: how a head phase would go with any number of workers.
package struct SimulateProgram: Sendable {
    private let options: SimulationOptions
    /// Four ticks of the scheduler a second: more of them take too long.
    private static let oneWorkerDaysMax = 60.0

    /// A simulation of these options.
    ///
    /// - Throws: `usage` with one sentence for what cannot be simulated.
    package init(_ options: SimulationOptions) throws(RunError) {
        try options.check()
        self.options = options
    }

    /// Simulates each worker count, writes simulate.json and simulate.svg, and prints a table or the
    /// JSON.
    package func run() throws(RunError) {
        do {
            try simulate()
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private func simulate() throws {
        var source = SimulationSource()
        if let run = options.run { source = try SimulationSource(run: run) }
        let job = try source.job(options)
        let days = job.totalFlops / source.costs.flopsPerSecond / 86_400
        guard days <= Self.oneWorkerDaysMax else {
            throw RunError.usage(
                "one worker would train these heads for \(Format.decimal(days, places: 0)) days, and at most \(Format.decimal(Self.oneWorkerDaysMax, places: 0)) are simulated; lower --rows, --classes or --head-epochs"
            )
        }
        // Speedup is relative to one worker, whether or not that count was asked for.
        let one = try outcome(job, source.costs, options.fleet(of: 1))
        var points: [SimulationReport.Point] = []
        for count in options.workerCounts.sorted() {
            let outcome =
                count == 1 ? one : try outcome(job, source.costs, options.fleet(of: count))
            points.append(SimulationReport.Point(outcome, oneWorkerSeconds: one.seconds))
        }
        let report = SimulationReport(
            points: points, config: config(of: job, source), costs: source.costs.named,
            origin: source.origin)
        let folder = try self.folder()
        let text = Self.sentence(about: job, source, options)
        let json = try JSONFile.encode(report)
        try AtomicFile.write(json, to: folder + "/simulate.json")
        try AtomicFile.write(
            Array(report.chart(subtitle: text).rendered().utf8), to: folder + "/simulate.svg")
        try StandardStream.output(
            options.printsJSON
                ? String(decoding: json, as: UTF8.self)
                : Format.folded(
                    report.table + "\n\(text)\nrates \(source.origin)\n"
                        + "written: \(folder)/simulate.json, simulate.svg\n",
                    width: Terminal.outputColumns))
    }

    private func outcome(
        _ job: SimulatedJob, _ costs: SimulationCosts, _ fleet: FleetModel
    ) throws(SimulationError) -> SimulationOutcome {
        var simulation = HeadPhaseSimulation(
            job: job, costs: costs, network: options.network, fleet: fleet)
        return try simulation.run()
    }

    /// Where the files go.
    private func folder() throws(FormatError) -> String {
        if let output = options.output {
            try FileSystem.makeFolder(output)
            return output
        }
        guard let run = options.run else {
            // Not where somebody happens to stand.
            return try RunDirectory.makeDefault(
                dataset: "simulate", at: Int(Date().timeIntervalSince1970))
        }
        guard run.hasSuffix(".json") else { return run }
        let parent = run.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return parent.isEmpty ? "." : parent.joined(separator: "/")
    }

    private static func sentence(
        about job: SimulatedJob, _ source: SimulationSource, _ options: SimulationOptions
    ) -> String {
        let costs = source.costs
        var text =
            "\(Format.count(job.work.count, "head")), \(Format.count(job.rowCount, "row")) of \(job.featureCount), "
            + "\(job.epochCount.counted("epoch")); \(Format.decimal(costs.flopsPerSecond * 1e-9, places: 1)) GFLOP/s a worker, "
            + "\(SimulationOptions.plain(options.bandwidth)) Gbit/s, \(SimulationOptions.plain(options.latency)) ms"
        if options.spread > 0 { text += ", spread \(SimulationOptions.plain(options.spread))" }
        if options.failuresPerHour > 0 {
            let deaths = SimulationOptions.plain(options.failuresPerHour)
            text += ", \(deaths) \(deaths == "1" ? "death" : "deaths") an hour each"
        }
        return text
    }

    private func config(
        of job: SimulatedJob, _ source: SimulationSource
    ) -> [String: JSONValue] {
        [
            "from": options.run.map { .string($0) } ?? .null, "rows": .integer(Int64(job.rowCount)),
            "classes": .integer(Int64(job.classRowCounts.count)),
            "dimension": .integer(Int64(job.featureCount)),
            "heads": .string((options.heads ?? source.heads).rawValue),
            "head_count": .integer(Int64(job.work.count)),
            "head_epochs": .integer(Int64(job.epochCount)),
            "bandwidth": .number(options.bandwidth), "latency": .number(options.latency),
            "failures_per_hour": .number(options.failuresPerHour),
            "restart_seconds": .number(options.restartSeconds), "spread": .number(options.spread),
            "min_workers": .integer(Int64(options.minWorkers)), "seed": .unsigned(options.seed),
        ]
    }
}
