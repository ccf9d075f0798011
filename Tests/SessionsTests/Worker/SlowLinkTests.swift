import FeatureStore
import Numerics
import Sessions
import Testing
import Transfer
import WireProtocol

/// A slow link is not a silent one, and a connection loses nothing.
@Suite struct SlowLinkTests {
    private let task = Sample.Task()

    /// Time passes while bytes come in that make up no message.
    private func trickle(
        _ worker: inout Driver, seconds: Int, broadcast: Int = 0, received: Int = 0, sent: Int = 0
    ) -> [WorkerSession.Action] {
        var actions: [WorkerSession.Action] = []
        for _ in 0..<seconds * 4 {
            worker.now += .milliseconds(250)
            actions += worker.feed(
                .bytesMoved(broadcast: broadcast, received: received, sent: sent))
            actions += worker.feed(.tick)
        }
        return actions
    }

    @Test(arguments: [true, false]) func bytesThatArriveAreASignOfLife(_ isBroadcast: Bool) {
        var worker = Driver()
        worker.join()
        let bytes = (broadcast: isBroadcast ? 300 : 0, received: isBroadcast ? 0 : 300)
        let slow = trickle(
            &worker, seconds: 60, broadcast: bytes.broadcast, received: bytes.received)
        #expect(!slow.reconnects)
        // So are those of a result that leave, since heartbeats wait behind it; but not heartbeats.
        #expect(!trickle(&worker, seconds: 60, sent: 400).reconnects)
        #expect(trickle(&worker, seconds: 60, sent: 60).reconnects)
    }

    @Test func theEndOfTheBroadcastIsWaitedForOnASlowLink() {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        worker.receive(.broadcastComplete)
        // A minute of a chunk's bytes: nothing of it is asked for.
        #expect(trickle(&worker, seconds: 60, broadcast: 5_000).sent.isEmpty)
        for chunk in task.chunks.dropLast(2) { worker.receive(.chunk(chunk)) }
        #expect(trickle(&worker, seconds: 4, received: 300).sent.isEmpty)
        // Its end came: what is missing now will not come.
        #expect(worker.feed(.broadcastEnded).sent == [.chunkRequest([6, 7])])
    }

    @Test func aBroadcastThatStopsIsGivenUp() {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        #expect(trickle(&worker, seconds: 2, broadcast: 5_000).sent.isEmpty)
        worker.receive(.broadcastComplete)
        #expect(trickle(&worker, seconds: 4, received: 300).sent.isEmpty)
        #expect(
            trickle(&worker, seconds: 2, received: 300).sent == [.chunkRequest(Array(0..<8))])
    }

    // The broadcast goes on over its own connection while the other one is made again.
    @Test func aNewConnectionDoesNotAskForWhatIsStillBroadcast() {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        #expect(trickle(&worker, seconds: 2, broadcast: 5_000).sent.isEmpty)
        worker.feed(.connectionRenewed)
        worker.receive(.welcome(Sample.welcome()))
        worker.receive(.features(task.description(broadcastComplete: true)))
        #expect(trickle(&worker, seconds: 30, broadcast: 5_000).sent.isEmpty)
        for chunk in task.chunks.dropLast() { worker.receive(.chunk(chunk)) }
        #expect(worker.receive(.chunk(task.chunks[7])).sent == [.ready])
    }

    // Nothing was heard over either: of the former broadcast nothing comes any more.
    @Test func newConnectionsAskForWhatIsMissingAtOnce() {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        #expect(trickle(&worker, seconds: 2, broadcast: 5_000).sent.isEmpty)
        #expect(worker.wait(.milliseconds(5_100)).reconnects)
        worker.receive(.welcome(Sample.welcome()))
        worker.receive(.features(task.description(broadcastComplete: true)))
        #expect(worker.actions.sent == [.chunkRequest(Array(0..<8))])
    }

    @Test func whatIsBeingCheckedIsNotAskedFor() {
        var worker = Driver(insertsAtOnce: false)
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: false)))
        let insertions = task.chunks.flatMap { worker.receive(.chunk($0)).insertions }
        #expect(worker.feed(.broadcastEnded).isEmpty)
        #expect(insertions.flatMap { worker.feed($0) }.sent == [.ready])
    }

    @Test func onlyANewConnectionHasAChunkAskedForAgain() {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: true)))
        #expect(worker.actions.sent == [.chunkRequest(Array(0..<8))])
        #expect(trickle(&worker, seconds: 120, received: 300).sent.isEmpty)
        for chunk in task.chunks.prefix(3) { worker.receive(.chunk(chunk)) }
        let renewed = worker.feed(.connectionRenewed)
        guard case .hello = renewed.sent.first else {
            Issue.record("it does not join again")
            return
        }
        worker.receive(.welcome(Sample.welcome()))
        worker.receive(.features(task.description(broadcastComplete: true)))
        #expect(worker.actions.sent == [.chunkRequest([3, 4, 5, 6, 7])])
    }

    // The last resort against a coordinator that answers and sends nothing.
    @Test func aCoordinatorThatSendsNoChunkIsLeft() {
        var worker = Driver()
        worker.join()
        worker.receive(.features(task.description(broadcastComplete: true)))
        let patient = trickle(&worker, seconds: 29, received: 30)
        #expect(!patient.reconnects)
        #expect(trickle(&worker, seconds: 2, received: 30).reconnects)
    }

    @Test func aResultThatIsLeavingIsNotSentTwice() {
        var worker = Driver()
        worker.becomeReady()
        worker.receive(.assign(Sample.assignment(1)))
        worker.feed(.bundleTrained(worker.actions.begun[0].ticket, Sample.result(1)))
        let slow = trickle(&worker, seconds: 60, received: 300, sent: 5_000)
        #expect(slow.sent.isEmpty)
        #expect(worker.receive(.revoke(bundle: 1, attempt: 1, mayFinish: true)).sent.isEmpty)
        worker.feed(.drain)
        #expect(trickle(&worker, seconds: 20, received: 300, sent: 5_000).exit == nil)
        // A new connection may have lost it.
        #expect(worker.feed(.connectionRenewed).sent == [.bundleTrained(Sample.result(1))])
        #expect(trickle(&worker, seconds: 6, received: 300).exit == .done)
    }

    // Goal: over any line each chunk crosses once, control messages never wait for long behind chunks,
    // and a line is kept busy. Method: a line of a rate and a latency, in virtual time.
    @Test(arguments: [20e3, 50e3, 200e3, 10e6, 1e9], [0.001, 0.2])
    func chunksCrossALineOnce(_ bytesPerSecond: Double, _ latency: Double) throws {
        let table = FeatureTable(
            grouping: Matrix(
                rowCount: 1_000, columnCount: 250, values: (0..<250_000).map { Float($0 % 97 + 1) }),
            labels: (0..<1_000).map { $0 % 10 }, classCount: 10)
        let source = try FeatureChunks(table)
        let byteCount = source.manifest.byteCount
        var worker = Driver()
        worker.join()
        var line: [(index: Int, start: Double, end: Double)] = []
        var freeAt = 0.0
        var requestCount = 0
        var longest = 0.0
        func send(_ actions: [WorkerSession.Action]) {
            let now = worker.now.seconds(since: .start)
            for case .chunkRequest(let indices) in actions.sent {
                for index in indices {
                    requestCount += 1
                    let start = max(freeAt, now + latency)
                    freeAt =
                        start + Double(source.manifest.chunks[index].byteCount) / bytesPerSecond
                    line.append((index, start, freeAt))
                }
                // From the third chunk on it knows the line.
                if requestCount > 8 { longest = max(longest, freeAt - now) }
            }
        }
        send(
            worker.receive(
                .features(
                    FeatureDescription(
                        manifest: source.manifest, training: task.training,
                        broadcastComplete: true))))
        var heardAt = 0.0
        while !line.isEmpty {
            let next = line.removeFirst()
            // While a chunk crosses, its bytes are seen.
            while heardAt + 0.1 < next.end {
                heardAt = max(heardAt + 0.1, worker.now.seconds(since: .start))
                worker.now = .start.advanced(bySeconds: heardAt)
                if heardAt >= next.start {
                    worker.feed(.bytesMoved(broadcast: 0, received: 300, sent: 0))
                }
                let actions = worker.feed(.tick)
                #expect(!actions.reconnects)
                send(actions)
            }
            worker.now = max(worker.now, .start.advanced(bySeconds: next.end))
            let bytes = unsafe source.withUnsafeBytes(ofChunk: next.index) { unsafe [UInt8]($0) }
            send(worker.receive(.chunk(FeatureChunk(index: next.index, bytes: bytes))))
        }
        #expect(worker.actions.sent.contains(.ready))
        #expect(requestCount == source.manifest.chunks.count)
        let seconds = worker.now.seconds(since: .start)
        let least = Double(byteCount) / bytesPerSecond
        #expect(seconds <= 1.05 * least + 40 * latency, "\(seconds) s for \(least) s of bytes")
        let largest = Double(source.manifest.chunks.map(\.byteCount).max() ?? 0)
        #expect(longest <= 2 + 2 * largest / bytesPerSecond + 2 * latency)
    }
}
