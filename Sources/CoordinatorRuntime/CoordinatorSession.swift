import FeatureStore
import HeadPlan
import Scheduling
import WireProtocol

/// The coordinator's side of the protocol, without sockets, clocks and threads.
///
/// Knows who is connected, takes features to them, translates between messages and the scheduler,
/// checks and keeps heads. Whatever a peer sends is answered, counted or ignored; nothing traps.
struct CoordinatorSession {
    /// A connection, by the identity that the control socket gave it.
    struct PeerID: Hashable, Sendable {
        let bytes: [UInt8]
    }

    enum Event {
        /// A message from a peer, as frames.
        case received([[UInt8]], from: PeerID)
        /// A message could not be sent: the peer is gone or does not read.
        case unreachable(PeerID)
        /// Somebody subscribed to the broadcast, or unsubscribed (-1).
        case subscriptions(change: Int)
        /// The features are there: the head phase begins.
        case serve(HeadJob)
        /// The run is given up.
        case abort(reason: String)
        case tick
    }

    enum Action {
        case send(CoordinatorMessage, to: PeerID)
        /// Send a chunk to one peer.
        case sendChunk(Int, to: PeerID)
        /// Send a chunk to all subscribers.
        case publish(Int)
        case log(LogLevel, String)
        /// All heads are there.
        case finish
    }

    /// A worker that said hello and is not gone.
    struct Peer {
        let id: PeerID
        let worker: WorkerID
        let incarnation: UInt64
        /// Position in the harvest's list.
        let report: Int
        let slotCount: Int
        var isReady = false
        var badMessageCount = 0
    }

    /// A lease as it was sent, for checking its result.
    struct LeaseKey: Hashable {
        let bundle: UInt64
        let attempt: UInt32
    }

    enum Phase {
        /// The backbone is training; workers may join.
        case waiting
        /// Chunks from this one on are to be published.
        case broadcasting(next: Int)
        case serving
        case finished(CoordinatorMessage.Outcome)
    }

    static let heartbeatMilliseconds = 1_000
    /// Messages that break the protocol after which a worker is sent away.
    static let badMessageCountMax = 3
    /// How long the broadcast waits for everybody who joined to subscribe.
    static let subscriptionGraceSeconds = 0.3
    /// Chunks published between two looks at the sockets.
    static let publishBurstCount = 8

    let runID: [UInt8]
    let featurePort: UInt16
    let limits = WireLimits()

    var phase = Phase.waiting
    var job: HeadJob?
    var scheduler: HeadScheduler?
    var liveness = WorkerLiveness(
        intervalSeconds: Double(heartbeatMilliseconds) / 1_000, missCountMax: 3)
    var peers: [PeerID: Peer] = [:]
    var identities: [WorkerID: PeerID] = [:]
    var nextWorker: UInt64 = 1
    var subscriptionCount = 0
    var servedAt = SchedulerInstant.start
    var leasingAt: SchedulerInstant?
    /// Workers whose readiness ends the measured broadcast.
    var awaited: Set<WorkerID> = []
    var leases: [LeaseKey: [HeadID]] = [:]
    var harvest = HeadHarvest(heads: [])
    var acceptedCount = 0
    var acceptedFlops = 0.0
    /// Messages from nobody that made no sense.
    var strangerCount = 0

    init(runID: [UInt8], featurePort: UInt16) {
        self.runID = runID
        self.featurePort = featurePort
    }

    /// The one mutator.
    mutating func handle(_ event: Event, at now: SchedulerInstant) -> [Action] {
        switch event {
        case .received(let frames, let peer):
            return receive(frames, from: peer, at: now)
        case .unreachable(let id):
            guard let peer = peers[id] else { return [] }
            return [.log(.warning, "worker \(name(of: peer)) cannot be reached")]
                + drop(peer, because: .lost, at: now)
        case .subscriptions(let change):
            subscriptionCount += change
            return []
        case .serve(let job):
            return serve(job, at: now)
        case .abort(let reason):
            guard !isFinished else { return [] }
            return end(.aborted(reason: reason))
        case .tick:
            return tick(at: now)
        }
    }

    /// Whether there is something to do without waiting for a message.
    var isBroadcasting: Bool {
        if case .broadcasting(let next) = phase { return next > 0 || isAudienceComplete }
        return false
    }

    var isFinished: Bool {
        if case .finished = phase { return true }
        return false
    }

    var isAudienceComplete: Bool { subscriptionCount >= peers.count && !peers.isEmpty }

    func name(of peer: Peer) -> String { harvest.workers[peer.report].name }

    /// Peers in the order of joining.
    var orderedPeers: [Peer] { peers.values.sorted { $0.worker < $1.worker } }
}

extension CoordinatorSession {
    private mutating func tick(at now: SchedulerInstant) -> [Action] {
        var actions: [Action] = []
        for case .declareLost(let worker) in liveness.handle(.tick, at: now) {
            guard let id = identities[worker], let peer = peers[id] else { continue }
            actions.append(.log(.warning, "worker \(name(of: peer)) fell silent"))
            actions += drop(peer, because: .lost, at: now)
        }
        actions += continueBroadcast(at: now)
        if scheduler != nil { actions += schedule(.tick, at: now) }
        return actions
    }

    private mutating func receive(
        _ frames: [[UInt8]], from id: PeerID, at now: SchedulerInstant
    ) -> [Action] {
        let message: WorkerMessage
        do {
            message = try WorkerMessage.decode(frames, limits)
        } catch {
            return reject(error, from: id, at: now)
        }
        if case .hello(let hello) = message { return welcome(hello, from: id, at: now) }
        guard let peer = peers[id] else {
            if case .goodbye = message { return [] }
            return [
                .send(
                    .refused(Refused(code: .unknownWorker, message: "say hello first")), to: id)
            ]
        }
        _ = liveness.handle(.heard(peer.worker), at: now)
        switch message {
        case .hello:
            return []
        case .heartbeat(let heartbeat):
            harvest.workers[peer.report].peakRSSByteCount = heartbeat.peakRSSByteCount
            harvest.workers[peer.report].receivedByteCount = heartbeat.receivedByteCount
            return [.send(.heartbeat(incarnation: heartbeat.incarnation), to: id)]
        case .chunkRequest(let indices):
            let count = job?.chunks.manifest.chunks.count ?? 0
            return indices.filter { $0 < count }.map { .sendChunk($0, to: id) }
        case .ready:
            return becameReady(peer, at: now)
        case .bundleTrained(let result):
            return receive(result, from: peer, at: now)
        case .bundleFailed(let failure):
            let bundle = BundleID(failure.bundle)
            let attempt = failure.attempt
            if failure.isDeclined {
                return schedule(.leaseDeclined(bundle, attempt: attempt, by: peer.worker), at: now)
            }
            return [.log(.warning, "worker \(name(of: peer)) failed: \(failure.reason)")]
                + schedule(.bundleFailed(bundle, attempt: attempt, by: peer.worker), at: now)
        case .goodbye:
            return [.log(.info, "worker \(name(of: peer)) left")]
                + drop(peer, because: .departed, at: now)
        }
    }

    /// Counts a message that is none; a worker that sends several is sent away.
    private mutating func reject(
        _ error: WireError, from id: PeerID, at now: SchedulerInstant
    ) -> [Action] {
        harvest.rejectedCount += 1
        if error.code == .versionMismatch {
            return [
                .log(.warning, "a worker was refused: \(error.message)"),
                .send(
                    .refused(Refused(code: .versionMismatch, message: error.message)), to: id),
            ]
        }
        guard var peer = peers[id] else {
            strangerCount += 1
            // Said once: a scanner must not fill the log.
            return strangerCount == 1
                ? [.log(.warning, "a message from an unknown peer was dropped: \(error.message)")]
                : []
        }
        peer.badMessageCount += 1
        peers[id] = peer
        let actions: [Action] = [
            .log(.warning, "worker \(name(of: peer)): \(error.message)"),
            .send(.refused(Refused(code: .malformed, message: error.message)), to: id),
        ]
        guard peer.badMessageCount >= Self.badMessageCountMax else { return actions }
        return actions + dismiss(peer, "it broke the protocol too often")
            + drop(peer, because: .departed, at: now)
    }

    func dismiss(_ peer: Peer, _ reason: String) -> [Action] {
        [
            .log(.warning, "worker \(name(of: peer)) gets no more work: \(reason)"),
            .send(.refused(Refused(code: .notAccepting, message: reason)), to: peer.id),
        ]
    }

    private mutating func welcome(
        _ hello: Hello, from id: PeerID, at now: SchedulerInstant
    ) -> [Action] {
        if case .finished(let outcome) = phase { return [.send(.finished(outcome), to: id)] }
        var actions: [Action] = []
        if let known = peers[id], known.incarnation == hello.incarnation {
            _ = liveness.handle(.heard(known.worker), at: now)
            return greeting(known)
        }
        // The same process over a new connection, or another one over the same: what was is over.
        for former in orderedPeers where former.incarnation == hello.incarnation || former.id == id
        {
            actions += drop(former, because: .departed, at: now)
        }
        let peer = Peer(
            id: id, worker: WorkerID(nextWorker), incarnation: hello.incarnation,
            report: harvest.workers.count, slotCount: max(1, min(hello.slotCount, 1_024)))
        nextWorker += 1
        harvest.workers.append(
            WorkerReport(
                name: hello.name, host: hello.host, isa: hello.isa,
                threadCount: hello.threadCount))
        peers[id] = peer
        identities[peer.worker] = id
        _ = liveness.handle(.heard(peer.worker), at: now)
        actions.append(
            .log(
                .info,
                "worker \(hello.name) joined: \(hello.host), \(hello.isa), threads: \(hello.threadCount)"
            ))
        actions += greeting(peer)
        actions += schedule(.workerJoined(peer.worker, slotCount: peer.slotCount), at: now)
        return actions
    }

    private func greeting(_ peer: Peer) -> [Action] {
        let welcome = Welcome(
            runID: runID, workerNumber: peer.worker.rawValue,
            heartbeatMilliseconds: Self.heartbeatMilliseconds, featurePort: featurePort,
            featuresReady: job != nil)
        let features = featureMessage.map { Action.send($0, to: peer.id) }
        return [.send(.welcome(welcome), to: peer.id)] + (features.map { [$0] } ?? [])
    }

    /// Forgets a connection and gives its leases back.
    mutating func drop(
        _ peer: Peer, because departure: HeadScheduler.Departure, at now: SchedulerInstant
    ) -> [Action] {
        peers[peer.id] = nil
        identities[peer.worker] = nil
        awaited.remove(peer.worker)
        harvest.workers[peer.report].state = .gone
        _ = liveness.handle(.left(peer.worker), at: now)
        return schedule(.workerLeft(peer.worker, because: departure), at: now)
    }
}
