import Heads
import Sessions
import Testing
import WireProtocol

/// Who is let in, who is not, and who was there before.
@Suite struct JoiningTests {
    @Test func answersAHelloAndItsRepetitionButNoFlood() {
        var office = Office()
        let first = office.hello(1)
        #expect(first.welcomes(to: 1).map(\.workerNumber) == [1])
        #expect(first.welcomes(to: 1).map(\.featuresReady) == [false])
        #expect(first.descriptions(to: 1).isEmpty)
        for _ in 0..<1_000 {
            let flood = office.hello(1)
            #expect(flood.isEmpty)
        }
        _ = office.wait(1)
        #expect(office.hello(1).welcomes(to: 1).map(\.workerNumber) == [1])
        #expect(office.session.peerCount == 1)
    }

    @Test func welcomesALateJoinerWithTheFeatures() {
        var office = Office()
        _ = office.serve(to: [1])
        let late = office.hello(2)
        #expect(late.welcomes(to: 2).map(\.featuresReady) == [true])
        #expect(late.descriptions(to: 2).map(\.broadcastComplete) == [true])
        #expect(!office.receive(.ready, from: 2).assigned(to: 2).isEmpty)
    }

    /// Those that were started with the run have ended for good; others are still to be waited for.
    @Test func aRunIsGivenUpOnceNobodyMayBeExpected() {
        let ended = CoordinatorSession.Event.startedWorkersEnded(
            names: ["w1", "w2"], expectsOthers: false)
        // Only they were ever there, if they were.
        var office = Office()
        _ = office.wait(1_000)
        #expect(!office.session.isDeserted(at: office.now))
        office.feed(ended)
        #expect(office.session.isDeserted(at: office.now))
        _ = office.serve(to: [1])
        #expect(!office.session.isDeserted(at: office.now))
        _ = office.pass(6, heard: [])
        #expect(office.session.peerCount == 0)
        #expect(office.session.isDeserted(at: office.now))
    }

    @Test func whoCameFromOutsideMayComeBack() {
        var office = Office()
        _ = office.serve(to: [1, 3])
        office.feed(.startedWorkersEnded(names: ["w1", "w2"], expectsOthers: false))
        for _ in 0..<2 {
            // Hours later its connection breaks.
            _ = office.pass(500, heard: [3])
            #expect(!office.session.isDeserted(at: office.now))
            _ = office.pass(6, heard: [])
            #expect(office.session.peerCount == 0)
            #expect(!office.session.isDeserted(at: office.now))
            _ = office.wait(50)
            #expect(!office.session.isDeserted(at: office.now))
            office.hello(3)
        }
        _ = office.pass(6, heard: [])
        _ = office.wait(60)
        #expect(office.session.isDeserted(at: office.now))
    }

    // Whoever worked for an earlier start tries again every half minute.
    @Test func workersOfAnEarlierStartMayComeBack() {
        var office = Office()
        _ = office.wait(1_000)
        office.feed(.startedWorkersEnded(names: ["w1"], expectsOthers: true))
        _ = office.wait(59)
        #expect(!office.session.isDeserted(at: office.now))
        _ = office.wait(1)
        #expect(office.session.isDeserted(at: office.now))
    }

    // Two are needed, and one of the two started here cannot run.
    @Test func aRunIsGivenUpWhenTooFewOfItsOwnAreLeft() {
        var office = Office()
        office.hello(1)
        office.feed(
            .startedWorkersEnded(names: ["w1", "w2"], remaining: 1, expectsOthers: false))
        // Nobody knows yet how many are needed.
        #expect(!office.session.isDeserted(at: office.now))
        office.feed(.serve(office.sample.job(minWorkerCount: 2)))
        office.receive(.ready, from: 1)
        #expect(office.session.isDeserted(at: office.now))
        // One that was started elsewhere takes its place.
        office.hello(3)
        #expect(!office.session.isDeserted(at: office.now))
        office.receive(.ready, from: 3)
        // From now on one is enough.
        office.receive(.goodbye, from: 3)
        #expect(office.session.peerCount == 1)
        #expect(!office.session.isDeserted(at: office.now))
    }

    // With more asked for than were started here, the others were always to come from elsewhere.
    @Test func whoIsStartedElsewhereIsWaitedFor() {
        var office = Office()
        office.hello(1)
        office.feed(.serve(office.sample.job(minWorkerCount: 3)))
        office.feed(
            .startedWorkersEnded(names: ["w1", "w2"], remaining: 1, expectsOthers: false))
        _ = office.pass(1_000, heard: [1])
        #expect(!office.session.isDeserted(at: office.now))
    }

    @Test func workersAreWaitedForNoLongerThanTold() {
        var office = Office(waitLimit: WaitLimit(seconds: 60))
        // The backbone trains.
        _ = office.wait(1_000)
        #expect(office.session.endOfWait(at: office.now) == nil)
        office.feed(.serve(office.sample.job(minWorkerCount: 2)))
        _ = office.wait(59)
        #expect(office.session.endOfWait(at: office.now) == nil)
        _ = office.wait(1)
        #expect(
            office.session.endOfWait(at: office.now)
                == "no worker was there within 60 s (--wait)")
        office.hello(1)
        #expect(
            office.session.endOfWait(at: office.now) == "1 of 2 workers came within 60 s (--wait)")
        office.hello(2)
        _ = office.pass(100, heard: [1, 2])
        #expect(office.session.endOfWait(at: office.now) == nil)
        for peer in [1, 2] as [UInt8] { office.receive(.ready, from: peer) }
        // They work; then both leave, and the time begins again.
        for peer in [1, 2] as [UInt8] { office.receive(.goodbye, from: peer) }
        _ = office.wait(0)
        _ = office.wait(59)
        #expect(office.session.endOfWait(at: office.now) == nil)
        _ = office.wait(2)
        #expect(office.session.endOfWait(at: office.now) != nil)
        let last = office.feed(.abort(reason: "nobody"))
        #expect(office.session.isFinished, "\(last)")
        #expect(office.session.endOfWait(at: office.now) == nil)
    }

    @Test func nobodyIsNeededWhileTheLastHeadsGoToTheDisk() {
        var office = Office(SampleJob(classCount: 2))
        office.storesAtOnce = false
        let held = office.serve(to: [1]).assigned(to: 1)
        office.feed(.startedWorkersEnded(names: ["w1"], expectsOthers: false))
        let last = office.receive(.bundleTrained(office.sample.result(held[0])), from: 1)
        _ = office.pass(100, heard: [])
        #expect(office.session.peerCount == 0)
        #expect(!office.session.isFinished)
        #expect(!office.session.isDeserted(at: office.now))
        office.feed(.stored(through: last.stored[0].number))
        #expect(office.session.isFinished)
        #expect(!office.session.isDeserted(at: office.now))
    }

    @Test func tellsStrangersToSayHello() {
        var office = Office()
        _ = office.serve(to: [1])
        let stray: [WorkerMessage] = [
            .heartbeat(Office.heartbeat(9)), .ready, .chunkRequest([0]),
            .bundleFailed(BundleFailed(bundle: 1, attempt: 1, reason: "")),
        ]
        for message in stray {
            #expect(office.receive(message, from: 9).refusals(to: 9) == [.unknownWorker])
        }
        #expect(office.receive(.goodbye, from: 9).isEmpty)
    }

    @Test func sameProcessOverANewConnection() {
        var office = Office()
        let leased = office.serve(to: [1]).assigned(to: 1)
        let again = office.hello(2, incarnation: 1, name: "w1")
        #expect(again.welcomes(to: 2).map(\.workerNumber) == [2])
        #expect(office.session.peerCount == 1)
        #expect(office.session.collected.workers.count == 1)
        // Its leases are free again, and nobody is blamed.
        let back = office.receive(.ready, from: 2).assigned(to: 2)
        #expect(Set(back.flatMap(\.heads)).isSuperset(of: leased[0].heads))
        #expect(office.receive(.heartbeat(Office.heartbeat(1)), from: 1).refusals(to: 1).count == 1)
    }

    @Test func restartedProcessOverTheSameIdentity() {
        var office = Office()
        let leased = office.serve(to: [1]).assigned(to: 1)
        let again = office.hello(1, incarnation: 77)
        #expect(again.welcomes(to: 1).map(\.workerNumber) == [2])
        let result = office.sample.result(leased[0])
        // What the dead one had still under way is not the new one's.
        #expect(
            office.receive(.bundleTrained(result), from: 1).sent(to: 1)
                == [.acknowledge(bundle: result.bundle, attempt: result.attempt)])
        #expect(office.session.collected.rejectedCount == 1)
        #expect(office.session.collected.heads.allSatisfy { $0 == nil })
        #expect(!office.receive(.ready, from: 1).assigned(to: 1).isEmpty)
    }

    @Test func anUnannouncedProcessOverTheSameIdentityIsAskedWhoItIs() {
        var office = Office()
        office.hello(1)
        let actions = office.receive(.heartbeat(Office.heartbeat(5)), from: 1)
        #expect(actions.refusals(to: 1) == [.unknownWorker])
        #expect(office.session.peerCount == 0)
    }

    @Test func helloAfterReadinessStartsAfresh() {
        var office = Office()
        let leased = office.serve(to: [1]).assigned(to: 1)
        _ = office.wait(1)
        let again = office.hello(1)
        #expect(again.welcomes(to: 1).map(\.workerNumber) == [1])
        let revoked = again.sent(to: 1).compactMap { message -> UInt64? in
            guard case .revoke(let bundle, _, mayFinish: false) = message else { return nil }
            return bundle
        }
        #expect(revoked.sorted() == leased.map(\.bundle).sorted())
        let early = office.wait(1)
        #expect(early.assigned(to: 1).isEmpty)
        #expect(!office.receive(.ready, from: 1).assigned(to: 1).isEmpty)
    }

    @Test func refusesOtherVersions() {
        var office = Office()
        var frame = WorkerMessage.ready.encode()[0]
        guard let place = frame.firstIndex(of: UInt8(WireProtocol.version)) else {
            Issue.record("the version is not in the frame")
            return
        }
        frame[place] = 99
        let peer = CoordinatorSession.PeerID(bytes: [9])
        let stranger = office.feed(.received([frame], from: peer))
        #expect(stranger.refusals(to: 9) == [.versionMismatch])
        // From a worker that got in it is a bad message like any other.
        office.hello(9)
        let known = office.feed(.received([frame], from: peer))
        #expect(known.refusals(to: 9) == [.malformed])
    }

    @Test func sendsAwayWhoBreaksTheProtocolThrice() {
        var office = Office()
        let leased = office.serve(to: [1, 2]).assigned(to: 1)
        let peer = CoordinatorSession.PeerID(bytes: [1])
        var actions: [CoordinatorSession.Action] = []
        for frames in [[[0xFF, 0xFF]], [], [[], []]] as [[[UInt8]]] {
            actions = office.feed(.received(frames, from: peer))
        }
        #expect(actions.refusals(to: 1) == [.malformed, .notAccepting])
        #expect(office.session.peerCount == 1)
        #expect(office.session.collected.rejectedCount == 3)
        // The same process is not let in again, over whatever connection; the next one is.
        #expect(office.hello(1).refusals(to: 1) == [.notAccepting])
        #expect(office.hello(7, incarnation: 1).refusals(to: 7) == [.notAccepting])
        #expect(office.hello(7, incarnation: 70).welcomes(to: 7).count == 1)
        let rest = office.finish([2])
        #expect(rest.contains(.finish))
        #expect(!leased.isEmpty)
    }

    @Test func strangersGarbageIsCountedAndMentionedOnce() {
        var office = Office()
        var lines = 0
        for peer in 0..<200 {
            let id = CoordinatorSession.PeerID(bytes: [UInt8(peer)])
            let actions = office.feed(.received([[1, 2, 3]], from: id))
            lines += actions.lines.count
            #expect(actions.count == actions.lines.count)
        }
        #expect(lines == 1)
        #expect(office.session.collected.rejectedCount == 200)
        #expect(office.session.peerCount == 0)
    }

    @Test func aFloodOfProcessesIsBounded() {
        var office = Office()
        _ = office.serve(to: [1])
        var lines = 0
        for number in 0..<20_000 {
            lines +=
                office.hello(9, incarnation: UInt64(100 + number), name: "x\(number)").lines.count
            if number % 3 == 0 { office.receive(.ready, from: 9) }
        }
        #expect(office.session.peerCount == 2)
        #expect(office.session.collected.workers.count <= CoordinatorSession.workerCountMax)
        #expect(office.session.leaseCount <= CoordinatorSession.formerLeaseCountMax + 4)
        #expect(lines <= CoordinatorSession.noteCountMax)
        let summary = office.wait(1)
        #expect(summary.lines.contains { $0.contains("more lines about workers") })
    }

    @Test func givesUpWhoIsSilentOrUnreachable() {
        var office = Office()
        let leased = office.serve(to: [1, 2, 3])
        let gone = office.feed(.unreachable(.init(bytes: [3])))
        #expect(gone.lines == ["worker w3 cannot be reached"])
        #expect(office.feed(.unreachable(.init(bytes: [3]))).isEmpty)
        let later = office.pass(5, heard: [2])
        #expect(later.lines.contains("worker w1 fell silent"))
        #expect(office.session.peerCount == 1)
        let all = leased.assigned(to: 2) + gone.assigned(to: 2) + later.assigned(to: 2)
        #expect(!all.isEmpty)
        #expect(office.finish([2], held: all).contains(.finish))
    }

    @Test func whoIsExpelledLosesItsLeasesAndMayComeBack() {
        var office = Office()
        let held = office.serve(to: [1]).assigned(to: 1)
        #expect(!held.isEmpty)
        office.hello(2)
        let actions = office.feed(.expelled(.init(bytes: [1]), reason: "its key is gone"))
        #expect(
            actions.sent(to: 1) == [
                .refused(Refused(code: .notAccepting, message: "its key is gone"))
            ])
        #expect(office.session.peerCount == 1)
        // Twice is once, and nobody else is meant.
        #expect(office.feed(.expelled(.init(bytes: [1]), reason: "again")).isEmpty)
        #expect(office.feed(.expelled(.init(bytes: [9]), reason: "who")).isEmpty)
        // Invited again, the same process over the same connection is welcome.
        let again = office.hello(1)
        #expect(
            again.sent(to: 1).contains { if case .welcome = $0 { true } else { false } })
    }

    @Test func describesTheFeaturesAgainToWhoIsLongInBecomingReady() {
        var office = Office()
        office.hello(1)
        office.feed(.serve(office.sample.job()))
        #expect(office.pass(4, heard: [1]).descriptions(to: 1).isEmpty)
        #expect(office.pass(2, heard: [1]).descriptions(to: 1).count == 1)
        // On a slow link it may take long: ever more seldom, or they would fill the link.
        #expect(office.pass(8, heard: [1]).descriptions(to: 1).isEmpty)
        #expect(office.pass(300, heard: [1]).descriptions(to: 1).count == 4)
        office.receive(.ready, from: 1)
        #expect(office.pass(12, heard: [1]).descriptions(to: 1).isEmpty)
    }

    // A result of megabytes takes a minute over a slow link, and heartbeats wait behind it.
    @Test func bytesThatArriveAreASignOfLife() {
        var office = Office()
        _ = office.serve(to: [1, 2])
        var lines: [String] = []
        for _ in 0..<60 {
            lines += office.wait(0.5).lines
            lines +=
                office.feed(
                    .bytesArrived(from: [.init(bytes: [9]), .init(bytes: [1])])
                ).lines
        }
        #expect(lines.filter { $0.contains("fell silent") } == ["worker w2 fell silent"])
        #expect(office.pass(5, heard: []).lines.contains("worker w1 fell silent"))
    }

    @Test func ofManyAFewGetTheFeaturesAtATime() {
        var office = Office()
        for peer in 1...6 as ClosedRange<UInt8> { office.hello(peer) }
        let begun = office.feed(.serve(office.sample.job()))
        for peer in 1...6 as ClosedRange<UInt8> {
            // They pull: a broadcast would go to all.
            #expect(
                begun.descriptions(to: peer).map(\.broadcastComplete) == (peer < 5 ? [true] : []))
        }
        office.feed(.subscriptions(change: 6))
        #expect(office.wait(0.5).published.isEmpty)
        // Whoever waits is not told again what it was never told, and one more has to wait.
        let later = office.pass(7, heard: [1, 2, 3, 4, 5, 6])
        #expect(later.descriptions(to: 1).count == 1)
        #expect(later.descriptions(to: 5).isEmpty)
        let late = office.hello(7)
        #expect(late.welcomes(to: 7).count == 1)
        #expect(late.descriptions(to: 7).isEmpty)
        // The next one's turn comes with readiness, with a loss, and with time.
        #expect(office.receive(.ready, from: 1).descriptions(to: 5).count == 1)
        #expect(office.feed(.unreachable(.init(bytes: [2]))).descriptions(to: 6).count == 1)
        let patience = office.pass(30, heard: [3, 4, 5, 6, 7])
        #expect(patience.descriptions(to: 7).count > 0)
        #expect(!office.receive(.ready, from: 7).assigned(to: 7).isEmpty)
    }
}
