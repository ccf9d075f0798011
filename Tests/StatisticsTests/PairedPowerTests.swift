import Statistics
import TestSupport
import Testing

/// What so few trials can show, by the distribution and by trying it out.
@Suite struct PairedPowerTests {
    // In Python: d so that scipy.stats.nct.sf(scipy.stats.t.isf(level / 2, n - 1), n - 1, d * n**.5)
    // is .8
    @Test(
        arguments: [
            (2, 0.05, 11.549_888_4), (3, 0.05, 3.264_043_5), (3, 0.05 / 140, 38.756_636_7),
            (5, 0.05 / 140, 6.197_260_8), (10, 0.05, 0.996_002_3), (10, 0.05 / 1_290, 2.820_903_9),
            (1_000, 0.05, 0.088_679_2),
        ] as [(Int, Double, Double)])
    func detectableEffects(trialCount: Int, level: Double, expected: Double) throws {
        let test = try PairedPower(trialCount: trialCount, level: level)
        #expect(isClose(try test.detectableEffect(power: 0.8), expected, within: 1e-4))
    }

    @Test func whatCannotBeIsRefused() throws {
        #expect(throws: StatisticsError.self) { try PairedPower(trialCount: 1, level: 0.05) }
        for level in [0, 1, Double.nan] {
            #expect(throws: StatisticsError.self) { try PairedPower(trialCount: 3, level: level) }
        }
        let test = try PairedPower(trialCount: 3, level: 0.05)
        for power in [0.01, 1, Double.nan] {
            #expect(throws: StatisticsError.self) { try test.detectableEffect(power: power) }
        }
    }

    private func differences(
        _ count: Int, mean: Double, _ random: inout SeededGenerator
    ) -> [Double] {
        (0..<count).map { _ in mean + random.normal() }
    }

    @Test(arguments: [3, 6])
    func theDetectableGainIsFoundAsOftenAsItSays(trialCount: Int) throws {
        let level = 0.01
        let gain = try PairedPower(trialCount: trialCount, level: level)
            .detectableEffect(power: 0.8)
        var random = SeededGenerator(seed: 2)
        var found = 0
        for _ in 0..<2_000 {
            let test = try PairedComparison(
                differences: differences(trialCount, mean: gain, &random))
            if test.summary.mean > 0, try test.tTestPValue() < level { found += 1 }
        }
        // Three standard errors are 54.
        #expect(abs(found - 1_600) < 60, "\(found) of 2,000")
    }

    /// With a true difference at the margin, equivalence is shown wrongly at most 5% of the time.
    @Test(arguments: [3, 10], [0.3, 1.5, 5])
    func equivalenceIsRarelyShownWrongly(trialCount: Int, margin: Double) throws {
        var random = SeededGenerator(seed: 3)
        var (wrong, right) = (0, 0)
        for _ in 0..<2_000 {
            let away = try PairedComparison(
                differences: differences(trialCount, mean: margin, &random))
            if try away.equivalencePValue(margin: margin) < 0.05 { wrong += 1 }
            let none = try PairedComparison(differences: differences(trialCount, mean: 0, &random))
            if try none.equivalencePValue(margin: margin) < 0.05 { right += 1 }
        }
        // Three standard errors of 5% are 30.
        #expect(wrong <= 132, "\(wrong) of 2,000")
        // A margin of five standard deviations is shown; one that trials cannot resolve is not.
        if margin == 5 { #expect(right > 1_700) }
        if margin == 0.3, trialCount == 3 { #expect(right < 60) }
    }

    // In SciPy: scipy.stats.ttest_1samp(d, 1, alternative="less").pvalue, for a mean above 0.
    @Test func equivalenceIsTwoOneSidedTests() throws {
        let differences = [0.3, -0.2, 0.4, 0.1]
        let test = try PairedComparison(differences: differences)
        let distribution = try StudentT(degreesOfFreedom: 3)
        let error = (test.summary.standardDeviation ?? 0) / 2
        #expect(
            isClose(
                try test.equivalencePValue(margin: 1), distribution.upperTail(0.85 / error)))
        let turned = try PairedComparison(differences: differences.map { -$0 })
        #expect(try turned.equivalencePValue(margin: 1) == test.equivalencePValue(margin: 1))
        // Outside the margin it cannot be shown.
        #expect(try test.equivalencePValue(margin: 0.1) > 0.5)
        for wrong in [0, -1, Double.nan, .infinity] {
            #expect(throws: StatisticsError.self) { try test.equivalencePValue(margin: wrong) }
        }
        let equal = try PairedComparison(differences: [2, 2, 2])
        #expect(throws: StatisticsError.self) { try equal.equivalencePValue(margin: 50) }
        // Counted in rows, three that agree are within half a row of each other.
        #expect(try equal.equivalencePValue(margin: 50, standardDeviationMin: 0.5) < 0.001)
        #expect(try equal.equivalencePValue(margin: 2, standardDeviationMin: 0.5) == 0.5)
    }
}
