import Decoding
import Study

/// Calibration curves: how often a prediction is right against how probable it was said to be, and
/// below them how many predictions that is.
struct CalibrationSection {
    let outlines: [StudyOutline]

    private static let schemes: [Scheme] = [
        .oneVsAll, .softVote, .pairwiseCoupling, .treeElimination,
    ]

    func rendered() -> String {
        var text = """
            <p>Fifteen equal bins of the highest probability; bins without rows are left out. On the \
            dashed diagonal a prediction said to be right in 80% of the cases is right in 80%; below it \
            the scheme is too sure of itself. The bars are the share of the predictions in each bin. \
            The smallest and the largest share of the rows, all trials together. A soft vote's probability \
            of a class is the mean of the pairs' over all pairs: of K classes none gets more than 2/K, so \
            it is right far more often than it says, however good it is.</p>

            """
        let found = outlines.flatMap(\.schemes)
        text += ChartLegend.schemes(Self.schemes.filter(found.contains))
        return text
            + Markup.charts(
                of: outlines.enumerated().compactMap { index, outline in
                    let charts = outline.figures("calibration-\(index)") { fraction, arm, id in
                        chart(outline, fraction, arm, id: id)
                    }
                    return charts.isEmpty ? nil : .init(title: outline.title, charts: charts)
                })
    }

    private func chart(
        _ outline: StudyOutline, _ fraction: Double, _ arm: CellArm, id: String
    ) -> String {
        let cells = Self.schemes.compactMap { scheme in
            outline.cell(fraction, arm, scheme).flatMap { cell in
                cell.calibration.contains { $0.count > 0 } ? (scheme, cell) : nil
            }
        }
        guard cells.contains(where: { !$0.0.asksBackbone }) else { return "" }
        let percent = ChartScale.linear(covering: [0, 100], within: 0...100)
        var curves = ChartPlot(frame: .init(top: 34, bottom: 240), height: 384)
        curves.verticalAxis(percent, title: "predictions that are right (%)")
        curves.verticalLines(percent)
        curves.addLine(
            curves.frame.left, curves.frame.bottom, curves.frame.right, curves.frame.top,
            "diagonal")
        let shares = cells.map { Self.shares($0.1.calibration) }
        let counts = ChartScale.linear(
            covering: [0] + shares.flatMap { $0 }, within: 0...100, tickCount: 2)
        var bars = ChartPlot(frame: .init(top: 284, bottom: 338), height: 384)
        bars.verticalAxis(counts, title: "share of the predictions (%)")
        bars.horizontalAxis(percent, title: "highest probability (%)")
        for (index, (scheme, cell)) in cells.enumerated() {
            let series = ChartSeries(scheme: scheme)
            curves.group(series.style) { draw(cell.calibration, series, percent, &$0) }
            bars.group(series.style) { draw(shares[index], index, of: cells.count, counts, &$0) }
        }
        let title = outline.title(fraction, arm)
        let errors = cells.map { scheme, cell in
            "\(scheme.shortTitle) \(StudyFormat.number(cell.expectedCalibrationError * 100, places: 1))%"
        }
        let note = "expected calibration error: " + errors.joined(separator: ", ")
        let picture = curves.rendered(
            id: id, title: title + ", calibration", description: note + ".", below: bars)
        return Markup.figure(title, picture, note: note)
    }

    private func draw(
        _ bins: [CalibrationBin], _ series: ChartSeries, _ scale: ChartScale,
        _ plot: inout ChartPlot
    ) {
        let points = bins.filter { bin in
            bin.count > 0 && bin.meanConfidence.isFinite && bin.accuracy.isFinite
        }.map {
            (x: plot.x($0.meanConfidence * 100, scale), y: plot.y($0.accuracy * 100, scale))
        }
        plot.addCurve(points, series, size: 3)
    }

    /// A bar in each bin that has rows, beside those of the other schemes.
    private func draw(
        _ shares: [Double], _ index: Int, of count: Int, _ scale: ChartScale,
        _ plot: inout ChartPlot
    ) {
        let breadth = (plot.frame.right - plot.frame.left) / Double(shares.count)
        let bar = (breadth - 3) / Double(count)
        for (bin, share) in shares.enumerated() where share > 0 {
            let left = plot.frame.left + Double(bin) * breadth + 1.5 + Double(index) * bar
            plot.addRectangle(
                left: left, right: left + bar - 0.4, top: plot.y(share, scale),
                bottom: plot.frame.bottom, "class=\"bar\"")
        }
    }

    /// Of all predictions, in percent, by bin.
    private static func shares(_ bins: [CalibrationBin]) -> [Double] {
        let total = bins.reduce(0.0) { $0 + Double(max(0, $1.count)) }
        return bins.map { total > 0 ? Double(max(0, $0.count)) / total * 100 : 0 }
    }
}
