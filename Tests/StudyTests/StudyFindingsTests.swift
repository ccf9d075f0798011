import Decoding
import Study
import Testing

/// What the trials are said to show, on comparisons made by hand.
@Suite struct StudyFindingsTests {
    private func comparison(
        _ gain: Double, arm: StudyArm = .frozen, scheme: Scheme = .softVote,
        over control: Scheme = .oneVsAll, corrected: Double? = 0.01, trialCount: Int = 3
    ) -> StudyComparison {
        var comparison = StudyComparison(
            fraction: 0.1, arm: .heads(arm), scheme: scheme,
            againstArm: control.asksBackbone ? .backbone : .heads(arm),
            against: control)
        comparison.trialCount = trialCount
        comparison.meanDifference = gain
        comparison.interval = [gain - 0.01, gain + 0.01]
        comparison.tTestPValueHolm = corrected
        return comparison
    }

    private func outline(
        _ comparisons: [StudyComparison], frontier: [StudyFrontierPoint] = []
    ) -> StudyOutline {
        let arms = comparisons.map(\.arm)
        var cells: [StudyCell] = []
        for arm in arms where !cells.contains(where: { $0.arm == arm }) {
            var cell = StudyCell(fraction: 0.1, arm: arm, scheme: .softVote)
            cell.accuracies = [0.5]
            cells.append(cell)
        }
        return StudyOutline(
            StudyDataset(
                name: "mnist", classNames: ["a", "b"], trainRowCount: 10, testRowCount: 2,
                sha256: "", cells: cells, comparisons: comparisons, frontier: frontier))
    }

    @Test func aVerdictNeedsTheCorrectedTest() {
        #expect(StudyVerdict(comparison(0.05)) == .gain)
        #expect(StudyVerdict(comparison(-0.05)) == .loss)
        #expect(StudyVerdict(comparison(0.05, corrected: 0.05)) == .hintOfGain)
        #expect(StudyVerdict(comparison(-0.05, corrected: nil)) == .hintOfLoss)
        #expect(StudyVerdict(comparison(0.005)) == .undecided)
        #expect(StudyVerdict(comparison(0.05, trialCount: 1)) == .untested)
        var broken = comparison(0.05)
        broken.interval = [0.04, .nan]
        #expect(StudyVerdict(broken) == .untested)
    }

    @Test func gainsLastThatBothControlsDoNotHave() {
        let findings = StudyFindings(
            StudyClaim.all(
                outline([
                    comparison(0.05), comparison(0.03, over: .oneVsAllEqualSteps),
                    comparison(0.02, over: .oneVsAllRefit),
                    comparison(0.05, scheme: .treeElimination),
                    comparison(0.03, scheme: .treeElimination, over: .oneVsAllEqualSteps),
                    comparison(0.005, scheme: .treeElimination, over: .oneVsAllRefit),
                    // Without controls nothing is known.
                    comparison(0.05, arm: .zero), comparison(-0.05, arm: .warm),
                ]), at: 0.1))
        #expect(findings.claims.count == 4)
        #expect(findings.counts.gains == 3 && findings.counts.losses == 1)
        #expect(findings.counts.tested == 4)
        #expect(findings.controlledGainCount == 2)
        #expect(findings.lastingGains.map(\.scheme) == [.softVote])
    }

    @Test func lossesThatConvergedHeadsDoNotHaveAreTraining() {
        func cured(_ converged: Double) -> Int {
            StudyFindings(
                StudyClaim.all(
                    outline([comparison(-0.05), comparison(converged, arm: .converged)]), at: 0.1)
            ).lossesOfTraining.cured
        }
        #expect(cured(0.005) == 1)
        #expect(cured(0.05) == 1)
        #expect(cured(-0.02) == 0)
    }

    @Test func thePostsTwoDigitsStandForHalfAPointEitherWay() throws {
        let post = try #require(
            PostNumbers.entry(dataset: "mnist", fraction: 0.01, scheme: .oneVsAll))
        #expect(post.mean == 0.85)
        #expect(post.isOutside([0.8551, 0.9]) && post.isOutside([0.8, 0.8449]))
        #expect(!post.isOutside([0.8549, 0.9]) && !post.isOutside(nil))
        #expect(PostNumbers.entry(dataset: "mnist", fraction: 0.02, scheme: .oneVsAll) == nil)
        #expect(PostNumbers.entry(dataset: "mnist", fraction: 0.01, scheme: .hardVote) == nil)
    }

    @Test func theCheapestPolicyNearThePostsIsTheSaving() {
        func point(_ policy: String, _ accuracy: Double, _ flops: Double) -> StudyFrontierPoint {
            StudyFrontierPoint(
                fraction: 0.1, arm: .heads(.frozen),
                outcome: PolicyOutcome(
                    policy: policy, accuracy: accuracy, headsPerRow: 1, flopsPerRow: flops,
                    topNeverChangedShare: 1))
        }
        let points = [
            point("drop 1", 0.9, 4_000), point("drop 2", 0.8995, 2_000),
            point("drop 3", 0.85, 3_000), point("broken", .nan, 1),
        ]
        let frontier = StudyFrontier(
            outline([], frontier: points).dataset, 0.1, .heads(.frozen))
        #expect(frontier.points.count == 3)
        #expect(frontier.isUnbeaten == [true, true, false])
        #expect(frontier.saving?.cheapest.policy == "drop 2")
        let other = StudyFrontier(
            outline([], frontier: points).dataset, 0.1, .heads(.zero))
        #expect(other.saving == nil)
    }
}
