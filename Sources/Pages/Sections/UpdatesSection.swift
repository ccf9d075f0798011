import Decoding
import Display
import Numerics
import Study

/// Accuracy against the number of updates that backbone or heads got: a chart per data set and arm
/// trained by Adadelta, sentences chosen by the numbers, and a table.
struct UpdatesSection {
    let outlines: [StudyOutline]
    let settings: StudySettings

    private static let schemes: [Scheme] = [.softVote, .treeElimination]
    private static let converged = CellArm.heads(.converged)

    /// A difference in points below which heads count as trained alike.
    private static let nearness = 0.01
    /// Updates that grow by less than this factor hardly change.
    private static let constancy = 1.25

    func rendered() -> String {
        var text = """
            <p>A head takes one step of Adadelta a minibatch of \(Format.count(settings.batchSize, "row")) of its own \
            classes, for \(Format.count(settings.headEpochCount, "epoch")); the backbone, \
            \(Format.count(settings.epochCount, "epoch")) over all rows. The charts show mean test \
            accuracy against these steps, in the mean over what a scheme asks: one-vs-all the backbone, \
            voting and DAG the pair heads, tree elimination all heads; steps of the backbone below the heads are not counted with theirs. A larger share of the rows gives \
            more steps and more rows at once; but at one share all heads on frozen features have the \
            same rows and the same features, so what differs between their arms there is how far they \
            were trained and from where.</p>

            """
        let isMarked = outlines.contains { $0.arms.contains(Self.converged) }
        text += ChartLegend.schemes(
            outlines.flatMap(\.schemes), others: isMarked ? [Self.optimumKey] : [])
        return text
            + Markup.charts(
                of: outlines.enumerated().compactMap { index, outline in
                    let arms = outline.arms.filter { $0 != Self.converged }
                    let charts = arms.enumerated().map { place, arm in
                        chart(outline, arm, id: "updates-\(index)-\(place)")
                    }.filter { !$0.isEmpty }
                    guard !charts.isEmpty else { return nil }
                    let sentences = sentences(outline)
                    return .init(
                        title: outline.title,
                        before: sentences.isEmpty
                            ? "" : Markup.list(sentences.map(Markup.escaped)),
                        charts: charts,
                        after: Markup.details(
                            "\(outline.title): updates and accuracy in numbers", table(outline)))
                })
    }

    private static let optimumKey = ChartLegend.bar(
        3, "all-vs-all of converged heads on the same rows and features")

    private func updates(_ outline: StudyOutline, _ fraction: Double) -> StudyUpdates? {
        outline.rows(fraction).map { StudyUpdates(settings, rowCounts: $0.rowCounts) }
    }

    // MARK: - Words

    private func sentences(_ outline: StudyOutline) -> [String] {
        let onFeatures = [StudyArm.frozen, .zero, .derived].map(CellArm.heads)
        let references = [.heads(.derived), Self.converged].filter(outline.arms.contains)
        let arms = onFeatures.filter(outline.arms.contains)
        return arms.flatMap { arm in
            references.filter { $0 != arm }.compactMap { sentence(outline, arm, under: $0) }
        } + [arms.first.flatMap { rowsAlone(outline, $0) }].compactMap { $0 }
    }

    /// The effect of more rows where they hardly bring more updates.
    private func rowsAlone(_ outline: StudyOutline, _ arm: CellArm) -> String? {
        guard let first = outline.fractions.first, let start = updates(outline, first)?.pair,
            let last = outline.fractions.dropFirst().last(where: { fraction in
                updates(outline, fraction)?.pair.map { $0 < Self.constancy * start } ?? false
            }), let end = updates(outline, last)?.pair,
            let before = outline.cell(first, arm, .softVote),
            let after = outline.cell(last, arm, .softVote)
        else { return nil }
        return
            "From \(StudyNames.fraction(first)) to \(StudyNames.fraction(last)) of the rows a pair head's updates hardly change (\(Self.count(start)) and \(Self.count(end))): more rows, and the features learnt from them, take all-vs-all with \(StudyNames.armInWords(arm)) from \(Format.percent(before.meanAccuracy, places: 1)) to \(Format.percent(after.meanAccuracy, places: 1)) there, not more updates of the heads."
    }

    /// Cell less reference by scheme, where both are there.
    private func gaps(
        _ outline: StudyOutline, _ fraction: Double, _ arm: CellArm, _ reference: CellArm
    ) -> [Double]? {
        let gaps = Self.schemes.compactMap { scheme -> Double? in
            guard let cell = outline.cell(fraction, arm, scheme),
                let other = outline.cell(fraction, reference, scheme)
            else { return nil }
            return cell.meanAccuracy - other.meanAccuracy
        }
        return gaps.count == Self.schemes.count ? gaps : nil
    }

    /// How far an arm is from another one on the fewest updates, and from which number on it is near.
    private func sentence(
        _ outline: StudyOutline, _ arm: CellArm, under reference: CellArm
    ) -> String? {
        let places = outline.fractions.compactMap { fraction -> Place? in
            guard let gaps = gaps(outline, fraction, arm, reference),
                let count = updates(outline, fraction)?.pair
            else { return nil }
            return Place(fraction: fraction, count: count, gaps: gaps)
        }
        guard let first = places.first, let last = places.last else { return nil }
        let names = (StudyNames.armInWords(arm), StudyNames.armInWords(reference))
        let start =
            "With \(Self.count(first.count)) updates of a pair head (\(StudyNames.fraction(first.fraction)) of the rows), all-vs-all with \(names.0) lies \(Self.distance(first.gaps[0])) \(names.1), tree elimination \(Self.distance(first.gaps[1]))"
        guard places.count > 1 else { return start + "." }
        let firstNear = places.indices.first { index in
            places[index...].allSatisfy(\.isNear)
        }
        guard let firstNear else {
            return start
                + "; with \(Self.count(last.count)) (\(StudyNames.fraction(last.fraction))) \(Self.distance(last.gaps[0])) and \(Self.distance(last.gaps[1]))."
        }
        let near = places[firstNear]
        return start
            + (firstNear == 0
                ? "; with more rows and updates both are within a point of them, too."
                : "; from \(Self.count(near.count)) updates (\(StudyNames.fraction(near.fraction))) on both are within a point of them.")
    }

    private struct Place {
        let fraction: Double
        /// Updates of a pair head.
        let count: Double
        let gaps: [Double]

        var isNear: Bool { gaps.allSatisfy { $0.magnitude < UpdatesSection.nearness } }
    }

    /// `3.10 points under` or `0.20 points over`.
    private static func distance(_ gap: Double) -> String {
        "\(Format.decimal(gap.magnitude * 100, places: 2)) points \(gap < 0 ? "under" : "over")"
    }

    private static func count(_ updates: Double) -> String {
        updates.isFinite && updates < 1e15 ? Format.count(Int(updates.rounded())) : "-"
    }

    // MARK: - Charts

    /// A scheme's cells with their updates, fractions ascending.
    private func found(
        _ outline: StudyOutline, _ arm: CellArm, _ scheme: Scheme
    ) -> [(count: Double, cell: StudyCell)] {
        outline.fractions.compactMap { fraction in
            guard let cell = outline.cell(fraction, arm, scheme),
                let count = updates(outline, fraction)?.count(of: scheme, arm: arm), count > 0
            else { return nil }
            return (count, cell)
        }
    }

    private func chart(_ outline: StudyOutline, _ arm: CellArm, id: String) -> String {
        let series = outline.schemes.map { (scheme: $0, points: found(outline, arm, $0)) }
            .filter { !$0.points.isEmpty }
        guard !series.isEmpty else { return "" }
        let optima = isOnFeatures(arm) ? optima(outline) : []
        let xScale = ChartScale.logarithmic(
            covering: outline.arms.flatMap { arm in
                // With some room, so that no mark lies on the axis.
                outline.schemes.flatMap { found(outline, arm, $0) }.flatMap {
                    [$0.count / 1.1, $0.count * 1.1]
                }
            })
        let yScale = ChartScale.accuracies(covering: reach(outline))
        var plot = ChartPlot()
        plot.verticalAxis(
            yScale, title: "test accuracy (%\(yScale.isLogit ? ", logit scale" : ""))")
        plot.horizontalAxis(xScale, title: "updates of what the scheme asks (log scale)")
        plot.group("k3") { plot in
            for optimum in optima {
                let (x, y) = (plot.x(optimum.count, xScale), plot.y(optimum.accuracy * 100, yScale))
                plot.addLine(x - 9, y, x + 9, y, "postmark")
            }
        }
        for (scheme, points) in series {
            let look = ChartSeries(scheme: scheme)
            let places = points.map {
                (x: plot.x($0.count, xScale), y: plot.y($0.cell.meanAccuracy * 100, yScale))
            }
            plot.group(look.style) { $0.addCurve(places, look) }
        }
        let title = outline.title + ": " + arm.title
        let picture = plot.rendered(
            id: id, title: title + ", accuracy against updates",
            description: description(series))
        return Markup.figure(title, picture)
    }

    private func isOnFeatures(_ arm: CellArm) -> Bool {
        if case .heads(let arm) = arm { !arm.trainsNetworks } else { false }
    }

    /// All-vs-all of converged heads, at the updates of a pair head of the other arms.
    private func optima(_ outline: StudyOutline) -> [(count: Double, accuracy: Double)] {
        outline.fractions.compactMap { fraction in
            guard let cell = outline.cell(fraction, Self.converged, .softVote),
                let count = updates(outline, fraction)?.pair
            else { return nil }
            return (count, cell.meanAccuracy)
        }
    }

    /// Every accuracy that a chart of the data set shows, in percent.
    private func reach(_ outline: StudyOutline) -> [Double] {
        outline.dataset.cells.filter { !$0.accuracies.isEmpty }.map { $0.meanAccuracy * 100 }
    }

    private func description(
        _ series: [(scheme: Scheme, points: [(count: Double, cell: StudyCell)])]
    ) -> String {
        let parts = series.compactMap { scheme, points -> String? in
            guard let first = points.first, let last = points.last else { return nil }
            return
                "\(scheme.title) from \(Format.percent(first.cell.meanAccuracy, places: 1)) after \(Self.count(first.count)) updates to \(Format.percent(last.cell.meanAccuracy, places: 1)) after \(Self.count(last.count))"
        }
        return parts.joined(separator: "; ") + "."
    }

    // MARK: - Numbers

    private func table(_ outline: StudyOutline) -> String {
        let shown: [Scheme] = [.oneVsAllRefit, .softVote, .treeElimination]
        var table = HTMLTable(
            caption: outline.title
                + ": updates, in the mean over the heads, and accuracy in percent",
            titles: ["heads"]
                + shown.flatMap { ["updates", $0.title] })
        for fraction in outline.fractions {
            guard let updates = updates(outline, fraction) else { continue }
            table.beginGroup(
                StudyNames.rows(fraction)
                    + backbone(outline, fraction, updates))
            for arm in outline.arms {
                let cells = shown.flatMap { scheme -> [String] in
                    guard let cell = outline.cell(fraction, arm, scheme) else {
                        return [StudyFormat.nothing, StudyFormat.nothing]
                    }
                    let count = updates.count(of: scheme, arm: arm).map(Self.count)
                    return [
                        arm == Self.converged ? "at the optimum" : count ?? StudyFormat.nothing,
                        StudyFormat.meanAndDeviation(cell),
                    ]
                }
                table.add([arm.title] + cells)
            }
        }
        return table.rendered()
    }

    /// Updates and accuracy of one-vs-all.
    private func backbone(
        _ outline: StudyOutline, _ fraction: Double, _ updates: StudyUpdates
    ) -> String {
        [Scheme.oneVsAll, .oneVsAllEqualSteps].map { scheme in
            guard let cell = outline.cell(fraction, .backbone, scheme),
                let count = updates.count(of: scheme, arm: .backbone)
            else { return "" }
            return
                "; \(scheme.title): \(Self.count(count)) updates, \(Format.decimal(cell.meanAccuracy * 100, places: 2))"
        }.joined()
    }
}
