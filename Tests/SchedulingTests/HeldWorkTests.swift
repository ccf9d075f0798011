import Heads
import Scheduling
import Testing

/// Work that is not given out before it is released.
@Suite struct HeldWorkTests {
    /// Six pieces that cost the same, the later ones held.
    private func bench(held: Range<UInt32>, accepted: [UInt32] = []) -> SchedulerBench {
        var configuration = SchedulerConfiguration()
        configuration.bundleHeadCountMax = 1
        configuration.bundleLeadSeconds = .infinity
        return SchedulerBench(
            (0..<6).map { HeadWork(id: WorkID($0), trainingFlops: 20e9, resultByteCount: 100) },
            configuration: configuration,
            accepted: Dictionary(
                uniqueKeysWithValues: accepted.map { (WorkID($0), TrainerID(7)) }),
            held: Set(ids(held)))
    }

    @Test func whatIsHeldIsNotLeased() {
        var bench = bench(held: 1..<6)
        #expect(bench.add(1, slotCount: 2).map(\.heads) == [ids(0..<1)])
        #expect(bench.scheduler.pendingHeadCount == 0)
        #expect(!bench.scheduler.waitsForRelease)
    }

    @Test func releasedWorkGoesOutInItsOrder() {
        var bench = bench(held: 1..<6)
        let first = bench.add(1)
        let released = bench.handle(.released([WorkID(5), WorkID(2)]))
        // One place runs the first piece, one waits.
        #expect(assignments(released).map(\.heads) == [ids(2..<3)])
        #expect(assignments(bench.train(first[0], by: 1)).map(\.heads) == [ids(5..<6)])
        // Twice, and what was never held, is nothing.
        #expect(assignments(bench.handle(.released([WorkID(5), WorkID(0)]))) == [])
    }

    @Test func theRunIsNotOverWhileSomethingIsHeld() {
        var bench = bench(held: 5..<6, accepted: [0, 1, 2, 3])
        let given = bench.add(1)
        #expect(given.map(\.heads) == [ids(4..<5)])
        let actions = bench.train(given[0], by: 1)
        #expect(!bench.scheduler.isFinished)
        #expect(bench.scheduler.waitsForRelease)
        #expect(assignments(actions) == [])
        let last = assignments(bench.handle(.released([WorkID(5)])))
        #expect(last.map(\.heads) == [ids(5..<6)])
        let end = bench.train(last[0], by: 1)
        #expect(end.contains(.finish(quarantined: [])))
    }

    @Test func whatNobodyReleasesIsGivenUp() {
        var bench = bench(held: 4..<6, accepted: [0, 1, 2])
        let given = bench.add(1)
        // Not while something may still release it.
        #expect(bench.handle(.heldGivenUp) == [])
        _ = bench.train(given[0], by: 1)
        let end = bench.handle(.heldGivenUp)
        #expect(end.contains(.finish(quarantined: ids(4..<6))))
        #expect(bench.handle(.released(ids(4..<6))) == [])
    }

    @Test func whatIsThereIsNotHeld() {
        var bench = bench(held: 0..<6, accepted: [0, 1, 2, 3, 4, 5])
        #expect(bench.handle(.tick) == [.finish(quarantined: [])])
    }
}
