/// What the differences of two schemes over the same trials say.
///
/// Trial i of one side is compared with trial i of the other: same subsample, seed and test rows.
/// The trials have to be independent of each other, which no test here can see; differences that
/// are all equal are refused because they never happen to independent trials.
package struct PairedComparison: Sendable {
    /// First minus second, by trial.
    package let differences: [Double]
    /// Mean and standard deviation of the differences.
    package let summary: Summary
    /// What differences can be off by because the values they come from are rounded.
    private let resolution: Double

    /// Pairs the values by position.
    ///
    /// - Throws: ``StatisticsError`` for unequal counts, fewer than two pairs, or a value or a
    ///   difference that is not finite.
    package init(_ first: [Double], _ second: [Double]) throws(StatisticsError) {
        guard first.count == second.count else { throw .unequalCounts(first.count, second.count) }
        let scale = zip(first, second).reduce(0) { max($0, abs($1.0), abs($1.1)) }
        try self.init(differences: zip(first, second).map { $0 - $1 }, scale: scale)
    }

    /// The comparison with these differences.
    ///
    /// - Throws: ``StatisticsError`` for fewer than two, or one that is not finite.
    package init(differences: [Double]) throws(StatisticsError) {
        try self.init(differences: differences, scale: differences.reduce(0) { max($0, abs($1)) })
    }

    private init(differences: [Double], scale: Double) throws(StatisticsError) {
        guard differences.count >= 2 else { throw .tooFewValues(differences.count, min: 2) }
        summary = try Summary(differences)
        self.differences = differences
        resolution = 4 * scale * .ulpOfOne
    }

    private var standardDeviation: Double { summary.standardDeviation ?? 0 }

    private var standardError: Double {
        standardDeviation / Double(summary.count).squareRoot()
    }

    private func distribution() throws(StatisticsError) -> StudentT {
        try StudentT(degreesOfFreedom: Double(summary.count - 1))
    }

    /// Student's t interval of the mean difference; one point when all differences are equal.
    ///
    /// - Parameter confidence: the share of such intervals that hold the true mean.
    /// - Throws: ``StatisticsError`` unless the confidence is between 0 and 1, both excluded.
    package func interval(
        confidence: Double = 0.95
    ) throws(StatisticsError) -> ClosedRange<Double> {
        guard confidence > 0, confidence < 1 else {
            throw .outOfRange("a confidence of \(confidence); give one between 0 and 1")
        }
        let reach = try distribution().upperQuantile((1 - confidence) / 2) * standardError
        return summary.mean - reach...summary.mean + reach
    }

    /// The paired t test of a mean difference of zero, two-sided.
    ///
    /// - Throws: ``StatisticsError`` when all differences are zero, or all the same number.
    package func tTest() throws(StatisticsError) -> TTest {
        try requireSpread()
        let statistic = summary.mean / standardError
        return TTest(
            statistic: statistic, degreesOfFreedom: summary.count - 1,
            pValue: try distribution().twoSided(statistic))
    }

    /// Cohen's d of the paired differences: their mean in their standard deviations
    /// (Cohen 1988, section 2.3.5, d_z).
    ///
    /// - Throws: ``StatisticsError`` when all differences are zero, or all the same number.
    package func cohensD() throws(StatisticsError) -> Double {
        try requireSpread()
        return summary.mean / standardDeviation
    }

    /// Wilcoxon's signed-rank test of differences symmetric about zero, two-sided.
    ///
    /// - Throws: ``StatisticsError`` when all differences are zero.
    package func wilcoxon() throws(StatisticsError) -> WilcoxonTest {
        try WilcoxonTest(differences: differences)
    }

    private func requireSpread() throws(StatisticsError) {
        // 0.92 - 0.91 and 0.82 - 0.81 differ by rounding alone: a spread of 1e-16 is none.
        guard !differences.contains(where: { abs($0 - summary.mean) > resolution }) else { return }
        if abs(summary.mean) <= resolution { throw .noDifference }
        throw .noSpread(summary.mean)
    }
}

/// A paired t test's result.
package struct TTest: Sendable, Hashable {
    /// The mean difference in its standard errors.
    package let statistic: Double
    /// Pairs minus one.
    package let degreesOfFreedom: Int
    /// Two-sided.
    package let pValue: Double
}
