import Formats
import Foundation
import Pages
import Programs
import System
import Testing

@Suite struct SpeedupReportTests {
    private func trial(
        _ workers: Int, _ trial: Int, _ seconds: Double, digest: String = "d", idle: Double = 0.01
    ) -> SpeedupReport.Trial {
        SpeedupReport.Trial(
            workers: workers, trial: trial, threads: workers, seconds: seconds, idleShare: idle,
            finishSpreadSeconds: 0.1, finishSpreadBundles: Double(trial), distributionSeconds: 0.5,
            digest: digest)
    }

    private func report(
        _ trials: [SpeedupReport.Trial], serial: Double? = 9.5, cores: Int? = 2
    ) throws -> SpeedupReport {
        try SpeedupReport(trials: trials, serialSeconds: serial, coreCount: cores, config: [:])
    }

    @Test func comparesWithTheMedianOfTheFewestWorkers() throws {
        let report = try report([
            trial(1, 0, 12), trial(2, 0, 5), trial(1, 1, 10), trial(2, 1, 6), trial(1, 2, 9),
            trial(2, 2, 4),
        ])
        #expect(report.summary.map(\.workers) == [1, 2])
        #expect(report.summary.map(\.seconds) == [10, 5])
        #expect(report.summary.map(\.speedup) == [1, 2])
        #expect(report.summary.map(\.efficiency) == [1, 1])
        #expect(report.summary.map(\.secondsMin) == [9, 4])
        #expect(report.summary.map(\.secondsMax) == [12, 6])
        #expect(report.summary.map(\.finishSpreadBundles) == [2, 2])
        for trial in report.trials {
            #expect(trial.speedup == 10 / trial.seconds)
            #expect(trial.efficiency == trial.speedup / Double(trial.workers))
        }
        // The way of the features is as long with every number of workers.
        #expect(report.serialSeconds == 10)
        #expect(report.chart.serialShare == 0.5)
        let slowest: Double = 10 / 6
        #expect(report.chart.points[1].lowest == slowest)
        #expect(report.chart.points[1].highest == 2.5)
    }

    @Test func refusesTrialsThatTrainedOtherHeads() throws {
        let trials = [trial(1, 0, 10, digest: "aaaa"), trial(2, 0, 5, digest: "bbbb")]
        for attempt in [{ _ = try report(trials) }, { try SpeedupReport.check(trials) }] {
            let error = try #require(throws: RunError.self) { try attempt() }
            #expect(error.code == .internal)
            #expect(error.message.contains("trial 1 with 2 workers"))
            #expect(error.message.contains("no speedup is reported"))
        }
        #expect(throws: RunError.self) { try report([]) }
        #expect(throws: Never.self) { try SpeedupReport.check([trial(1, 0, 1), trial(2, 0, 1)]) }
    }

    @Test func hasTheIssuesKeys() throws {
        let bytes = try JSONFile.encode(try report([trial(1, 0, 10), trial(2, 0, 5)]))
        let value = try #require(
            try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
        let keys: Set = ["workers", "seconds", "speedup", "efficiency", "idle_share", "digest"]
        for part in ["trials", "summary"] {
            let rows = try #require(value[part] as? [[String: Any]])
            #expect(rows.count == 2)
            for row in rows { #expect(keys.isSubset(of: row.keys)) }
        }
    }

    /// Its backbone took no time now: the whole job's speedup is not known.
    @Test func saysNothingOfTheWholeJobAfterAResumption() throws {
        let report = try report([trial(1, 0, 10), trial(2, 0, 5)], serial: nil, cores: nil)
        #expect(report.serialSeconds == nil)
        #expect(report.chart.serialShare == nil)
        #expect(!report.chart.rendered().contains("Amdahl"))
        #expect(!report.chart.rendered().contains("cores run out"))
        #expect(report.table.contains("on other hosts"))
    }
}
