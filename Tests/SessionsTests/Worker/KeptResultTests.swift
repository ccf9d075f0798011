import Sessions
import Testing
import WireProtocol

/// Results are kept until the coordinator has them on disk.
@Suite struct KeptResultTests {
    /// A worker that has sent its result of bundle 1.
    private func trained() -> Driver {
        var worker = Driver()
        worker.becomeReady()
        worker.receive(.assign(Sample.assignment(1)))
        worker.feed(.bundleTrained(worker.actions.begun[0].ticket, Sample.result(1)))
        return worker
    }

    private let result = WorkerMessage.bundleTrained(Sample.result(1))

    /// Joins the run of that number again.
    private func rejoin(_ worker: inout Driver, run: UInt8) -> [WorkerSession.Action] {
        worker.receive(.refused(Refused(code: .unknownWorker, message: "who?")))
        return worker.receive(.welcome(Sample.welcome(run: run)))
    }

    @Test func theSameCoordinatorGetsItAgain() {
        var worker = trained()
        #expect(rejoin(&worker, run: 1).sent == [result])
        #expect(rejoin(&worker, run: 1).sent == [result])
        worker.receive(.acknowledge(bundle: 1, attempt: 1))
        #expect(rejoin(&worker, run: 1).sent.isEmpty)
    }

    @Test func anotherCoordinatorDoesNot() {
        var worker = trained()
        #expect(rejoin(&worker, run: 2).sent.isEmpty)
        #expect(rejoin(&worker, run: 1).sent.isEmpty)
    }

    @Test func onlyItsOwnAcknowledgementEndsIt() {
        var worker = trained()
        worker.receive(.acknowledge(bundle: 2, attempt: 1))
        worker.receive(.acknowledge(bundle: 1, attempt: 2))
        #expect(rejoin(&worker, run: 1).sent == [result])
    }

    @Test func aRevocationIsAnsweredByWhatIsOnItsWay() {
        var worker = trained()
        #expect(worker.receive(.revoke(bundle: 1, attempt: 1, mayFinish: false)).isEmpty)
        #expect(worker.feed(.connectionRenewed).sent == [result])
        worker.receive(.acknowledge(bundle: 1, attempt: 1))
        #expect(
            worker.receive(.revoke(bundle: 1, attempt: 1, mayFinish: false)).declined == [1])
    }

    @Test func silenceHasItSaidAgain() {
        var worker = trained()
        var sent: [WorkerMessage] = []
        for _ in 0..<25 {
            worker.receive(.heartbeat(incarnation: 7))
            sent += worker.wait(.seconds(1)).sent
        }
        #expect(sent == [result, result])
    }

    @Test func aFinishedRunEndsIt() {
        var worker = trained()
        worker.receive(.finished(.aborted(reason: "no")))
        worker.receive(.welcome(Sample.welcome(run: 1)))
        #expect(worker.actions.sent.isEmpty)
    }

    @Test func whoLeavesWaitsForTheAcknowledgementForAWhile() {
        var patient = trained()
        let drained = patient.feed(.drain)
        #expect(drained.exit == nil)
        #expect(drained.sent.isEmpty)
        #expect(patient.receive(.acknowledge(bundle: 1, attempt: 1)).exit == .done)

        var forsaken = trained()
        forsaken.feed(.drain)
        #expect(forsaken.wait(.milliseconds(4_900)).exit == nil)
        let end = forsaken.wait(.milliseconds(200))
        #expect(end.sent == [.goodbye])
        #expect(end.exit == .done)

        var impatient = trained()
        impatient.feed(.drain)
        #expect(impatient.feed(.stop(signal: 2)).exit == .stopped(signal: 2))
    }
}
