import Decoding
import Probe

/// A report of a probe with invented figures: parts to put together.
enum SampleProbe {
    static let digest = String(repeating: "0123456789abcdef", count: 4)

    static func scores(_ correct: Int, of rows: Int = 200, nll: Double) -> ProbeReport.Scores {
        ProbeReport.Scores(
            rows: rows, correct: correct, nll: nll, brier: nll / 4, ece: nll / 16,
            topFiveAccuracy: (1 + Double(correct) / Double(rows)) / 2)
    }

    /// A point of `heads` heads, a tenth of them not certified where `gap` is above 1e-6.
    static func point(
        _ c: Double, _ correct: Int, nll: Double, heads: Int = 1, gap: Double = 2.5e-7
    ) -> ProbeReport.Point {
        ProbeReport.Point(
            c: c, l2: 1 / (1800 * c), heads: heads, certified: gap > 1e-6 ? heads * 9 / 10 : heads,
            gapMax: gap, passes: 20 * heads, seconds: 0.125 * Double(heads),
            scores: scores(correct, nll: nll), digest: digest)
    }

    static func report(
        _ path: [Scheme: [ProbeReport.Point]], by criterion: ProbeCriterion = .accuracy,
        classes: Int = 12, tested: [Scheme: ProbeReport.Test]? = nil
    ) -> ProbeReport {
        var names = (0..<classes).map { "class \($0)" }
        names[1] = "a, \"b\" & <c>"
        return ProbeReport(
            data: ProbeReport.DataSummary(
                trainRows: 1800, validationRows: 200, testRows: tested.map { _ in 360 },
                classes: classes, classNames: names, featureCount: 16, sha256: digest),
            gapTolerance: 1e-6, path: path,
            choice: path.compactMapValues { .init(from: $0, by: criterion) },
            refit: path.mapValues {
                ProbeReport.Refit(
                    rows: 2000, heads: $0[0].heads, certified: $0[0].heads, gapMax: 3e-7,
                    digest: digest)
            }, test: tested,
            digests: .init(heads: digest, predictions: tested.map { _ in digest }),
            timing: .init(data: 0.25, path: 12, refit: 1.5, evaluate: 0.25, total: 15),
            heads: .init(trained: 135, resumed: 0, certified: 133))
    }

    /// How a scheme does on 30 rows of each of 12 classes.
    static func test(wrong: [Int: Int]) -> ProbeReport.Test {
        let correct = (0..<12).map { 30 - (wrong[$0] ?? 0) }
        return ProbeReport.Test(
            scores: scores(correct.reduce(0, +), of: 360, nll: 0.375),
            classRows: [Int](repeating: 30, count: 12), classCorrect: correct)
    }

    /// One-vs-all ended early, all-vs-all best at the edge and with heads that are not certified.
    static var usual: ProbeReport {
        report(
            [
                .oneVsAll: [
                    point(0.01, 120, nll: 1.5), point(0.031622776601683791, 180, nll: 0.5),
                    point(0.1, 180, nll: 0.625),
                    ProbeReport.Point(
                        skipped: 1, because: "the held-out NLL had risen for 8 values"),
                ],
                .softVote: [
                    point(0.01, 60, nll: 2, heads: 66),
                    point(0.031622776601683791, 100, nll: 1, heads: 66),
                    point(0.1, 140, nll: 0.75, heads: 66),
                    point(1, 170, nll: 0.5, heads: 66, gap: 3.17e-4),
                ],
            ],
            tested: [
                .oneVsAll: test(wrong: [1: 9, 3: 2, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1]),
                .softVote: test(wrong: [0: 3]),
            ])
    }
}
