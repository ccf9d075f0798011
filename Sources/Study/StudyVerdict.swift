/// What the trials show about a difference.
///
/// A gain or a loss is one whose paired t test stays below 5% after Holm's correction over the
/// whole study; where only the uncorrected 95% interval leaves out zero it is a hint.
package enum StudyVerdict: Equatable, Sendable {
    case gain
    case loss
    case hintOfGain
    case hintOfLoss
    /// The interval includes zero.
    case undecided
    /// One trial, or no test.
    case untested

    /// The corrected p-value below which a difference counts.
    private static let level = 0.05

    /// The verdict on a cell against a control.
    package init(_ comparison: StudyComparison) {
        guard comparison.trialCount > 1, let ends = StudyReport.ends(of: comparison.interval) else {
            self = .untested
            return
        }
        if ends.lower > 0 || ends.upper < 0 {
            let isUp = ends.lower > 0
            let isSure = comparison.tTestPValueHolm.map { $0 < Self.level } ?? false
            self = isSure ? (isUp ? .gain : .loss) : (isUp ? .hintOfGain : .hintOfLoss)
        } else {
            self = .undecided
        }
    }
}

/// How many claims have which verdict.
package struct VerdictCounts: Equatable, Sendable {
    /// Those that gain.
    package let gains: Int
    /// Those that lose.
    package let losses: Int
    /// Those whose interval leaves out zero, while the corrected test is not below the level.
    package let hints: Int
    /// Those whose interval includes zero.
    package let undecided: Int

    /// The counts of these verdicts.
    package init(_ verdicts: [StudyVerdict]) {
        let count = { (verdict: StudyVerdict) in verdicts.count { $0 == verdict } }
        gains = count(.gain)
        losses = count(.loss)
        hints = count(.hintOfGain) + count(.hintOfLoss)
        undecided = count(.undecided)
    }

    /// All but the untested.
    package var tested: Int { gains + losses + hints + undecided }
}
