import Decoding
import Pages
import Study
import Testing

/// What the page says of unequal classes and of updates, on figures that are made up by hand.
@Suite struct UnequalClassesTests {
    /// Three classes; accuracies of all-vs-all and tree elimination by arm and fraction.
    private func report(
        _ accuracies: [(arm: StudyArm, vote: [Double], tree: [Double])],
        rows: [[Int]] = [[100, 100, 100], [900, 900, 900]], fractions: [Double] = [0.1, 0.9]
    ) -> StudyReport {
        var dataset = StudyDataset(
            name: "mnist", classNames: ["x", "y", "z"], trainRowCount: 3_000, testRowCount: 30,
            sha256: "", cells: [], comparisons: [], frontier: [])
        for (index, fraction) in fractions.enumerated() {
            dataset.cells.append(cell(fraction, .backbone, .oneVsAll, 0.8))
            for (arm, vote, tree) in accuracies {
                dataset.cells.append(cell(fraction, .heads(arm), .oneVsAllRefit, 0.8))
                dataset.cells.append(cell(fraction, .heads(arm), .softVote, vote[index]))
                dataset.cells.append(cell(fraction, .heads(arm), .treeElimination, tree[index]))
            }
        }
        dataset.rows = zip(fractions, rows).map {
            StudyRows(fraction: $0, rowCounts: $1, distinctRowCounts: $1)
        }
        var report = StudyReport(
            command: "", protocolName: "full", versions: [:], datasets: [dataset], timeline: [],
            missing: [])
        report.settings = StudySettings(scope: .full)
        return report
    }

    private func cell(
        _ fraction: Double, _ arm: CellArm, _ scheme: Scheme, _ accuracy: Double,
        confusion: [Int] = [10, 0, 0, 2, 8, 0, 3, 1, 6]
    ) -> StudyCell {
        var cell = StudyCell(fraction: fraction, arm: arm, scheme: scheme)
        cell.accuracies = [accuracy]
        cell.meanAccuracy = accuracy
        cell.confusion = confusion
        return cell
    }

    private func section(_ id: String, _ report: StudyReport) throws -> PageElement {
        try #require(PageReader.root(of: StudyPage.rendered(report)).first(id: id))
    }

    private func sentences(_ id: String, _ report: StudyReport) throws -> [String] {
        try section(id, report).all("li").map(\.text)
    }

    /// Pairs of 200 rows have 2 minibatches of 128, of 1,800 rows 15; in 20 epochs.
    @Test func gapsAreSaidWithTheirUpdates() throws {
        let report = report([
            (.frozen, [0.70, 0.895], [0.65, 0.90]), (.derived, [0.80, 0.90], [0.79, 0.90]),
        ])
        let sentences = try sentences("updates", report)
        #expect(
            sentences.contains(
                "With 40 updates of a pair head (10% of the rows), all-vs-all with heads on frozen features lies 10.00 points under heads derived from the backbone, tree elimination 14.00 points under; from 300 updates (90%) on both are within a point of them."
            ))
        #expect(!sentences.contains { $0.contains("hardly change") })
        let rows = try section("updates", report).all("tr").map { $0.all.map(\.text) }
        // 300 rows: 3 minibatches. Of 4 heads three have 40 updates, one has 60.
        #expect(
            rows.contains {
                $0.contains("frozen features") && $0.contains("60") && $0.contains("40")
                    && $0.contains("45")
            })
        // One-vs-all has 12 epochs of 3 minibatches.
        #expect(rows.contains { $0.contains { $0.contains("one-vs-all: 36 updates, 80.00") } })
    }

    @Test func gapsThatStayAreSaid() throws {
        let sentences = try sentences(
            "updates",
            report([
                (.zero, [0.70, 0.80], [0.69, 0.80]), (.converged, [0.80, 0.82], [0.79, 0.83]),
            ]))
        #expect(
            sentences.contains {
                $0.hasSuffix("; with 300 (90%) 2.00 points under and 3.00 points under.")
            })
    }

    /// Where pairs fit one minibatch, rows grow and updates do not.
    @Test func rowsWithoutUpdatesAreSaid() throws {
        let sentences = try sentences(
            "updates",
            report(
                [(.frozen, [0.70, 0.80], [0.69, 0.80])], rows: [[6, 6, 6], [60, 60, 60]]))
        #expect(
            sentences.contains {
                $0.hasPrefix(
                    "From 10% to 90% of the rows a pair head's updates hardly change (20 and 20)")
            })
    }

    @Test func smallestClassesAreFollowed() throws {
        var report = report(
            [(.frozen, [0.6], [0.6]), (.converged, [0.9], [0.9])], rows: [[100, 32, 10]],
            fractions: [0.1])
        #expect(!StudyPage.rendered(report).contains("id=\"imbalance\""))
        report.settings?.imbalance = 10
        for index in report.datasets[0].cells.indices
        where report.datasets[0].cells[index].arm == .heads(.frozen) {
            // A tenth of the last class, instead of six.
            report.datasets[0].cells[index].confusion[6...] = [8, 1, 1]
        }
        let sentences = try sentences("imbalance", report)
        #expect(
            sentences.contains(
                "10% of the rows: 100 rows of “x”, 10 rows of “z”. One-vs-all finds 100.0% of the first and 60.0% of the second, 40.0 points less."
            ))
        #expect(
            sentences.contains(
                "Of the smallest class all-vs-all finds 10.0% with heads on frozen features (−50.0 points) and 60.0% with converged heads (0.0 points)."
            ))
        #expect(
            sentences.contains {
                $0.contains("by at most 0.0 points") && $0.contains("by up to 50.0")
                    && $0.hasSuffix("how the heads are trained matters more than how they decide.")
            })
        let page = StudyPage.rendered(report)
        #expect(page.contains("falls geometrically from all for the first to 1/10 for the last"))
        #expect(page.contains("Nothing was done about it."))
        report.settings?.balance = .weights
        #expect(StudyPage.rendered(report).contains("In every loss a row weighs"))
        report.settings?.balance = .resample
        #expect(StudyPage.rendered(report).contains("are repeated until all classes have as many"))
    }
}
