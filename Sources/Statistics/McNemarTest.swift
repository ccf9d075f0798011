import Numerics

/// McNemar's test in its exact form: whether two schemes err on different rows by chance
/// (McNemar 1947; the binomial form of Dietterich 1998, section 3.1).
///
/// Rows that both predict right, or both wrong, say nothing. Of the others each would be either's
/// with probability one half, so the smaller count follows a binomial distribution, and the
/// p-value is twice its lower tail, at most 1. Without such rows it is 1.
package struct McNemarTest: Sendable, Hashable {
    /// Rows that only the first predicts right.
    package let onlyFirstCount: Int
    /// Rows that only the second predicts right.
    package let onlySecondCount: Int
    /// Two-sided.
    package let pValue: Double

    /// The test on counted rows.
    ///
    /// - Throws: ``StatisticsError`` for a negative count.
    package init(onlyFirstCount: Int, onlySecondCount: Int) throws(StatisticsError) {
        guard onlyFirstCount >= 0, onlySecondCount >= 0 else {
            throw .outOfRange(
                "\(min(onlyFirstCount, onlySecondCount).counted("row")); a count cannot be negative"
            )
        }
        self.onlyFirstCount = onlyFirstCount
        self.onlySecondCount = onlySecondCount
        let fewer = min(onlyFirstCount, onlySecondCount)
        let more = max(onlyFirstCount, onlySecondCount)
        if fewer == more {
            pValue = 1
        } else {
            // P(X <= k) of n at one half is I_1/2(n - k, k + 1), Abramowitz and Stegun 26.5.24.
            let tail = Beta.regularised(x: 0.5, y: 0.5, a: Double(more), b: Double(fewer) + 1)
            pValue = min(1, 2 * tail)
        }
    }

    /// The test on the predictions of two schemes for the same rows.
    ///
    /// - Throws: ``StatisticsError`` when the counts differ.
    package init(first: [Int], second: [Int], labels: [Int]) throws(StatisticsError) {
        guard first.count == second.count else { throw .unequalCounts(first.count, second.count) }
        guard first.count == labels.count else { throw .unequalCounts(first.count, labels.count) }
        var onlyFirst = 0
        var onlySecond = 0
        for (row, label) in labels.enumerated() {
            let firstIsRight = first[row] == label
            let secondIsRight = second[row] == label
            if firstIsRight, !secondIsRight { onlyFirst += 1 }
            if secondIsRight, !firstIsRight { onlySecond += 1 }
        }
        try self.init(onlyFirstCount: onlyFirst, onlySecondCount: onlySecond)
    }
}
