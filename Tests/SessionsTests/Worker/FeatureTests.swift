import Numerics
import Sessions
import Testing
import Transfer
import WireProtocol

/// How a worker comes by its rows.
@Suite struct FeatureTests {
    private let task = Sample.Task()

    @Test func becomesReadyByTheBroadcast() {
        var worker = Driver()
        worker.join()
        let begun = worker.receive(.features(task.description(broadcastComplete: false)))
        #expect(begun.sent.isEmpty)
        for chunk in task.chunks.dropLast() {
            let actions = worker.receive(.chunk(chunk))
            #expect(actions.isEmpty)
        }
        let last = worker.receive(.chunk(task.chunks[7]))
        #expect(last.prepareCount == 1)
        #expect(last.sent == [.ready])
        let extra = worker.receive(.chunk(task.chunks[7]))
        #expect(extra.isEmpty)
    }

    @Test func ignoresChunksBeforeTheirDescription() {
        var worker = Driver()
        worker.join()
        let early = worker.receive(.chunk(task.chunks[0]))
        #expect(early.isEmpty)
        worker.receive(.features(task.description(broadcastComplete: true)))
        // It was not kept, so it is asked for.
        #expect(worker.actions.sent == [.chunkRequest(Array(0..<8))])
    }

    @Test func asksForWhatTheBroadcastDidNotBring() {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        worker.receive(.chunk(task.chunks[3]))
        let waiting = worker.wait(.seconds(3))
        #expect(waiting.sent.isEmpty)
        worker.receive(.chunk(task.chunks[4]))
        worker.receive(.broadcastComplete)
        let soon = worker.wait(.milliseconds(150))
        #expect(soon.sent.isEmpty)
        let silent = worker.wait(.milliseconds(60))
        #expect(silent.sent == [.chunkRequest([0, 1, 2, 5, 6, 7])])
        // All that is missing is on its way: nothing is asked for twice, however long it takes.
        for _ in 0..<7 {
            worker.receive(.heartbeat(incarnation: 7))
            let again = worker.wait(.seconds(4))
            #expect(again.sent.isEmpty)
        }
        for index in [0, 1, 2, 5, 6] { worker.receive(.chunk(task.chunks[index])) }
        let last = worker.receive(.chunk(task.chunks[7]))
        #expect(last.sent == [.ready])
    }

    @Test func pullsAtOnceWhenItJoinsLate() {
        var worker = Driver()
        worker.join()
        let actions = worker.receive(.features(task.description(broadcastComplete: true)))
        #expect(actions.sent == [.chunkRequest(Array(0..<8))])
    }

    @Test func refusesDamagedAndRepeatedChunks() {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        var damaged = task.chunks[0]
        damaged.bytes[0] ^= 1
        for chunk in [damaged, FeatureChunk(index: 99, bytes: []), task.chunks[1], task.chunks[1]] {
            let actions = worker.receive(.chunk(chunk))
            #expect(actions.sent.isEmpty)
            #expect(actions.exit == nil)
        }
        for chunk in task.chunks { worker.receive(.chunk(chunk)) }
        #expect(worker.actions.sent == [.ready])
    }

    @Test func asksAgainForWhatCameDamaged() {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        for chunk in task.chunks.dropLast() { worker.receive(.chunk(chunk)) }
        var damaged = task.chunks[7]
        damaged.bytes[3] ^= 0x80
        worker.receive(.chunk(damaged))
        worker.receive(.broadcastComplete)
        let silent = worker.wait(.milliseconds(300))
        #expect(silent.sent == [.chunkRequest([7])])
        let last = worker.receive(.chunk(task.chunks[7]))
        #expect(last.sent == [.ready])
    }

    // A compute thread may report a chunk after the task has changed under it.
    @Test func whatWasInsertedForAnotherTaskChangesNothing() {
        var worker = Driver(insertsAtOnce: false)
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        var late: [WorkerSession.Event] = []
        for chunk in task.chunks {
            let actions = worker.receive(.chunk(chunk))
            late += actions.insertions
        }
        #expect(late.count == 8)
        let other = Sample.Task(seed: 1)
        worker.receive(.features(other.description(broadcastComplete: false)))
        for event in late {
            let actions = worker.feed(event)
            #expect(actions.isEmpty)
        }
        var events: [WorkerSession.Event] = []
        for chunk in other.chunks {
            let actions = worker.receive(.chunk(chunk))
            events += actions.insertions
        }
        // All are in their places before the first report is heard, which then is as good as the
        // last one.
        let reported = events.flatMap { worker.feed($0) }
        #expect(reported.prepareCount == 1)
        #expect(reported.sent == [.ready])
    }

    @Test func countsTheBytesOfEachRunByThemselves() {
        var worker = Driver(stays: true)
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        worker.receive(.chunk(task.chunks[0]))
        // It came twice: both were received.
        for chunk in task.chunks { worker.receive(.chunk(chunk)) }
        #expect(worker.actions.heartbeats.map(\.receivedByteCount) == [9 * 8])
        worker.receive(.finished(.complete))
        let greeting = worker.wait(.seconds(2))
        #expect(greeting.sent.count == 1)
        worker.receive(.welcome(Sample.welcome(run: 2)))
        worker.receive(.features(task.description(broadcastComplete: false)))
        for chunk in task.chunks { worker.receive(.chunk(chunk)) }
        #expect(worker.actions.heartbeats.map(\.receivedByteCount) == [8 * 8])
    }

    @Test func beingToldTwiceChangesNothing() {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        for chunk in task.chunks.dropLast() { worker.receive(.chunk(chunk)) }
        worker.receive(.features(task.description(broadcastComplete: true)))
        // The repetition may tell what the lost message would have told.
        let silent = worker.wait(.milliseconds(300))
        #expect(silent.sent == [.chunkRequest([7])])
        worker.receive(.chunk(task.chunks[7]))
        let again = worker.receive(.features(task.description(broadcastComplete: true)))
        #expect(again.prepareCount == 0)
        #expect(again.sent == [.ready])
    }

    @Test(arguments: [8, 5])
    func keepsRowsOverAReconnectionWithinATask(_ heldCount: Int) {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        for chunk in task.chunks.prefix(heldCount) { worker.receive(.chunk(chunk)) }
        let silent = worker.wait(.seconds(6))
        #expect(silent.reconnects)
        worker.receive(.welcome(Sample.welcome(run: 2)))
        worker.receive(.features(task.description(broadcastComplete: true)))
        if heldCount == 8 {
            #expect(worker.actions.sent == [.ready])
            #expect(worker.actions.prepareCount == 0)
        } else {
            #expect(worker.actions.sent == [.chunkRequest([5, 6, 7])])
        }
    }

    @Test(arguments: [8, 5])
    func dropsRowsOfAnotherTask(_ heldCount: Int) {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        for chunk in task.chunks.prefix(heldCount) { worker.receive(.chunk(chunk)) }
        let silent = worker.wait(.seconds(6))
        #expect(silent.reconnects)
        worker.receive(.welcome(Sample.welcome(run: 2)))
        let other = Sample.Task(seed: 1)
        worker.receive(.features(other.description(broadcastComplete: true)))
        #expect(worker.actions.sent == [.chunkRequest(Array(0..<8))])
        for chunk in other.chunks { worker.receive(.chunk(chunk)) }
        #expect(worker.actions.prepareCount == 1)
        #expect(worker.actions.sent == [.ready])
    }

    @Test func anotherTaskStopsWhatIsTrained() {
        var worker = Driver()
        worker.becomeReady(task)
        worker.receive(.assign(Sample.assignment(1)))
        let ticket = worker.actions.begun[0].ticket
        worker.receive(.features(Sample.Task(seed: 1).description(broadcastComplete: false)))
        #expect(worker.actions.cancelled == [ticket])
        let late = worker.feed(.bundleTrained(ticket, Sample.result(1)))
        #expect(late.sent.isEmpty)
    }

    @Test func exitsOnFeaturesItCannotUse() {
        var worker = Driver()
        worker.join()
        var description = task.description(broadcastComplete: false)
        description.manifest.chunks.removeLast()
        guard case .refused = worker.receive(.features(description)).exit else {
            Issue.record("a manifest with a hole was taken")
            return
        }
    }
}
