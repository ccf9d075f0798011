package import Decoding

/// One of the post's schemes on one kind of heads, against one-vs-all and its two controls.
package struct StudyClaim: Sendable {
    /// The data set's key.
    package let dataset: String
    /// Share of each class's training rows.
    package let fraction: Double
    /// How the heads were trained.
    package let arm: CellArm
    /// All-vs-all or tree elimination.
    package let scheme: Scheme
    /// What the scheme gains on one-vs-all.
    package let overOneVsAll: StudyComparison
    /// What it gains on one-vs-all trained for as many more steps as heads are; nil where unknown.
    package let overEqualSteps: StudyComparison?
    /// What it gains on one head over all classes of the same arm; nil where unknown.
    package let overRefit: StudyComparison?

    /// The post's two schemes on every arm at a fraction; without those that were
    /// not compared with one-vs-all.
    package static func all(_ outline: StudyOutline, at fraction: Double) -> [StudyClaim] {
        outline.arms.flatMap { arm in
            [Scheme.softVote, .treeElimination].compactMap { scheme in
                let over = { outline.comparison(fraction, arm, scheme, over: $0) }
                guard let gain = over(.oneVsAll) else { return nil }
                return StudyClaim(
                    dataset: outline.dataset.name, fraction: fraction, arm: arm, scheme: scheme,
                    overOneVsAll: gain, overEqualSteps: over(.oneVsAllEqualSteps),
                    overRefit: over(.oneVsAllRefit))
            }
        }
    }

    /// What the trials show about the scheme against one-vs-all.
    package var verdict: StudyVerdict { StudyVerdict(overOneVsAll) }

    /// Whether it gains on both controls; nil where one of them is missing or not tested.
    package var holdsAgainstControls: Bool? {
        guard let overEqualSteps, let overRefit else { return nil }
        let verdicts = [StudyVerdict(overEqualSteps), StudyVerdict(overRefit)]
        return verdicts.contains(.untested) ? nil : verdicts.allSatisfy { $0 == .gain }
    }
}

/// What the trials show about several claims together.
package struct StudyFindings: Sendable {
    /// The claims.
    package let claims: [StudyClaim]
    /// Their verdicts against one-vs-all.
    package let counts: VerdictCounts
    /// Gains that can be compared with both controls.
    package let controlledGainCount: Int
    /// Those of them that gain on both controls too: further training alone does not explain them.
    package let lastingGains: [StudyClaim]

    /// The findings on these claims.
    package init(_ claims: [StudyClaim]) {
        self.claims = claims
        counts = VerdictCounts(claims.map(\.verdict))
        let gains = claims.filter { $0.verdict == .gain }
        controlledGainCount = gains.count { $0.holdsAgainstControls != nil }
        lastingGains = gains.filter { $0.holdsAgainstControls == true }
    }

    /// Losses with heads on frozen features, and how many of them are shown to be gone (a gain, or
    /// nothing above the margin) when the heads on the same features are converged: their cause is
    /// the training, not features or scheme.
    package var lossesOfTraining: (count: Int, cured: Int) {
        let losses = claims.filter { $0.arm == .heads(.frozen) && $0.verdict == .loss }
        let cured = losses.count { loss in
            claims.contains { claim in
                claim.arm == .heads(.converged) && claim.dataset == loss.dataset
                    && claim.scheme == loss.scheme
                    && [.gain, .withinMargin].contains(claim.verdict)
                    && claim.overOneVsAll.meanDifference > loss.overOneVsAll.meanDifference
            }
        }
        return (losses.count, cured)
    }
}
