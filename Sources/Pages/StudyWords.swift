import Decoding
import Study

// The words of the page for what a study found.

extension [StudyOutline] {
    /// What the trials show about the post's schemes at one fraction of each data set.
    func findings(at fraction: (StudyOutline) -> Double?) -> StudyFindings {
        StudyFindings(
            flatMap { outline in fraction(outline).map { StudyClaim.all(outline, at: $0) } ?? [] })
    }
}

extension StudyOutline {
    /// The data set's name as its makers write it.
    var title: String { StudyNames.dataset(dataset.name) }

    /// The title of a chart of one fraction and arm.
    func title(_ fraction: Double, _ arm: CellArm) -> String {
        "\(title), \(StudyNames.fraction(fraction)): \(arm.title)"
    }

    /// A figure for each of the outer fractions and arms, numbered; empty ones are left out.
    func figures(
        _ id: String, _ figure: (_ fraction: Double, _ arm: CellArm, _ id: String) -> String
    ) -> [String] {
        outerFractions.enumerated().flatMap { place, fraction in
            arms.enumerated().map { number, arm in
                figure(fraction, arm, "\(id)-\(place)-\(number)")
            }
        }.filter { !$0.isEmpty }
    }
}

extension StudyClaim {
    /// Schemes and heads of some claims with the data sets they are about, escaped:
    /// `all-vs-all with converged heads (MNIST and CIFAR-10)`.
    static func names(_ claims: [StudyClaim]) -> String {
        let subject = { (claim: StudyClaim) in
            "\(claim.scheme.postTitle) with \(StudyNames.armInWords(claim.arm))"
        }
        let parts = StudyNames.unique(claims.map(subject)).map { name in
            let datasets = claims.filter { subject($0) == name }.map {
                StudyNames.dataset($0.dataset)
            }
            return "\(name) (\(StudyNames.list(StudyNames.unique(datasets))))"
        }
        return Markup.escaped(StudyNames.list(parts))
    }
}

extension VerdictCounts {
    /// `3 gain on one-vs-all, none loses to it and 5 cannot be told from it`.
    var words: String {
        var parts = [
            (gains == 0 ? "none gains" : gains == 1 ? "1 gains" : "\(gains) gain")
                + " on one-vs-all",
            (losses == 0 ? "none loses" : losses == 1 ? "1 loses" : "\(losses) lose") + " to it",
        ]
        let rest = hints + undecided
        if rest > 0 { parts.append("\(rest) cannot be told from it") }
        return StudyNames.list(parts)
    }
}

extension StudyVerdict {
    /// The verdict with a sign that needs no colour, as a table's cell shows it.
    var markup: String { "<span class=\"\(style)\">\(sign) \(words)</span>" }

    private var sign: String {
        switch self {
        case .gain: "▲"
        case .loss: "▼"
        case .hintOfGain: "△"
        case .hintOfLoss: "▽"
        case .undecided: "○"
        case .untested: "·"
        }
    }

    private var words: String {
        switch self {
        case .gain: "gains"
        case .loss: "loses"
        case .hintOfGain: "may gain"
        case .hintOfLoss: "may lose"
        case .undecided: "undecided"
        case .untested: "not tested"
        }
    }

    private var style: String {
        switch self {
        case .gain: "up"
        case .loss: "down"
        default: ""
        }
    }
}
