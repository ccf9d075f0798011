import Decoding
import Display
import Study

/// Confusion matrices before (one-vs-all) and after (all-vs-all, tree elimination), as heat tables,
/// and what changed.
struct ConfusionSection {
    let outlines: [StudyOutline]

    func rendered() -> String {
        var text = """
            <p>Each row is a true class: the percentage of its test rows that was predicted as the \
            class of the column, over all trials. What follows is what changes against one-vs-all, in \
            percentage points. The smallest and the largest share of the rows; the counts of all cells \
            are in results.json.</p>

            """
        for outline in outlines {
            text += Markup.heading(outline.title)
            var isFirst = true
            for fraction in outline.outerFractions {
                for arm in outline.arms {
                    let tables = tables(outline, fraction, arm)
                    guard !tables.isEmpty else { continue }
                    text += Markup.details(
                        "\(outline.title), \(StudyNames.rows(fraction)), \(arm.title)",
                        Markup.element("div", "class=\"row\"", "\n" + tables), isOpen: isFirst)
                    isFirst = false
                }
            }
        }
        return text
    }

    private func tables(_ outline: StudyOutline, _ fraction: Double, _ arm: CellArm) -> String {
        let names = outline.dataset.classNames
        let before = outline.cell(fraction, arm, .oneVsAll).flatMap {
            shares($0, names.count)
        }
        let after = [Scheme.softVote, .treeElimination].compactMap { scheme in
            outline.cell(fraction, arm, scheme).flatMap { shares($0, names.count) }.map {
                (scheme, $0)
            }
        }
        guard !after.isEmpty else { return "" }
        var text = before.map { heat("one-vs-all", $0, names) } ?? ""
        for (scheme, shares) in after {
            text += heat(scheme.postTitle, shares, names)
        }
        guard let before else { return text }
        for (scheme, shares) in after {
            let title = scheme.postTitle + " minus one-vs-all"
            text += difference(title, zip(shares, before).map { $0 - $1 }, names)
        }
        return text
    }

    /// `[label, prediction]`: shares of the label's rows; nil unless the matrix is there.
    private func shares(_ cell: StudyCell, _ classCount: Int) -> [Double]? {
        guard classCount > 0, cell.confusion.count == classCount * classCount else { return nil }
        return (0..<classCount).flatMap { label in
            let row = cell.confusion[label * classCount..<(label + 1) * classCount]
            let total = row.reduce(0.0) { $0 + Double($1) }
            return row.map { total > 0 ? Double($0) / total : 0 }
        }
    }

    private func heat(_ title: String, _ shares: [Double], _ names: [String]) -> String {
        table(title + " (%)", names) { index in
            let share = shares[index]
            // The root, so that the few mistakes are seen beside the many hits.
            let step = Int((share.squareRoot() * 9).rounded())
            let text = Format.decimal(share * 100, places: 1)
            return (share > 0 && step > 0 ? "h\(min(9, step))" : "", share > 0 ? text : "0")
        }
    }

    private func difference(_ title: String, _ changes: [Double], _ names: [String]) -> String {
        let largest = max(changes.map(\.magnitude).max() ?? 0, 0.001)
        return table(title + " (points)", names) { index in
            let change = changes[index]
            let step = Int((change.magnitude / largest).squareRoot() * 7 + 0.5)
            let style = step == 0 ? "" : "\(change > 0 ? "m" : "l")\(min(9, step))"
            return (style, StudyFormat.points(change, places: 1))
        }
    }

    private func table(
        _ title: String, _ names: [String], _ cell: (Int) -> (style: String, text: String)
    ) -> String {
        var table = HTMLTable(
            caption: title, titles: ["true \\ predicted"] + names.map(Markup.escaped),
            style: "heat")
        for (label, name) in names.enumerated() {
            let cells = names.indices.map { cell(label * names.count + $0) }
            var styles: [Int: String] = [:]
            for (prediction, cell) in cells.enumerated() where !cell.style.isEmpty {
                styles[prediction + 1] = cell.style
            }
            table.add([Markup.escaped(name)] + cells.map(\.text), cellStyles: styles)
        }
        return table.rendered()
    }
}
