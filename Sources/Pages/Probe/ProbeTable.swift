import Decoding
import Display
import Numerics
package import Probe

/// A probe as text for the terminal.
package enum ProbeTable {
    /// Classes of the lowest recall that are named for a scheme.
    private static let worstClassCount = 5

    /// For each scheme its path, the chosen value of C marked; then how the chosen heads do on test
    /// rows, the classes that lose most, and in sentences what a reader must know.
    ///
    /// Text is plain ASCII as long as names are. No line is longer than `width`, as long as no word is.
    package static func text(_ report: ProbeReport, width: Int?) -> String {
        var lines: [String] = []
        let sentences = ProbeSentences(report)
        for scheme in report.schemes {
            lines += sentences.heading(scheme).folded(width) + [""]
            lines += path(of: scheme, in: report, width) + [""]
            lines += sentences.choice(scheme).flatMap { $0.folded(width) } + [""]
        }
        if report.test != nil {
            let rows = report.data.testRows ?? 0
            lines += "\(rows.counted("test row"))".folded(width) + [""]
            lines += tested(report, width) + [""]
            lines += worst(report, width)
        }
        let notes = sentences.notes.flatMap { $0.folded(width) }
        lines += notes.isEmpty ? [] : notes + [""]
        while lines.last == "" { lines.removeLast() }
        lines += ResultsTable.foot(
            digests: [
                ("heads", report.digests.heads), ("predictions", report.digests.predictions ?? ""),
            ].filter { !$0.1.isEmpty }, times: report.timing.phases, width: width)
        return lines.map { $0 + "\n" }.joined()
    }

    private static func path(
        of scheme: Scheme, in report: ProbeReport, _ width: Int?
    ) -> [String] {
        let points = report.path[scheme] ?? []
        let choice = report.choice[scheme]
        let isPerHead = choice?.perHead != nil
        var columns: [(title: String, alignment: TextTable.Alignment)] = [
            ("C", .right), ("accuracy", .right), ("95% interval", .right), ("NLL", .right),
            ("ECE", .right), ("largest gap", .right), ("certified", .right),
        ]
        if isPerHead { columns.append(("heads that chose it", .right)) }
        var table = TextTable(columns: columns)
        let names = ProbeNumbers.names(ofC: points.map(\.c))
        let longest = names.map(\.count).max() ?? 0
        for (point, name) in zip(points, names) {
            let isChosen = !isPerHead && choice?.c == point.c
            let mark = isChosen ? "*" + String(repeating: " ", count: 1 + longest - name.count) : ""
            var cells = [mark + name]
            cells += figures(point.scores)
            cells += [
                point.gapMax.map(ProbeNumbers.gap) ?? "-",
                point.isSkipped
                    ? "skipped"
                    : point.isCertified
                        ? "all" : "\(point.certified.grouped)/\(point.heads.grouped)",
            ]
            if isPerHead {
                let count = choice?.headCount(at: point.c, of: point.heads) ?? 0
                cells.append(count == 0 ? "-" : count.grouped)
            }
            table.add(cells)
        }
        return table.lines(width: width)
    }

    /// Accuracy, its interval, NLL and ECE.
    private static func figures(_ scores: ProbeReport.Scores?) -> [String] {
        guard let scores else { return ["-", "-", "-", "-"] }
        return [
            Format.percent(scores.accuracy), ProbeNumbers.interval(scores),
            Format.decimal(scores.nll, places: 4), Format.decimal(scores.ece, places: 4),
        ]
    }

    private static func tested(_ report: ProbeReport, _ width: Int?) -> [String] {
        let hasTopFive = report.data.classes > 5
        var table = TextTable(
            columns: [
                ("scheme", .left), ("C", .right), ("accuracy", .right), ("95% interval", .right),
            ] + (hasTopFive ? [("top-5", .right)] : []) + [("NLL", .right), ("ECE", .right)])
        for scheme in report.testedSchemes {
            guard let test = report.test?[scheme] else { continue }
            var cells = figures(test.scores)
            if hasTopFive {
                cells.insert(Format.percent(test.scores.topFiveAccuracy), at: 2)
            }
            table.add([scheme.probeTitle, value(of: scheme, in: report)] + cells)
        }
        return table.lines(width: width)
    }

    /// The chosen C; nothing for a scheme that has none of its own.
    private static func value(of scheme: Scheme, in report: ProbeReport) -> String {
        guard let choice = report.choice[scheme] else { return "" }
        guard let c = choice.c else { return "own" }
        return ProbeNumbers.name(ofC: c, among: (report.path[scheme] ?? []).map(\.c))
    }

    private static func worst(_ report: ProbeReport, _ width: Int?) -> [String] {
        var table = TextTable(columns: [
            ("scheme", .left), ("lowest recall", .left), ("recall", .right), ("rows", .right),
        ])
        var hasRows = false
        for scheme in report.testedSchemes {
            guard let test = report.test?[scheme] else { continue }
            for (rank, label) in test.worstClasses(worstClassCount).enumerated() {
                hasRows = true
                table.add([
                    rank == 0 ? scheme.probeTitle : "", report.data.name(of: label),
                    Format.percent(test.recall[label] ?? 0, places: 1),
                    "\(test.classCorrect[label].grouped)/\(test.classRows[label].grouped)",
                ])
            }
        }
        return hasRows ? table.lines(width: width) + [""] : []
    }
}

extension Scheme {
    /// The scheme as a probe's option calls it.
    var probeTitle: String { postTitle }
}

extension String {
    /// The text in lines of a width, all but the first two spaces in.
    fileprivate func folded(_ width: Int?) -> [String] {
        Format.wrapped(Format.printable(self), width: width, indent: "  ")
    }
}

/// How a probe's numbers are written for people.
enum ProbeNumbers {
    /// Four digits, or as many more as tell a path's values from each other.
    static func names(ofC values: [Double]) -> [String] {
        for digits in 4...6 {
            let names = values.map { Format.significant($0, digits: digits) }
            if Set(names).count == Set(values).count { return names }
        }
        return values.map(exact)
    }

    /// The name that a value has among others.
    static func name(ofC c: Double, among values: [Double]) -> String {
        zip(values, names(ofC: values)).first { $0.0 == c }?.1
            ?? Format.significant(c, digits: 4)
    }

    /// All digits, so that it may be given again.
    static func exact(_ value: Double) -> String {
        let text = "\(value)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// A relative gap in two digits, with its power of ten.
    static func gap(_ value: Double) -> String { Format.significant(value, digits: 2) }

    /// The ends of the accuracy's interval in percent.
    static func interval(_ scores: ProbeReport.Scores) -> String {
        let (lower, upper) = (scores.accuracyLow * 100, scores.accuracyHigh * 100)
        return Format.decimal(lower, places: 2) + "-" + Format.decimal(upper, places: 2) + "%"
    }
}
