import Decoding
import Study
import Testing

@Suite struct StudySummaryTests {
    private static let labels = [0, 0, 1, 1, 2, 2, 0, 1]
    private let settings = StudySettings(scope: .post)
    private let grid = StudyGrid(
        datasets: ["mnist"], fractionsMillionths: [10_000], trialCount: 3, arms: [.frozen])

    private static func outcome(_ scheme: Scheme, _ predictions: [Int]) -> SchemeOutcome {
        SchemeOutcome(
            scheme: scheme, predictions: predictions,
            correctCount: zip(predictions, labels).count { $0 == $1 },
            negativeLogLikelihood: 1, brierScore: 0.5, expectedCalibrationError: 0.1,
            calibration: [
                CalibrationBin(count: 2, meanConfidence: 0.5, accuracy: 1),
                CalibrationBin(count: 6, meanConfidence: 0.9, accuracy: 0.5),
            ])
    }

    /// One-vs-all right on five, five and six rows; the pairs on seven, six and six.
    private func summary(trials: Range<Int> = 0..<3) -> StudySummary {
        var summary = StudySummary(
            grid: grid, settings: settings, labels: Self.labels, classCount: 3)
        let before = [
            [0, 0, 1, 1, 2, 0, 1, 2], [0, 0, 1, 1, 2, 0, 1, 2], [0, 0, 1, 1, 2, 2, 1, 2],
        ]
        let after = [
            [0, 0, 1, 1, 2, 2, 0, 2], [0, 0, 1, 1, 2, 2, 1, 2], [0, 0, 1, 1, 2, 0, 0, 2],
        ]
        for trial in trials {
            summary.add(
                TrialOutcome(
                    trainRowCount: 31, featureDigest: "",
                    backbone: [
                        Self.outcome(.oneVsAll, before[trial])
                    ],
                    arms: [
                        ArmOutcome(
                            arm: .frozen, schemes: [Self.outcome(.softVote, after[trial])],
                            policies: [
                                PolicyOutcome(
                                    policy: "drop 1", accuracy: 0.25 * Double(trial),
                                    headsPerRow: 2, flopsPerRow: 100, topNeverChangedShare: 1)
                            ], headDigest: "", headCount: 4)
                    ]),
                of: TrialKey(dataset: "mnist", fractionMillionths: 10_000, trial: trial))
        }
        return summary
    }

    private func dataset(_ summary: StudySummary) throws -> StudyDataset {
        try summary.dataset(
            name: "mnist", classNames: ["a", "b", "c"], trainRowCount: 31, sha256: "")
    }

    @Test func cellsSumTheTrials() throws {
        let found = try dataset(summary())
        #expect(found.cells.map(\.scheme) == [.oneVsAll, .softVote])
        let cell = found.cells[1]
        let expected: [Double] = [0.875, 0.75, 0.75]
        #expect(cell.accuracies == expected)
        #expect(abs(cell.meanAccuracy - 0.7916666666666667) < 1e-15)
        // sqrt(((1/12)^2 + 2 (1/24)^2) / 2), and 4.30265272975 standard errors of the logit either way:
        // Student's own interval ends at 97%.
        let deviation = try #require(cell.standardDeviation)
        #expect(abs(deviation - 0.07216878364870322) < 1e-15)
        let interval = try #require(cell.interval)
        #expect(abs(interval[0] - 0.561687892639087) < 1e-9)
        #expect(abs(interval[1] - 0.918488631012951) < 1e-9)
        #expect(cell.confusion == [8, 1, 0, 0, 6, 3, 1, 0, 5])
        // Every class has the same rows in each trial, so the mean over trials is that of the sum.
        let balanced = cell.balancedAccuracies.reduce(0, +) / 3
        #expect(abs(balanced - (8.0 / 9 + 6.0 / 9 + 5.0 / 6) / 3) < 1e-15)
        #expect(cell.calibration.map(\.count) == [6, 18])
        #expect(cell.calibration.map(\.accuracy) == [1, 0.5])
        #expect(cell.trials == [0, 1, 2])
        #expect(found.frontier.map(\.outcome.accuracy) == [0.25])
    }

    @Test func comparisonsPairTheTrials() throws {
        let found = try dataset(summary())
        #expect(found.comparisons.count == 1)
        let comparison = found.comparisons[0]
        #expect(comparison.scheme == .softVote)
        #expect(comparison.against == .oneVsAll)
        #expect(comparison.trialCount == 3)
        // Rows gained: 2, 1 and 0.
        #expect(abs(comparison.meanDifference - 0.125) < 1e-15)
        // scipy.stats.ttest_1samp([2, 1, 0], 0): t = sqrt(3), p = 0.22540333075851657.
        let pValue = try #require(comparison.tTestPValue)
        #expect(abs(pValue - 0.22540333075851657) < 1e-12)
        let cohensD = try #require(comparison.cohensD)
        #expect(abs(cohensD - 1) < 1e-12)
        // In SciPy: scipy.stats.t.sf((.08 - 1) / (1 / 3**.5), 2), the margin being .08 of eight rows.
        let equivalence = try #require(comparison.equivalencePValue)
        #expect(abs(equivalence - 0.873963141822378) < 1e-9)
        #expect(comparison.differenceDeviation == 0.125)
        #expect(comparison.mcNemarPValues.count == 3)
        // Two rows gained and none lost: twice a quarter. One gained: 1. One each way: 1.
        #expect(abs(comparison.mcNemarPValues[0] - 0.5) < 1e-12)
        #expect(comparison.mcNemarPValues[1...] == [1, 1])
    }

    @Test func oneTrialHasNoSpread() throws {
        let found = try dataset(summary(trials: 1..<2))
        #expect(found.cells.allSatisfy { $0.interval == nil && $0.standardDeviation == nil })
        #expect(found.comparisons[0].interval == nil)
        #expect(found.comparisons[0].tTestPValue == nil)
        #expect(found.comparisons[0].equivalencePValue == nil)
        #expect(found.comparisons[0].differenceDeviation == nil)
        #expect(found.comparisons[0].mcNemarPValues.count == 1)
    }

    /// Three trials, two tests: what they could have shown is more than all rows.
    @Test func theDetectableGainIsThatOfTheWholeStudy() throws {
        var report = StudyReport(
            command: "", protocolName: "post", versions: [:],
            datasets: [try dataset(summary()), try dataset(summary())], timeline: [], missing: [])
        try report.correctPValues()
        let comparison = report.datasets[0].comparisons[0]
        // In SciPy: the root of nct.sf(t.isf(.0125, 2), 2, d * 3**.5) - .8, times the deviation.
        let gain = try #require(comparison.detectableGain)
        #expect(abs(gain - 4.624_820 * 0.125) < 1e-5)
        #expect(comparison.equivalencePValueHolm == 1)
    }

    /// Schemes that agree in every row of every trial differ by less than a row, not by nothing.
    @Test func equalPredictionsAreShownToBeEqualOnManyRowsOnly() throws {
        func verdict(rowCount: Int) throws -> StudyVerdict {
            let labels = (0..<rowCount).map { $0 % 3 }
            var summary = StudySummary(
                grid: grid, settings: settings, labels: labels, classCount: 3)
            for trial in 0..<3 {
                let outcome = { (scheme: Scheme) in
                    SchemeOutcome(
                        scheme: scheme, predictions: labels, correctCount: rowCount,
                        negativeLogLikelihood: 1, brierScore: 0.5, expectedCalibrationError: 0,
                        calibration: [])
                }
                summary.add(
                    TrialOutcome(
                        trainRowCount: 3, featureDigest: "", backbone: [outcome(.oneVsAll)],
                        arms: [
                            ArmOutcome(
                                arm: .frozen, schemes: [outcome(.softVote)], policies: [],
                                headDigest: "", headCount: 4)
                        ]),
                    of: TrialKey(dataset: "mnist", fractionMillionths: 10_000, trial: trial))
            }
            let found = try dataset(summary)
            let interval = try #require(found.cells[0].interval)
            #expect(interval[1] == 1 && interval[0] < 1 && interval[0] > 0.2)
            var report = StudyReport(
                command: "", protocolName: "post", versions: [:], datasets: [found], timeline: [],
                missing: [])
            try report.correctPValues()
            return StudyVerdict(report.datasets[0].comparisons[0])
        }
        #expect(try verdict(rowCount: 9) == .undecided)
        #expect(try verdict(rowCount: 3_000) == .withinMargin)
    }

    @Test func aTrialThatCameInTwoPartsCountsOnce() throws {
        var twice = summary()
        twice.add(
            TrialOutcome(
                trainRowCount: 31, featureDigest: "",
                backbone: [
                    Self.outcome(.oneVsAll, [0, 0, 1, 1, 2, 0, 1, 2])
                ], arms: []),
            of: TrialKey(dataset: "mnist", fractionMillionths: 10_000, trial: 0))
        #expect(try dataset(twice).cells == dataset(summary()).cells)
    }

    @Test func pValuesAreCorrectedOverTheWholeStudy() throws {
        var report = StudyReport(
            command: "", protocolName: "post", versions: [:],
            datasets: [try dataset(summary()), try dataset(summary())], timeline: [], missing: [])
        report.datasets[0].comparisons[0].tTestPValue = 0.01
        report.datasets[1].comparisons[0].tTestPValue = 0.03
        report.datasets[1].comparisons.append(report.datasets[1].comparisons[0])
        report.datasets[1].comparisons[1].tTestPValue = nil
        try report.correctPValues()
        // Three tests, of which one cannot be done.
        #expect(report.datasets[0].comparisons[0].tTestPValueHolm == 0.03)
        #expect(report.datasets[1].comparisons[0].tTestPValueHolm == 0.06)
        #expect(report.datasets[1].comparisons[1].tTestPValueHolm == nil)
    }

    @Test func networksAreAnArmOnceAllAreThere() throws {
        let summary = StudySummary(
            grid: grid, settings: settings, labels: Self.labels, classCount: 3)
        func network(_ classes: [Int]) -> NetworkOutcome {
            var logits = [Float](repeating: 0, count: 8 * classes.count)
            for (row, label) in Self.labels.enumerated() {
                if let position = classes.firstIndex(of: label) {
                    logits[row * classes.count + position] = 4
                }
            }
            return NetworkOutcome(
                trainRowCount: 9, logits: logits, weightDigest: "")
        }
        var networks: [[Int]: NetworkOutcome] = [:]
        for classes in [[0, 1], [0, 2], [1, 2]] { networks[classes] = network(classes) }
        #expect(
            try summary.arm(.scratch, networks: networks, featureCount: 300, flopsPerImage: 1_000) {
                "\($0.count)"
            }
                == nil)
        networks[[0, 1, 2]] = network([0, 1, 2])
        let arm = try #require(
            try summary.arm(.scratch, networks: networks, featureCount: 300, flopsPerImage: 1_000) {
                "\($0.count)"
            })
        #expect(arm.schemes.allSatisfy { $0.predictions == Self.labels })
        #expect(arm.schemes.map(\.scheme) == Scheme.overHeads(classCount: 3))
        #expect(arm.headDigest == "4")
        // Two whole networks a row, over three and over two classes.
        #expect(arm.policies[0].flopsPerRow == 2 * 1_000 + 2 * 300 * 5)
        networks[[0, 1]]?.logits.removeLast()
        #expect(
            try summary.arm(.scratch, networks: networks, featureCount: 300, flopsPerImage: 1_000) {
                _ in ""
            } == nil)
    }
}
