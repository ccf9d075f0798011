import Study

/// What the trials say of a difference.
///
/// A gain or a loss is one whose paired t test stays below 5% after Holm's correction over the
/// whole study; where only the uncorrected 95% interval leaves out zero it is a hint.
enum StudyVerdict: Equatable {
    case gain
    case loss
    case hintOfGain
    case hintOfLoss
    /// The interval has zero in it: they cannot be told apart.
    case undecided
    /// One trial, or no test: nothing can be said.
    case untested

    static let level = 0.05

    init(_ comparison: StudyComparison) {
        guard comparison.trialCount > 1, let ends = StudyFormat.ends(of: comparison.interval) else {
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

    /// A sign that needs no colour.
    var sign: String {
        switch self {
        case .gain: "▲"
        case .loss: "▼"
        case .hintOfGain: "△"
        case .hintOfLoss: "▽"
        case .undecided: "○"
        case .untested: "·"
        }
    }

    var words: String {
        switch self {
        case .gain: "gains"
        case .loss: "loses"
        case .hintOfGain: "may gain"
        case .hintOfLoss: "may lose"
        case .undecided: "undecided"
        case .untested: "not tested"
        }
    }

    /// The class of a cell that shows it.
    var style: String {
        switch self {
        case .gain: "up"
        case .loss: "down"
        default: ""
        }
    }
}
