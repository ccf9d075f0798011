import Numerics

/// The interval of a mean share, such as the accuracy over some trials, that stays within 0 and 1.
///
/// Student's t interval of the mean, built where shares have no ends: the mean's standard error is
/// carried to the logit scale by the delta method, and both ends are transformed back. It always holds
/// the mean, and is not symmetric about it near 0 and 1. Averaging the logits instead was rejected:
/// that is an interval of another number, which misses the mean of skewed shares.
///
/// A share is counted on rows. So trials that agree do not show a spread of zero, only one below a
/// row: the standard deviation is taken as at least half a row, and a mean within a row of 0 or 1 as
/// one row away.
package struct LogitInterval: Sendable, Hashable {
    /// The lower end, 0 to 1.
    package let lower: Double
    /// The upper end, 0 to 1, not below ``lower``.
    package let upper: Double

    /// The interval of the mean of these shares; nil for a single one, which has no spread.
    ///
    /// - Parameters:
    ///   - shares: one a trial, each from 0 to 1.
    ///   - rowCount: the rows that each share was counted on, at least 1.
    ///   - confidence: the share of such intervals that hold the true mean.
    /// - Throws: ``StatisticsError`` without shares, for one that is not from 0 to 1, for no rows, and
    ///   unless the confidence is between 0 and 1, both excluded.
    package init?(
        _ shares: [Double], rowCount: Int, confidence: Double = 0.95
    ) throws(StatisticsError) {
        let summary = try Summary(shares)
        if let wrong = shares.first(where: { !(0...1).contains($0) }) {
            throw .outOfRange("a share of \(wrong); give shares from 0 to 1")
        }
        guard rowCount > 0 else {
            throw .outOfRange("shares of \(rowCount.counted("row")); give rows")
        }
        let reach = try summary.reach(
            confidence: confidence, standardDeviationMin: 0.5 / Double(rowCount))
        guard let reach else { return nil }
        let row = min(0.5, 1 / Double(rowCount))
        let mean = min(max(summary.mean, row), 1 - row)
        let factor = Double.reproducibleExponential(reach / (mean * (1 - mean)))
        let odds = mean / (1 - mean)
        // The mean itself may be nearer to an end than a row.
        lower = summary.mean <= 0 ? 0 : min(summary.mean, 1 / (1 + factor / odds))
        upper = summary.mean >= 1 ? 1 : max(summary.mean, 1 / (1 + 1 / (odds * factor)))
    }
}
