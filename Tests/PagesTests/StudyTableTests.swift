import Decoding
import Pages
import Study
import Testing

@Suite struct StudyTableTests {
    private func report() -> StudyReport {
        var sample = SampleStudy()
        sample.datasets = ["mnist", "cifar10"]
        sample.fractions = [0.01, 1]
        sample.trialCount = 3
        return sample.report()
    }

    @Test func csvHasALinePerTrialThatReadsBackToTheSameNumber() throws {
        let report = report()
        let lines = StudyTable.csv(report).split(separator: "\n")
        #expect(
            lines.first
                == "dataset,fraction,arm,scheme,trial,accuracy,nll,brier,ece,balanced_accuracy")
        var wanted: [(String, StudyCell, Int)] = []
        for dataset in report.datasets {
            for cell in dataset.cells {
                wanted += cell.accuracies.indices.map { (dataset.name, cell, $0) }
            }
        }
        #expect(lines.count == wanted.count + 1)
        for (line, (dataset, cell, trial)) in zip(lines.dropFirst(), wanted) {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            try #require(fields.count == 10)
            #expect(
                fields[0] == dataset && fields[2] == cell.arm.key
                    && fields[3] == cell.scheme.rawValue)
            #expect(Double(fields[1]) == cell.fraction && Int(fields[4]) == trial + 1)
            #expect(Double(fields[5]) == cell.accuracies[trial])
            #expect(Double(fields[6]) == cell.negativeLogLikelihoods[trial])
            #expect(Double(fields[7]) == cell.brierScores[trial])
            #expect(Double(fields[8]) == cell.expectedCalibrationErrors[trial])
            #expect(fields[9].isEmpty)
        }
    }

    @Test func csvLeavesUnknownFieldsEmptyAndQuotesTheRest() {
        var report = report()
        report.datasets = [report.datasets[0]]
        var cell = StudyCell(fraction: 0.1, arm: .heads(.warm), scheme: .treeElimination)
        cell.accuracies = [0.5, 0.25]
        cell.brierScores = [0.125]
        cell.balancedAccuracies = [0.5]
        report.datasets[0].cells = [cell]
        report.datasets[0].name = "a, say \"b\""
        #expect(
            StudyTable.csv(report) == """
                dataset,fraction,arm,scheme,trial,accuracy,nll,brier,ece,balanced_accuracy
                "a, say ""b""\",0.1,warm,tree,1,0.5,,0.125,,0.5
                "a, say ""b""\",0.1,warm,tree,2,0.25,,,,

                """)
    }

    @Test func textHasARowPerFractionAndArm() throws {
        let report = report()
        let lines = StudyTable.text(report, width: nil).split(separator: "\n")
        #expect(lines.first == "MNIST: 3,060 training rows, 5,139 test rows, accuracy in percent")
        #expect(lines.filter { $0.contains("whole nets, from scratch") }.count == 4)
        let first = try #require(report.datasets[0].cells.first)
        let mean = String(first.meanAccuracy * 100)
        let row = try #require(lines.first { $0.contains("backbone") })
        #expect(row.contains(mean.prefix(4)) && row.contains(" ± "))
        #expect(lines.allSatisfy { $0.last != " " })
    }

    /// Where classes were made unequal the balanced accuracies stand below, means of the recalls.
    @Test func textHasBalancedAccuraciesOfUnequalClasses() throws {
        var report = report()
        report.datasets = [report.datasets[0]]
        report.settings = StudySettings(scope: .post)
        #expect(!StudyTable.text(report, width: nil).contains("balanced"))
        report.settings?.imbalance = 8
        report.settings?.balance = .weights
        report.datasets[0].classNames = ["a", "b"]
        var cell = StudyCell(fraction: 0.5, arm: .backbone, scheme: .oneVsAll)
        cell.accuracies = [0.9]
        cell.meanAccuracy = 0.9
        // 99 of 100 and 1 of 10: 54.5 in the mean.
        cell.confusion = [99, 1, 9, 1]
        report.datasets[0].cells = [cell]
        report.datasets[0].rows = [
            StudyRows(fraction: 0.5, rowCounts: [800, 100], distinctRowCounts: [800, 100])
        ]
        let lines = StudyTable.text(report, width: nil).split(separator: "\n")
        #expect(
            lines.contains(
                "MNIST: balanced accuracy in percent; imbalance 8.0, balance weights"))
        #expect(lines.contains("50%: 800, 100 rows by class"))
        #expect(lines.contains { $0.hasPrefix(" 50%") && $0.hasSuffix("54.50") })
    }

    /// Eight schemes beside three keys: in two or more tables where the terminal is narrow.
    @Test(arguments: [72, 80, 120]) func textFitsATerminal(width: Int) {
        var sample = SampleStudy()
        let report = sample.report()
        let lines = StudyTable.text(report, width: width).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= width })
        let cells = StudyTable.text(report, width: nil).count { $0 == "±" }
        #expect(lines.joined().count { $0 == "±" } == cells)
    }

    @Test func textOfNothingIsNothing() {
        var report = report()
        report.datasets = []
        report.missing = []
        #expect(StudyTable.text(report, width: nil) == "")
    }
}
