/// What the trials show about a difference.
///
/// A difference is shown where its paired t test stays below the level after Holm's correction over
/// the whole study, and so is its absence: by an equivalence test with a stated margin. A large
/// p-value alone shows neither. What was shown to differ counts as a gain or a loss even where it is
/// within the margin.
package enum StudyVerdict: Equatable, Sendable {
    case gain
    case loss
    /// Shown to be within ``margin``.
    case withinMargin
    /// Only the uncorrected 95% interval leaves out zero.
    case hintOfGain
    case hintOfLoss
    /// The trials show neither a difference nor that there is none.
    case undecided
    /// One trial, or no test.
    case untested

    /// The corrected p-value below which something is shown.
    package static let level = 0.05
    /// The difference in accuracy, as a share of one, that counts as none.
    package static let margin = 0.01
    /// How often a gain must be found to be called detectable.
    package static let power = 0.8

    /// The verdict on a cell against a control.
    package init(_ comparison: StudyComparison) {
        guard comparison.trialCount > 1, let ends = StudyReport.ends(of: comparison.interval) else {
            self = .untested
            return
        }
        let isBelowLevel = { (value: Double?) in value.map { $0 < Self.level } ?? false }
        let leavesOutZero = ends.lower > 0 || ends.upper < 0
        if leavesOutZero, isBelowLevel(comparison.tTestPValueHolm) {
            self = ends.lower > 0 ? .gain : .loss
        } else if isBelowLevel(comparison.equivalencePValueHolm) {
            self = .withinMargin
        } else if leavesOutZero {
            self = ends.lower > 0 ? .hintOfGain : .hintOfLoss
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
    /// Those shown to be within the margin.
    package let within: Int
    /// Those whose interval leaves out zero, while the corrected test is not below the level.
    package let hints: Int
    /// Those whose interval includes zero.
    package let undecided: Int

    /// The counts of these verdicts.
    package init(_ verdicts: [StudyVerdict]) {
        let count = { (verdict: StudyVerdict) in verdicts.count { $0 == verdict } }
        gains = count(.gain)
        losses = count(.loss)
        within = count(.withinMargin)
        hints = count(.hintOfGain) + count(.hintOfLoss)
        undecided = count(.undecided)
    }

    /// Those about which the trials show nothing.
    package var open: Int { hints + undecided }
    /// All but the untested.
    package var tested: Int { gains + losses + within + open }
}
