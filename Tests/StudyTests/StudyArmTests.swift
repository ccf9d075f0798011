import Study
import Testing

@Suite struct StudyArmTests {
    @Test func keysOfResultsNeverChange() {
        #expect(
            StudyArm.allCases.map(\.rawValue)
                == ["frozen", "zero", "derived", "converged", "warm", "scratch"])
        #expect(
            StudyScheme.allCases.map(\.rawValue) == [
                "one_vs_all", "one_vs_all_equal_steps", "one_vs_all_refit", "all_vs_all",
                "all_vs_all_hard_vote", "all_vs_all_coupling", "dag", "tree",
            ])
    }

    @Test func titlesAreDistinct() {
        #expect(Set(StudyArm.allCases.map(\.title)).count == StudyArm.allCases.count)
        #expect(Set(StudyScheme.allCases.map(\.title)).count == StudyScheme.allCases.count)
    }
}
