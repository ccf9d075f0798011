import FeatureStore
import Heads
import Numerics
import Scheduling
import Sessions
import Testing
import Transfer
import WireProtocol

extension Office {
    /// Has the given workers train whatever they are given until the run is over.
    mutating func finish(
        _ peers: [UInt8], held: [BundleAssignment] = []
    ) -> [CoordinatorSession.Action] {
        var queue = held.map { (peers[0], $0) }
        var all: [CoordinatorSession.Action] = []
        for _ in 0..<400 where !session.isFinished {
            if queue.isEmpty {
                let actions = pass(1, heard: peers)
                all += actions
                for peer in peers { queue += actions.assigned(to: peer).map { (peer, $0) } }
                if !queue.isEmpty { continue }
                // What was leased before this began is declined, so that it comes again.
                for bundle in 1...20 as ClosedRange<UInt64> {
                    for peer in peers where queue.isEmpty {
                        let failure = BundleFailed(
                            bundle: bundle, attempt: 1, reason: "", isDeclined: true)
                        let actions = receive(.bundleFailed(failure), from: peer)
                        all += actions
                        for other in peers {
                            queue += actions.assigned(to: other).map { (other, $0) }
                        }
                    }
                }
                continue
            }
            let (peer, assignment) = queue.removeFirst()
            let actions = receive(.bundleTrained(sample.result(assignment)), from: peer)
            all += actions
            for other in peers { queue += actions.assigned(to: other).map { (other, $0) } }
        }
        return all
    }
}

/// Features out, heads in.
@Suite struct HeadPhaseTests {
    @Test func broadcastsOnceEverybodyListens() {
        var office = Office()
        office.hello(1)
        office.hello(2)
        office.feed(.subscriptions(change: 1))
        let begun = office.feed(.serve(office.sample.job()))
        #expect(begun.descriptions(to: 1).map(\.broadcastComplete) == [false])
        #expect(begun.published.isEmpty)
        office.feed(.subscriptions(change: 1))
        #expect(office.session.isBroadcasting)
        var published: [Int] = []
        var completed = 0
        var ended: [Int] = []
        for _ in 0..<10 {
            let actions = office.feed(.tick)
            #expect(actions.published.count <= CoordinatorSession.publishBurstCount)
            published += actions.published
            if actions.contains(.publishEnd) { ended.append(published.count) }
            completed += actions.sent(to: 1).count { $0 == .broadcastComplete }
        }
        #expect(published == Array(office.sample.chunks.manifest.chunks.indices))
        #expect(completed == 1)
        // Behind the last chunk, so that whoever reads it has read all that will come.
        #expect(ended == [published.count])
        #expect(!office.session.isBroadcasting)
    }

    @Test func broadcastsToNobodyNothing() {
        var office = Office()
        office.hello(1)
        office.feed(.serve(office.sample.job()))
        // More unsubscriptions than subscriptions are a peer's nonsense.
        office.feed(.subscriptions(change: -5))
        let over = office.wait(0.4)
        #expect(over.published.isEmpty)
        #expect(over.sent(to: 1) == [.broadcastComplete])
    }

    @Test func servesTheChunksThereAre() {
        var office = Office()
        office.hello(1)
        let early = office.receive(.chunkRequest([0, 1]), from: 1)
        #expect(early.isEmpty)
        office.feed(.serve(office.sample.job()))
        let count = office.sample.chunks.manifest.chunks.count
        let actions = office.receive(.chunkRequest([0, count - 1, count, 60_000]), from: 1)
        let peer = CoordinatorSession.PeerID(bytes: [1])
        #expect(actions == [.sendChunk(0, to: peer), .sendChunk(count - 1, to: peer)])
    }

    @Test func readinessBeforeFeaturesIsIgnored() {
        var office = Office()
        office.hello(1)
        #expect(office.receive(.ready, from: 1).isEmpty)
        office.feed(.serve(office.sample.job()))
        let waiting = office.wait(1)
        #expect(waiting.assigned(to: 1).isEmpty)
        #expect(!office.receive(.ready, from: 1).assigned(to: 1).isEmpty)
    }

    @Test func servesOnceOnly() {
        var office = Office()
        _ = office.serve(to: [1])
        #expect(office.feed(.serve(office.sample.job())).isEmpty)
    }

    @Test func keepsEveryHeadOnceAndEndsTheRun() {
        var office = Office()
        let held = office.serve(to: [1]).assigned(to: 1)
        let actions = office.finish([1], held: held)
        #expect(actions.count { $0 == .finish } == 1)
        #expect(actions.sent(to: 1).last == .finished(.complete))
        let expected = office.sample.plan.heads.map { office.sample.head($0) }
        #expect(office.session.collected.heads.compactMap(\.self) == expected)
        #expect(office.session.collected.workers[0].headCount == expected.count)
        #expect(office.session.leaseCount <= 2)
        #expect(office.session.collected.contradiction == nil)
        #expect(office.session.collected.incompleteness(consequence: "") == nil)
    }

    @Test func answersEverybodyAfterTheEnd() {
        var office = Office()
        let held = office.serve(to: [1]).assigned(to: 1)
        _ = office.finish([1], held: held)
        let before = office.session.collected.heads.compactMap(\.self)
        #expect(office.hello(8).sent(to: 8) == [.finished(.complete)])
        let messages: [WorkerMessage] = [
            .heartbeat(Office.heartbeat(1)), .ready,
            .bundleTrained(office.sample.result(held[0], error: 1)),
        ]
        for peer in [1, 9] as [UInt8] {
            for message in messages {
                #expect(
                    office.receive(message, from: peer).sent(to: peer) == [.finished(.complete)])
            }
        }
        #expect(office.session.collected.heads.compactMap(\.self) == before)
        #expect(office.receive(.goodbye, from: 1).isEmpty)
        #expect(office.wait(10).isEmpty)
        #expect(office.feed(.abort(reason: "late")).isEmpty)
    }

    @Test func tellsEverybodyOfAnAbort() {
        var office = Office()
        office.hello(1)
        let actions = office.feed(.abort(reason: "no"))
        #expect(actions.sent(to: 1) == [.finished(.aborted(reason: "no"))])
        #expect(office.session.isFinished)
        #expect(office.hello(2).sent(to: 2) == [.finished(.aborted(reason: "no"))])
    }

    @Test func takesOnlyWhatFitsTheLease() {
        let wrong: [(SampleJob, BundleAssignment) -> BundleTrained] = [
            // Other heads than leased.
            { sample, assignment in
                var result = sample.result(assignment)
                result.heads = [sample.head(sample.other(than: assignment.heads[0]))]
                return result
            },
            // A head too few.
            { sample, assignment in
                var result = sample.result(assignment)
                result.heads.removeLast()
                return result
            },
            // As many heads, over other classes.
            { sample, assignment in
                var result = sample.result(assignment)
                result.heads = result.heads.indices.map {
                    Head(
                        classes: ClassSet([0, 9 + $0]),
                        weights: Matrix(rowCount: 2, columnCount: 2), biases: [0, 0])
                }
                return result
            },
            // In another order.
            { sample, assignment in
                var result = sample.result(assignment)
                result.heads.reverse()
                return result
            },
            // An outcome of a task.
            { sample, assignment in
                var result = sample.result(assignment)
                result.content = .task([1, 2, 3])
                return result
            },
            // Another width.
            { sample, assignment in
                var result = sample.result(assignment)
                result.setFeatureCount(1)
                result.heads = result.heads.map {
                    Head(
                        key: $0.key,
                        weights: Matrix(rowCount: $0.key.outputCount, columnCount: 1),
                        biases: $0.biases)
                }
                return result
            },
        ]
        for make in wrong {
            var office = Office(SampleJob(classCount: 4))
            let held = office.serve(to: [1, 2]).assigned(to: 1)
            #expect(held[0].heads.count == 2)
            let actions = office.receive(
                .bundleTrained(make(office.sample, held[0])), from: 1)
            #expect(
                actions.lines.contains { $0.contains("not its lease") || $0.contains("not its") })
            #expect(office.session.collected.rejectedCount == 1)
            #expect(office.session.collected.heads.allSatisfy { $0 == nil })
            // The lease is over: the right result comes too late.
            office.receive(.bundleTrained(office.sample.result(held[0])), from: 1)
            #expect(office.session.collected.rejectedCount == 2)
        }
    }

    @Test func sendsAwayWhoseResultsNeverFit() {
        var office = Office(SampleJob(classCount: 4))
        var held = office.serve(to: [1, 2]).assigned(to: 1)
        var last: [CoordinatorSession.Action] = []
        for _ in 0..<3 {
            guard !held.isEmpty else { break }
            var result = office.sample.result(held.removeFirst())
            result.heads = [office.sample.head(SampleJob.foreign)]
            last = office.receive(.bundleTrained(result), from: 1)
            held += last.assigned(to: 1)
        }
        #expect(last.refusals(to: 1) == [.notAccepting])
        #expect(office.session.peerCount == 1)
        #expect(office.hello(1).refusals(to: 1) == [.notAccepting])
    }

    // Where every bundle fails, honest workers are sent away: what they end with names the cure.
    @Test func whoIsSentAwayHearsTheLastReason() {
        for isTrained in [false, true] {
            var office = Office(SampleJob(classCount: 4))
            var held = office.serve(to: [1, 2]).assigned(to: 1)
            var last: [CoordinatorSession.Action] = []
            for number in 1...3 {
                guard !held.isEmpty else { break }
                let next = held.removeFirst()
                if isTrained && number == 3 {
                    var result = office.sample.result(next)
                    result.heads = [office.sample.head(SampleJob.foreign)]
                    last = office.receive(.bundleTrained(result), from: 1)
                } else {
                    let failure = BundleFailed(
                        bundle: next.bundle, attempt: next.attempt, reason: "reason \(number)")
                    last = office.receive(.bundleFailed(failure), from: 1)
                }
                held += last.assigned(to: 1)
            }
            let reason = isTrained ? "heads that were not its lease's" : "reason 3"
            let message = "its results were refused too often, last: \(reason)"
            #expect(
                last.sent(to: 1).contains(
                    .refused(Refused(code: .notAccepting, message: message))))
            #expect(last.lines.contains { $0.hasSuffix("is sent away: \(message)") })
        }
    }

    @Test func takesNoResultForAnotherWorkersLease() {
        var office = Office(SampleJob(classCount: 4))
        let held = office.serve(to: [1, 2]).assigned(to: 1)
        office.receive(.bundleTrained(office.sample.result(held[0])), from: 2)
        #expect(office.session.collected.rejectedCount == 1)
        #expect(office.session.collected.heads.allSatisfy { $0 == nil })
        #expect(office.session.collected.workers[1].busySeconds == 0)
        office.receive(.bundleTrained(office.sample.result(held[0])), from: 1)
        #expect(office.session.collected.heads.contains { $0 != nil })
    }

    @Test func takesTheLateResultOfAWorkerGivenUp() {
        var office = Office(SampleJob(classCount: 4))
        let held = office.serve(to: [1]).assigned(to: 1)
        _ = office.pass(6, heard: [])
        #expect(office.session.peerCount == 0)
        let late = office.receive(.bundleTrained(office.sample.result(held[0])), from: 1)
        #expect(late.refusals(to: 1) == [.unknownWorker])
        #expect(office.session.collected.workers[0].headCount == held[0].heads.count)
        #expect(office.session.collected.rejectedCount == 0)
    }

    @Test func countsABusyTimeNoLongerThanTheTimeThatPassed() {
        var office = Office()
        let held = office.serve(to: [1]).assigned(to: 1)
        _ = office.wait(0.5)
        var result = office.sample.result(held[0])
        result.busySeconds = .greatestFiniteMagnitude
        office.receive(.bundleTrained(result), from: 1)
        #expect(office.session.collected.workers[0].busySeconds <= 0.6)
    }

    @Test func knowsWhenAWorkerJoinedWasReadyAndLeased() throws {
        var office = Office()
        office.now = office.now.advanced(bySeconds: 3)
        office.hello(1)
        office.now = office.now.advanced(bySeconds: 1)
        office.feed(.serve(office.sample.job()))
        office.now = office.now.advanced(bySeconds: 1)
        office.feed(.tick)
        let held = office.receive(.ready, from: 1).assigned(to: 1)
        #expect(!held.isEmpty)
        office.now = office.now.advanced(bySeconds: 1)
        // Being ready again, or leased again, is not the first time.
        office.receive(.ready, from: 1)
        _ = office.receive(.bundleTrained(office.sample.result(held[0])), from: 1)
        let collected = office.session.collected
        let report = try #require(collected.workers.first)
        let start = Instant.start
        #expect(report.joinedAt == start.advanced(bySeconds: 3))
        #expect(collected.servedAt == start.advanced(bySeconds: 4))
        #expect(report.readyAt == start.advanced(bySeconds: 5))
        #expect(report.leasedAt == start.advanced(bySeconds: 5))
        #expect(collected.broadcastSeconds == 1)
    }

    @Test func countsWhatHeadsCostOnTheWireBesideTheirWeights() {
        var office = Office()
        office.hello(1)
        office.feed(.serve(office.sample.job()))
        // Before the first lease nothing is for a head.
        office.receive(.heartbeat(Office.heartbeat(1)), from: 1)
        office.feed(.sent(.heartbeat(incarnation: 1), byteCount: 100))
        #expect(office.session.collected.controlByteCount == 0)
        _ = office.wait(0.5)
        let held = office.receive(.ready, from: 1).assigned(to: 1)
        let lease = CoordinatorMessage.assign(held[0])
        office.feed(.sent(lease, byteCount: 40))
        #expect(office.session.collected.controlByteCount == 40)
        // Features are for workers, not for heads.
        office.feed(.sent(.broadcastComplete, byteCount: 1_000))
        let heartbeat = WorkerMessage.heartbeat(Office.heartbeat(1))
        office.receive(heartbeat, from: 1)
        let result = WorkerMessage.bundleTrained(office.sample.result(held[0]))
        office.receive(result, from: 1)
        let weightByteCount = held[0].heads.reduce(0) { $0 + $1.outputCount * (2 + 1) * 4 }
        let expected =
            40 + WireProtocol.byteCount(ofMessage: heartbeat.encode())
            + WireProtocol.byteCount(ofMessage: result.encode()) - weightByteCount
        #expect(office.session.collected.controlByteCount == expected)
    }

    @Test func saysWhenItWaitsForWorkers() {
        var office = Office()
        #expect(office.wait(30).lines.isEmpty)
        office.feed(.serve(office.sample.job(minWorkerCount: 2)))
        let cure = "; start one with: worker --connect tcp://here:1"
        let none = "waiting for workers at tcp://here:1: 0 joined, 0 ready, 2 needed" + cure
        #expect(office.pass(2, heard: []).lines == [])
        #expect(office.pass(1, heard: []).lines == [none])
        #expect(office.pass(10, heard: []).lines == [none, none])
        office.hello(1)
        office.receive(.ready, from: 1)
        #expect(
            office.pass(5, heard: [1]).lines
                == ["waiting for workers at tcp://here:1: 1 joined, 1 ready, 2 needed" + cure])
        // Nobody is to start one more while the second one still receives the features.
        office.hello(2)
        #expect(
            office.pass(5, heard: [1, 2]).lines == [
                "waiting for workers at tcp://here:1: 2 joined, 1 ready, 2 needed; "
                    + "the others do not hold all data yet"
            ])
        office.receive(.ready, from: 2)
        #expect(office.pass(12, heard: [1, 2]).lines.filter { $0.contains("waiting") } == [])
        // From now on one will do.
        for peer in [1, 2] as [UInt8] { office.receive(.goodbye, from: peer) }
        #expect(
            office.pass(3, heard: []).lines.contains(
                "waiting for workers at tcp://here:1: 0 joined, 0 ready, 1 needed" + cure))
    }

    @Test func saysHowLongItWaitsAtMost() {
        var office = Office(waitLimit: WaitLimit(seconds: 90))
        office.feed(.serve(office.sample.job(minWorkerCount: 2)))
        let lines = office.pass(3, heard: []).lines
        #expect(
            lines.first?.hasPrefix(
                "waiting for workers at tcp://here:1, for 90 s at most: 0 joined")
                == true, "\(lines)")
    }

    @Test func namesTheHeadsGivenUp() throws {
        var office = Office(SampleJob(classCount: 2))
        _ = office.serve(to: [])
        // The only head there is kills whoever trains it.
        for number in 1...20 as ClosedRange<UInt8> where !office.session.isFinished {
            office.hello(number)
            office.receive(.ready, from: number)
            _ = office.wait(2)
            office.feed(.unreachable(.init(bytes: [number])))
        }
        #expect(office.session.isFinished)
        let collected = office.session.collected
        #expect(collected.quarantined.map(\.classes) == [ClassSet([0, 1])])
        let incompleteness = try #require(collected.incompleteness(consequence: ""))
        #expect(incompleteness.contains("{0,1}"))
    }
}
