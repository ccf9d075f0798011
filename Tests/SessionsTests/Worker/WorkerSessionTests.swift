import Numerics
import Sessions
import Testing
import WireProtocol

/// Hello to goodbye; what comes in which order is the coordinator's and the network's choice.
@Suite struct WorkerSessionTests {
    private func isHello(_ actions: [WorkerSession.Action]) -> Bool {
        guard case .hello = actions.sent.first else { return false }
        return true
    }

    @Test func saysHelloUntilItIsAnswered() {
        var worker = Driver()
        #expect(isHello(worker.feed(.tick)))
        let early = worker.wait(.milliseconds(900))
        #expect(early.sent.isEmpty)
        #expect(isHello(worker.wait(.milliseconds(200))))
        worker.receive(.welcome(Sample.welcome()))
        guard case .subscribe(let topic, let port) = worker.actions.first else {
            Issue.record("no subscription")
            return
        }
        #expect(topic == WireProtocol.featureTopic(runID: [UInt8](repeating: 1, count: 16)))
        #expect(port == 5_556)
        let again = worker.receive(.welcome(Sample.welcome()))
        #expect(again.isEmpty)
        let later = worker.wait(.milliseconds(1_100))
        #expect(later.sent.isEmpty)
        #expect(later.heartbeats.count == 1)
    }

    @Test func tellsSinceWhenNobodyAnswers() {
        var worker = Driver()
        worker.feed(.tick)
        _ = worker.wait(.seconds(5))
        // What cannot be read is no answer.
        worker.feed(.unreadable(.overLimit("noise")))
        #expect(worker.session.unansweredSince == .start)
        worker.receive(.welcome(Sample.welcome()))
        #expect(worker.session.unansweredSince == nil)
        let last = worker.now
        _ = worker.wait(.seconds(60))
        #expect(worker.session.unansweredSince == last)
    }

    @Test func ignoresWorkBeforeItIsWelcome() {
        var worker = Driver()
        worker.feed(.tick)
        let task = Sample.Task()
        let features = worker.receive(.features(task.description(broadcastComplete: true)))
        #expect(features.isEmpty)
        let chunk = worker.receive(.chunk(task.chunks[0]))
        #expect(chunk.isEmpty)
        let complete = worker.receive(.broadcastComplete)
        #expect(complete.isEmpty)
        // Whoever gives a lease is told that it is not taken, always.
        #expect(worker.receive(.assign(Sample.assignment(1))).declined == [1])
        #expect(
            worker.receive(.revoke(bundle: 2, attempt: 1, mayFinish: true)).declined == [2])
    }

    @Test func connectsAgainAfterSilence() {
        var worker = Driver()
        worker.becomeReady()
        worker.receive(.assign(Sample.assignment(1)))
        let begun = worker.actions.begun
        let calm = worker.wait(.milliseconds(4_900))
        #expect(!calm.reconnects)
        let silent = worker.wait(.milliseconds(200))
        #expect(silent.reconnects)
        #expect(isHello(silent))
        #expect(silent.cancelled == begun.map(\.ticket))
    }

    @Test func takesAnythingForASignOfLife() {
        var worker = Driver()
        worker.join()
        for _ in 0..<5 {
            worker.now += .seconds(4)
            worker.receive(.heartbeat(incarnation: 7))
            let actions = worker.feed(.tick)
            #expect(!actions.reconnects)
        }
    }

    @Test func joinsAgainWhenItIsNotKnown() {
        var worker = Driver()
        worker.becomeReady()
        let refusal = Refused(code: .unknownWorker, message: "who?")
        #expect(isHello(worker.receive(.refused(refusal))))
        // The second refusal answers what was said before the hello.
        let second = worker.receive(.refused(refusal))
        #expect(second.isEmpty)
    }

    @Test(arguments: [Refused.Code.versionMismatch, .notAccepting, .other])
    func exitsWhenItIsRefused(_ code: Refused.Code) {
        var worker = Driver()
        worker.feed(.tick)
        let actions = worker.receive(.refused(Refused(code: code, message: "no")))
        #expect(actions.exit == .refused("the coordinator refused this worker: no"))
    }

    @Test func goesOnAfterAMalformedMessage() {
        var worker = Driver()
        worker.becomeReady()
        let actions = worker.receive(.refused(Refused(code: .malformed, message: "eh")))
        #expect(actions.exit == nil)
        #expect(actions.sent.isEmpty)
    }

    @Test func anotherVersionEndsOnlyTheFirstExchange() throws {
        var frame = CoordinatorMessage.broadcastComplete.encode()[0]
        let place = try #require(frame.firstIndex(of: UInt8(WireProtocol.version)))
        frame[place] = 99
        var error: WireError?
        do throws(WireError) {
            _ = try CoordinatorMessage.decode([frame])
        } catch let found {
            error = found
        }
        let mismatch = try #require(error)
        #expect(mismatch.code == .versionMismatch)
        var worker = Driver()
        worker.feed(.tick)
        #expect(worker.feed(.unreadable(mismatch)).exit == .refused(mismatch.message))
        var joined = Driver()
        joined.join()
        #expect(joined.feed(.unreadable(mismatch)).exit == nil)
    }

    @Test(arguments: [false, true])
    func endsWithTheRunUnlessItStays(_ stays: Bool) {
        var worker = Driver(stays: stays)
        worker.becomeReady()
        worker.receive(.assign(Sample.assignment(1)))
        let ticket = worker.actions.begun[0].ticket
        let actions = worker.receive(.finished(.complete))
        #expect(actions.exit == (stays ? nil : .done))
        #expect(actions.cancelled == [ticket])
        if !stays { return }
        // Nothing of the former run is ever said again.
        let late = worker.feed(.bundleTrained(ticket, Sample.result(1)))
        #expect(late.sent.isEmpty)
        #expect(late.heartbeats.isEmpty)
        #expect(isHello(worker.wait(.seconds(1))))
        #expect(worker.receive(.finished(.complete)).isEmpty)
        worker.receive(.welcome(Sample.welcome(run: 2)))
        worker.receive(.features(Sample.Task().description(broadcastComplete: true)))
        guard case .chunkRequest = worker.actions.sent.first else {
            Issue.record("rows of a finished run were kept")
            return
        }
    }

    @Test(arguments: [false, true])
    func waitsAfterAnAbort(_ stays: Bool) {
        var worker = Driver(stays: stays)
        worker.becomeReady()
        #expect(worker.receive(.finished(.aborted(reason: "no"))).exit == nil)
        #expect(worker.receive(.finished(.aborted(reason: "no"))).isEmpty)
        #expect(isHello(worker.wait(.seconds(1))))
    }

    @Test func endsAtOnceWithNothingToFinish() {
        var worker = Driver()
        worker.becomeReady()
        let actions = worker.feed(.drain)
        #expect(actions.sent == [.goodbye])
        #expect(actions.exit == .done)
    }

    @Test func finishesWhatRunsWhenDrained() {
        var worker = Driver()
        worker.becomeReady()
        worker.receive(.assign(Sample.assignment(1)))
        let ticket = worker.actions.begun[0].ticket
        worker.receive(.assign(Sample.assignment(2)))
        let drained = worker.feed(.drain)
        #expect(drained.declined == [2])
        #expect(drained.exit == nil)
        #expect(worker.receive(.assign(Sample.assignment(3))).declined == [3])
        let ended = worker.feed(.bundleTrained(ticket, Sample.result(1)))
        #expect(ended.sent == [.bundleTrained(Sample.result(1))])
        let stored = worker.receive(.acknowledge(bundle: 1, attempt: 1))
        #expect(stored.sent == [.goodbye])
        #expect(stored.exit == .done)
        var impatient = Driver()
        impatient.becomeReady()
        impatient.receive(.assign(Sample.assignment(1)))
        impatient.feed(.drain)
        #expect(impatient.feed(.drain).isEmpty)
        let stopped = impatient.feed(.stop(signal: 15))
        // The coordinator hears it, or it would take the bundle for one that kills.
        #expect(stopped.sent == [.goodbye])
        #expect(stopped.exit == .stopped(signal: 15))
    }

    @Test func reportsItsFiguresWithReadinessAndResults() {
        var worker = Driver()
        worker.becomeReady()
        #expect(worker.actions.heartbeats.map(\.peakRSSByteCount) == [4_096])
        #expect(worker.actions.heartbeats.map(\.receivedByteCount) == [64])
        worker.receive(.assign(Sample.assignment(1)))
        let ticket = worker.actions.begun[0].ticket
        let ended = worker.feed(.bundleTrained(ticket, Sample.result(1)))
        guard case .send(.heartbeat(let heartbeat)) = ended.first else {
            Issue.record("no heartbeat before the result")
            return
        }
        #expect(heartbeat.busySeconds == 0.5)
    }
}
