import Formats
import Foundation
import Pages
import Programs
import System
import Testing

@Suite struct SpeedupReportTests {
    private func trial(
        _ workers: Int, _ trial: Int, _ seconds: Double, digest: String = "d", idle: Double = 0.01,
        others: Double? = nil
    ) -> SpeedupReport.Trial {
        SpeedupReport.Trial(
            workers: workers, trial: trial, threads: workers, seconds: seconds, idleShare: idle,
            finishSpreadSeconds: 0.1, finishSpreadBundles: Double(trial), distributionSeconds: 0.5,
            otherWorkShare: others, digest: digest)
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
        #expect(report.text(width: nil).contains("on other hosts"))
    }

    /// The slow one of two trials is the one that other work slowed: the other one counts.
    @Test func theLeastDisturbedTrialsCount() throws {
        let report = try report([
            trial(1, 0, 3.5, others: 0.45), trial(2, 0, 0.72, others: 0.01),
            trial(1, 1, 1.4, others: 0.02), trial(2, 1, 0.70, others: 0.04),
        ])
        #expect(report.summary.map(\.trialsCounted) == [1, 2])
        #expect(report.summary.map(\.seconds) == [1.4, 0.71])
        #expect(report.summary.map(\.otherWorkShare) == [0.02, 0.04])
        #expect(report.summary.map(\.secondsMax) == [3.5, 0.72])
        #expect(report.summary.allSatisfy { $0.doubt == nil })
        let text = report.text(width: nil)
        #expect(text.contains("medians of the trials with the least other work on 2 cores"))
        #expect(text.contains("1/2") && text.contains("98.6%"))
        #expect(!text.contains("no speedup"))
    }

    @Test func trialsThatDisagreeGiveNoSpeedup() throws {
        let report = try report([
            trial(1, 0, 3.5), trial(2, 0, 1.05), trial(1, 1, 1.4), trial(2, 1, 1.05),
        ])
        #expect(report.summary.allSatisfy { $0.doubt != nil })
        let text = report.text(width: nil)
        #expect(
            text.contains(
                "no speedup is concluded: the trials with 1 worker took from 1.400 to 3.500 s; "))
        #expect(text.contains("85.7%") && !text.contains("117") && !text.contains("2.33"))
        #expect(text.contains("means of 2 trials on 2 cores"))
        #expect(report.chart.subtitle.hasPrefix("not conclusive: "))
    }

    /// Only what the doubt is about is left out.
    @Test func oneDoubtfulNumberOfWorkersLeavesTheOthers() throws {
        let report = try report([
            trial(1, 0, 4), trial(2, 0, 2), trial(4, 0, 1), trial(1, 1, 4), trial(2, 1, 2),
            trial(4, 1, 1.5),
        ])
        #expect(report.summary.map { $0.doubt == nil } == [true, true, false])
        #expect(report.text(width: nil).contains("2.00"))
    }

    @Test func moreThanTheWorkersCanIsNotBelieved() throws {
        let report = try report([trial(1, 0, 2.4), trial(2, 0, 1)])
        #expect(
            report.summary[1].doubt
                == "2 workers came out more than 2 times as fast as 1, so something slowed the trials with 1 down"
        )
        #expect(!report.text(width: nil).contains("120"))
        #expect(report.text(width: nil).contains("1 trial each on 2 cores"))
    }

    @Test func coresThatWereBusyGiveNoSpeedup() throws {
        let report = try report([
            trial(1, 0, 2, others: 0.31), trial(2, 0, 1, others: 0.2),
            trial(1, 1, 2, others: 0.4), trial(2, 1, 1, others: 0.2),
        ])
        #expect(
            report.text(width: nil).contains(
                "no speedup is concluded: other work took 31% of the cores in the trials with 1 worker;"
            ))
        // On other hosts nobody knows, and it is not held against them.
        #expect(try self.report([trial(1, 0, 2)], cores: nil).summary[0].doubt == nil)
    }

    @Test func fitsATerminalOf80Columns() throws {
        let trials = (0..<3).flatMap { index in
            [1, 2, 1_024].map { trial($0, index, 1_234.5 / Double($0), others: 0.125) }
        }
        let lines = try report(trials).text(width: 80).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(lines.first { $0.contains("1,024") } != nil)
    }
}
