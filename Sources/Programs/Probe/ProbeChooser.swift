import Decoding
import Display
import Probe
import ProbeWork
import Scheduling
import Sessions
import Synchronization

/// Judges the heads of one penalty as soon as all of them are there, and chooses the best penalty once all
/// penalties are judged.
final class ProbeChooser: Sendable {
    private let book: ProbeBook
    private let judge: ProbeJudge
    private let criterion: ProbeCriterion
    private let console: Console
    private let found: Mutex<[ProbeFamily: [Int: ProbabilityMetrics]]>

    init(
        _ book: ProbeBook, _ judge: ProbeJudge, by criterion: ProbeCriterion,
        _ console: Console
    ) {
        self.book = book
        self.judge = judge
        self.criterion = criterion
        self.console = console
        found = Mutex([:])
    }

    /// How held-out rows are predicted at every penalty so far.
    func metrics(of family: ProbeFamily) -> [Int: ProbabilityMetrics] {
        found.withLock { $0[family] ?? [:] }
    }

    /// Whether every scheme's penalty is chosen.
    var isDone: Bool { book.plan.families.allSatisfy { book.chosen(for: $0) != nil } }

    /// Judges what is complete.
    ///
    /// - Returns: the units that may begin now that a penalty is chosen.
    func look() throws -> [WorkID] {
        var released: [WorkID] = []
        for family in book.plan.families where book.chosen(for: family) == nil {
            var metrics = metrics(of: family)
            for step in book.plan.cValues.indices where metrics[step] == nil {
                let places = book.plan.places
                let entries = places.compactMap { book.entries(of: family, $0, step: step) }
                guard entries.count == places.count else { continue }
                let judged = try judge.metrics(of: family.scheme) { place in
                    places.firstIndex(of: place).map {
                        entries[$0].flatMap(\.record.result.heads)
                    } ?? []
                }
                metrics[step] = judged
                found.withLock { $0[family, default: [:]][step] = judged }
                console.log(
                    .info,
                    "\(family.scheme.title), C \(Format.significant(book.plan.cValues[step], digits: 4)): \(Format.percent(judged.accuracy)) of the held-out rows, nll \(Format.decimal(judged.negativeLogLikelihood, places: 4))"
                )
            }
            guard metrics.count == book.plan.cValues.count,
                let best = criterion.best(
                    of: book.plan.cValues.indices.map { step in
                        metrics[step].map { ProbeReport.Scores($0) }
                    })
            else { continue }
            released += book.choose(best, for: family)
        }
        return released
    }
}
