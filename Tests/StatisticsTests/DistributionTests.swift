import Foundation
import Statistics
import Testing

// Values computed with SciPy 1.17.1, whose expression stands in the first line of each table.
@Suite struct DistributionTests {
    // By SciPy: scipy.stats.t.sf(t, df)
    @Test(
        arguments: [
            (0.1, 1, 0.468_274_482_569_446_5), (1, 1, 0.250_000_000_000_000_06),
            (1e6, 1, 3.183_098_861_836_845_5e-07),
            (2.262157162740992, 9, 0.025_000_000_002_337_85), (0.5, 9, 0.314_535_649_913_013_14),
            (4, 2.5, 0.019_506_487_920_659_125), (12, 9, 3.849_943_111_492_826_5e-07),
            (40, 30, 6.863_022_597_203_209e-28), (1.96, 1e4, 0.025_011_760_115_916_513),
            (6, 99_999, 9.899_647_616_217_656e-10), (1e-5, 4, 0.499_996_250_000_000_1),
        ] as [(Double, Double, Double)])
    func tailsOfStudentsT(t: Double, degreesOfFreedom: Double, expected: Double) throws {
        let distribution = try StudentT(degreesOfFreedom: degreesOfFreedom)
        #expect(isClose(distribution.upperTail(t), expected))
        #expect(isClose(distribution.upperTail(-t), 1 - expected))
        #expect(isClose(distribution.twoSided(-t), 2 * expected))
    }

    // By SciPy: scipy.stats.t.ppf(p, df)
    @Test(
        arguments: [
            (0.975, 1, 12.706_204_736_174_694), (0.975, 2, 4.302_652_729_749_462),
            (0.975, 9, 2.262_157_162_798_205), (0.95, 9, 1.833_112_932_656_237),
            (0.995, 29, 2.756_385_903_670_605), (0.975, 1000, 1.962_339_080_826_408_3),
            (0.6, 3, 0.276_670_662_332_689_8), (0.99999, 4, 23.332_182_700_855_984),
            (0.25, 9, -0.702_722_146_751_326_4),
        ] as [(Double, Double, Double)])
    func quantilesOfStudentsT(p: Double, degreesOfFreedom: Double, expected: Double) throws {
        let distribution = try StudentT(degreesOfFreedom: degreesOfFreedom)
        #expect(isClose(try distribution.upperQuantile(1 - p), expected))
        #expect(isClose(distribution.upperTail(-(try distribution.upperQuantile(1 - p))), p))
    }

    // One degree of freedom is Cauchy's distribution, two have a closed form: an oracle at any t.
    @Test func fewDegreesOfFreedomHaveClosedForms() throws {
        let one = try StudentT(degreesOfFreedom: 1)
        let two = try StudentT(degreesOfFreedom: 2)
        for step in 0...400 {
            let t = pow(10, Double(step) / 20 - 10)
            #expect(isClose(one.upperTail(t), atan2(1, t) / .pi))
            let root = (2 + t * t).squareRoot()
            #expect(isClose(two.upperTail(t), 1 / (root * (root + t))))
        }
    }

    @Test func endsOfStudentsT() throws {
        let distribution = try StudentT(degreesOfFreedom: 9)
        #expect(distribution.upperTail(0) == 0.5)
        #expect(distribution.twoSided(0) == 1)
        #expect(distribution.upperTail(.infinity) == 0)
        #expect(distribution.upperTail(1e200) == 0)
        #expect(distribution.upperTail(-.infinity) == 1)
        #expect(distribution.upperTail(.nan).isNaN)
        #expect(try distribution.upperQuantile(0.5) == 0)
        for wrong in [0, 1, -1, 2, Double.nan] {
            let error = #expect(throws: StatisticsError.self) {
                try distribution.upperQuantile(wrong)
            }
            #expect(error?.code == .outOfRange)
        }
        for wrong in [0, -1, Double.infinity, .nan] {
            #expect(throws: StatisticsError.self) { try StudentT(degreesOfFreedom: wrong) }
        }
    }

    // 2 * scipy.stats.norm.sf(z)
    @Test(
        arguments: [
            (0, 1), (0.1, 0.920_344_325_445_942), (1, 0.317_310_507_862_914_15),
            (1.7, 0.089_130_925_517_086_08), (1.96, 0.049_995_790_296_440_87),
            (3, 0.002_699_796_063_260_186_6), (8, 1.244_192_114_854_348e-15),
            (37, 1.145_114_244_504_785_3e-299),
        ] as [(Double, Double)])
    func tailsOfTheNormalDistribution(z: Double, expected: Double) {
        #expect(isClose(Normal.twoSided(z), expected, within: 1e-12))
        #expect(Normal.twoSided(-z) == Normal.twoSided(z))
    }
}
