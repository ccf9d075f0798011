import Heads
import Scheduling
import Sessions
import Testing
import WireProtocol

/// What the session writes down of a head phase.
@Suite struct TimelineTests {
    private func kinds(_ office: Office) -> [RunEvent.Kind] {
        office.session.collected.timeline.events.map(\.kind)
    }

    @Test func tellsARunFromHelloToFinish() throws {
        var office = Office()
        let held = office.serve(to: [1, 2]).assigned(to: 1)
        _ = office.finish([1, 2], held: held)
        let events = office.session.collected.timeline.events
        #expect(events.first?.kind == .workerJoined)
        #expect(events.first?.detail == "w1")
        #expect(
            events.last == RunEvent(.finished, at: events.last?.seconds ?? -1, detail: "complete"))
        #expect(events.count { $0.kind == .workerJoined } == 2)
        #expect(events.count { $0.kind == .workerReady } == 2)
        #expect(events.count { $0.kind == .broadcastDone } == 1)
        // Every result has its lease and its start, and none is kept twice.
        for event in events where event.kind == .bundleTrained {
            let own = events.filter {
                $0.bundle == event.bundle && $0.attempt == event.attempt
                    && $0.worker == event.worker
            }
            let lease = try #require(own.first { $0.kind == .bundleLeased })
            let start = try #require(own.first { $0.kind == .bundleStarted })
            #expect(lease.heads == event.heads)
            #expect(lease.flops == event.flops)
            #expect(lease.seconds <= start.seconds)
            #expect(abs(start.seconds + (event.busySeconds ?? -1) - event.seconds) < 2e-6)
        }
        let accepted = events.filter { $0.kind == .bundleAccepted }.reduce(0) {
            $0 + ($1.heads ?? 0)
        }
        #expect(accepted == office.sample.plan.heads.count)
        let figures = try #require(office.session.collected.timeline.headPhase)
        #expect((0...1).contains(figures.idleShare))
        #expect(abs(figures.seconds - office.session.collected.headSeconds) < 2e-6)
    }

    @Test func tellsMisfortunes() {
        var office = Office(SampleJob(classCount: 4))
        let held = office.serve(to: [1, 2])
        let first = held.assigned(to: 1)[0]
        let second = held.assigned(to: 2)[0]
        var wrong = office.sample.result(first)
        wrong.heads.removeLast()
        office.receive(.bundleTrained(wrong), from: 1)
        office.receive(
            .bundleFailed(
                BundleFailed(
                    bundle: second.bundle, attempt: second.attempt, reason: "no", isDeclined: true)),
            from: 2)
        // Nobody's lease: nothing to write down.
        let before = office.session.collected.timeline.recordedCount
        office.receive(
            .bundleFailed(BundleFailed(bundle: 999, attempt: 1, reason: "no", isDeclined: false)),
            from: 2)
        #expect(office.session.collected.timeline.recordedCount == before)
        office.receive(.goodbye, from: 1)
        office.feed(.unreachable(.init(bytes: [2])))
        office.feed(.abort(reason: "enough"))
        let events = office.session.collected.timeline.events
        #expect(
            events.filter { $0.kind == .bundleFailed }.map(\.detail) == ["rejected", "declined"])
        #expect(events.filter { $0.kind == .workerGone }.map(\.detail) == ["departed", "lost"])
        #expect(events.last?.detail == "aborted")
    }

    @Test func tellsEqualAndDifferentDuplicates() throws {
        for error in [0, 1] as [Float] {
            var office = Office(SampleJob(classCount: 4))
            let held = office.serve(to: [1]).assigned(to: 1)
            // Given up, and trained by another; then the first one's result comes all the same.
            _ = office.pass(6, heard: [])
            office.hello(2)
            let again = office.receive(.ready, from: 2).assigned(to: 2)
            var queue = again
            let heads = held[0].heads.compactMap { office.sample.plan.position(of: $0) }
            while heads.contains(where: { office.session.collected.heads[$0] == nil }) {
                let next = try #require(queue.isEmpty ? nil : queue.removeFirst())
                queue += office.receive(.bundleTrained(office.sample.result(next)), from: 2)
                    .assigned(to: 2)
            }
            try #require(!office.session.isFinished)
            office.receive(.bundleTrained(office.sample.result(held[0], error: error)), from: 1)
            let compared = office.session.collected.timeline.events.filter {
                $0.kind == .bundleCompared
            }
            #expect(compared.map(\.detail) == [error == 0 ? "equal" : "different"])
            #expect(office.session.collected.mismatchCount == (error == 0 ? 0 : compared[0].heads))
        }
    }

    @Test func isWrittenOncePerWorkerReadiness() {
        var office = Office()
        _ = office.serve(to: [1])
        let before = kinds(office).count { $0 == .workerReady }
        office.receive(.ready, from: 1)
        #expect(kinds(office).count { $0 == .workerReady } == before)
    }
}
