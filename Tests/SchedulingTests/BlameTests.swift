import Heads
import Scheduling
import Testing

/// Deaths, invalid results, and whom to hold them against.
@Suite struct BlameTests {
    @Test func onlyWhatRanIsSuspectAndItStaysWhole() {
        var bench = SchedulerBench(headCount: 40, flops: 1e9) { $0.bundleHeadCountMax = 10 }
        let given = bench.add(1)
        #expect(given.map(\.heads) == [ids(0..<5), ids(5..<10)])
        let lost = bench.lose(1)
        #expect(lost == [])
        for head in given[0].heads { #expect(bench.scheduler.deathCount(of: head) == 1) }
        for head in given[1].heads { #expect(bench.scheduler.deathCount(of: head) == 0) }
        // First of all, whole, under its old number; the one that waited goes out as any other.
        let again = bench.add(2)
        #expect(
            again.first
                == Assignment(bundle: given[0].bundle, attempt: 2, heads: given[0].heads))
        #expect(again.last?.heads == ids(5..<10))
        #expect(again.last?.bundle != given[1].bundle)
    }

    @Test func workerThatSaysGoodbyeIsNoDeath() {
        var bench = SchedulerBench(headCount: 40)
        let given = bench.add(1)
        let left = bench.handle(.workerLeft(WorkerID(1), because: .departed))
        #expect(left == [])
        #expect(bench.scheduler.deathCount(of: given[0].heads[0]) == 0)
        #expect(bench.scheduler.pendingHeadCount == 40)
    }

    /// One head kills whatever runs it; every worker is replaced at once.
    ///
    /// - Returns: how many died.
    private func deaths(
        _ bench: inout SchedulerBench, guilty: Set<WorkID>, slotCount: Int
    ) -> Int {
        var deaths = 0
        for worker in UInt64(1)...1_000 {
            var queue = bench.add(worker, slotCount: slotCount)
            while !queue.isEmpty {
                let running = queue.prefix(slotCount)
                if running.contains(where: { !guilty.isDisjoint(with: $0.heads) }) { break }
                bench.seconds += 0.1
                let actions = bench.train(queue.removeFirst(), by: worker, busySeconds: 0.1)
                queue += assignments(actions, to: worker)
            }
            if bench.scheduler.isFinished { break }
            deaths += 1
            _ = bench.lose(worker)
            if bench.scheduler.isFinished { break }
        }
        return deaths
    }

    @Test(arguments: [1, 4])
    func theGuiltyHeadIsFoundAndNobodyElse(slotCount: Int) {
        var bench = SchedulerBench(headCount: 200, flops: 0.1e9) { $0.bundleHeadCountMax = 64 }
        let guilty: Set<WorkID> = [WorkID(77), WorkID(150)]
        let count = deaths(&bench, guilty: guilty, slotCount: slotCount)
        #expect(bench.scheduler.isFinished)
        #expect(Set(bench.scheduler.quarantinedHeads) == guilty)
        #expect(bench.scheduler.acceptedHeadCount == 198)
        // Three deaths, one a level of halving, three of the head alone; twice.
        #expect(count <= 2 * (3 + 6 + 3), "\(count) deaths")
        #expect(bench.scheduler.deathCount(of: WorkID(77)) >= 3)
    }

    @Test func bundleIsSplitAfterThreeDeathsAndRunsAloneAfterTwo() {
        var bench = SchedulerBench(headCount: 4, flops: 0.1e9) { $0.bundleHeadCountMax = 4 }
        for worker in UInt64(1)...3 {
            let given = bench.add(worker, slotCount: 2)
            #expect(given.map(\.heads.count) == [4])
            #expect(given.map(\.attempt) == [UInt32(worker)])
            _ = bench.lose(worker)
        }
        // A half, and nothing beside it though there is a slot.
        let half = bench.add(4, slotCount: 2)
        #expect(half.map(\.heads) == [ids(0..<2)])
        let other = bench.add(5, slotCount: 2)
        #expect(other.map(\.heads) == [ids(2..<4)])
        _ = bench.lose(4)
        #expect(bench.add(6, slotCount: 2).map(\.heads) == [ids(0..<1)])
        #expect(bench.scheduler.deathCount(of: WorkID(0)) == 4)
    }

    @Test func quarantinedHeadComesBackWithALateResult() {
        var bench = SchedulerBench(headCount: 2)
        for worker in UInt64(1)...2 {
            #expect(bench.add(worker).first?.heads == ids(0..<1))
            #expect(bench.lose(worker) == [])
        }
        // By now the other head comes first.
        let rest = bench.add(9)
        #expect(rest.map(\.heads) == [ids(1..<2)])
        let given = bench.add(3)
        #expect(given.map(\.heads) == [ids(0..<1)])
        #expect(bench.lose(3) == [.quarantine(WorkID(0))])
        #expect(bench.scheduler.quarantinedHeads == ids(0..<1))
        let last = given[0]
        // Worker 3 was not dead, only slow to answer.
        let late = bench.train(last, by: 3)
        #expect(
            late == [
                .accept(last.bundle, attempt: last.attempt, heads: last.heads, from: WorkerID(3))
            ])
        #expect(bench.scheduler.quarantinedHeads == [])
        #expect(bench.train(rest[0], by: 9).last == .finish(quarantined: []))
    }

    @Test func finishNamesTheQuarantined() {
        var bench = SchedulerBench(headCount: 1)
        for worker in UInt64(1)...2 {
            bench.add(worker)
            _ = bench.lose(worker)
        }
        bench.add(3)
        #expect(bench.lose(3) == [.quarantine(WorkID(0)), .finish(quarantined: ids(0..<1))])
    }

    @Test func workerWithThreeInvalidResultsIsDismissed() {
        var bench = SchedulerBench(headCount: 100)
        var given = bench.add(1)
        bench.add(2)
        var actions: [HeadScheduler.Action] = []
        for count in 1...3 {
            #expect(bench.scheduler.workerStatistics[0].rejectionCount == count - 1)
            actions = bench.reject(given.removeFirst(), by: 1)
            given += assignments(actions, to: 1)
        }
        // What it still had is taken back.
        #expect(actions.contains(.dismiss(WorkerID(1), because: .rejections)))
        #expect(given.count == 1)
        #expect(
            actions.contains(
                .revoke(
                    given[0].bundle, attempt: given[0].attempt, to: WorkerID(1),
                    reason: .dismissed)))
        #expect(bench.handle(.workerReady(WorkerID(1))) == [])
        #expect(bench.handle(.workerJoined(WorkerID(1), slotCount: 1)).count == 1)
        #expect(assignments(bench.handle(.workerReady(WorkerID(1)))).isEmpty)
        #expect(bench.scheduler.workerStatistics[0].status == .dismissed)
    }

    @Test func spoiledBundleGoesToAnotherWorker() {
        var bench = SchedulerBench(headCount: 100)
        let given = bench.add(1)
        let next = assignments(bench.reject(given[0], by: 1))
        // Alone, it gets its own failure again: nobody else could have it.
        #expect(next.map(\.bundle) == [given[0].bundle])
        let second = bench.add(2)
        #expect(second.count == 2)
        let third = assignments(bench.reject(second[0], by: 2))
        #expect(third.allSatisfy { $0.bundle != second[0].bundle })
        // The other worker gets it as soon as it has a place, and is not charged if it fails too.
        let fourth = assignments(bench.train(given[1], by: 1), to: 1)
        #expect(fourth.map(\.bundle) == [second[0].bundle])
        _ = bench.reject(fourth[0], by: 1)
        #expect(bench.scheduler.workerStatistics.map(\.rejectionCount) == [1, 1])
    }

    @Test func failureCountsAsARejection() {
        var bench = SchedulerBench(headCount: 100)
        let given = bench.add(1)
        let event = HeadScheduler.Event.bundleFailed(
            given[0].bundle, attempt: 1, by: WorkerID(1))
        #expect(assignments(bench.handle(event)).count == 1)
        #expect(bench.scheduler.workerStatistics[0].rejectionCount == 1)
        #expect(bench.handle(event) == [])
        #expect(bench.scheduler.workerStatistics[0].rejectionCount == 1)
    }

    @Test func headThatAlwaysFailsIsQuarantinedWithoutCostingAllWorkers() {
        // Head 5 gives NaN wherever it is trained.
        var bench = SchedulerBench(headCount: 64, flops: 0.1e9) { $0.bundleHeadCountMax = 16 }
        var queues: [[Assignment]] = [[], []]
        queues[0] = bench.add(0)
        queues[1] = bench.add(1)
        for step in 0..<1_000 where !bench.scheduler.isFinished {
            bench.seconds += 0.3
            let worker = UInt64(step % 2)
            var actions = bench.handle(.tick)
            if !queues[step % 2].isEmpty {
                let bundle = queues[step % 2].removeFirst()
                actions +=
                    bundle.heads.contains(WorkID(5))
                    ? bench.reject(bundle, by: worker) : bench.train(bundle, by: worker)
            }
            queues[0] += assignments(actions, to: 0)
            queues[1] += assignments(actions, to: 1)
        }
        #expect(bench.scheduler.isFinished)
        #expect(bench.scheduler.quarantinedHeads == [WorkID(5)])
        #expect(bench.scheduler.workerStatistics.allSatisfy { $0.status == .ready })
    }

    @Test func overrunBundleIsBlamedWhenItsWorkerDiesOfItLater() {
        var bench = SchedulerBench(headCount: 1)
        for worker in UInt64(1)...3 {
            #expect(bench.add(worker).count == 1)
            bench.seconds += 11
            #expect(bench.handle(.tick).count == 1)
            let lost = bench.lose(worker)
            #expect(worker < 3 ? lost == [] : lost.first == .quarantine(WorkID(0)))
        }
    }
}
