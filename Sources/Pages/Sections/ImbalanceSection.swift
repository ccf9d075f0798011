import Decoding
import Display
import Study

/// What unequal classes do to every scheme: what was done to the rows, then how much of the class with
/// the most and of the one with the fewest rows is found, in words and in numbers.
struct ImbalanceSection {
    let outlines: [StudyOutline]
    let settings: StudySettings

    private static let schemes: [Scheme] = [.softVote, .treeElimination]

    func rendered() -> String {
        var text = """
            <p class="lead">\(done)</p>
            <p>Test rows are all there, whatever was done to the training rows. <em>Balanced accuracy</em> \
            is the mean over the classes of the share found of each; where the test classes are equally \
            large it is the accuracy.</p>

            """
        for outline in outlines {
            let items = outline.outerFractions.flatMap { sentences(outline, $0) }
            guard !items.isEmpty else { continue }
            text += Markup.heading(outline.title) + Markup.list(items.map(Markup.escaped))
            text += table(outline)
        }
        return text
    }

    /// What was made of the classes, and what against it.
    private var done: String {
        let ratio = Format.decimal(settings.imbalance, places: settings.imbalance < 10 ? 1 : 0)
        let made =
            settings.imbalance > 1
            ? "The classes were made unequal: each keeps a share of its rows that falls geometrically from all for the first to 1/\(ratio) for the last. "
            : "The classes were left as they are. "
        return switch settings.balance {
        case .none: made + "Nothing was done about it."
        case .weights:
            made
                + "In every loss a row weighs n / (K n<sub>c</sub>), n<sub>c</sub> being the rows of its class among the n rows of K classes: for the backbone over all classes, for each head over its own, so that classes weigh the same in all."
        case .resample:
            made
                + "Rows of the smaller classes are repeated until all classes have as many as the largest, for backbone and heads alike; an epoch has more minibatches then, so everything gets more updates, too."
        }
    }

    // MARK: - Words

    private func sentences(_ outline: StudyOutline, _ fraction: Double) -> [String] {
        guard let ends = ends(outline, fraction),
            let base = outline.cell(fraction, .backbone, .oneVsAll)?
                .recalls(outline.dataset.classNames.count)
        else { return [] }
        let names = outline.dataset.classNames
        let most = base[ends.most]
        let fewest = base[ends.fewest]
        let opening =
            "\(StudyNames.fraction(fraction)) of the rows: \(rows(ends.counts[ends.most])) of “\(names[ends.most])”, \(rows(ends.counts[ends.fewest])) of “\(names[ends.fewest])”. One-vs-all finds \(Format.percent(most, places: 1)) of the first and \(Format.percent(fewest, places: 1)) of the second"
            + (fewest < most
                ? ", \(Format.decimal((most - fewest) * 100, places: 1)) points less." : ".")
        return [opening]
            + Self.schemes.compactMap { scheme(outline, fraction, $0, ends.fewest, fewest) }
            + [
                spread(outline, fraction, ends.fewest), verdicts(outline, fraction),
            ].compactMap { $0 }
    }

    private func rows(_ count: Int) -> String { Format.count(count, "row") }

    /// What a scheme finds of the smallest class, by kind of heads.
    private func scheme(
        _ outline: StudyOutline, _ fraction: Double, _ scheme: Scheme, _ fewest: Int,
        _ base: Double
    ) -> String? {
        let parts = outline.arms.compactMap { arm -> String? in
            guard let cell = outline.cell(fraction, arm, scheme),
                let recalls = cell.recalls(outline.dataset.classNames.count)
            else { return nil }
            return
                "\(Format.percent(recalls[fewest], places: 1)) with \(StudyNames.armInWords(arm)) (\(StudyFormat.points(recalls[fewest] - base, places: 1)) points)"
        }
        guard !parts.isEmpty else { return nil }
        return
            "Of the smallest class \(scheme.postTitle) finds \(StudyNames.list(parts))."
    }

    /// Whether scheme or training decides how much of the smallest class is found.
    private func spread(_ outline: StudyOutline, _ fraction: Double, _ fewest: Int) -> String? {
        func width(_ places: [(CellArm, Scheme)]) -> Double? {
            let found = places.compactMap { arm, scheme in
                outline.cell(fraction, arm, scheme)?.recalls(outline.dataset.classNames.count)?[
                    fewest]
            }
            guard found.count > 1, let low = found.min(), let high = found.max() else { return nil }
            return (high - low) * 100
        }
        let schemes = [Scheme.oneVsAllRefit] + Self.schemes
        let byScheme = outline.arms.compactMap { arm in width(schemes.map { (arm, $0) }) }
        let byArm = schemes.compactMap { scheme in width(outline.arms.map { ($0, scheme) }) }
        guard let scheme = byScheme.max(), let arm = byArm.max() else { return nil }
        return
            "One head, voting and elimination on the same heads differ by at most \(Format.decimal(scheme, places: 1)) points in what they find of it, kinds of heads under the same scheme by up to \(Format.decimal(arm, places: 1)): "
            + (arm > scheme
                ? "how the heads are trained matters more than how they decide."
                : "how the heads decide matters more than how they are trained.")
    }

    /// Whether the schemes gain on one-vs-all where classes are unequal, as the tests say.
    private func verdicts(_ outline: StudyOutline, _ fraction: Double) -> String? {
        let findings = StudyFindings(StudyClaim.all(outline, at: fraction))
        let counts = findings.counts
        guard counts.tested > 0 else { return nil }
        let words =
            "Over all rows \(findings.sizes); of \(Format.count(counts.tested, "combination")) of heads and scheme, \(counts.words)"
        return counts.gains == 0
            ? words
                + ". That unequal classes make the schemes better than one-vs-all the trials do not show."
            : words + ", with classes as unequal as these."
    }

    /// The classes with the most and the fewest distinct training rows; nil where they are not known.
    private func ends(
        _ outline: StudyOutline, _ fraction: Double
    ) -> (most: Int, fewest: Int, counts: [Int])? {
        guard let counts = outline.rows(fraction)?.distinctRowCounts,
            counts.count == outline.dataset.classNames.count,
            let most = counts.indices.max(by: { counts[$0] < counts[$1] }),
            let fewest = counts.indices.min(by: { counts[$0] < counts[$1] })
        else { return nil }
        return (most, fewest, counts)
    }

    // MARK: - Numbers

    private func table(_ outline: StudyOutline) -> String {
        var table = HTMLTable(
            caption: outline.title
                + ": accuracy and balanced accuracy in percent, and how much is found of the classes with the most and the fewest training rows",
            titles: [
                "heads", "scheme", "accuracy ± sd", "balanced ± sd", "most rows", "fewest rows",
                "least found",
            ], rowTitleCount: 2)
        let classCount = outline.dataset.classNames.count
        for fraction in outline.fractions {
            table.beginGroup(group(outline, fraction))
            for arm in outline.allArms {
                for scheme in outline.schemes {
                    guard let cell = outline.ownCell(fraction, arm, scheme),
                        let recalls = cell.recalls(classCount)
                    else { continue }
                    let ends = ends(outline, fraction)
                    let least = recalls.indices.min { recalls[$0] < recalls[$1] } ?? 0
                    let percent = { Format.decimal($0 * 100, places: 1) }
                    table.add([
                        arm.title, scheme.title, StudyFormat.meanAndDeviation(cell),
                        StudyFormat.balanced(cell, classCount: classCount),
                        ends.map { percent(recalls[$0.most]) } ?? StudyFormat.nothing,
                        ends.map { percent(recalls[$0.fewest]) } ?? StudyFormat.nothing,
                        percent(recalls[least])
                            + " <small>\(Markup.escaped(outline.dataset.classNames[least]))</small>",
                    ])
                }
            }
        }
        return table.rendered()
    }

    /// The share, and the training rows of every class.
    private func group(_ outline: StudyOutline, _ fraction: Double) -> String {
        let share = StudyNames.rows(fraction)
        guard let rows = outline.rows(fraction) else { return share }
        let counts = rows.distinctRowCounts.map(Format.count).joined(separator: ", ")
        return share + ": \(counts) rows by class"
            + (rows.rowCounts == rows.distinctRowCounts
                ? "" : ", repeated to \(Format.count(rows.rowCounts.max() ?? 0))")
    }
}

extension StudyFormat {
    /// Balanced accuracy in percent as ``meanAndDeviation(_:plusMinus:)`` shows accuracy.
    static func balanced(_ cell: StudyCell, classCount: Int) -> String {
        guard let recalls = cell.recalls(classCount) else { return nothing }
        let mean = recalls.reduce(0, +) / Double(recalls.count)
        let text = Format.decimal(mean * 100, places: 2)
        guard let deviation = cell.balancedAccuracyDeviation, deviation.isFinite else {
            return text
        }
        return "\(text) ± \(Format.decimal(deviation * 100, places: 2))"
    }
}
