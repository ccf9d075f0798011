import Display
package import Pages

// What people get to see of a benchmark.
extension SpeedupReport {
    /// Efficiencies above this cannot come from the workers alone.
    private static let efficiencyMax = 1.05

    /// What an efficiency above 100% says of the trials it is compared with; nil of one that is not.
    static func doubt(_ efficiency: Double, workers: Int, than base: Int) -> String? {
        guard efficiency > efficiencyMax else { return nil }
        return
            "\(Format.count(workers, "worker")) came out more than \(Format.trimmed(Double(workers) / Double(base), places: 1)) times as fast as \(base), so something slowed the trials with \(base) down"
    }

    /// What standard output gets, for a terminal of this width.
    package func text(width: Int?) -> String {
        var table = TextTable(columns: [
            ("workers", .right), ("trials", .right), ("seconds", .right), ("spread", .right),
            ("other work", .right), ("speedup", .right), ("efficiency", .right),
            ("idle", .right), ("finish spread (bundles)", .right),
        ])
        for row in summary {
            let runCount = trials.count { $0.workers == row.workers }
            let known = row.doubt == nil
            table.add([
                Format.count(row.workers),
                row.trialsCounted == runCount ? "\(runCount)" : "\(row.trialsCounted)/\(runCount)",
                Format.decimal(row.seconds, places: 3),
                row.spread.map { Format.percent($0, places: 1) } ?? "-",
                row.otherWorkShare.map { Format.percent($0, places: 1) } ?? "-",
                known ? Format.decimal(row.speedup, places: 2) : "-",
                known ? Format.percent(row.efficiency, places: 1) : "-",
                Format.percent(row.idleShare),
                Format.decimal(row.finishSpreadBundles, places: 2),
            ])
        }
        let lines =
            table.lines(width: width) + ["", method + "; the greatest finish spread"] + doubts
            + ["sha256 heads \(summary[0].digest)"]
        return Format.folded(lines.map { $0 + "\n" }.joined(), width: width)
    }

    /// Each reason once, and what to do about it.
    private var doubts: [String] {
        var reasons: [String] = []
        for case let doubt? in summary.map(\.doubt) where !reasons.contains(doubt) {
            reasons.append(doubt)
        }
        guard !reasons.isEmpty else { return [] }
        return [
            "no speedup is concluded: \(reasons.joined(separator: "; ")); repeat it on an idle machine, with more --trials, or with a longer job"
        ]
    }

    /// How many trials the figures are of, and what they are of them.
    private var method: String {
        let counts = Set(summary.map(\.trialsCounted))
        guard let count = counts.first, counts.count == 1, count * summary.count == trials.count
        else { return "medians of the trials with the least other work\(place)" }
        let name = count == 1 ? "" : count == 2 ? "means of " : "medians of "
        return name + Format.count(count, "trial") + (count == 1 ? " each" : "") + place
    }

    private var place: String {
        cores.map { " on " + Format.count($0, "core") } ?? " on other hosts"
    }

    /// The picture.
    package var chart: SpeedupChart {
        let alone = summary[0].seconds * Double(summary[0].workers)
        let isDoubtful = summary.contains { $0.doubt != nil }
        return SpeedupChart(
            points: summary.map { row in
                let speedups = TrialGroup(workers: row.workers, of: trials).counted.map(\.speedup)
                return SpeedupChart.Point(
                    workerCount: row.workers, lowest: speedups.min() ?? row.speedup,
                    median: row.speedup, highest: speedups.max() ?? row.speedup)
            }, serialShare: serialSeconds.map { $0 / ($0 + alone) }, coreCount: cores,
            subtitle:
                "\(isDoubtful ? "not conclusive: " : "")\(method); one worker: \(Format.duration(seconds: alone))"
        )
    }
}
