import Statistics
import Testing

// Values computed with SciPy 1.17.1 and NumPy from the expression beside each.
@Suite struct PairedTests {
    @Test func meanAndSpread() throws {
        let summary = try Summary(firstAccuracies)
        #expect(summary.count == 10)
        // By NumPy: numpy.mean(a), numpy.std(a, ddof=1)
        #expect(isClose(summary.mean, 0.878_500_000_000_000_1, within: 1e-15))
        #expect(isClose(summary.standardDeviation ?? .nan, 0.007_245_688_373_094_725))
        // A large offset must not eat the spread: numpy.std([1, 2, 4], ddof=1).
        let shifted = try Summary([1e9 + 1, 1e9 + 2, 1e9 + 4])
        #expect(isClose(shifted.standardDeviation ?? .nan, 1.527_525_231_651_946_8))
        let single = try Summary([0.25])
        #expect(single.mean == 0.25)
        #expect(single.standardDeviation == nil)
        // The mean of three times 0.1 must not round to a spread.
        #expect(try Summary([0.1, 0.1, 0.1]).standardDeviation == 0)
        #expect(try Summary([0.1, 0.1, 0.1]).mean == 0.1)
    }

    private func paired(_ first: [Double], _ second: [Double]) throws -> PairedComparison {
        try PairedComparison(differences: zip(first, second).map { $0 - $1 })
    }

    @Test func pairedDifferences() throws {
        let comparison = try paired(firstAccuracies, secondAccuracies)
        // By NumPy: numpy.mean(a - b), numpy.std(a - b, ddof=1)
        #expect(isClose(comparison.summary.mean, 0.008))
        #expect(
            isClose(comparison.summary.standardDeviation ?? .nan, 0.007_527_726_527_090_816_5))
        // By SciPy: scipy.stats.ttest_rel(a, b)
        #expect(isClose(try comparison.cohensD() * 10.squareRoot(), 3.360_672_201_667_224))
        #expect(isClose(try comparison.tTestPValue(), 0.008_380_205_975_900_386))
        // By SciPy: scipy.stats.ttest_rel(a, b).confidence_interval(0.95) and (0.99)
        let interval = try #require(try comparison.summary.interval())
        #expect(isClose(interval.lowerBound, 0.002_614_988_842_587_024))
        #expect(isClose(interval.upperBound, 0.013_385_011_157_412_991))
        let wider = try #require(try comparison.summary.interval(confidence: 0.99))
        #expect(isClose(wider.lowerBound, 0.000_263_844_025_061_681_95))
        #expect(isClose(wider.upperBound, 0.015_736_155_974_938_333))
        // By NumPy: numpy.mean(a - b) / numpy.std(a - b, ddof=1)
        #expect(isClose(try comparison.cohensD(), 1.062_737_862_648_114_3))
        // The other way round everything turns its sign.
        let turned = try paired(secondAccuracies, firstAccuracies)
        #expect(try turned.cohensD() == -comparison.cohensD())
        #expect(try turned.tTestPValue() == comparison.tTestPValue())
        #expect(try turned.summary.interval()?.lowerBound == -interval.upperBound)
    }

    @Test func equalDifferencesAreRefused() throws {
        func codes(_ comparison: PairedComparison) -> [StatisticsError.Code?] {
            [
                #expect(throws: StatisticsError.self) { try comparison.tTestPValue() }?.code,
                #expect(throws: StatisticsError.self) { try comparison.cohensD() }?.code,
            ]
        }
        let none = try paired(firstAccuracies, firstAccuracies)
        #expect(codes(none) == [.noDifference, .noDifference])
        #expect(try none.summary.interval() == 0...0)
        let error = #expect(throws: StatisticsError.self) { try WilcoxonTest(differences: [0, 0]) }
        #expect(error?.code == .noDifference)
        #expect(error?.message == "all differences are zero; there is nothing to test")
        // By rounding these three have a standard deviation of 3e-17: t would be 1e16.
        let constant = try PairedComparison(differences: [0.3, 0.1 + 0.2, 0.3])
        #expect((constant.summary.standardDeviation ?? 0) > 0)
        #expect(codes(constant) == [.noSpread, .noSpread])
    }

    @Test func whatCannotBePairedIsRefused() throws {
        func code(_ differences: [Double]) -> StatisticsError.Code? {
            #expect(throws: StatisticsError.self) {
                try PairedComparison(differences: differences)
            }?.code
        }
        #expect(code([]) == .tooFewValues)
        #expect(code([1]) == .tooFewValues)
        #expect(code([0, .nan]) == .notFinite)
        #expect(code([0, .infinity]) == .notFinite)
        #expect(throws: StatisticsError.self) { try Summary([]) }
        #expect(throws: StatisticsError.self) { try Summary([1, -.infinity]) }
        let pair = try Summary([1, 2])
        #expect(try Summary([1]).interval() == nil)
        for wrong in [0, 1, -0.5, Double.nan] {
            let error = #expect(throws: StatisticsError.self) {
                try pair.interval(confidence: wrong)
            }
            #expect(error?.code == .outOfRange)
        }
    }
}
