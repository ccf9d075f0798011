import Sessions
import Testing
import WireProtocol

/// Leases, from a worker's side.
@Suite struct BundleTests {
    @Test func declinesWhatComesBeforeItIsReady() {
        var worker = Driver()
        worker.join()
        #expect(worker.receive(.assign(Sample.assignment(1))).declined == [1])
        worker.receive(.features(Sample.Task().description(broadcastComplete: false)))
        #expect(worker.receive(.assign(Sample.assignment(2))).declined == [2])
    }

    @Test func trainsInOrderAsManyAsItHasSlots() {
        var worker = Driver(slotCount: 2)
        worker.becomeReady()
        var tickets: [WorkerSession.Ticket] = []
        for bundle in 1...2 {
            worker.receive(.assign(Sample.assignment(UInt64(bundle))))
            tickets += worker.actions.begun.map(\.ticket)
        }
        #expect(tickets.count == 2)
        for bundle in 3...4 {
            let actions = worker.receive(.assign(Sample.assignment(UInt64(bundle))))
            #expect(actions.isEmpty)
        }
        let ended = worker.feed(.bundleTrained(tickets[1], Sample.result(2)))
        #expect(ended.sent == [.bundleTrained(Sample.result(2))])
        #expect(ended.begun.map(\.bundle) == [3])
        // A ticket ends once.
        let twice = worker.feed(.bundleTrained(tickets[1], Sample.result(2)))
        #expect(twice.isEmpty)
    }

    @Test func ignoresARepeatedAssignment() {
        var worker = Driver()
        worker.becomeReady()
        worker.receive(.assign(Sample.assignment(1)))
        let running = worker.receive(.assign(Sample.assignment(1)))
        #expect(running.isEmpty)
        worker.receive(.assign(Sample.assignment(2)))
        let waiting = worker.receive(.assign(Sample.assignment(2)))
        #expect(waiting.isEmpty)
    }

    @Test func keepsNoMoreThanItWasPromised() {
        var worker = Driver()
        worker.becomeReady()
        for bundle in 1...3 as ClosedRange<UInt64> {
            #expect(worker.receive(.assign(Sample.assignment(bundle))).declined.isEmpty)
        }
        #expect(worker.receive(.assign(Sample.assignment(4))).declined == [4])
    }

    @Test func answersEveryRevocation() {
        var worker = Driver()
        worker.becomeReady()
        worker.receive(.assign(Sample.assignment(1)))
        let ticket = worker.actions.begun[0].ticket
        worker.receive(.assign(Sample.assignment(2)))
        // Waiting: at once. Unknown, or another attempt: at once as well.
        #expect(worker.receive(.revoke(bundle: 2, attempt: 1, mayFinish: true)).declined == [2])
        #expect(worker.receive(.revoke(bundle: 9, attempt: 1, mayFinish: false)).declined == [9])
        #expect(worker.receive(.revoke(bundle: 1, attempt: 2, mayFinish: false)).declined == [1])
        // Running: with its result if it may finish, and when it has stopped if not.
        let expired = worker.receive(.revoke(bundle: 1, attempt: 1, mayFinish: true))
        #expect(expired.isEmpty)
        let stopped = worker.receive(.revoke(bundle: 1, attempt: 1, mayFinish: false))
        #expect(stopped.cancelled == [ticket])
        #expect(stopped.sent.isEmpty)
        let failure = BundleFailed(bundle: 1, attempt: 1, reason: "cancelled", isDeclined: true)
        #expect(worker.feed(.bundleFailed(ticket, failure)).declined == [1])
        // Answered twice when asked twice: the first answer may have been lost.
        #expect(worker.receive(.revoke(bundle: 1, attempt: 1, mayFinish: true)).declined == [1])
    }

    @Test func sendsNoCoordinatorTheResultsOfAnother() {
        var worker = Driver()
        worker.becomeReady()
        worker.receive(.assign(Sample.assignment(1)))
        let old = worker.actions.begun[0].ticket
        worker.receive(.refused(Refused(code: .unknownWorker, message: "who?")))
        #expect(worker.actions.cancelled == [old])
        worker.receive(.welcome(Sample.welcome(run: 2)))
        worker.receive(.features(Sample.Task().description(broadcastComplete: true)))
        #expect(worker.actions.sent == [.ready])
        // The new one counts its bundles from the start again; the slot is still busy with the old.
        let assigned = worker.receive(.assign(Sample.assignment(1)))
        #expect(assigned.begun.isEmpty)
        #expect(assigned.sent.isEmpty)
        let ended = worker.feed(.bundleTrained(old, Sample.result(1)))
        #expect(ended.sent.isEmpty)
        #expect(ended.begun.map(\.bundle) == [1])
        let new = worker.feed(.bundleTrained(ended.begun[0].ticket, Sample.result(1)))
        #expect(new.sent == [.bundleTrained(Sample.result(1))])
    }

    @Test func reportsAFailure() {
        var worker = Driver()
        worker.becomeReady()
        worker.receive(.assign(Sample.assignment(1)))
        let failure = BundleFailed(bundle: 1, attempt: 1, reason: "no class 9")
        let ended = worker.feed(.bundleFailed(worker.actions.begun[0].ticket, failure))
        #expect(ended.sent == [.bundleFailed(failure)])
    }
}
