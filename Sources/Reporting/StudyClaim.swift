import Study

/// One of the post's schemes on one kind of heads, against one-vs-all and its two controls.
struct StudyClaim {
    /// As a person reads it.
    let dataset: String
    let fraction: Double
    let arm: String
    let scheme: StudyScheme
    let overOneVsAll: StudyComparison
    let overEqualSteps: StudyComparison?
    let overRefit: StudyComparison?

    /// The post's two schemes on every arm at a fraction; those without a comparison with
    /// one-vs-all claim nothing.
    static func all(_ outline: StudyOutline, at fraction: Double) -> [StudyClaim] {
        outline.arms.flatMap { arm in
            [StudyScheme.softVote, .treeElimination].compactMap { scheme in
                let over = { outline.comparison(fraction, arm, scheme, over: $0) }
                guard let gain = over(.oneVsAll) else { return nil }
                return StudyClaim(
                    dataset: StudyNames.dataset(outline.dataset.name), fraction: fraction,
                    arm: arm, scheme: scheme, overOneVsAll: gain,
                    overEqualSteps: over(.oneVsAllEqualSteps), overRefit: over(.oneVsAllRefit))
            }
        }
    }

    var verdict: StudyVerdict { StudyVerdict(overOneVsAll) }

    /// Schemes and heads of some claims with the data sets they are about, escaped:
    /// `all-vs-all with converged heads (MNIST and CIFAR-10)`.
    static func names(_ claims: [StudyClaim]) -> String {
        let subject = { (claim: StudyClaim) in
            "\(StudyNames.inWords(claim.scheme)) with \(StudyNames.armInWords(claim.arm))"
        }
        let parts = StudyNames.unique(claims.map(subject)).map { name in
            let datasets = claims.filter { subject($0) == name }.map(\.dataset)
            return "\(name) (\(StudyNames.list(StudyNames.unique(datasets))))"
        }
        return Markup.escaped(StudyNames.list(parts))
    }

    /// Whether it gains on both controls; nil where one of them is not there or not tested.
    var holdsAgainstControls: Bool? {
        guard let overEqualSteps, let overRefit else { return nil }
        let verdicts = [StudyVerdict(overEqualSteps), StudyVerdict(overRefit)]
        return verdicts.contains(.untested) ? nil : verdicts.allSatisfy { $0 == .gain }
    }
}

/// How many of some claims came out how.
struct VerdictCounts {
    let gains: Int
    let losses: Int
    let hints: Int
    let undecided: Int
    let untested: Int

    init(_ verdicts: [StudyVerdict]) {
        let count = { (verdict: StudyVerdict) in verdicts.filter { $0 == verdict }.count }
        gains = count(.gain)
        losses = count(.loss)
        hints = count(.hintOfGain) + count(.hintOfLoss)
        undecided = count(.undecided)
        untested = count(.untested)
    }

    var tested: Int { gains + losses + hints + undecided }

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
