import Programs
import Testing

/// What `coordinator classes` hands on to run.
@Suite struct ClassChangeTests {
    // Without workers a run waits for ever.
    @Test func workersAreStartedUnlessOthersWork() {
        #expect(ClassChange.workers(beside: [], coreCount: 3) == ["--workers=3"])
        #expect(ClassChange.workers(beside: ["--seed", "1"], coreCount: 3) == ["--workers=3"])
        for name in ["--workers", "--bind", "--min-workers"] {
            #expect(ClassChange.workers(beside: ["--json", name, "2"], coreCount: 3).isEmpty)
            #expect(ClassChange.workers(beside: [name + "=2"], coreCount: 3).isEmpty)
        }
    }
}
