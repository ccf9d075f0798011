import Heads
import Numerics
import Scheduling
import Testing

/// What becomes of results: early, late, twice, from nobody, from the wrong one.
@Suite struct ResultTests {
    @Test func firstResultIsAcceptedAndFinishComesOnce() {
        var bench = SchedulerBench(headCount: 2)
        let given = bench.add(1)
        bench.seconds = 1
        let first = bench.train(given[0], by: 1)
        #expect(
            first == [
                .accept(given[0].bundle, attempt: 1, heads: given[0].heads, from: WorkerID(1))
            ])
        let second = bench.train(given[1], by: 1)
        #expect(second.last == .finish(quarantined: []))
        #expect(bench.scheduler.isFinished)
        #expect(bench.handle(.tick) == [])
        let late = bench.train(given[1], by: 1)
        #expect(
            late == [
                .discard(
                    given[1].bundle, attempt: 1, from: WorkerID(1), reason: .runFinished)
            ])
    }

    @Test func repeatedUnknownAndForeignResultsAreDiscarded() {
        var bench = SchedulerBench(headCount: 10)
        let given = bench.add(1)
        bench.add(2)
        _ = bench.train(given[0], by: 1)
        let bundle = given[0].bundle
        #expect(
            bench.train(given[0], by: 1) == [
                .discard(bundle, attempt: 1, from: WorkerID(1), reason: .alreadyReported)
            ])
        #expect(
            bench.train(given[1], by: 2) == [
                .discard(given[1].bundle, attempt: 1, from: WorkerID(2), reason: .notLeased)
            ])
        for attempt in [0, 2, UInt32.max] {
            let wrong = Assignment(bundle: given[1].bundle, attempt: attempt, heads: [])
            #expect(
                bench.train(wrong, by: 1) == [
                    .discard(
                        given[1].bundle, attempt: attempt, from: WorkerID(1), reason: .notLeased)
                ])
        }
        let unknown = Assignment(bundle: BundleID(.max), attempt: 1, heads: [])
        #expect(
            bench.train(unknown, by: 77) == [
                .discard(unknown.bundle, attempt: 1, from: WorkerID(77), reason: .unknownBundle)
            ])
        for event in [
            HeadScheduler.Event.bundleRejected(unknown.bundle, attempt: 1, by: WorkerID(77)),
            .bundleFailed(given[1].bundle, attempt: 1, by: WorkerID(2)),
            .leaseDeclined(given[1].bundle, attempt: 9, by: WorkerID(1)),
            .leaseDeclined(given[1].bundle, attempt: 1, by: WorkerID(2)),
            .leaseDeclined(unknown.bundle, attempt: 0, by: WorkerID(1)),
            .workerLeft(WorkerID(77), because: .lost), .workerDraining(WorkerID(77)),
        ] {
            #expect(bench.handle(event) == [], "\(event)")
        }
    }

    @Test func expiredLeaseGivesItsHeadsBackAndItsLateResultIsStillGood() {
        var bench = SchedulerBench(headCount: 2) { $0.bundleHeadCountMax = 1 }
        let given = bench.add(1)
        bench.seconds = 9.9
        #expect(bench.handle(.tick) == [])
        bench.seconds = 10.1
        #expect(
            bench.handle(.tick) == [
                .revoke(given[0].bundle, attempt: 1, to: WorkerID(1), reason: .expired)
            ])
        #expect(bench.scheduler.pendingHeadCount == 1)
        // Its place is taken until it answers: no new lease, but reminders.
        #expect(bench.scheduler.workerStatistics[0].runningBundles == [given[0].bundle])
        bench.seconds = 20.2
        let reminder = bench.handle(.tick)
        #expect(reminder.count == 2)
        bench.seconds = 21
        let late = bench.train(given[0], by: 1)
        #expect(
            late.first
                == .accept(given[0].bundle, attempt: 1, heads: given[0].heads, from: WorkerID(1)))
        #expect(!bench.scheduler.workerStatistics[0].runningBundles.contains(given[0].bundle))
    }

    @Test func lateResultIsComparedAndItsWorkerIdleAgain() {
        var bench = SchedulerBench(headCount: 3)
        let given = bench.add(1)
        bench.seconds = 11
        _ = bench.handle(.tick)
        let again = bench.add(2)
        let second = again.first { $0.bundle == given[0].bundle }
        #expect(second?.attempt == 2)
        guard let second else { return }
        bench.seconds = 12
        let accepted = bench.train(second, by: 2)
        #expect(
            accepted.first
                == .accept(second.bundle, attempt: 2, heads: second.heads, from: WorkerID(2)))
        bench.seconds = 13
        let compared = bench.train(given[0], by: 1)
        #expect(
            compared.first
                == .compare(given[0].bundle, attempt: 1, heads: given[0].heads, from: WorkerID(1)))
        #expect(!bench.scheduler.workerStatistics[0].runningBundles.contains(given[0].bundle))
    }

    @Test func resultCanBePartlyNewAndPartlyKnown() {
        // Worker 1 leaves with four bundles of five. Worker 2 proves fast and gets the same heads by
        // eight; then the late third bundle of worker 1 lies across the border of two of those.
        var bench = SchedulerBench(headCount: 100, flops: 1e9) { $0.bundleHeadCountMax = 8 }
        let old = bench.add(1, slotCount: 2)
        #expect(old.map(\.heads) == [ids(0..<5), ids(5..<10), ids(10..<15), ids(15..<20)])
        _ = bench.handle(.workerLeft(WorkerID(1), because: .departed))
        let first = bench.add(2)
        #expect(first.map(\.heads) == [ids(0..<5), ids(5..<10)])
        bench.seconds = 1
        #expect(bench.decline(first[1], by: 2) == [])
        bench.seconds = 3
        let second = assignments(bench.train(first[0], by: 2, busySeconds: 0.05))
        #expect(second.map(\.heads) == [ids(5..<13), ids(13..<21)])
        _ = bench.train(second[0], by: 2)
        #expect(
            bench.train(old[2], by: 1) == [
                .accept(old[2].bundle, attempt: 1, heads: ids(13..<15), from: WorkerID(1)),
                .compare(old[2].bundle, attempt: 1, heads: ids(10..<13), from: WorkerID(1)),
            ])
        #expect(
            bench.train(second[1], by: 2).prefix(2) == [
                .accept(second[1].bundle, attempt: 1, heads: ids(15..<21), from: WorkerID(2)),
                .compare(second[1].bundle, attempt: 1, heads: ids(13..<15), from: WorkerID(2)),
            ])
    }

    @Test func knownWorkerThatJoinsStartsAfresh() {
        var bench = SchedulerBench(headCount: 10)
        let given = bench.add(1)
        let again = bench.handle(.workerJoined(WorkerID(1), slotCount: 1))
        #expect(
            again
                == given.map {
                    .revoke($0.bundle, attempt: 1, to: WorkerID(1), reason: .restarted)
                })
        #expect(bench.scheduler.pendingHeadCount == 10)
        #expect(bench.scheduler.deathCount(of: given[0].heads[0]) == 0)
        // The result of a lease from before is still good.
        let late = bench.train(given[0], by: 1)
        #expect(
            late == [
                .accept(given[0].bundle, attempt: 1, heads: given[0].heads, from: WorkerID(1))
            ])
        #expect(assignments(bench.handle(.workerReady(WorkerID(1)))).count == 2)
    }

    @Test func onlySoManyEndedBundlesAreRemembered() {
        var bench = SchedulerBench(headCount: 100) { $0.retiredBundleCountMax = 2 }
        var given = bench.add(1)
        let first = given[0]
        for _ in 0..<3 { given += assignments(bench.train(given.removeFirst(), by: 1)) }
        #expect(
            bench.train(first, by: 1) == [
                .discard(first.bundle, attempt: 1, from: WorkerID(1), reason: .unknownBundle)
            ])
    }

    @Test func timeDoesNotRunBackwards() {
        var bench = SchedulerBench(headCount: 2)
        let given = bench.add(1)
        bench.seconds = 100
        #expect(!bench.handle(.tick).isEmpty)
        bench.seconds = -1e30
        #expect(bench.train(given[0], by: 1).count >= 1)
    }

    @Test func statisticsFollow() {
        var bench = SchedulerBench(headCount: 4)
        let given = bench.add(1)
        bench.seconds = 2
        _ = bench.train(given[0], by: 1, busySeconds: 2)
        #expect(bench.scheduler.headCount == 4)
        #expect(bench.scheduler.acceptedHeadCount == 1)
        #expect(bench.scheduler.leasedHeadCount + bench.scheduler.pendingHeadCount == 3)
        let worker = bench.scheduler.workerStatistics[0]
        #expect(worker.acceptedHeadCount == 1)
        #expect(worker.busySeconds == 2)
        #expect(worker.flopsPerSecond == 10e9)
        let left = bench.scheduler.secondsLeft(at: Instant.start.advanced(bySeconds: 2))
        #expect(left.map { $0 > 3 && $0 < 7 } == true)
        _ = bench.lose(1)
        #expect(bench.scheduler.workerStatistics.map(\.status) == [.gone])
        #expect(bench.scheduler.workerStatistics.map(\.acceptedHeadCount) == [1])
    }
}
