import Decoding
import Display
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
    /// Schemes and heads of some claims with the data sets they are about:
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
        return StudyNames.list(parts)
    }
}

extension StudyFindings {
    /// The size of what was found, without regard to what is shown: `the differences from one-vs-all go
    /// from −46.20 points, … (MNIST), to +1.30 points, … (MNIST)`.
    var sizes: String {
        let gain = { (claim: StudyClaim) in claim.overOneVsAll.meanDifference }
        let words = { (claim: StudyClaim) in
            "\(StudyFormat.points(gain(claim))) points, \(StudyClaim.names([claim]))"
        }
        guard let least = claims.min(by: { gain($0) < gain($1) }),
            let most = claims.max(by: { gain($0) < gain($1) }), claims.count > 1
        else { return "the difference from one-vs-all is \(claims.map(words).joined())" }
        return "the differences from one-vs-all go from \(words(least)), to \(words(most))"
    }
}

extension VerdictCounts {
    /// `none is shown to gain on one-vs-all, none to lose to it, and for 8 the trials cannot tell`.
    var words: String {
        let number = { (count: Int) in count == 0 ? "none" : "\(count)" }
        var parts = [
            "\(number(gains)) \(gains > 1 ? "are" : "is") shown to gain on one-vs-all",
            "\(number(losses)) to lose to it",
        ]
        if within > 0 { parts.append("\(within) to be within \(StudyVerdict.marginWords) of it") }
        if open > 0 { parts.append("for \(open) the trials cannot tell") }
        return StudyNames.list(parts)
    }
}

extension StudyVerdict {
    /// The margin with its unit.
    static let marginWords =
        Format.trimmed(margin * 100, places: 2) + (margin == 0.01 ? " point" : " points")

    /// The verdict with a sign that needs no colour, as a table's cell shows it.
    var markup: String { "<span class=\"\(style)\">\(sign) \(words)</span>" }

    private var sign: String {
        switch self {
        case .gain: "▲"
        case .loss: "▼"
        case .withinMargin: "≈"
        case .hintOfGain: "△"
        case .hintOfLoss: "▽"
        case .undecided: "○"
        case .untested: "·"
        }
    }

    /// What a person would say.
    var words: String {
        switch self {
        case .gain: "better"
        case .loss: "worse"
        case .withinMargin: "within \(Self.marginWords)"
        case .hintOfGain: "looks better"
        case .hintOfLoss: "looks worse"
        case .undecided: "cannot tell"
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

extension StudyReach {
    /// How large a true difference has to be, as a sentence or two.
    ///
    /// - Parameter count: comparisons of the study.
    func words(of count: Int) -> String {
        let verdict =
            gains.lowerBound > 1
            ? "even a true difference of 100 points would be missed in more than one of five such studies."
            : "a true difference has to be \(Self.points(gains)) to be shown in four of five such studies."
        let more = gainsWithTenTrials.map { " With 10 trials, \(Self.points($0)) would be enough." }
        return
            "With \(StudyNames.trials(trialCounts)) and \(Format.count(count, "comparison")) to correct for, \(verdict)\(more ?? "")"
    }

    /// `3.5 to 12.1 points`, by how much the trials vary.
    private static func points(_ gains: ClosedRange<Double>) -> String {
        let number = { $0 > 1 ? "more than 100" : StudyFormat.number($0 * 100, places: 1) }
        let (least, most) = (number(gains.lowerBound), number(gains.upperBound))
        return least == most ? "\(least) points" : "\(least) to \(most) points"
    }
}
