import Decoding
package import Probe

/// A probe as `results.csv`.
package enum ProbeCSV {
    private static let columns = [
        "scheme", "c", "l2", "heads", "certified", "gap_max", "passes", "seconds", "rows",
        "correct", "accuracy", "accuracy_low", "accuracy_high", "nll", "brier", "ece",
        "top5_accuracy", "chosen", "chosen_heads", "skipped", "digest",
    ]

    /// A line for every scheme and value of C, in this order, below the names of the columns.
    ///
    /// Shares are from 0 to 1. Numbers that may have a fraction always have a point or an exponent, and
    /// reading them gives the same number. `chosen` and `skipped` are `true` or `false`; `chosen_heads`
    /// is how many heads have this C in the model. What is not known is empty. No field needs quotes.
    package static func text(_ report: ProbeReport) -> String {
        var lines = [columns.joined(separator: ",")]
        for scheme in report.schemes {
            let choice = report.choice[scheme]
            for point in report.path[scheme] ?? [] {
                let scores = point.scores
                let refitted = report.refit[scheme]?.heads ?? point.heads
                let fields =
                    [
                        scheme.rawValue, "\(point.c)", number(point.l2), "\(point.heads)",
                        "\(point.certified)", number(point.gapMax), "\(point.passes)",
                        number(point.seconds), scores.map { "\($0.rows)" } ?? "",
                        scores.map { "\($0.correct)" } ?? "",
                    ]
                    + [
                        scores?.accuracy, scores?.accuracyLow, scores?.accuracyHigh,
                        scores?.nll, scores?.brier, scores?.ece, scores?.topFiveAccuracy,
                    ].map(number)
                    + [
                        "\(choice?.c == point.c)",
                        "\(choice?.headCount(at: point.c, of: refitted) ?? 0)",
                        "\(point.isSkipped)", point.digest ?? "",
                    ]
                lines.append(fields.joined(separator: ","))
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "" }
        return "\(value)"
    }
}
