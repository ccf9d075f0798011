import Decoding
import Display
import Study

/// Accuracy against the share of rows with 95% intervals: a chart per data set and arm; below them
/// every cell in numbers.
struct AccuracySection {
    let outlines: [StudyOutline]
    /// Whether the study is the post's job, so that the post's numbers may stand beside it.
    let isThePosts: Bool

    func rendered() -> String {
        var text = """
            <p>Mean test accuracy over the trials against the share of each class's training rows; \
            the whiskers are 95% intervals of the mean (Student's t, on the logit scale). All charts of a data set have \
            the same axes.</p>

            """
        let isInPost = outlines.contains { outline in
            outline.fractions.contains { entry(outline, $0, .oneVsAll) != nil }
        }
        text += ChartLegend.schemes(
            outlines.flatMap(\.schemes), others: isInPost ? [Self.postKey] : [])
        return text
            + Markup.charts(
                of: outlines.enumerated().map { index, outline in
                    let arms = outline.arms.isEmpty ? outline.allArms : outline.arms
                    let charts = arms.enumerated().map { place, arm in
                        chart(outline, arm, id: "accuracy-\(index)-\(place)")
                    }
                    return .init(
                        title: outline.title, charts: charts,
                        after: Markup.details(
                            "\(outline.title): every cell in numbers", table(outline)))
                })
    }

    private static let postKey = ChartLegend.bar(0, "the post's number, in its scheme's colour")

    // MARK: - Charts

    private func chart(_ outline: StudyOutline, _ arm: CellArm, id: String) -> String {
        let fractions = outline.fractions
        let scale = ChartScale.accuracies(covering: reach(outline))
        var plot = ChartPlot()
        plot.verticalAxis(
            scale, title: "test accuracy (%\(scale.isLogit ? ", logit scale" : ""))")
        plot.horizontalAxis(
            fractions.map(StudyNames.fraction), title: "share of each class's training rows")
        let schemes = outline.schemes.filter { !found(outline, fractions, arm, $0).isEmpty }
        if arm.isThePosts { drawPost(outline, &plot, scale) }
        for (place, scheme) in schemes.enumerated() {
            let series = ChartSeries(scheme: scheme)
            let band = (plot.frame.right - plot.frame.left) / Double(max(1, fractions.count))
            // Side by side: whiskers of the same length on one spot cannot be told apart.
            let pitch = min(14, band * 0.86 / Double(schemes.count))
            let shift = (Double(place) - Double(schemes.count - 1) / 2) * pitch
            let cells = found(outline, fractions, arm, scheme)
            let points = cells.map { index, cell in
                (
                    x: plot.band(index, of: fractions.count) + shift,
                    y: plot.y(cell.meanAccuracy * 100, scale)
                )
            }
            plot.group(series.style) { plot in
                for (point, (_, cell)) in zip(points, cells) {
                    guard let ends = StudyReport.ends(of: cell.interval) else { continue }
                    plot.addWhisker(
                        x: point.x, from: plot.y(ends.upper * 100, scale),
                        to: plot.y(ends.lower * 100, scale), breadth: min(5, pitch * 0.8))
                }
                plot.addCurve(points, series, size: min(3.6, max(1.6, pitch / 2)))
            }
        }
        let title = outline.title + ": " + arm.title
        let picture = plot.rendered(
            id: id, title: title + ", accuracy against rows",
            description: description(outline, arm, schemes))
        return Markup.figure(title, picture)
    }

    private func found(
        _ outline: StudyOutline, _ fractions: [Double], _ arm: CellArm, _ scheme: Scheme
    ) -> [(index: Int, cell: StudyCell)] {
        fractions.enumerated().compactMap { index, fraction in
            outline.cell(fraction, arm, scheme).map { (index, $0) }
        }
    }

    /// Three short bars side by side, so that equal numbers do not hide each other.
    private func drawPost(_ outline: StudyOutline, _ plot: inout ChartPlot, _ scale: ChartScale) {
        for (index, fraction) in outline.fractions.enumerated() {
            let schemes = Scheme.allCases.filter { entry(outline, fraction, $0) != nil }
            for (place, scheme) in schemes.enumerated() {
                guard let entry = entry(outline, fraction, scheme) else { continue }
                let count = outline.fractions.count
                let breadth = min(20, (plot.band(1, of: count) - plot.band(0, of: count)) / 3.3)
                let middle = plot.band(index, of: count) + Double(place - 1) * breadth
                let height = plot.y(entry.mean * 100, scale)
                plot.group("k\(ChartSeries(scheme: scheme).colour)") {
                    $0.addLine(
                        middle - breadth * 0.45, height, middle + breadth * 0.45, height, "postmark"
                    )
                }
            }
        }
    }

    private func entry(
        _ outline: StudyOutline, _ fraction: Double, _ scheme: Scheme
    ) -> PostNumbers.Entry? {
        guard isThePosts else { return nil }
        return PostNumbers.entry(
            dataset: outline.dataset.name, fraction: fraction, scheme: scheme)
    }

    /// Everything that a chart of the data set shows, in percent.
    private func reach(_ outline: StudyOutline) -> [Double] {
        let measured = outline.dataset.cells.filter { !$0.accuracies.isEmpty }.flatMap { cell in
            [cell.meanAccuracy] + (cell.interval ?? [])
        }
        let said = outline.fractions.flatMap { fraction in
            Scheme.allCases.compactMap { entry(outline, fraction, $0)?.mean }
        }
        return (measured + said).map { $0 * 100 }
    }

    private func description(
        _ outline: StudyOutline, _ arm: CellArm, _ schemes: [Scheme]
    ) -> String {
        let parts = schemes.compactMap { scheme -> String? in
            let cells = found(outline, outline.fractions, arm, scheme)
            guard let first = cells.first?.cell, let last = cells.last?.cell else { return nil }
            return scheme.title + " from "
                + Format.percent(first.meanAccuracy, places: 1) + " at "
                + StudyNames.fraction(first.fraction) + " of the rows to "
                + Format.percent(last.meanAccuracy, places: 1) + " at "
                + StudyNames.fraction(last.fraction)
        }
        return parts.joined(separator: "; ") + "."
    }

    // MARK: - Numbers

    private func table(_ outline: StudyOutline) -> String {
        var table = HTMLTable(
            caption: outline.title
                + ": accuracy in percent with its 95% interval; the other measures are means over the trials",
            titles: [
                "heads", "scheme", "accuracy ± sd", "95% interval", "log-likelihood, negative",
                "Brier score", "calibration error (%)", "trials",
            ], rowTitleCount: 2)
        for fraction in outline.fractions {
            table.beginGroup(StudyNames.rows(fraction))
            for arm in outline.allArms {
                for scheme in outline.schemes {
                    guard let cell = outline.ownCell(fraction, arm, scheme) else { continue }
                    let interval = StudyReport.ends(of: cell.interval).map {
                        Format.decimal($0.lower * 100, places: 2) + " to "
                            + Format.decimal($0.upper * 100, places: 2)
                    }
                    table.add([
                        arm.title, scheme.title, StudyFormat.meanAndDeviation(cell),
                        interval ?? StudyFormat.nothing,
                        StudyFormat.number(cell.negativeLogLikelihood, places: 4),
                        StudyFormat.number(cell.brierScore, places: 4),
                        StudyFormat.number(cell.expectedCalibrationError * 100, places: 2),
                        "\(cell.accuracies.count)",
                    ])
                }
            }
        }
        return table.rendered()
    }
}
