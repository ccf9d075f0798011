import Decoding
import Display
package import Study

/// A study as text: `results.csv` for programs, the table for the terminal.
package enum StudyTable {
    /// `results.csv`: a line per data set, fraction, arm, scheme and trial, in this order.
    ///
    /// Shares are from 0 to 1 and written so that reading them gives the same number; trials count
    /// from 1. What is not known is empty.
    package static func csv(_ report: StudyReport) -> String {
        var text = "dataset,fraction,arm,scheme,trial,accuracy,nll,brier,ece,balanced_accuracy\n"
        for dataset in report.datasets {
            for cell in dataset.cells {
                let place = [
                    dataset.name, number(cell.fraction), cell.arm.key, cell.scheme.rawValue,
                ]
                for (trial, accuracy) in cell.accuracies.enumerated() {
                    let values = [
                        accuracy, value(cell.negativeLogLikelihoods, trial),
                        value(cell.brierScores, trial),
                        value(cell.expectedCalibrationErrors, trial),
                        value(cell.balancedAccuracies, trial),
                    ]
                    let fields =
                        place.map(field) + ["\(StudyReport.trialNumber(trial, in: cell))"]
                        + values.map(number)
                    text += fields.joined(separator: ",") + "\n"
                }
            }
        }
        return text
    }

    /// For the terminal: per data set a row per fraction and arm, a column per scheme, accuracies
    /// in percent as `mean ± sd`; balanced accuracies too where classes were made unequal.
    ///
    /// The last lines are what is missing. No line is longer than `width`, as long as no word is.
    package static func text(_ report: StudyReport, width: Int?) -> String {
        var lines: [String] = []
        for dataset in report.datasets {
            let outline = StudyOutline(dataset)
            lines += [
                "\(StudyNames.dataset(dataset.name)): \(Format.count(dataset.trainRowCount)) training rows, \(Format.count(dataset.testRowCount)) test rows, accuracy in percent",
                "",
            ].map(Format.printable)
            lines += table(outline, width) { StudyFormat.meanAndDeviation($0) } + [""]
            guard let settings = report.settings, settings.imbalance > 1 else { continue }
            lines += [
                "\(StudyNames.dataset(dataset.name)): balanced accuracy in percent; imbalance \(settings.imbalance), balance \(settings.balance.rawValue)"
            ].map(Format.printable)
            lines += outline.fractions.compactMap { fraction in
                outline.rows(fraction).map { rows in
                    "\(StudyNames.fraction(fraction)): \(rows.distinctRowCounts.map(Format.count).joined(separator: ", ")) rows by class"
                }
            }
            let classCount = dataset.classNames.count
            lines += [""]
            lines +=
                table(outline, width) { StudyFormat.balanced($0, classCount: classCount) } + [""]
        }
        lines += report.missing.map { "missing: " + Format.printable($0) }
        while lines.last == "" { lines.removeLast() }
        return Format.folded(lines.map { $0 + "\n" }.joined(), width: width)
    }

    private static func table(
        _ outline: StudyOutline, _ width: Int?, _ value: (StudyCell) -> String
    ) -> [String] {
        var table = TextTable(
            columns: [("rows", .right), ("heads", .left), ("trials", .right)]
                + outline.schemes.map { ($0.shortTitle, .right) }, keyCount: 3)
        for fraction in outline.fractions {
            for arm in outline.allArms {
                let cells = outline.schemes.map { outline.ownCell(fraction, arm, $0) }
                guard let first = cells.lazy.compactMap({ $0 }).first else { continue }
                table.add(
                    [
                        StudyNames.fraction(fraction), arm.title,
                        "\(first.accuracies.count)",
                    ] + cells.map { $0.map(value) ?? "" })
            }
        }
        return table.lines(width: width)
    }

    private static func value(_ values: [Double], _ trial: Int) -> Double {
        values.indices.contains(trial) ? values[trial] : .nan
    }

    private static func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "" }

    /// A field, quoted by RFC 4180.
    private static func field(_ text: String) -> String {
        let text = Format.printable(text)
        guard text.contains(where: { $0 == "," || $0 == "\"" }) else { return text }
        return "\""
            + text.split(separator: "\"", omittingEmptySubsequences: false)
            .joined(separator: "\"\"") + "\""
    }
}
