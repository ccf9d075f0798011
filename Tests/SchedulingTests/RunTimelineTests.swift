import Foundation
import Scheduling
import Testing

/// A timeline written by hand.
private struct Diary {
    var timeline = RunTimeline()

    mutating func join(_ worker: UInt64, at seconds: Double, slots: Int = 1) {
        timeline.record(
            RunEvent(
                .workerJoined, of: WorkerID(worker), at: seconds, detail: "w\(worker)", slots: slots
            ))
    }

    mutating func lose(_ worker: UInt64, at seconds: Double) {
        timeline.record(RunEvent(.workerGone, of: WorkerID(worker), at: seconds, detail: "lost"))
    }

    mutating func lease(_ bundle: UInt64, to worker: UInt64, at seconds: Double) {
        timeline.record(
            RunEvent(
                .bundleLeased, BundleID(bundle), attempt: 1, of: WorkerID(worker), at: seconds,
                heads: 1))
    }

    mutating func train(
        _ bundle: UInt64, by worker: UInt64, from start: Double, to end: Double,
        isAccepted: Bool = true
    ) {
        var event = RunEvent(
            .bundleTrained, BundleID(bundle), attempt: 1, of: WorkerID(worker), at: end, heads: 1)
        event.busySeconds = end - start
        timeline.record(event)
        timeline.record(
            RunEvent(
                isAccepted ? .bundleAccepted : .bundleCompared, BundleID(bundle), attempt: 1,
                of: WorkerID(worker), at: end, heads: 1))
    }

    func figures() throws -> HeadPhaseFigures { try #require(timeline.headPhase) }
}

private func isClose(_ left: Double, _ right: Double) -> Bool { abs(left - right) < 1e-9 }

@Suite struct RunTimelineTests {
    /// Two workers, ten seconds: one trains for nine, the other for eight and ends two early.
    private func twoWorkers() -> Diary {
        var diary = Diary()
        diary.join(1, at: 0)
        diary.join(2, at: 0)
        for bundle in 1...2 as ClosedRange<UInt64> { diary.lease(bundle, to: bundle, at: 5) }
        diary.train(1, by: 1, from: 5, to: 10)
        diary.train(2, by: 2, from: 5, to: 13)
        diary.train(3, by: 1, from: 11, to: 15)
        return diary
    }

    @Test func reckonsIdleTimeAndFinish() throws {
        let figures = try twoWorkers().figures()
        #expect(isClose(figures.seconds, 10))
        #expect(isClose(figures.idleShare, 1 - 17.0 / 20))
        #expect(isClose(figures.finishSpreadSeconds, 2))
        // Worker 2 waited a quarter of the eight seconds that its last bundle took.
        #expect(isClose(figures.finishSpreadBundles, 2.0 / 8))
    }

    @Test func saysNothingBeforeTheFirstHead() {
        var diary = Diary()
        #expect(diary.timeline.headPhase == nil)
        diary.join(1, at: 0)
        diary.lease(1, to: 1, at: 1)
        #expect(diary.timeline.headPhase == nil)
    }

    @Test func countsEveryThreadFromItsWorkersHello() throws {
        var diary = Diary()
        diary.join(1, at: 0)
        diary.lease(1, to: 1, at: 2)
        // Four threads for half of the time, none of which trains.
        diary.join(2, at: 7, slots: 4)
        diary.train(1, by: 1, from: 2, to: 12)
        #expect(isClose(try diary.figures().idleShare, 20.0 / 30))
        // One that brought nothing has no finish.
        #expect(try diary.figures().finishSpreadSeconds == 0)
    }

    @Test func countsAGoneWorkerUntilItWent() throws {
        var diary = twoWorkers()
        diary.join(3, at: 6)
        diary.lease(4, to: 3, at: 6)
        diary.train(4, by: 3, from: 6, to: 7)
        diary.lose(3, at: 8)
        // Its own two seconds, half of them busy; its finish is not the others' concern.
        #expect(isClose(try diary.figures().idleShare, 1 - 18.0 / 22))
        #expect(isClose(try diary.figures().finishSpreadSeconds, 2))
        // What a gone worker still sends is nobody's time.
        diary.train(5, by: 3, from: 8, to: 14)
        #expect(isClose(try diary.figures().idleShare, 1 - 18.0 / 22))
    }

    @Test func aHelloAgainIsTheSameWorker() throws {
        var diary = twoWorkers()
        let before = try diary.figures()
        diary.join(2, at: 9)
        #expect(try diary.figures() == before)
    }

    @Test func aCopyTakesTimeToo() throws {
        var diary = twoWorkers()
        diary.train(9, by: 2, from: 13.5, to: 14.5, isAccepted: false)
        #expect(isClose(try diary.figures().idleShare, 1 - 18.0 / 20))
        #expect(isClose(try diary.figures().finishSpreadSeconds, 0.5))
    }

    @Test func forgetsTheOldestEventsAndNoFigures() throws {
        var diary = twoWorkers()
        let before = try diary.figures()
        let early = diary.timeline.recordedCount
        for count in 0..<RunTimeline.eventCountMax {
            diary.timeline.record(
                RunEvent(.workerReady, of: WorkerID(1), at: 20 + Double(count)))
        }
        #expect(diary.timeline.forgottenCount == early)
        #expect(diary.timeline.events.count == RunTimeline.eventCountMax)
        #expect(diary.timeline.events.allSatisfy { $0.kind == .workerReady })
        #expect(
            diary.timeline.events.map(\.seconds) == diary.timeline.events.map(\.seconds).sorted())
        #expect(try diary.figures() == before)
    }

    @Test func remembersNoWorkerThatIsGone() throws {
        var diary = twoWorkers()
        let busy = try diary.figures()
        for number in 0..<10_000 as Range<UInt64> {
            diary.join(100 + number, at: 11)
            diary.lose(100 + number, at: 11)
        }
        #expect(try diary.figures() == busy)
    }

    @Test func mergesByTimeAndThenBySource() {
        let left = [3.0, 1, 2].map { RunEvent(.broadcastDone, at: $0) }
        let right = [RunEvent(.finished, at: 2), RunEvent(.finished, at: 0)]
        let merged = RunTimeline.merged([left, right])
        #expect(merged.map(\.seconds) == [0, 1, 2, 2, 3])
        #expect(merged[2].kind == .broadcastDone)
        #expect(merged[3].kind == .finished)
    }

    @Test func writesShortNamesAndReadsThemBack() throws {
        var event = RunEvent(
            .bundleTrained, BundleID(7), attempt: 2, of: WorkerID(3), at: 1.23456789, heads: 4)
        event.busySeconds = 0.5
        event.flops = 1e9
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = String(decoding: try encoder.encode(event), as: UTF8.self)
        #expect(
            text
                == #"{"attempt":2,"bundle":7,"busy_seconds":0.5,"flops":1000000000,"heads":4,"kind":"bundle_trained","seconds":1.234568,"worker":3}"#
        )
        #expect(try JSONDecoder().decode(RunEvent.self, from: Data(text.utf8)) == event)
    }

    /// A journal and other programs read them.
    @Test func kindsKeepTheirNames() {
        #expect(
            RunEvent.Kind.allCases.map(\.rawValue) == [
                "phase_ended", "broadcast_began", "broadcast_done", "worker_joined", "worker_ready",
                "worker_gone", "bundle_leased", "bundle_started", "bundle_trained",
                "bundle_accepted", "bundle_compared", "bundle_discarded", "bundle_failed",
                "bundle_revoked", "heads_withdrawn", "head_quarantined", "finished",
            ])
    }
}
