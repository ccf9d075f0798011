import Decoding
import Study
import Testing

/// What the trials are said to show, on comparisons made by hand.
@Suite struct StudyFindingsTests {
    private func comparison(
        _ gain: Double, arm: StudyArm = .frozen, scheme: Scheme = .softVote,
        over control: Scheme = .oneVsAll, corrected: Double? = 0.01, trialCount: Int = 3,
        within: Double? = 1
    ) -> StudyComparison {
        var comparison = StudyComparison(
            fraction: 0.1, arm: .heads(arm), scheme: scheme,
            againstArm: control.asksBackbone ? .backbone : .heads(arm),
            against: control)
        comparison.trialCount = trialCount
        comparison.meanDifference = gain
        comparison.interval = [gain - 0.01, gain + 0.01]
        comparison.tTestPValueHolm = corrected
        comparison.equivalencePValueHolm = within
        return comparison
    }

    private func outline(
        _ comparisons: [StudyComparison], frontier: [StudyFrontierPoint] = [],
        fraction: Double = 0.1
    ) -> StudyOutline {
        let arms = comparisons.map(\.arm)
        var cells: [StudyCell] = []
        for arm in arms where !cells.contains(where: { $0.arm == arm }) {
            var cell = StudyCell(fraction: fraction, arm: arm, scheme: .softVote)
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
        // An interval that includes zero shows nothing, however large or small the difference.
        #expect(StudyVerdict(comparison(0.005)) == .undecided)
        #expect(StudyVerdict(comparison(0.005, within: nil)) == .undecided)
        #expect(StudyVerdict(comparison(0.005, within: 0.05)) == .undecided)
        #expect(StudyVerdict(comparison(0.005, within: 0.049)) == .withinMargin)
        // What is shown to differ does so within the margin, too; what only looks so does not.
        #expect(StudyVerdict(comparison(0.011, within: 0.01)) == .gain)
        #expect(StudyVerdict(comparison(-0.011, corrected: 0.5, within: 0.01)) == .withinMargin)
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

    @Test func lossesThatConvergedHeadsAreShownNotToHaveAreTraining() {
        func cured(_ converged: Double, within: Double = 1) -> Int {
            StudyFindings(
                StudyClaim.all(
                    outline([
                        comparison(-0.05), comparison(converged, arm: .converged, within: within),
                    ]), at: 0.1)
            ).lossesOfTraining.cured
        }
        // A loss that cannot be told is not a loss that is gone.
        #expect(cured(0.005) == 0)
        #expect(cured(0.005, within: 0.01) == 1)
        #expect(cured(0.05) == 1)
        #expect(cured(-0.02) == 0)
    }

    private func replication(
        _ comparisons: [StudyComparison], _ change: (inout StudySettings) -> Void = { _ in }
    ) -> PostReplication? {
        var settings = StudySettings.post
        change(&settings)
        return PostReplication(
            settings,
            [
                outline(
                    comparisons.map { comparison in
                        var comparison = comparison
                        comparison.fraction = 0.01
                        return comparison
                    }, fraction: 0.01)
            ])
    }

    /// On 1% of MNIST the post has .92 against .85 for both schemes.
    @Test func onlyWhatThePostTrainedIsATestOfIt() throws {
        let tested = [
            comparison(0.07), comparison(0.04, corrected: 0.5, trialCount: 10),
            comparison(0.055, arm: .scratch, corrected: 0.5),
            comparison(0.07, arm: .derived), comparison(0.07, arm: .scratch, trialCount: 1),
        ]
        let found = try #require(
            replication([
                tested[0], comparison(0.04, scheme: .treeElimination, corrected: 0.5),
                tested[2], tested[3],
            ]))
        // +7 is shown; +4 ends at +5, below +7 less the rounding; +5.5 may be either.
        #expect(found.repeated == 3 && found.found == 1 && found.smaller == 1)
        #expect(replication([tested[4]])?.repeated == 0)
        #expect(replication([tested[0]]) { $0.epochCount = 4 } == nil)
        #expect(replication([tested[0]]) { $0.otherEvery = 40 } == nil)
        #expect(replication([tested[0]]) { $0.scope = .full } == nil)
        #expect(replication([tested[0]]) { ($0.seed, $0.l2) = (7, 0.1) } != nil)
        #expect(PostReplication(nil, []) == nil)
    }

    @Test func whatDiffersFromThePostIsNamed() {
        var settings = StudySettings.post
        #expect(settings.differences(from: .post) == [])
        (settings.otherEvery, settings.epochCount, settings.headDropout) = (40, 4, 0)
        #expect(
            settings.differences(from: .post) == [
                "rows one in 40 instead of one in 10", "backbone epochs 4 instead of 12",
                "dropout 0.0 instead of 0.5",
            ])
        #expect(
            StudySettings(scope: .full).differences(from: .post) == [
                "classes all instead of 0-4", "rows all instead of one in 10",
            ])
        // The full protocol on the post's rows is the post's.
        var full = StudySettings(scope: .full)
        (full.otherClasses, full.otherEvery) = ("0-4", 10)
        #expect(full.differences(from: .post) == [])
    }

    @Test func theReachIsThatOfTheComparisons() throws {
        var comparisons = [comparison(0.05), comparison(0.01), comparison(0, trialCount: 1)]
        #expect(StudyReach(comparisons, of: 140) == nil)
        for (index, deviation) in [0.01, 0.03].enumerated() {
            comparisons[index].differenceDeviation = deviation
            comparisons[index].detectableGain = 38.7566 * deviation
        }
        let reach = try #require(StudyReach(comparisons, of: 140))
        #expect(reach.trialCounts == 3...3)
        #expect(reach.gains == 0.387566...38.7566 * 0.03)
        let ten = try #require(reach.gainsWithTenTrials)
        // The root of scipy.stats.nct.sf(scipy.stats.t.isf(.05 / 280, 9), 9, d * 10**.5) - .8
        #expect(abs(ten.lowerBound - 0.021_381) < 1e-5)
        comparisons = [comparison(0.05, trialCount: 10)]
        comparisons[0].detectableGain = 0.1
        #expect(StudyReach(comparisons, of: 1)?.gainsWithTenTrials == nil)
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
