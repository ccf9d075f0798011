import Statistics
import Testing

// Values computed with SciPy 1.17.1 from the expression beside each.
@Suite struct RankAndCountTests {
    /// Differences, and what `scipy.stats.wilcoxon(d)` gives for them.
    struct SignedRanks: Sendable {
        var differences: [Double]
        var statistic: Double
        var pValue: Double
        var method: WilcoxonTest.Method
    }

    // By NumPy: numpy.array([i * (-1 if i % 3 == 0 else 1) for i in range(1, n + 1)])
    static func everyThirdNegative(_ count: Int) -> [Double] {
        (1...count).map { Double($0 % 3 == 0 ? -$0 : $0) }
    }

    @Test(arguments: [
        SignedRanks(
            differences: [11, -4, 13, -2, 17, 14, 8, -1, 10, 12], statistic: 6,
            pValue: 0.027_343_75, method: .exact),
        SignedRanks(
            differences: [1, -2, 3, -4, 5, -1.5], statistic: 10, pValue: 1, method: .exact),
        SignedRanks(
            differences: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], statistic: 0, pValue: 0.001_953_125,
            method: .exact),
        SignedRanks(differences: [2.5], statistic: 0, pValue: 1, method: .exact),
        SignedRanks(
            differences: everyThirdNegative(50), statistic: 408, pValue: 0.026_166_968_171_196_46,
            method: .exact),
        SignedRanks(
            differences: everyThirdNegative(51), statistic: 459, pValue: 0.055_852_182_035_584_695,
            method: .normal),
        SignedRanks(
            differences: [1, 2, 2, -1, 3, -2, 4, 4], statistic: 5.5, pValue: 0.101_562_5,
            method: .permutation),
        SignedRanks(
            differences: [0, 5, 3, -1, 2, 0, 4], statistic: 1, pValue: 0.125,
            method: .permutation),
        SignedRanks(differences: [0, 0, 3], statistic: 0, pValue: 1, method: .permutation),
        SignedRanks(
            differences: [1, 2, 2, -1, 3, -2, 4, 4, 5, -5, 6, 7, 8, -3], statistic: 22.5,
            pValue: 0.059_158_121_038_905_255, method: .normal),
    ])
    func signedRanks(expected: SignedRanks) throws {
        let test = try WilcoxonTest(differences: expected.differences)
        #expect(test.statistic == expected.statistic)
        #expect(isClose(test.pValue, expected.pValue))
        #expect(test.method == expected.method)
        let turned = try WilcoxonTest(differences: expected.differences.map { -$0 }.reversed())
        #expect(turned.pValue == test.pValue)
        #expect(turned.statistic == test.statistic)
    }

    // A dumb second implementation: all 2^n signs of the mean ranks.
    @Test(arguments: [
        [3, -1, 2, 5, -4, 6], [1, 1, -1, 2, 2, 2, -7], [4, 4, 4, 4], [-1, 0, 2, 0, 2],
    ])
    func exactDistributionsAgreeWithAllSigns(differences: [Double]) throws {
        let sizes = differences.filter { $0 != 0 }.map { abs($0) }
        let ranks = sizes.map { size in
            Double(sizes.count { $0 < size }) + (Double(sizes.count { $0 == size }) + 1) / 2
        }
        let test = try WilcoxonTest(differences: differences)
        var asSmall = 0
        for signs in 0..<1 << ranks.count {
            let sum = ranks.indices.reduce(0.0) { $0 + (signs >> $1 & 1 == 1 ? ranks[$1] : 0) }
            if sum <= test.statistic { asSmall += 1 }
        }
        #expect(test.pValue == min(1, 2 * Double(asSmall) / Double(1 << ranks.count)))
    }

    @Test func ranksNeedDifferences() {
        for (differences, code) in [
            ([], .tooFewValues), ([0, -0.0], .noDifference), ([1, .nan], .notFinite),
        ] as [([Double], StatisticsError.Code)] {
            let error = #expect(throws: StatisticsError.self) {
                try WilcoxonTest(differences: differences)
            }
            #expect(error?.code == code)
        }
    }

    // By SciPy: scipy.stats.binomtest(b, b + c, 0.5).pvalue
    @Test(
        arguments: [
            (3, 9, 0.145_996_093_75), (0, 1, 1), (0, 20, 1.907_348_632_812_5e-06),
            (40, 60, 0.056_887_933_640_980_89), (45, 55, 0.368_201_617_326_696_15),
            (4900, 5100, 0.046_585_527_704_946_45), (1, 59, 1.058_181_320_345_852_3e-16),
            (250, 750, 1.347_625_650_603_088_7e-58), (5, 5, 1),
        ] as [(Int, Int, Double)])
    func rowsThatOnlyOneGetsRight(first: Int, second: Int, expected: Double) throws {
        let test = try McNemarTest(onlyFirstCount: first, onlySecondCount: second)
        #expect(isClose(test.pValue, expected))
        #expect(
            try McNemarTest(onlyFirstCount: second, onlySecondCount: first).pValue == test.pValue)
    }

    // The binomial sum itself, which whole numbers give exactly.
    @Test func smallCountsAgreeWithTheBinomialSum() throws {
        for total in 1...40 {
            for fewer in 0...(total - 1) / 2 {
                var choose = 1
                var sum = 0
                for index in 0...fewer {
                    sum += choose
                    choose = choose * (total - index) / (index + 1)
                }
                let expected = min(1, 2 * Double(sum) / Double(1 << total))
                let test = try McNemarTest(onlyFirstCount: fewer, onlySecondCount: total - fewer)
                #expect(isClose(test.pValue, expected, within: 1e-12))
            }
        }
    }

    @Test func predictionsAreCounted() throws {
        let test = try McNemarTest(
            first: [0, 1, 2, 2, 0, 1], second: [0, 2, 1, 2, 1, 0], labels: [0, 1, 2, 0, 0, 0])
        #expect(test.onlyFirstCount == 3)
        #expect(test.onlySecondCount == 1)
        #expect(isClose(test.pValue, 0.625))
        #expect(try McNemarTest(onlyFirstCount: 0, onlySecondCount: 0).pValue == 1)
        #expect(throws: StatisticsError.self) {
            try McNemarTest(onlyFirstCount: -1, onlySecondCount: 3)
        }
        #expect(throws: StatisticsError.self) {
            try McNemarTest(first: [0], second: [0, 1], labels: [0])
        }
        #expect(throws: StatisticsError.self) {
            try McNemarTest(first: [0], second: [1], labels: [])
        }
    }

    // p = numpy.array([.01, .04, .03, .005]); order = numpy.argsort(p); m = len(p)
    // By NumPy: numpy.minimum(1, numpy.maximum.accumulate((m - numpy.arange(m)) * p[order])), put back:
    // [.03, .06, .06, .02], which is R's p.adjust(p, "holm").
    @Test func holmsCorrection() throws {
        let adjusted = try Holm.adjusted([0.01, 0.04, 0.03, 0.005])
        #expect(zip(adjusted, [0.03, 0.06, 0.06, 0.02]).allSatisfy { isClose($0, $1) })
        #expect(try Holm.adjusted([0.5, 0.9, 0.2]) == [1, 1, 0.6000000000000001])
        #expect(try Holm.adjusted([]) == [])
        #expect(try Holm.adjusted([0, 1]) == [0, 1])
        for wrong in [-0.1, 1.5, Double.nan] {
            #expect(throws: StatisticsError.self) { try Holm.adjusted([0.5, wrong]) }
        }
    }
}
