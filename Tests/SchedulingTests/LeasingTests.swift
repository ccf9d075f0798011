import Heads
import Scheduling
import Testing

/// Who gets what, and how much.
@Suite struct LeasingTests {
    @Test func givesOneRunningAndOneWaitingBundlePerSlot() {
        var bench = SchedulerBench(headCount: 100)
        #expect(bench.add(1, slotCount: 3).count == 6)
        #expect(bench.add(2).count == 2)
        let statistics = bench.scheduler.workerStatistics
        #expect(statistics.map(\.runningBundles.count) == [3, 1])
        #expect(statistics.map(\.waitingBundles.count) == [3, 1])
        #expect(bench.scheduler.leasedHeadCount == 8)
        #expect(bench.scheduler.pendingHeadCount == 92)
    }

    @Test func waitsForTheMinimumOfReadyWorkers() {
        var bench = SchedulerBench(headCount: 100) { $0.minWorkerCount = 3 }
        #expect(bench.add(1).isEmpty)
        #expect(bench.add(2).isEmpty)
        _ = bench.lose(2)
        #expect(bench.add(3).isEmpty)
        #expect(!bench.scheduler.isStarted)
        let joined = bench.handle(.workerJoined(WorkerID(4), slotCount: 1))
        #expect(joined == [])
        // The third: all get work, and losing one later changes nothing.
        #expect(assignments(bench.handle(.workerReady(WorkerID(4)))).count == 6)
        _ = bench.lose(1)
        _ = bench.lose(3)
        #expect(bench.add(5).count == 2)
    }

    @Test func leasesToReadyWorkersOnly() {
        var bench = SchedulerBench(headCount: 10)
        #expect(bench.handle(.workerReady(WorkerID(1))) == [])
        #expect(bench.handle(.workerJoined(WorkerID(1), slotCount: 1)) == [])
        #expect(bench.handle(.tick) == [])
        #expect(assignments(bench.handle(.workerReady(WorkerID(1)))).count == 2)
        #expect(bench.handle(.workerReady(WorkerID(1))) == [])
    }

    @Test func drainingWorkerFinishesWhatItHas() {
        var bench = SchedulerBench(headCount: 10)
        let given = bench.add(1)
        #expect(bench.handle(.workerDraining(WorkerID(1))) == [])
        bench.seconds = 1
        let actions = bench.train(given[0], by: 1)
        #expect(assignments(actions).isEmpty)
        #expect(actions.count == 1)
        #expect(assignments(bench.handle(.workerReady(WorkerID(1)))).count == 1)
    }

    @Test func ordersByCostThenNumber() {
        var configuration = SchedulerConfiguration()
        configuration.bundleHeadCountMax = 2
        configuration.guessedFlopsPerSecond = 1e6
        configuration.bundleSeconds = 100
        configuration.firstBundleSeconds = 100
        let costs = [1.0, 3, 2, 3, 1, 2].enumerated()
        var bench = SchedulerBench(
            costs.map { HeadWork(id: WorkID(UInt32($0)), trainingFlops: $1, resultByteCount: 1) },
            configuration: configuration)
        let given = bench.add(1, slotCount: 2) + bench.add(2)
        #expect(given.flatMap(\.heads) == [1, 3, 2, 5, 0, 4].map { WorkID($0) })
    }

    @Test func bundleKeepsItsLimits() {
        var bench = SchedulerBench(headCount: 1_000, flops: 1, resultByteCount: 300) {
            $0.bundleHeadCountMax = 50
            $0.bundleResultByteCountMax = 9_100
        }
        #expect(bench.add(1).map(\.heads.count) == [30])
        var wide = SchedulerBench(headCount: 3, flops: 1, resultByteCount: 300) {
            $0.bundleHeadCountMax = 50
            $0.bundleResultByteCountMax = 100
        }
        #expect(wide.add(1).map(\.heads.count) == [1])
        var few = SchedulerBench(headCount: 1_000, flops: 1) { $0.bundleHeadCountMax = 50 }
        #expect(few.add(1).map(\.heads.count) == [50])
    }

    @Test func sizesBundlesByTheMeasuredRate() {
        // 0.2 GFLOP a head: at the guessed 20 GFLOP/s, a first bundle of 0.25 s has 25.
        var bench = SchedulerBench(headCount: 10_000, flops: 0.2e9) {
            $0.bundleHeadCountMax = 1_000
        }
        let given = bench.add(1)
        #expect(given.map(\.heads.count) == [25, 25])
        // 5 GFLOP in 0.05 s are 100 GFLOP/s, so a second is 500 heads.
        bench.seconds = 0.1
        let next = assignments(bench.train(given[0], by: 1, busySeconds: 0.05))
        #expect(next.map(\.heads.count) == [500])
        #expect(abs((bench.scheduler.workerStatistics[0].flopsPerSecond ?? 0) - 100e9) < 1)
        // Half as fast for as long: the older half second counts 0.7 of the newer.
        bench.seconds = 0.2
        _ = bench.train(given[1], by: 1, busySeconds: 0.1)
        let rate = bench.scheduler.workerStatistics[0].flopsPerSecond ?? 0
        #expect(abs(rate - (0.7 * 5e9 + 5e9) / (0.7 * 0.05 + 0.1)) < 1)
    }

    @Test(arguments: [Double.nan, .infinity, -1, 0, 1e300])
    func busySecondsFromAPeerAreNotTrusted(busySeconds: Double) {
        var bench = SchedulerBench(headCount: 1_000, flops: 0.2e9) { $0.bundleHeadCountMax = 10 }
        let given = bench.add(1)
        bench.seconds = 0.5
        let next = assignments(bench.train(given[0], by: 1, busySeconds: busySeconds))
        #expect(next.count == 1)
        let rate = bench.scheduler.workerStatistics[0].flopsPerSecond
        #expect(rate == nil || rate == 2e9 / 0.5)
        #expect(bench.scheduler.workerStatistics[0].busySeconds <= 0.5)
    }

    @Test func bundlesShrinkTowardsTheEndDownToTheFloor() {
        var bench = SchedulerBench(headCount: 2_000, flops: 0.1e9) {
            $0.bundleHeadCountMax = 1_000
            $0.minWorkerCount = 2
        }
        _ = bench.handle(.workerJoined(WorkerID(1), slotCount: 1))
        _ = bench.handle(.workerJoined(WorkerID(2), slotCount: 1))
        _ = bench.handle(.workerReady(WorkerID(1)))
        let start = bench.handle(.workerReady(WorkerID(2)))
        var queues = [assignments(start, to: 1), assignments(start, to: 2)]
        var sizes: [Double] = []
        // Both at 20 GFLOP/s exactly, one after the other by turns.
        var ends = [0.0, 0.0]
        while !bench.scheduler.isFinished {
            let turns = [0, 1].filter { !queues[$0].isEmpty }
            let next = { (worker: Int) in
                ends[worker] + 0.1 * Double(queues[worker][0].heads.count) / 20
            }
            guard let worker = turns.min(by: { next($0) < next($1) }) else { break }
            let bundle = queues[worker].removeFirst()
            let seconds = 0.1 * Double(bundle.heads.count) / 20
            ends[worker] += seconds
            sizes.append(seconds)
            bench.seconds = ends[worker]
            let actions = bench.train(bundle, by: UInt64(worker + 1), busySeconds: seconds)
            queues[0] += assignments(actions, to: 1)
            queues[1] += assignments(actions, to: 2)
        }
        #expect(bench.scheduler.isFinished)
        #expect(sizes.contains { $0 > 0.95 })
        #expect(sizes.allSatisfy { $0 < 1.05 })
        #expect(sizes.dropLast().allSatisfy { $0 >= 0.095 })
        #expect(abs(ends[0] - ends[1]) < 0.02)
    }

    @Test func theFixedPartKeepsBundlesLarge() {
        // The fixed part takes 0.1 s, a fifth of 0.5 s, so that is the smallest bundle even of the
        // last heads, and even of the first guess of 0.25 s.
        var bench = SchedulerBench(headCount: 1_000, flops: 0.1e9) {
            $0.bundleHeadCountMax = 1_000
            $0.bundleFixedFlops = 2e9
            $0.bundleFixedShareMax = 0.2
        }
        // Nothing waits behind it: its size would be a guess, and streaming is dear.
        #expect(bench.add(1).map(\.heads.count) == [80])
    }

    @Test func farFromTheEndTheFixedPartIsASmallShare() {
        // Half a second a bundle of fixed part is a twentieth of ten seconds; eight are the most.
        var bench = SchedulerBench(headCount: 10_000, flops: 0.1e9) {
            $0.bundleHeadCountMax = 10_000
            $0.bundleFixedFlops = 10e9
            $0.bundleFixedShare = 0.05
        }
        let first = bench.add(1)
        #expect(first.map(\.heads.count) == [203])
        bench.seconds = 1.515
        // 8 s at 20e9 operations a second, less the fixed part: one to run, one to wait.
        let next = assignments(bench.train(first[0], by: 1, busySeconds: 1.515))
        #expect(next.map(\.heads.count) == [1_500, 1_500])
    }

    @Test func whatOnlyTheFirstBundleCostsIsNotTakenForSlowness() {
        // 20e9 operations a second, and a second besides for the first bundle.
        var bench = SchedulerBench(headCount: 1_000, flops: 1e9) {
            $0.bundleHeadCountMax = 1_000
            $0.firstBundleFlops = 20e9
            $0.bundleLeadSeconds = 0.5
        }
        let first = bench.add(1)
        #expect(first.first?.heads.count == 5)
        bench.seconds = 1.25
        let next = assignments(bench.train(first[0], by: 1, busySeconds: 1.25))
        #expect(next.map(\.heads.count) == [20])
    }

    @Test func aSlowWorkerIsGivenTheTimeThatItsRateSays() {
        // By the rate of the fast one a bundle takes 3 s, and has 24; at its own it takes 120.
        var bench = SchedulerBench(headCount: 4, flops: 600e9) { $0.minWorkerCount = 2 }
        bench.add(1)
        let begun = bench.handle(.workerJoined(WorkerID(2), slotCount: 1))
        #expect(assignments(begun).isEmpty)
        let all = bench.handle(.workerReady(WorkerID(2)))
        let fast = assignments(all, to: 1)
        let slow = assignments(all, to: 2)
        #expect(fast.count == 2 && slow.count == 2)
        bench.seconds = 3
        _ = bench.train(fast[0], by: 1, busySeconds: 3)
        bench.seconds = 120
        _ = bench.train(slow[0], by: 2, busySeconds: 120)
        // Its second one ends at 240 s.
        bench.seconds = 235
        let expiry = HeadScheduler.Action.revoke(
            slow[1].bundle, attempt: 1, to: WorkerID(2), reason: .expired)
        #expect(!bench.handle(.tick).contains(expiry))
    }

    @Test func nearTheEndAWaitingPlaceIsFilledLate() {
        // Two heads of a second: the one behind the other half a second before its turn.
        var bench = SchedulerBench(headCount: 2) { $0.bundleLeadSeconds = 0.5 }
        #expect(bench.add(1).count == 1)
        bench.seconds = 0.25
        #expect(assignments(bench.handle(.tick)).isEmpty)
        bench.seconds = 0.6
        #expect(assignments(bench.handle(.tick)).count == 1)
    }

    @Test func whatALeaseShouldTakeIsReckonedAnewWhenARateIsKnown() throws {
        // By the guess both would be busy for 10 s; the first result says a tenth of that, so that
        // its worker is to leave half of the rest to the other, and not take most of it.
        var bench = SchedulerBench(headCount: 1_000, flops: 1e9) {
            $0.bundleHeadCountMax = 1_000
            $0.minWorkerCount = 2
            $0.firstBundleSeconds = 10
            $0.bundleSeconds = 100
            $0.bundleLeadSeconds = 0.5
        }
        bench.add(1)
        _ = bench.handle(.workerJoined(WorkerID(2), slotCount: 1))
        let begun = assignments(bench.handle(.workerReady(WorkerID(2))), to: 1)
        let own = try #require(begun.first)
        #expect(own.heads.count == 200)
        bench.seconds = 1
        let next = assignments(bench.train(own, by: 1, busySeconds: 1), to: 1)
        // Of 600 that wait each has 300, and of those seven tenths.
        #expect(next.map(\.heads.count) == [210])
    }

    @Test func whoIsNotMeasuredIsTakenToBeLikeTheOthers() throws {
        var bench = SchedulerBench(headCount: 300, flops: 1e9) {
            $0.bundleHeadCountMax = 1_000
            $0.minWorkerCount = 2
        }
        bench.add(1)
        _ = bench.handle(.workerJoined(WorkerID(2), slotCount: 1))
        let begun = assignments(bench.handle(.workerReady(WorkerID(2))), to: 1)
        let own = try #require(begun.first)
        // Ten times the guess: with the other one at the guess, nine tenths would be its own.
        bench.seconds = Double(own.heads.count) * 1e9 / 200e9
        let actions = bench.train(own, by: 1, busySeconds: bench.seconds)
        let next = assignments(actions, to: 1).reduce(0) { $0 + $1.heads.count }
        #expect((80...130).contains(next), "\(next)")
    }

    @Test func thoseWhoComeFirstLeaveWorkToThoseWhoAreComing() {
        func first(joined: UInt64) -> Int {
            var bench = SchedulerBench(headCount: 100, flops: 1e9) {
                $0.bundleHeadCountMax = 1_000
                $0.firstBundleSeconds = 100
            }
            for id in 2..<2 + joined {
                _ = bench.handle(.workerJoined(WorkerID(id), slotCount: 1))
            }
            return bench.add(1).first?.heads.count ?? 0
        }
        // Five seconds of work, and seven tenths of a share: of one, two, four and five workers.
        #expect(first(joined: 0) == 70)
        #expect(first(joined: 1) == 35)
        #expect(first(joined: 3) == 18)
        #expect(first(joined: 4) == 14)
        #expect(first(joined: 400) == 14)
    }

    @Test func nearTheEndAnIdleSlotComesBeforeAWaitingPlace() {
        var bench = SchedulerBench(headCount: 6) { $0.minWorkerCount = 3 }
        bench.add(1, slotCount: 2)
        bench.add(2, slotCount: 2)
        bench.add(3, slotCount: 2)
        let statistics = bench.scheduler.workerStatistics
        #expect(statistics.map(\.runningBundles.count) == [2, 2, 2])
        #expect(statistics.map(\.waitingBundles.count) == [0, 0, 0])
    }

    @Test func declinedLeaseGoesElsewhereAndTheWorkerRests() {
        var bench = SchedulerBench(headCount: 2)
        let given = bench.add(1)
        #expect(given.count == 2)
        let refused = bench.decline(given[1], by: 1)
        #expect(refused == [])
        #expect(bench.scheduler.pendingHeadCount == 1)
        bench.seconds = 0.5
        #expect(bench.handle(.tick) == [])
        #expect(bench.add(2).map(\.heads) == [given[1].heads])
        bench.seconds = 1.5
        #expect(bench.handle(.tick).isEmpty)
        #expect(bench.scheduler.pendingHeadCount == 0)
    }

    @Test func absurdSlotCountsAreBounded() {
        var bench = SchedulerBench(headCount: 10_000) { $0.slotCountMax = 8 }
        #expect(bench.add(1, slotCount: .max).count == 16)
        #expect(bench.add(2, slotCount: .min).count == 2)
    }

    @Test func noHeadsAreDoneAtOnce() {
        var bench = SchedulerBench(headCount: 0)
        #expect(bench.handle(.tick) == [.finish(quarantined: [])])
        #expect(bench.handle(.tick) == [])
        #expect(bench.add(1).isEmpty)
    }

    @Test func slowLeaseIsDuplicatedOnceAndTheLoserRevoked() {
        var bench = SchedulerBench(headCount: 1)
        let original = bench.add(1)
        #expect(original.count == 1)
        #expect(bench.add(2).isEmpty)
        bench.seconds = 1.9
        #expect(bench.handle(.tick) == [])
        bench.seconds = 2.1
        let copy = assignments(bench.handle(.tick), to: 2)
        #expect(copy == [Assignment(bundle: original[0].bundle, attempt: 2, heads: ids(0..<1))])
        #expect(bench.add(3).isEmpty)
        bench.seconds = 3
        let end = bench.train(copy[0], by: 2)
        let bundle = original[0].bundle
        #expect(
            end == [
                .accept(bundle, attempt: 2, heads: ids(0..<1), from: WorkerID(2)),
                .revoke(bundle, attempt: 1, to: WorkerID(1), reason: .superseded),
                .finish(quarantined: []),
            ])
    }

    @Test func fasterIdleWorkerTakesACopyAtOnce() {
        // Worker 1 turns out ten times slower than guessed, worker 2 five times faster.
        var bench = SchedulerBench(headCount: 4) { $0.minWorkerCount = 2 }
        _ = bench.handle(.workerJoined(WorkerID(1), slotCount: 1))
        _ = bench.handle(.workerJoined(WorkerID(2), slotCount: 1))
        _ = bench.handle(.workerReady(WorkerID(1)))
        let start = bench.handle(.workerReady(WorkerID(2)))
        let slow = assignments(start, to: 1)
        var fast = assignments(start, to: 2)
        #expect(slow.count == 2 && fast.count == 2)
        bench.seconds = 0.2
        #expect(assignments(bench.train(fast.removeFirst(), by: 2, busySeconds: 0.2)).isEmpty)
        bench.seconds = 0.4
        // Idle: a copy of the bundle that waits at the slow one, which would end at two seconds.
        let copies = assignments(bench.train(fast.removeFirst(), by: 2, busySeconds: 0.2), to: 2)
        #expect(copies.map(\.bundle) == [slow[1].bundle])
        #expect(copies.map(\.attempt) == [2])
    }
}
