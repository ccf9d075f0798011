import Heads
import Scheduling
import Testing

/// The settings for tasks of a second or of twenty minutes.
@Suite struct TaskSchedulingTests {
    /// Tasks of so many seconds at the guessed rate.
    private func bench(_ seconds: [Double]) -> SchedulerBench {
        let works = seconds.enumerated().map {
            HeadWork(
                id: WorkID(UInt32($0.offset)), trainingFlops: $0.element * 20e9,
                resultByteCount: 0)
        }
        return SchedulerBench(works, configuration: SchedulerConfiguration(tasksOf: 1))
    }

    @Test func longestFirstOneASlotAndNoneWaiting() {
        var bench = bench([1, 60, 5, 1_200, 60, 2])
        let given = bench.add(1, slotCount: 2)
        #expect(given.map(\.heads) == [[WorkID(3)], [WorkID(1)]])
        bench.seconds = 50
        let next = assignments(bench.train(given[1], by: 1, busySeconds: 50))
        #expect(next.map(\.heads) == [[WorkID(4)]])
        // Who joins later takes what is left, of whatever size.
        #expect(bench.add(2, slotCount: 4).map(\.heads) == [[WorkID(2)], [WorkID(5)], [WorkID(0)]])
    }

    @Test func aLeaseOutlastsAWrongGuess() {
        // Twenty minutes that were taken for a second.
        var bench = bench([1, 1])
        let given = bench.add(1, slotCount: 2)
        for second in stride(from: 1.0, to: 1_799, by: 1) {
            bench.seconds = second
            #expect(bench.handle(.tick) == [])
        }
        bench.seconds = 1_801
        // Nobody else is there; the worker is told that it may finish.
        #expect(
            bench.handle(.tick).prefix(2)
                == given.map {
                    .revoke($0.bundle, attempt: 1, to: WorkerID(1), reason: .expired)
                }[...])
    }

    @Test func whatIsSlowAtTheEndIsDoneTwiceAtMost() {
        var bench = bench([60])
        let first = bench.add(1, slotCount: 2)
        #expect(bench.add(2, slotCount: 2).isEmpty)
        bench.seconds = 119
        #expect(bench.handle(.tick) == [])
        bench.seconds = 121
        let copies = assignments(bench.handle(.tick))
        #expect(copies.map(\.bundle) == first.map(\.bundle))
        #expect(bench.add(3).isEmpty)
        bench.seconds = 122
        #expect(
            bench.train(first[0], by: 1, busySeconds: 122).contains(
                .revoke(copies[0].bundle, attempt: 2, to: WorkerID(2), reason: .superseded)))
        #expect(bench.scheduler.isFinished)
    }

    // One worker alone, and tasks that nobody can do: they are given up, the others are not.
    @Test func failuresCostTasksAndNotTheirWorker() {
        var bench = bench([Double](repeating: 1, count: 12))
        var queue = bench.add(1)
        var quarantined: [WorkID] = []
        var dismissed = false
        for _ in 0..<100 where !bench.scheduler.isFinished {
            bench.seconds += 0.5
            var actions = bench.handle(.tick)
            if let next = queue.first {
                queue.removeFirst()
                if next.heads[0].rawValue % 2 == 0 {
                    actions += bench.handle(
                        .bundleFailed(next.bundle, attempt: next.attempt, by: WorkerID(1)))
                } else {
                    actions += bench.train(next, by: 1)
                }
            }
            queue += assignments(actions)
            for action in actions {
                if case .quarantine(let head) = action { quarantined.append(head) }
                if case .dismiss = action { dismissed = true }
            }
        }
        #expect(bench.scheduler.isFinished)
        #expect(quarantined.map(\.rawValue).sorted() == [0, 2, 4, 6, 8, 10])
        #expect(!dismissed)
    }

    // Results that are not what was asked for are another matter.
    @Test func invalidResultsStillCostTheWorker() {
        var bench = bench([Double](repeating: 1, count: 12))
        var next = bench.add(1)
        var dismissed = false
        for _ in 0..<3 {
            bench.seconds += 2
            var actions = bench.reject(next.removeFirst(), by: 1)
            bench.seconds += 2
            actions += bench.handle(.tick)
            if actions.contains(.dismiss(WorkerID(1), because: .rejections)) { dismissed = true }
            next += assignments(actions)
            if next.isEmpty { break }
        }
        #expect(dismissed)
    }
}
