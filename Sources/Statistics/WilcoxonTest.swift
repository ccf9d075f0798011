/// Wilcoxon's signed-rank test (Wilcoxon 1945), two-sided, by the conventions of SciPy 1.17's
/// `scipy.stats.wilcoxon` with its default arguments.
///
/// Zero differences are left out before ranking (`zero_method="wilcox"`), equal sizes share their
/// mean rank. The null distribution is exact up to ``exactCountMax`` differences without ties or
/// zeros, and up to ``permutationCountMax`` with them, where it is that of all signs of the shared
/// ranks. Otherwise it is the normal approximation, its variance reduced for ties, without
/// continuity correction.
///
/// Sizes are equal when they are the same floating-point number: give counts, or differences
/// rounded to their precision, rather than differences of shares, which rounding makes unequal.
package struct WilcoxonTest: Sendable, Hashable {
    /// How the p-value was found.
    package enum Method: String, Sendable, CaseIterable {
        /// All signs of the ranks 1 to n.
        case exact
        /// All signs of shared ranks.
        case permutation
        /// The normal distribution.
        case normal
    }

    /// The most differences, zeros included, for an exact distribution without ties.
    package static let exactCountMax = 50
    /// The most differences, zeros included, for an exact distribution with ties or zeros.
    package static let permutationCountMax = 13

    /// The smaller of the two rank sums.
    package let statistic: Double
    /// Two-sided.
    package let pValue: Double
    /// Where the p-value comes from.
    package let method: Method

    /// Tests differences for symmetry about zero.
    ///
    /// - Throws: ``StatisticsError`` without values, when one is not finite, or all are zero.
    package init(differences: [Double]) throws(StatisticsError) {
        guard !differences.isEmpty else { throw .tooFewValues(0, min: 1) }
        if let index = differences.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(at: index)
        }
        let sorted = differences.filter { $0 != 0 }.sorted { abs($0) < abs($1) }
        guard !sorted.isEmpty else { throw .noDifference }
        // Ranks doubled, so that a mean of two is a whole number.
        var doubledRanks: [Int] = []
        var tieTerm = 0.0
        while doubledRanks.count < sorted.count {
            let start = doubledRanks.count
            let end =
                sorted[start...].firstIndex { abs($0) != abs(sorted[start]) } ?? sorted.endIndex
            let size = Double(end - start)
            tieTerm += size * size * size - size
            doubledRanks += repeatElement(start + 1 + end, count: end - start)
        }
        let positive = zip(sorted, doubledRanks).reduce(0) { $0 + ($1.0 > 0 ? $1.1 : 0) }
        let total = sorted.count * (sorted.count + 1)
        let smaller = min(positive, total - positive)
        let special = tieTerm > 0 || sorted.count < differences.count
        if differences.count <= (special ? Self.permutationCountMax : Self.exactCountMax) {
            method = special ? .permutation : .exact
            pValue = Self.exactPValue(doubledRanks, doubledSum: smaller)
        } else {
            method = .normal
            let n = Double(sorted.count)
            let variance = (n * (n + 1) * (2 * n + 1) - tieTerm / 2) / 24
            let deviation = abs(Double(positive) / 2 - n * (n + 1) / 4)
            pValue = Normal.twoSided(deviation / variance.squareRoot())
        }
        statistic = Double(smaller) / 2
    }

    /// Twice the share of sign choices whose positive ranks sum to `doubledSum / 2` or less.
    ///
    /// Counts by dynamic programming over sums; up to 2^50 choices are exact in a Double.
    private static func exactPValue(_ doubledRanks: [Int], doubledSum: Int) -> Double {
        var counts = [Double](repeating: 0, count: doubledSum + 1)
        counts[0] = 1
        for rank in doubledRanks where rank <= doubledSum {
            for sum in stride(from: doubledSum, through: rank, by: -1) {
                counts[sum] += counts[sum - rank]
            }
        }
        let all = Double(sign: .plus, exponent: doubledRanks.count, significand: 1)
        return min(1, 2 * counts.reduce(0, +) / all)
    }
}
