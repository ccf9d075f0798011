import Hashing
import Heads
import TestSupport
import Transfer
import WireProtocol
import ZeroMQ

/// A coordinator that lies, babbles and demands the impossible; on the thread that made it.
struct HostileCoordinator: ~Copyable {
    /// What its victims said.
    struct Tally: Sendable {
        var sentCount = 0
        var helloCount = 0
        var readyCount = 0
        var resultCount = 0
        var failureCount = 0
    }

    private let socket: Socket
    private var mutator: Mutator
    private var tally = Tally()
    private let port: UInt16

    /// Listens where workers connect to.
    init(_ endpoint: String, seed: UInt64) throws {
        var options = SocketOptions()
        options.routerMandatory = true
        options.routerHandover = true
        options.lingerMilliseconds = 0
        options.receiveTimeoutMilliseconds = 50
        options.sendHighWaterMark = 64
        let socket = try Socket(.router, in: try Context(), options: options)
        try socket.bind(endpoint)
        port = try socket.lastPort() ?? 1
        self.socket = socket
        mutator = Mutator(Self.messages(port: port + 1), seed: seed)
    }

    /// Talks until so many messages are sent.
    consuming func talk(_ count: Int) throws -> Tally {
        while tally.sentCount < count {
            guard let frames = try socket.receive(dontWait: false), let peer = frames.first else {
                continue
            }
            let message = try? WorkerMessage.decode(frames.dropFirst().map(\.bytes))
            answer(message, peer)
            for _ in 0..<20 { send(mutator.message(), peer) }
        }
        return tally
    }

    private mutating func answer(_ message: WorkerMessage?, _ peer: Frame) {
        switch message {
        case .hello:
            tally.helloCount += 1
            send(Self.welcome(port + 1).encode(), peer)
            let task = Task(seed: UInt8(mutator.draw(3)))
            send(task.description().encode(), peer)
            for index in 0..<2 { send(task.chunk(index).encode(), peer) }
        case .chunkRequest(let indices):
            for index in indices { send(Task(seed: 0).chunk(index).encode(), peer) }
        case .ready:
            tally.readyCount += 1
            for bundle in 0..<8 as Range<UInt64> { send(Self.assign(bundle).encode(), peer) }
            // More classes and features than there is memory for: refused, not tried.
            send(Self.assignTooMuch().encode(), peer)
            // Many megabytes that nobody asked for.
            let chunk = CoordinatorMessage.chunk(
                FeatureChunk(index: 0, bytes: [UInt8](repeating: 1, count: 1 << 20))
            ).encode()
            for _ in 0..<200 { send(chunk, peer) }
            send(
                CoordinatorMessage.refused(Refused(code: .unknownWorker, message: "?")).encode(),
                peer)
        case .bundleTrained: tally.resultCount += 1
        case .bundleFailed: tally.failureCount += 1
        case .heartbeat, .goodbye, nil: break
        }
    }

    /// Sends if the other side reads; it may be gone.
    private mutating func send(_ frames: [[UInt8]], _ peer: Frame) {
        tally.sentCount += 1
        let isSent = try? socket.send([peer] + frames.map { Frame($0) }, dontWait: true)
        if isSent == false {
            // It takes its time: so does this.
            _ = try? poll([socket.pollTarget(.readable)], timeoutMilliseconds: 1)
        }
    }

    // MARK: - What it says

    /// Two classes of some rows, a chunk each.
    private struct Task {
        let seed: UInt8

        private func bytes(_ index: Int) -> [UInt8] {
            (0..<64).map { UInt8($0 % 4 == 3 ? 0x3E : ($0 * 7 + index + Int(seed)) & 0xFF) }
        }

        func chunk(_ index: Int) -> CoordinatorMessage {
            .chunk(FeatureChunk(index: index & 0xFF, bytes: bytes(index)))
        }

        func description() -> CoordinatorMessage {
            .features(
                FeatureDescription(
                    manifest: ChunkManifest(
                        .features(FeatureShape(featureCount: 2, classRowCounts: [8, 8])),
                        chunks: (0..<2).map {
                            Chunk(
                                part: $0, first: 0, count: 8, byteCount: 64,
                                hash: HostileCoordinator.hash(BLAKE2b.digest(bytes($0))))
                        }),
                    training: .epochs(HeadHyperparameters(epochCount: 1, seed: UInt64(seed))),
                    broadcastComplete: seed != 1))
        }
    }

    private static func hash(_ bytes: [UInt8]) -> ContentHash {
        guard let hash = ContentHash(bytes) else { preconditionFailure("a hash has 32 bytes") }
        return hash
    }

    private static func welcome(_ port: UInt16) -> CoordinatorMessage {
        .welcome(
            Welcome(
                runID: [UInt8](repeating: 5, count: 16), workerNumber: 1,
                heartbeatMilliseconds: 50, featurePort: port, featuresReady: true))
    }

    private static func assign(_ bundle: UInt64) -> CoordinatorMessage {
        .assign(
            BundleAssignment(
                bundle: bundle, attempt: 1, content: .heads([HeadKey(ClassSet([0, 1]))])))
    }

    private static func assignTooMuch() -> CoordinatorMessage {
        .assign(
            BundleAssignment(
                bundle: 99, attempt: 1,
                content: .heads(
                    (0..<2_000).map { HeadKey(ClassSet(Array(0..<127) + [127 + $0])) })))
    }

    /// Features that would fill the memory of any machine, if anybody took it for them.
    private static func features(rowCount: Int) -> CoordinatorMessage {
        .features(
            FeatureDescription(
                manifest: ChunkManifest(
                    .features(FeatureShape(featureCount: 65_536, classRowCounts: [rowCount, 0])),
                    chunks: (0..<rowCount / 4).map {
                        Chunk(
                            part: 0, first: 4 * $0, count: 4, byteCount: 1 << 20,
                            hash: hash([UInt8](repeating: 1, count: ContentHash.byteCount)))
                    }),
                training: .epochs(HeadHyperparameters(epochCount: 1_000_000, seed: 1)),
                broadcastComplete: true))
    }

    private static func messages(port: UInt16) -> [[[UInt8]]] {
        var messages: [CoordinatorMessage] = [
            welcome(port), .broadcastComplete, .finished(.aborted(reason: "no")),
            .heartbeat(incarnation: 1), features(rowCount: 40_000), features(rowCount: 4_000),
            .refused(Refused(code: .malformed, message: "no")), assignTooMuch(),
        ]
        for seed in 0..<3 as Range<UInt8> { messages.append(Task(seed: seed).description()) }
        for index in 0..<4 { messages.append(Task(seed: 0).chunk(index)) }
        for bundle in 0..<8 as Range<UInt64> {
            messages.append(assign(bundle))
            messages.append(.revoke(bundle: bundle, attempt: 1, mayFinish: bundle % 2 == 0))
            messages.append(.acknowledge(bundle: bundle, attempt: 1))
        }
        return messages.map { $0.encode() }
    }
}
