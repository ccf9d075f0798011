import Decoding
import Display
import Numerics
package import Probe

/// The picture of `coordinator probe`: accuracy, NLL and calibration of held-out rows against C, one
/// above the other, as SVG.
///
/// A line a scheme with the accuracy's 95% interval, and rings at the chosen C. One file, no network,
/// light and dark.
package struct ProbeChart: SVGDrawing {
    /// One of the figures against C.
    private struct Panel {
        let title: String
        let height: Double
        let scale: ChartScale
        let value: (ProbeReport.Scores) -> Double
        /// The two ends of an interval, if it has one.
        var band: ((ProbeReport.Scores) -> (low: Double, high: Double))?
        /// What is written beside the chosen point.
        let label: (ProbeReport.Scores) -> String
    }

    /// A point of a path that has scores.
    private struct Mark {
        let c: Double
        let scores: ProbeReport.Scores
        let isCertified: Bool
        let isChosen: Bool
    }

    /// A scheme's line.
    private struct Curve {
        let scheme: Scheme
        let series: ChartSeries
        let marks: [Mark]
        let name: String
    }

    private static let left = 56.0
    private static let right = 466.0
    /// Between two panels, for the title of the lower one.
    private static let gap = 40.0

    private let curves: [Curve]
    private let subtitle: String

    /// A picture of a report's paths; points without scores are left out.
    package init(_ report: ProbeReport) {
        curves = report.schemes.compactMap { scheme in
            let choice = report.choice[scheme]
            let marks = (report.path[scheme] ?? []).compactMap { point in
                point.scores.map {
                    Mark(
                        c: point.c, scores: $0, isCertified: point.isCertified,
                        isChosen: point.c == choice?.c)
                }
            }
            guard !marks.isEmpty else { return nil }
            return Curve(
                scheme: scheme, series: ChartSeries(scheme: scheme), marks: marks,
                name: Self.name(of: scheme, in: report))
        }
        let data = report.data
        let way =
            data.folds.map { "\($0.counted("fold")) of \(data.trainRows.counted("row"))" }
            ?? (data.validationRows ?? 0).counted("row")
        subtitle = "\(way), \(data.classes.counted("class"))"
    }

    private static func name(of scheme: Scheme, in report: ProbeReport) -> String {
        guard let choice = report.choice[scheme] else { return scheme.probeTitle }
        let result = choice.heldOut.map { ": \(Format.percent($0.accuracy))" } ?? ""
        guard let c = choice.c else { return "\(scheme.probeTitle), a C for each head\(result)" }
        let name = ProbeNumbers.name(ofC: c, among: (report.path[scheme] ?? []).map(\.c))
        return "\(scheme.probeTitle), best at C = \(name)\(result)"
    }

    /// The whole SVG document.
    package func rendered() -> String {
        var texts = ChartTexts()
        var top =
            heading("Held-out accuracy, NLL and ECE against C", subtitle, in: &texts) + 28
        let across = ChartScale.powersOfTen(covering: curves.flatMap { $0.marks.map(\.c) })
        var lines: [String] = []
        let panels = panels
        for (index, panel) in panels.enumerated() {
            var plot = ChartPlot(
                frame: .init(
                    left: Self.left, right: Self.right, top: top, bottom: top + panel.height))
            plot.verticalAxis(panel.scale, title: panel.title, titleLeft: SVGDocument.margin)
            if index == panels.count - 1 {
                plot.horizontalAxis(across, title: "C (to the right, a weaker penalty)")
            } else {
                plot.verticalLines(across)
            }
            draw(panel, across, on: &plot)
            lines += plot.marks + plot.texts.lines
            top = plot.frame.bottom + Self.gap
        }
        let (signs, bottom) = legend(items, from: top + 22, in: &texts, columns: 1)
        return document(
            height: bottom, rules: Self.rules + ChartPalette.rules(ChartPalette.light, of: colours),
            darkRules: Self.darkRules + ChartPalette.rules(ChartPalette.dark, of: colours),
            lines + signs + texts.lines)
    }

    private var colours: [Int] { Set(curves.map(\.series.colour)).sorted() }

    private static let rules = """
        .curve { fill: none; stroke: currentColor; stroke-width: 1.6 } .bold .curve { stroke-width: 1.9 }
        .mark { fill: currentColor; stroke: currentColor }
        .open { fill: #fff; stroke: currentColor; stroke-width: 1.4 }
        .band { fill: currentColor; fill-opacity: .14 }
        .best { stroke: currentColor; stroke-dasharray: 3 3 }
        .ring { fill: none; stroke: currentColor; stroke-width: 2 }
        .value { fill: currentColor; stroke: #fff; stroke-width: 3px; paint-order: stroke }

        """

    private static let darkRules = """
        .open { fill: #16181c } .band { fill-opacity: .2 } .value { stroke: #16181c }

        """

    private var panels: [Panel] {
        let all = curves.flatMap { $0.marks.map(\.scores) }
        let nll = all.map(\.nll).filter(\.isFinite)
        // A weak penalty may cost many times the best likelihood, which must stay in sight.
        let isWide = (nll.min() ?? 0) > 0.001 && (nll.max() ?? 0) > 4 * (nll.min() ?? 0)
        let accuracies = all.flatMap { [$0.accuracyLow * 100, $0.accuracyHigh * 100] }
        // The strongest penalties may be no better than chance; the best must not lie on one line.
        let isSteep = (accuracies.max() ?? 0) - (accuracies.min() ?? 0) > 20
        return [
            Panel(
                title: "accuracy, %, with its 95% interval", height: 216,
                scale: .accuracies(covering: accuracies, isLogit: isSteep),
                value: { $0.accuracy * 100 },
                band: { ($0.accuracyLow * 100, $0.accuracyHigh * 100) },
                label: { Format.percent($0.accuracy) }),
            Panel(
                title: "NLL, less is better", height: 120,
                scale: isWide
                    ? .logarithmic(covering: nll) : .linear(covering: nll, within: 0...1e12),
                value: \.nll, label: { Format.decimal($0.nll, places: 3) }),
            Panel(
                title: "ECE, less is better", height: 120,
                scale: .linear(covering: all.map(\.ece) + [0], within: 0...1),
                value: \.ece, label: { Format.decimal($0.ece, places: 3) }),
        ]
    }

    private func draw(_ panel: Panel, _ across: ChartScale, on plot: inout ChartPlot) {
        let axes = plot
        let x = { (mark: Mark) in axes.x(mark.c, across) }
        let y = { (value: Double) in axes.y(value, panel.scale) }
        var labels: [(text: String, style: String, x: Double, y: Double)] = []
        for curve in curves {
            let marks = curve.marks.filter { panel.value($0.scores).isFinite }
            let points = marks.map { (x: x($0), y: y(panel.value($0.scores)), mark: $0) }
            let band = panel.band.map { ends in
                polygon(
                    marks.map {
                        (x: x($0), low: y(ends($0.scores).low), high: y(ends($0.scores).high))
                    })
            }
            let size = curve.marks.count > 15 ? 2.2 : 3.4
            plot.group(curve.series.style) { plot in
                if let band { plot.add(band) }
                for point in points where point.mark.isChosen {
                    plot.addLine(point.x, plot.frame.top, point.x, plot.frame.bottom, "best")
                }
                plot.addCurve(points.map { ($0.x, $0.y) }, dashes: curve.series.dashes)
                for point in points {
                    plot.add(
                        curve.series.marker.drawn(
                            point.x, point.y, isOpen: !point.mark.isCertified, size: size))
                }
                for point in points where point.mark.isChosen {
                    plot.add(
                        "<circle class=\"ring\" cx=\"\(number(point.x))\" cy=\"\(number(point.y))\" r=\"6.5\"/>"
                    )
                    labels.append(
                        (panel.label(point.mark.scores), curve.series.style, point.x, point.y))
                }
            }
        }
        for label in labels { plot.texts.keepFree(around: label.x, label.y, radius: 6) }
        for label in labels {
            plot.addLabel(label.text, "value \(label.style)", near: label.x, label.y)
        }
    }

    /// The band between two lines; for one point the interval as a line of its own.
    private func polygon(_ ends: [(x: Double, low: Double, high: Double)]) -> String {
        if ends.count == 1 { return line(ends[0].x, ends[0].low, ends[0].x, ends[0].high, "curve") }
        let path =
            ends.map { "\(number($0.x)),\(number($0.high))" }
            + ends.reversed().map { "\(number($0.x)),\(number($0.low))" }
        return "<polygon class=\"band\" points=\"\(path.joined(separator: " "))\"/>"
    }

    /// The schemes by their signs, and what rings and open points are.
    private var items: [(sign: String, name: String)] {
        var items = curves.map { curve in
            let dashes = curve.series.dashes
            let pattern = dashes.isEmpty ? "" : " stroke-dasharray=\"\(dashes)\""
            return (
                sign:
                    "<g class=\"\(curve.series.style)\"><line class=\"curve\"\(pattern) x1=\"2\" y1=\"0\" x2=\"28\" y2=\"0\"/>\(curve.series.marker.drawn(15, 0, size: 3.4))</g>",
                name: curve.name
            )
        }
        if curves.contains(where: { $0.marks.contains { !$0.isCertified } }) {
            items.append(
                (
                    "<g class=\"quiet\"><circle class=\"open\" cx=\"15\" cy=\"0\" r=\"3.4\"/></g>",
                    "open: not every head is certified to be at its optimum"
                ))
        }
        return items
    }
}
