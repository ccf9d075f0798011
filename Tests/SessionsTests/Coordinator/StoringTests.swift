import Heads
import Sessions
import Testing
import WireProtocol

/// Heads on their way to the disk, and who hears of it when.
@Suite struct StoringTests {
    /// A coordinator whose disk answers when the test says so, and the first leases.
    private func begin(_ peers: [UInt8] = [1]) -> (Office, [BundleAssignment]) {
        var office = Office(SampleJob(classCount: 4))
        office.storesAtOnce = false
        let held = office.serve(to: peers, bundleHeadCountMax: 1).assigned(to: peers[0])
        return (office, held)
    }

    @Test func acknowledgesOnlyWhatIsOnDisk() {
        var (office, held) = begin()
        let result = office.sample.result(held[0])
        let received = office.receive(.bundleTrained(result), from: 1)
        #expect(received.stored.map(\.number) == [1])
        #expect(received.stored[0].blocks.flatMap(\.heads) == result.heads)
        #expect(received.stored[0].worker == "w1")
        #expect(received.acknowledged(to: 1).isEmpty)
        // More than was given out is nonsense, and less than the batch is not enough.
        #expect(office.feed(.stored(through: 0)).acknowledged(to: 1).isEmpty)
        #expect(office.feed(.stored(through: 1)).acknowledged(to: 1) == [held[0].bundle])
        #expect(office.feed(.stored(through: 99)).acknowledged(to: 1).isEmpty)
    }

    @Test func acknowledgesAGroupInOrder() {
        var (office, held) = begin()
        var bundles: [UInt64] = []
        for _ in 0..<3 {
            let next = held.removeFirst()
            bundles.append(next.bundle)
            let actions = office.receive(.bundleTrained(office.sample.result(next)), from: 1)
            held += actions.assigned(to: 1)
        }
        #expect(office.feed(.stored(through: 2)).acknowledged(to: 1) == Array(bundles[..<2]))
        #expect(office.feed(.stored(through: 3)).acknowledged(to: 1) == [bundles[2]])
    }

    @Test func theSameResultTwiceCountsOnce() {
        var (office, held) = begin()
        let result = office.sample.result(held[0])
        office.receive(.bundleTrained(result), from: 1)
        // Before it is on disk there is nothing to say, after that the same as before.
        #expect(office.receive(.bundleTrained(result), from: 1).isEmpty)
        office.feed(.stored(through: 1))
        let again = office.receive(.bundleTrained(result), from: 1)
        #expect(again.acknowledged(to: 1) == [held[0].bundle])
        #expect(again.stored.isEmpty)
        #expect(office.session.collected.rejectedCount == 0)
        #expect(office.session.collected.workers[0].headCount == 1)
    }

    @Test func aResultMayComeOverTheNextConnection() {
        var (office, held) = begin()
        let result = office.sample.result(held[0])
        // The same process, another connection; its result had not come over the first.
        office.hello(9, incarnation: 1)
        let received = office.receive(.bundleTrained(result), from: 9)
        #expect(received.stored.map { $0.blocks.flatMap(\.heads) } == [result.heads])
        #expect(office.feed(.stored(through: 1)).acknowledged(to: 9) == [held[0].bundle])
        #expect(office.session.collected.rejectedCount == 0)
        #expect(office.session.collected.workers.map(\.headCount) == [1])
    }

    @Test func whoIsGoneWhenItIsOnDiskHearsOfItLater() {
        var (office, held) = begin()
        let result = office.sample.result(held[0])
        office.receive(.bundleTrained(result), from: 1)
        office.feed(.unreachable(.init(bytes: [1])))
        let stored = office.feed(.stored(through: 1))
        #expect(stored.sent(to: 1).isEmpty)
        office.hello(2, incarnation: 1)
        #expect(
            office.receive(.bundleTrained(result), from: 2).acknowledged(to: 2)
                == [held[0].bundle])
    }

    @Test func whatIsRefusedNeedNotBeKept() {
        var (office, held) = begin([1, 2])
        let stolen = office.receive(.bundleTrained(office.sample.result(held[0])), from: 2)
        #expect(stolen.acknowledged(to: 2) == [held[0].bundle])
        #expect(stolen.stored.isEmpty)
        var wrong = office.sample.result(held[0])
        wrong.heads = [office.sample.head(office.sample.other(than: wrong.heads[0].key))]
        let refused = office.receive(.bundleTrained(wrong), from: 1)
        #expect(refused.acknowledged(to: 1) == [held[0].bundle])
        #expect(refused.stored.isEmpty)
        #expect(office.session.collected.rejectedCount == 2)
    }

    @Test func endsOnlyWhenAllIsOnDisk() {
        var office = Office(SampleJob(classCount: 2))
        office.storesAtOnce = false
        let held = office.serve(to: [1]).assigned(to: 1)
        let last = office.receive(.bundleTrained(office.sample.result(held[0])), from: 1)
        #expect(!last.contains(.finish))
        #expect(!office.session.isFinished)
        // Nobody is waited for but the disk.
        #expect(office.pass(4, heard: [1]).lines.isEmpty)
        let end = office.feed(.stored(through: 1))
        #expect(end.sent(to: 1).suffix(2).last == .finished(.complete))
        #expect(end.acknowledged(to: 1) == [held[0].bundle])
        #expect(end.contains(.finish))
        #expect(office.session.isFinished)
    }

    @Test func canBeGivenUpWhileTheDiskWorks() {
        var office = Office(SampleJob(classCount: 2))
        office.storesAtOnce = false
        let held = office.serve(to: [1]).assigned(to: 1)
        office.receive(.bundleTrained(office.sample.result(held[0])), from: 1)
        let actions = office.feed(.abort(reason: "full"))
        #expect(actions.sent(to: 1) == [.finished(.aborted(reason: "full"))])
        #expect(!office.feed(.stored(through: 1)).contains(.finish))
    }

    @Test func trainsOnlyWhatIsMissing() {
        var office = Office(SampleJob(classCount: 4))
        office.hello(1)
        var job = office.sample.job()
        let plan = office.sample.plan.heads
        let kept = stride(from: 0, to: plan.count, by: 3).map { plan[$0] }
        for index in stride(from: 0, to: plan.count, by: 3) {
            job.resumedHeads[index] = office.sample.head(plan[index])
        }
        office.feed(.serve(job))
        _ = office.wait(0.5)
        var queue = office.receive(.ready, from: 1).assigned(to: 1)
        var trained: [HeadKey] = []
        while !queue.isEmpty {
            let next = queue.removeFirst()
            trained += next.heads
            queue += office.receive(.bundleTrained(office.sample.result(next)), from: 1)
                .assigned(to: 1)
        }
        #expect(Set(trained).isDisjoint(with: kept))
        #expect(trained.count == office.sample.plan.heads.count - kept.count)
        #expect(office.session.isFinished)
        let collected = office.session.collected
        #expect(collected.resumedCount == kept.count)
        #expect(
            collected.heads.compactMap(\.self)
                == office.sample.plan.heads.map { office.sample.head($0) })
    }

    @Test func endsAtOnceWithNothingMissing() {
        var office = Office()
        office.hello(1)
        var job = office.sample.job(minWorkerCount: 3)
        job.resumedHeads = office.sample.plan.heads.map { office.sample.head($0) }
        let actions = office.feed(.serve(job))
        #expect(actions.sent(to: 1).last == .finished(.complete))
        #expect(actions.count { $0 == .finish } == 1)
        #expect(office.session.isFinished)
    }

    // Session seed 83942: a worker trained a bundle that it had declined, because the network
    // brought the assignment once more; meanwhile another worker's heads were on their way to the disk.
    @Test func aResultWithoutALeaseIsNotAcknowledgedWhileHeadsAreStored() {
        var office = Office(SampleJob(classCount: 4))
        let held = office.serve(to: [1, 2]).assigned(to: 1)
        office.storesAtOnce = false
        let batches = office.receive(
            .bundleTrained(office.sample.result(held[0])), from: 1
        ).stored
        #expect(batches.count == 1)
        let late = WorkerMessage.bundleTrained(office.sample.result(held[0]))
        #expect(office.receive(late, from: 2).acknowledged(to: 2) == [])
        office.feed(.stored(through: batches[0].number))
        #expect(office.receive(late, from: 2).acknowledged(to: 2) == [held[0].bundle])
    }
}
