import Heads
import Numerics
import Scheduling
import Sessions
import TestSupport
import Testing
import WireProtocol

/// A coordinator's session that strangers send anything.
@Suite struct CoordinatorFuzzTests {
    /// An office with two honest workers and a crowd that is not.
    private struct Siege {
        static let honest: [UInt8] = [1, 2]
        static let hostile: ClosedRange<UInt8> = 200...215

        var office: Office
        var mutator: Mutator
        /// What honest workers are still to train.
        var queue: [(peer: UInt8, assignment: BundleAssignment)] = []
        var mostLeases = 0
        var mostPeers = 0
        var mostActions = 0

        init(seed: UInt64) {
            office = Office(SampleJob(classCount: 4, seed: seed))
            mutator = Mutator(Self.samples(office.sample), seed: seed)
        }

        /// What a worker says, if it is one; but no well-formed head for any lease, which only
        /// training it again could tell from a true one.
        private static func samples(_ sample: SampleJob) -> [[[UInt8]]] {
            var messages: [WorkerMessage] = [
                .ready, .ready, .goodbye, .chunkRequest([0, 1, 5]), .chunkRequest(Array(0..<64)),
            ]
            for number in 0..<6 as Range<UInt64> {
                messages.append(
                    .hello(
                        Hello(
                            incarnation: number, name: "x\(number)", host: "y", isa: "z",
                            threadCount: 1, slotCount: number == 0 ? 65_536 : 2, processID: 0)))
                messages.append(
                    .heartbeat(
                        WorkerHeartbeat(
                            incarnation: number, busySeconds: 1e300, peakRSSByteCount: 1 << 60,
                            receivedByteCount: 1 << 60, runningBundles: Array(0..<20))))
                messages.append(
                    .bundleFailed(
                        BundleFailed(
                            bundle: number, attempt: 1, reason: "no", isDeclined: number > 2)))
                var result = sample.result(
                    BundleAssignment(
                        bundle: number, attempt: 1, content: .heads([sample.plan.heads[0]])))
                result.setFeatureCount(1)
                result.heads = [head(width: 1)]
                result.busySeconds = .greatestFiniteMagnitude
                messages.append(.bundleTrained(result))
                result.content = .task([1, 2, 3])
                messages.append(.bundleTrained(result))
            }
            return messages.map { $0.encode() }
        }

        private static func head(width: Int) -> Head {
            Head(
                classes: ClassSet([0, 1]),
                weights: .init(rowCount: 2, columnCount: width), biases: [0, 0])
        }

        mutating func note(_ actions: [CoordinatorSession.Action]) {
            mostActions = max(mostActions, actions.count)
            mostLeases = max(mostLeases, office.session.leaseCount)
            mostPeers = max(mostPeers, office.session.peerCount)
            for peer in Self.honest {
                queue += actions.assigned(to: peer).map { (peer, $0) }
                // Given up between two heartbeats: it joins again, as a worker does.
                if actions.refusals(to: peer).contains(.unknownWorker) {
                    join(peer)
                    note(office.receive(.ready, from: peer))
                }
            }
        }

        mutating func serve() {
            var job = office.sample.job()
            job.schedulerConfiguration.leaseSecondsMin = 3
            // Strangers who fail at heads on purpose are for keys to keep out, not for this test.
            job.schedulerConfiguration.deathCountMax = 100_000
            note(office.feed(.serve(job)))
        }

        /// A message of one of the crowd, and some time.
        mutating func attack() {
            let peer = UInt8.random(in: Self.hostile, using: &mutator.generator)
            note(office.feed(.received(mutator.message(), from: .init(bytes: [peer]))))
            switch mutator.draw(100) {
            case 0: note(office.feed(.unreachable(.init(bytes: [peer]))))
            case 1: note(office.feed(.subscriptions(change: mutator.draw(5) - 2)))
            case 2: note(office.wait(0.2))
            case 3..<6: for peer in Self.honest { beat(peer) }
            default: break
            }
        }

        private mutating func beat(_ peer: UInt8) {
            note(office.receive(.heartbeat(Office.heartbeat(UInt64(peer) << 32)), from: peer))
        }

        mutating func join(_ peer: UInt8) {
            note(office.hello(peer, incarnation: UInt64(peer) << 32))
        }

        /// Honest workers do what they do until the run is over, the crowd shouting on.
        mutating func finish() -> Bool {
            for peer in Self.honest { note(office.receive(.ready, from: peer)) }
            for _ in 0..<4_000 where !office.session.isFinished {
                if queue.isEmpty {
                    note(office.wait(0.5))
                    for peer in Self.honest { beat(peer) }
                } else {
                    let (peer, assignment) = queue.removeFirst()
                    note(
                        office.receive(
                            .bundleTrained(office.sample.result(assignment)), from: peer))
                }
                attack()
            }
            return office.session.isFinished
        }
    }

    // Goal: whatever strangers send, in whatever phase, nothing traps, what is remembered is bounded,
    // and honest workers end the run with the right heads. Method: sieges by a seeded mutator: before
    // the features are there, while heads train, and after the end.
    @Test(.timeLimit(.minutes(240))) func honestWorkersFinishUnderSiege() {
        let count = fuzzCount(usual: 20_000)
        let perSiege = 1_000
        var mostLeases = 0
        var mostPeers = 0
        var mostActions = 0
        for number in 0..<UInt64(max(1, count / perSiege)) {
            let what: Comment = "MANYHEADS_FUZZ_SEED=\(fuzzSeed + number)"
            var siege = Siege(seed: fuzzSeed + number)
            let joinAt = siege.mutator.draw(perSiege / 2)
            let serveAt = siege.mutator.draw(perSiege)
            let finishAt = perSiege - siege.mutator.draw(perSiege / 4)
            for step in 0..<perSiege {
                if step == joinAt { for peer in Siege.honest { siege.join(peer) } }
                if step == serveAt { siege.serve() }
                if step == max(finishAt, serveAt, joinAt) {
                    let isFinished = siege.finish()
                    #expect(isFinished, what)
                }
                siege.attack()
            }
            if !siege.office.session.isFinished {
                let isFinished = siege.finish()
                #expect(isFinished, what)
            }
            let collected = siege.office.session.collected
            let expected = siege.office.sample.plan.heads.map { siege.office.sample.head($0) }
            #expect(collected.heads.compactMap(\.self) == expected, what)
            #expect(collected.mismatchCount == 0, what)
            #expect(collected.workers.count <= CoordinatorSession.workerCountMax, what)
            mostLeases = max(mostLeases, siege.mostLeases)
            mostPeers = max(mostPeers, siege.mostPeers)
            mostActions = max(mostActions, siege.mostActions)
        }
        print("most leases \(mostLeases), peers \(mostPeers), actions of an event \(mostActions)")
        #expect(mostPeers <= Siege.honest.count + Siege.hostile.count)
        // Each head may be out twice, and the leases of the gone have a ring.
        #expect(mostLeases <= CoordinatorSession.formerLeaseCountMax + 100)
        #expect(mostActions <= 200)
    }
}
