/// Tests of the differences between two schemes over the same trials.
///
/// A difference is that of one trial of both: same subsample, seed and test rows.
/// The trials have to be independent of each other, which no test here can check; differences that
/// are all equal are refused because independent trials never have them.
package struct PairedComparison: Sendable {
    /// First minus second, by trial.
    private let differences: [Double]
    /// Mean and standard deviation of the differences.
    package let summary: Summary
    /// The rounding error of a difference.
    private let resolution: Double

    /// The comparison with these differences.
    ///
    /// - Throws: ``StatisticsError`` for fewer than two, or one that is not finite.
    package init(differences: [Double]) throws(StatisticsError) {
        guard differences.count >= 2 else { throw .tooFewValues(differences.count, min: 2) }
        summary = try Summary(differences)
        self.differences = differences
        resolution = 4 * differences.reduce(0) { max($0, abs($1)) } * .ulpOfOne
    }

    private var standardDeviation: Double { summary.standardDeviation ?? 0 }

    /// The p-value of the paired t test of a mean difference of zero, two-sided.
    ///
    /// - Throws: ``StatisticsError`` when all differences are zero, or all the same number.
    package func tTestPValue() throws(StatisticsError) -> Double {
        try requireSpread()
        let statistic = summary.mean / (standardDeviation / Double(summary.count).squareRoot())
        return try StudentT(degreesOfFreedom: Double(summary.count - 1)).twoSided(statistic)
    }

    /// Cohen's d of the paired differences: their mean in their standard deviations
    /// (Cohen 1988, section 2.3.5, d_z).
    ///
    /// - Throws: ``StatisticsError`` when all differences are zero, or all the same number.
    package func cohensD() throws(StatisticsError) -> Double {
        try requireSpread()
        return summary.mean / standardDeviation
    }

    /// The p-value of two one-sided t tests (TOST; Schuirmann 1987) that the mean difference is not
    /// within the margin: a small one shows that it is.
    ///
    /// The larger of the p-values against a mean difference of the margin or more, and of minus the
    /// margin or less. Unlike a large p-value of ``tTestPValue()`` it cannot come from few trials.
    ///
    /// - Parameters:
    ///   - margin: what counts as no difference, above 0.
    ///   - standardDeviationMin: see ``Summary/interval(confidence:standardDeviationMin:)``.
    /// - Throws: ``StatisticsError`` for a margin that is not above 0, and where all differences are
    ///   the same number while no spread is assumed.
    package func equivalencePValue(
        margin: Double, standardDeviationMin: Double = 0
    ) throws(StatisticsError) -> Double {
        guard margin > 0, margin.isFinite else {
            throw .outOfRange("a margin of \(margin); give one above 0")
        }
        if standardDeviationMin <= 0 { try requireSpread() }
        let error =
            max(standardDeviation, standardDeviationMin) / Double(summary.count).squareRoot()
        // The nearer end of the margin gives the larger p-value.
        return try StudentT(degreesOfFreedom: Double(summary.count - 1))
            .upperTail((margin - abs(summary.mean)) / error)
    }

    private func requireSpread() throws(StatisticsError) {
        // 0.3 and 0.1 + 0.2 differ by rounding alone: that is no spread.
        guard !differences.contains(where: { abs($0 - summary.mean) > resolution }) else { return }
        if abs(summary.mean) <= resolution { throw .noDifference }
        throw .noSpread(summary.mean)
    }
}
