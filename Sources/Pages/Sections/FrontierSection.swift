import Display
import Study

/// The post's third question: what dropping more than one class at a step costs and saves, as
/// accuracy against operations per row.
struct FrontierSection {
    let outlines: [StudyOutline]

    func rendered() -> String {
        let text = """
            <p>Every policy of tree elimination on the same heads: dropping the lowest classes, dropping \
            all below a probability, or stopping when the leader's margin is certain. Filled marks, \
            joined by a line, are policies that no other beats in both accuracy and operations; means \
            over the trials. The charts are of the smallest and the largest share of the rows, the \
            tables of all.</p>

            """
        let groups = outlines.enumerated().compactMap { index, outline -> Markup.ChartGroup? in
            guard !outline.dataset.frontier.isEmpty else { return nil }
            return .init(
                title: outline.title, before: savings(outline),
                charts: outline.figures("frontier-\(index)") { fraction, arm, id in
                    chart(outline, fraction, arm, id: id)
                },
                after: Markup.details("\(outline.title): every policy in numbers", table(outline)))
        }
        return groups.isEmpty
            ? "<p>No policy but the post's was run.</p>\n" : text + Markup.charts(of: groups)
    }

    /// How often the top class never changes, and what can be saved without losing more than a
    /// tenth of a point.
    private func savings(_ outline: StudyOutline) -> String {
        var table = HTMLTable(
            caption:
                "\(outline.title): what can be saved within 0.1 points of the post's policy, which drops one class a step",
            titles: [
                "heads", "top class never changes", "cheapest policy", "accuracy", "heads per row",
                "operations saved",
            ])
        var isEmpty = true
        for fraction in outline.outerFractions {
            table.beginGroup(StudyNames.rows(fraction))
            for arm in outline.arms {
                guard let cells = savings(outline, fraction, arm) else { continue }
                table.add(cells)
                isEmpty = false
            }
        }
        return isEmpty ? "" : table.rendered()
    }

    private func savings(
        _ outline: StudyOutline, _ fraction: Double, _ arm: CellArm
    ) -> [String]? {
        guard let (base, cheapest) = StudyFrontier(outline.dataset, fraction, arm).saving else {
            return nil
        }
        return [
            arm.title,
            Format.percent(base.topNeverChangedShare, places: 1) + " of the rows",
            Markup.escaped(cheapest.policy),
            Format.percent(cheapest.accuracy)
                + " <small>\(StudyFormat.points(cheapest.accuracy - base.accuracy))</small>",
            "\(StudyFormat.number(cheapest.headsPerRow, places: 2)) instead of \(StudyFormat.number(base.headsPerRow, places: 2))",
            Format.percent(1 - cheapest.flopsPerRow / base.flopsPerRow, places: 0),
        ]
    }

    // MARK: - Charts

    private func chart(
        _ outline: StudyOutline, _ fraction: Double, _ arm: CellArm, id: String
    ) -> String {
        let frontier = StudyFrontier(outline.dataset, fraction, arm)
        let points = frontier.points
        guard !points.isEmpty else { return "" }
        let xScale = ChartScale.logarithmic(covering: points.map(\.flopsPerRow))
        let yScale = ChartScale.linear(
            covering: points.map { $0.accuracy * 100 }, within: 0...100)
        var plot = ChartPlot()
        plot.verticalAxis(yScale, title: "test accuracy (%)")
        plot.horizontalAxis(xScale, title: "floating-point operations per row")
        let places = points.map { point in
            (x: plot.x(point.flopsPerRow, xScale), y: plot.y(point.accuracy * 100, yScale))
        }
        let best = frontier.isUnbeaten
        let front = zip(places, best).filter(\.1).map(\.0).sorted { $0.x < $1.x }
        plot.group("k7 bold") { $0.addCurve(front) }
        for (place, isBest) in zip(places, best) {
            plot.group(isBest ? "k7" : "k0") {
                $0.add(ChartMarker.circle.drawn(place.x, place.y, isOpen: !isBest, size: 4))
            }
            plot.texts.keepFree(around: place.x, place.y, radius: 8)
        }
        for (from, to) in zip(front, front.dropFirst()) {
            let count = max(1, Int(max(abs(to.x - from.x), abs(to.y - from.y)) / 4))
            for step in 0...count {
                let share = Double(step) / Double(count)
                plot.texts.keepFree(
                    around: from.x + (to.x - from.x) * share,
                    from.y + (to.y - from.y) * share, radius: 2)
            }
        }
        // Those on the frontier are named first, where there is room.
        let order = points.indices.sorted { best[$0] && !best[$1] }
        for index in order {
            plot.addLabel(
                points[index].policy, best[index] ? "" : "quiet", near: places[index].x,
                places[index].y)
        }
        let title = outline.title(fraction, arm)
        let picture = plot.rendered(
            id: id, title: title + ", accuracy against operations",
            description: points.map(Self.words).joined(separator: "; ") + ".")
        return Markup.figure(title, picture)
    }

    private static func words(_ point: PolicyOutcome) -> String {
        "\(point.policy): \(Format.percent(point.accuracy)) with \(Format.rate(point.flopsPerRow)) operations"
    }

    // MARK: - Numbers

    private func table(_ outline: StudyOutline) -> String {
        var table = HTMLTable(
            caption:
                "\(outline.title): elimination policies, means over the trials",
            titles: [
                "heads", "policy", "accuracy (%)", "heads per row", "operations per row",
                "top class never changes (%)", "not beaten",
            ], rowTitleCount: 2)
        for fraction in outline.fractions {
            table.beginGroup(StudyNames.rows(fraction))
            for arm in outline.arms {
                let frontier = StudyFrontier(outline.dataset, fraction, arm)
                for (point, isBest) in zip(frontier.points, frontier.isUnbeaten) {
                    table.add([
                        arm.title, Markup.escaped(point.policy),
                        Format.decimal(point.accuracy * 100, places: 2),
                        StudyFormat.number(point.headsPerRow, places: 2),
                        Format.count(Int(min(point.flopsPerRow.rounded(), 1e15))),
                        StudyFormat.number(point.topNeverChangedShare * 100, places: 1),
                        isBest ? "✓" : "",
                    ])
                }
            }
        }
        return table.rendered()
    }
}
