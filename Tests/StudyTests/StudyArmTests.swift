import Decoding
import Study
import Testing

@Suite struct StudyArmTests {
    @Test func keysOfResultsNeverChange() {
        #expect(
            StudyArm.allCases.map(\.rawValue)
                == ["frozen", "zero", "derived", "converged", "warm", "scratch"])
        #expect(
            Scheme.allCases.map(\.rawValue) == [
                "one_vs_all", "one_vs_all_equal_steps", "one_vs_all_refit", "all_vs_all",
                "all_vs_all_hard_vote", "all_vs_all_coupling", "dag", "tree", "shortlist",
                "one_vs_rest",
            ])
    }

    @Test func titlesAreDistinct() {
        #expect(Set(StudyArm.allCases.map(\.title)).count == StudyArm.allCases.count)
        #expect(Set(Scheme.allCases.map(\.title)).count == Scheme.allCases.count)
    }

    @Test func armsOfCellsHaveTheKeysOfResults() {
        let arms = [CellArm.backbone] + StudyArm.allCases.map(CellArm.heads)
        #expect(arms.map(\.key) == ["backbone"] + StudyArm.allCases.map(\.rawValue))
    }

    @Test func aUnitsCostIsThatOfItsBackboneAndHeads() {
        let size = StudyDatasetSize(
            trainRowCounts: [100, 100, 100], testRowCount: 50, featureCount: 10,
            flopsPerImage: 1_000)
        var settings = StudySettings(scope: .full)
        (settings.epochCount, settings.headEpochCount) = (2, 3)
        let key = TrialKey(dataset: "mnist", fractionMillionths: 500_000, trial: 0)
        // 150 rows: 2 epochs of training at three forward passes each; features and tests thrice.
        // Three pairs of 100 rows and all 150 rows, 40 operations a row, class and epoch.
        let heads = 40.0 * (3 * 2 * 100 + 3 * 150) * 3
        #expect(
            size.flops(of: .trial(key, arms: [.frozen], isControlled: false), settings)
                == 150 * 2 * 3 * 1_000 + heads + 3 * 50_000)
        #expect(
            size.flops(of: .network(key, arm: .scratch, classes: [0, 2]), settings)
                == 100 * 3 * 3 * 1_000 + 50_000)
    }
}
