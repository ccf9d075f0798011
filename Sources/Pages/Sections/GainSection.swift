import Decoding
import Display
import Study

/// What the schemes gain over each control: a dot-and-whisker chart per data set and arm, and every
/// comparison in numbers.
struct GainSection {
    let outlines: [StudyOutline]
    /// Of the whole study.
    let comparisonCount: Int

    /// What is compared with, in the order of how much it takes away from a gain.
    static let controls: [Scheme] = [.oneVsAll, .oneVsAllEqualSteps, .oneVsAllRefit]

    func rendered() -> String {
        var text = """
            <p>Differences in test accuracy, paired by trial, with 95% intervals. A filled mark is a \
            difference whose paired t test stays below 5% after Holm's correction over all comparisons \
            of the study; an outline is one that does not. <em>Within \(StudyVerdict.marginWords)</em> \
            is what two one-sided t tests show in the same way. Where the trials cannot tell, there may be a \
            difference all the same: <em>could show from</em> is the smallest true one that four of \
            five studies with as many trials and comparisons would show, if trials differ as much as \
            these.</p>

            """
        if let reach = StudyReach(outlines.flatMap(\.dataset.comparisons), of: comparisonCount) {
            text += "<p>\(reach.words(of: comparisonCount))</p>\n"
        }
        text += ChartLegend.rendered(
            Self.controls.map { control in
                let series = ChartSeries(scheme: control)
                return (series.key(hasStroke: false), "over " + control.title)
            })
        return text
            + Markup.charts(
                of: outlines.enumerated().compactMap { index, outline in
                    guard !outline.dataset.comparisons.isEmpty else { return nil }
                    let charts = outline.arms.enumerated().map { place, arm in
                        chart(outline, arm, id: "gain-\(index)-\(place)")
                    }
                    return .init(title: outline.title, charts: charts, after: tables(outline))
                })
    }

    // MARK: - Charts

    private struct Row {
        let fraction: Double
        let scheme: Scheme
        let comparisons: [StudyComparison]
    }

    /// The post's schemes and the refit; all others are in the table.
    private func rows(_ outline: StudyOutline, _ arm: CellArm) -> [Row] {
        outline.fractions.flatMap { fraction in
            [Scheme.oneVsAllRefit, .softVote, .treeElimination].compactMap { scheme in
                let found = Self.controls.filter { $0 != scheme }.compactMap {
                    outline.comparison(fraction, arm, scheme, over: $0)
                }
                guard !found.isEmpty else { return nil }
                return Row(fraction: fraction, scheme: scheme, comparisons: found)
            }
        }
    }

    private func chart(_ outline: StudyOutline, _ arm: CellArm, id: String) -> String {
        let rows = rows(outline, arm)
        guard !rows.isEmpty else { return "" }
        let reach = outline.arms.flatMap { self.rows(outline, $0) }.flatMap(\.comparisons)
            .flatMap { [$0.meanDifference] + ($0.interval ?? []) }
        let scale = ChartScale.differences(covering: reach.map { $0 * 100 })
        let groups = Set(rows.map(\.fraction)).count
        let top = 26.0
        let bottom = top + Double(rows.count) * 25 + Double(groups) * 9
        var plot = ChartPlot(
            frame: .init(left: 112, right: 384, top: top, bottom: bottom), height: bottom + 46)
        plot.horizontalAxis(scale, title: "difference (points, root scale)")
        plot.texts.add("rows, scheme", x: 4, y: 14, "quiet axis-title")
        let places = places(of: rows, from: top)
        for (index, place) in places.enumerated() where begins(rows, index) {
            plot.texts.add(StudyNames.fraction(rows[index].fraction), x: 4, y: place + 16, "strong")
            if index > 0 { plot.addLine(4, place - 3, plot.frame.right, place - 3, "grid") }
        }
        plot.addLine(plot.x(0, scale), top, plot.x(0, scale), bottom, "zero")
        for (row, place) in zip(rows, places) {
            plot.texts.add(
                row.scheme.shortTitle, x: 104, y: place + 16, anchor: .end)
            draw(row, at: place + 12, scale, &plot)
        }
        let title = outline.title + ": " + arm.title
        let picture = plot.rendered(
            id: id, title: title + ", gain over each control", description: description(rows))
        return Markup.figure(title, picture)
    }

    /// Whether a row is the first of its fraction.
    private func begins(_ rows: [Row], _ index: Int) -> Bool {
        index == 0 || rows[index - 1].fraction != rows[index].fraction
    }

    /// The rows' upper ends: evenly below each other, fractions a little apart.
    private func places(of rows: [Row], from top: Double) -> [Double] {
        var place = top - 29
        return rows.indices.map { index in
            place += begins(rows, index) ? 34 : 25
            return place
        }
    }

    private func draw(
        _ row: Row, at middle: Double, _ scale: ChartScale, _ plot: inout ChartPlot
    ) {
        for (index, comparison) in row.comparisons.enumerated() {
            let y = middle + (Double(index) - Double(row.comparisons.count - 1) / 2) * 7.5
            let series = ChartSeries(scheme: comparison.against)
            let verdict = StudyVerdict(comparison)
            plot.group("k\(series.colour)") { plot in
                if let ends = StudyReport.ends(of: comparison.interval) {
                    plot.addWhisker(
                        y: y, from: plot.x(ends.lower * 100, scale),
                        to: plot.x(ends.upper * 100, scale))
                }
                plot.add(
                    series.marker.drawn(
                        plot.x(comparison.meanDifference * 100, scale), y,
                        isOpen: verdict != .gain && verdict != .loss, size: 3.2))
            }
        }
    }

    private func description(_ rows: [Row]) -> String {
        let parts = rows.flatMap { row in
            row.comparisons.map { comparison in
                StudyNames.fraction(row.fraction) + " " + row.scheme.title + " over "
                    + comparison.against.title + " "
                    + StudyFormat.points(comparison.meanDifference)
            }
        }
        return "Percentage points: " + parts.joined(separator: "; ") + "."
    }

    // MARK: - Numbers

    /// A table per arm, folded: a study has hundreds of comparisons.
    private func tables(_ outline: StudyOutline) -> String {
        let comparisons = outline.dataset.comparisons.filter { $0.meanDifference.isFinite }
        let arms = ([.backbone] + outline.arms).filter { arm in
            comparisons.contains { $0.arm == arm }
        }
        return arms.map { arm in
            let own = comparisons.filter { $0.arm == arm }
            let verdicts = own.map(StudyVerdict.init)
            let gains = own.map(\.meanDifference)
            let found = VerdictCounts(verdicts)
            let counts =
                "\(StudyFormat.points(gains.min() ?? .nan)) to \(StudyFormat.points(gains.max() ?? .nan)) points, "
                + (found.tested == 0
                    ? "none can be tested"
                    : "shown: \(found.gains) better, \(found.losses) worse, \(found.within) within \(StudyVerdict.marginWords)")
            let title = "\(outline.title), \(arm.title)"
            return Markup.details(
                "\(title): \(Format.count(own.count, "comparison")), \(counts)",
                table(own, title: title))
        }.joined()
    }

    private func table(_ comparisons: [StudyComparison], title: String) -> String {
        var table = HTMLTable(
            caption: title
                + ": differences in percentage points, p-values two-sided; d is Cohen's of the paired differences",
            titles: [
                "scheme", "over", "trials", "difference", "95% interval", "verdict",
                "could show from", "t test p", "Holm", "within \(StudyVerdict.marginWords) p",
                "Holm",
                "Wilcoxon p", "Holm", "d", "McNemar p &lt; .05",
            ], rowTitleCount: 2)
        for (index, comparison) in comparisons.enumerated() {
            if index == 0 || comparisons[index - 1].fraction != comparison.fraction {
                table.beginGroup(StudyNames.rows(comparison.fraction))
            }
            let small = comparison.mcNemarPValues.filter { $0 < 0.05 }.count
            let isOtherArm =
                comparison.againstArm != comparison.arm
                && comparison.againstArm != .backbone
            let control =
                comparison.against.title
                + (isOtherArm ? " (\(comparison.againstArm.title))" : "")
            table.add([
                comparison.scheme.title, control, "\(comparison.trialCount)",
                StudyFormat.points(comparison.meanDifference),
                StudyFormat.interval(comparison.interval),
                StudyVerdict(comparison).markup,
                detectable(comparison),
                StudyFormat.pValue(comparison.tTestPValue),
                StudyFormat.pValue(comparison.tTestPValueHolm),
                StudyFormat.pValue(comparison.equivalencePValue),
                StudyFormat.pValue(comparison.equivalencePValueHolm),
                StudyFormat.pValue(comparison.wilcoxonPValue),
                StudyFormat.pValue(comparison.wilcoxonPValueHolm),
                StudyFormat.number(comparison.cohensD, places: 2),
                comparison.mcNemarPValues.isEmpty
                    ? StudyFormat.nothing : "\(small) of \(comparison.mcNemarPValues.count)",
            ])
        }
        return table.rendered()
    }

    /// In points; nothing could be shown where even a hundred are not enough.
    private func detectable(_ comparison: StudyComparison) -> String {
        guard let gain = comparison.detectableGain, gain.isFinite else {
            return StudyFormat.nothing
        }
        return gain > 1 ? "nothing" : StudyFormat.number(gain * 100, places: 2)
    }
}
