import Display
import Statistics

/// The trials with one number of workers, and those of them that count.
///
/// Other work on the cores slows a trial down, so the trials with the least of it count.
struct TrialGroup {
    /// Trials with at most this share of other work all count.
    private static let quietShareMax = 0.05
    /// Above this share of other work even the least disturbed trial says nothing.
    private static let otherShareMax = 0.1
    /// Trials that differ by more than this share of their median disagree.
    private static let spreadMax = 0.1

    let workers: Int
    /// The least disturbed ones; all where that is not known.
    let counted: [SpeedupReport.Trial]

    /// The trials with so many workers, at least one of them.
    init(workers: Int, of trials: [SpeedupReport.Trial]) {
        let own = trials.filter { $0.workers == workers }
        let least = own.compactMap(\.otherWorkShare).min() ?? 0
        self.workers = workers
        counted = own.filter { $0.otherWorkShare ?? 0 <= max(Self.quietShareMax, least + 0.01) }
    }

    var seconds: Double { Median.of(counted.map(\.seconds)) }

    /// From the fastest to the slowest, as a share of the median; nil of one trial.
    var spread: Double? { range.map { ($0.most - $0.least) / seconds } }

    /// The fastest and the slowest; nil of one trial.
    private var range: (least: Double, most: Double)? {
        let seconds = counted.map(\.seconds)
        guard counted.count > 1, let least = seconds.min(), let most = seconds.max() else {
            return nil
        }
        return (least, most)
    }

    /// The greatest share of other work; nil where it is not known.
    var otherWorkShare: Double? { counted.compactMap(\.otherWorkShare).max() }

    /// Why nothing follows from these trials; nil if something does.
    var doubt: String? {
        let subject = Format.count(workers, "worker")
        if let otherWorkShare, otherWorkShare > Self.otherShareMax {
            return
                "other work took \(Format.percent(otherWorkShare, places: 0)) of the cores in the trials with \(subject)"
        }
        guard let range, let spread, spread > Self.spreadMax else { return nil }
        return
            "the trials with \(subject) took from \(Format.decimal(range.least, places: 3)) to \(Format.decimal(range.most, places: 3)) s"
    }
}
