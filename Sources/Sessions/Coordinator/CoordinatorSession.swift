package import Heads
package import Numerics
package import Scheduling
package import WireProtocol

/// The coordinator's side of the protocol, without sockets, clocks and threads.
///
/// Knows who is connected, takes features to them, translates between messages and the scheduler,
/// checks and keeps heads. Whatever a peer sends is answered, counted or ignored; nothing traps, and
/// nothing a peer does makes it remember more than the constants below allow.
package struct CoordinatorSession: Sendable {
    /// A connection, by the identity that the control socket gave it.
    package struct PeerID: Hashable, Sendable {
        /// The identity.
        package let bytes: [UInt8]

        /// The connection of this identity.
        package init(bytes: [UInt8]) {
            self.bytes = bytes
        }
    }

    /// What happened.
    package enum Event: Sendable {
        /// A message from a peer, as frames.
        case received([[UInt8]], from: PeerID)
        /// Bytes came from these peers, whether or not they make up a whole message yet.
        case bytesArrived(from: [PeerID])
        /// A message could not be sent: the peer is gone or does not read.
        case unreachable(PeerID)
        /// A peer may not take part any more, for a reason outside the protocol.
        case expelled(PeerID, reason: String)
        /// A message has been handed to the socket, as so many bytes.
        case sent(CoordinatorMessage, byteCount: Int)
        /// Somebody subscribed to the broadcast, or unsubscribed (-1).
        case subscriptions(change: Int)
        /// The features are there, or the materials of tasks: the work begins.
        case serve(any WorkSource)
        /// The heads of all batches up to this number are on disk.
        case stored(through: Int)
        /// Held work may be given out now.
        case released([WorkID])
        /// This machine trained heads that were in dispute.
        case refereed([Head])
        /// The run is given up.
        case abort(reason: String)
        /// Of the workers that were started with the run only so many have not ended for good; whether an
        /// earlier start of it may have had others.
        case startedWorkersEnded(names: Set<String>, remaining: Int = 0, expectsOthers: Bool)
        case tick
    }

    /// What the network loop is to do, in order.
    package enum Action: Equatable, Sendable {
        case send(CoordinatorMessage, to: PeerID)
        /// Send a chunk to one peer.
        case sendChunk(Int, to: PeerID)
        /// Send a chunk to all subscribers.
        case publish(Int)
        /// Tell all subscribers, behind the last chunk, that no more are published.
        case publishEnd
        /// Bring heads to the disk, then say so with ``Event/stored(through:)``.
        case store(HeadBatch)
        /// Train heads on this machine, then say so with ``Event/refereed(_:)``.
        case referee([HeadKey])
        case log(LogLevel, String)
        /// All heads are on disk, or given up.
        case finish
    }

    /// A worker that said hello and is not gone.
    struct Peer: Sendable {
        let id: PeerID
        let worker: WorkerID
        let incarnation: UInt64
        /// Position in the list of workers.
        let report: Int
        let slotCount: Int
        var isReady = false
        var badMessageCount = 0
        /// Why the last of its bundles came to nothing, for whoever asks why it was sent away.
        var lastFailure: String?
        /// When its hello was last answered.
        var greetedAt: Instant
        /// When the features were last described to it; nil until it is its turn to get them.
        var describedAt: Instant?
        /// How long it may take from then on to say it is ready before they are described again.
        var describeAgainSeconds = CoordinatorSession.describeAgainSeconds
    }

    enum Phase: Sendable {
        /// The backbone is training; workers may join.
        case waiting
        /// Chunks from this one on are to be published.
        case broadcasting(next: Int)
        case serving
        /// All heads are there, or given up, and some not on disk yet.
        case storing
        case finished(CoordinatorMessage.Outcome)
    }

    /// How often workers are to be heard.
    package static let heartbeatMilliseconds = 1_000
    /// Messages that break the protocol after which a worker is sent away.
    package static let badMessageCountMax = 3
    /// Workers at one time, and lines in the list of all there ever were.
    package static let workerCountMax = 4_096
    /// Leases of gone workers that are remembered: a late result is as good as any.
    package static let formerLeaseCountMax = 4_096
    /// Answered leases that are remembered: an answer may come again if it was not acknowledged.
    package static let answeredLeaseCountMax = 4_096
    /// Gone connections and workers sent away that are remembered.
    package static let formerPeerCountMax = 1_024
    /// Log lines about peers in one second; more are only counted.
    package static let noteCountMax = 40
    /// Chunks published between two looks at the sockets.
    package static let publishBurstCount = 8
    /// How long the broadcast waits for everybody who joined to subscribe.
    static let subscriptionGraceSeconds = 0.3
    /// A worker says hello once a second; what comes faster is not answered.
    static let greetingSecondsMin = 0.25
    /// How long a worker may take to say it is ready before the features are described again, and then
    /// twice as long each time: a broken connection may have taken the description, or the answer, with
    /// it, but a slow one has not.
    static let describeAgainSeconds = 5.0
    /// How long a lease may be missing among what its worker says it is at, until it is asked.
    static let inquirySeconds = 10.0
    /// Of one result, whatever a worker says: ten days.
    static let busySecondsMax = 864_000.0
    /// Between two ticks of the scheduler.
    static let schedulerTickSeconds = 0.25

    let runID: [UInt8]
    let featurePort: UInt16
    /// Where workers connect to, for people.
    let endpoint: String
    /// What starts a worker, for people.
    let joinCommand: String
    /// How long to wait for workers at most; nil is for ever.
    let waitLimit: WaitLimit?
    let limits = WireLimits()

    var phase = Phase.waiting
    var job: (any WorkSource)?
    var scheduler: HeadScheduler?
    var liveness = WorkerLiveness(
        intervalSeconds: Double(heartbeatMilliseconds) / 1_000, missCountMax: 3)
    var peers: [PeerID: Peer] = [:]
    var identities: [WorkerID: PeerID] = [:]
    /// Since when fewer workers are there than are needed; nil while there are enough.
    var shortSince: Instant? = .start
    var loss: Loss?
    var nextWorker: UInt64 = 1
    /// Gone connections by identity, for late results; bounded by the ring.
    var formerPeers: [PeerID: Peer] = [:]
    var formerPeerRing = Ring<PeerID>(capacity: formerPeerCountMax)
    /// Incarnations of workers that were sent away.
    var dismissedRing = Ring<UInt64>(capacity: formerPeerCountMax)
    /// Unanswered leases of workers that are there, and of those gone as many as are remembered.
    var leases = LeaseBook(formerCountMax: formerLeaseCountMax)
    var storage = Storage()
    var disputes = Disputes()
    var subscriptionCount = 0
    var servedAt = Instant.start
    var schedulerTickAt = Instant.start
    var leasingAt: Instant?
    /// Who gets the features now, and who has to wait.
    var transfers = FeatureTransfers()
    /// Workers whose readiness ends the measured broadcast.
    var awaited: Set<WorkerID> = []
    var acceptedCount = 0
    var acceptedFlops = 0.0
    /// Messages from nobody that made no sense.
    var strangerCount = 0
    var notes = Notes()
    var wait = Wait()
    /// What the head phase has brought so far.
    package internal(set) var collected = CollectedHeads(products: [])

    /// A session before its first worker.
    ///
    /// - Parameters:
    ///   - endpoint: where workers connect to, for the log.
    ///   - joinCommand: what starts a worker, for the log; nil where the endpoint is enough.
    ///   - waitLimit: how long to wait for workers at most; nil is for ever.
    package init(
        runID: [UInt8], featurePort: UInt16, endpoint: String,
        joinCommand: String? = nil, waitLimit: WaitLimit? = nil
    ) {
        self.runID = runID
        self.featurePort = featurePort
        self.endpoint = endpoint
        self.joinCommand = joinCommand ?? "worker --connect \(endpoint)"
        self.waitLimit = waitLimit
    }

    /// The one mutator.
    package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        switch event {
        case .received(let frames, let peer):
            return receive(frames, from: peer, at: now)
        case .bytesArrived(let ids):
            for id in ids {
                if let peer = peers[id] { _ = liveness.handle(.heard(peer.worker), at: now) }
            }
            return []
        case .unreachable(let id):
            guard let peer = peers[id] else { return [] }
            return note(.warning, "worker \(name(of: peer)) cannot be reached", at: now)
                + drop(peer, because: .lost, at: now)
        case .expelled(let id, let reason):
            guard let peer = peers[id] else { return [] }
            return expel(peer, reason, at: now)
        case .sent(let message, let byteCount):
            countControl(message, byteCount: byteCount)
            return []
        case .subscriptions(let change):
            // A subscriber may take back what it never asked for.
            subscriptionCount = max(0, subscriptionCount + change)
            return []
        case .serve(let job):
            return serve(job, at: now)
        case .stored(let number):
            return stored(through: number, at: now)
        case .released(let work):
            return schedule(.released(work), at: now)
        case .refereed(let heads):
            return judge(heads, at: now)
        case .abort(let reason):
            guard !isFinished else { return [] }
            return end(.aborted(reason: reason), at: now)
        case .startedWorkersEnded(let names, let remaining, let expectsOthers):
            loss = Loss(
                names: names, remaining: remaining, expectsOthers: expectsOthers, since: now)
            return []
        case .tick:
            return tick(at: now)
        }
    }

    /// Whether there is something to do without waiting for a message.
    package var isBroadcasting: Bool {
        if case .broadcasting(let next) = phase { return next > 0 || isAudienceComplete }
        return false
    }

    /// Whether the run is over; whoever still says something is told so.
    package var isFinished: Bool {
        if case .finished = phase { return true }
        return false
    }

    /// Leases that are remembered, those of gone workers included.
    package var leaseCount: Int { leases.count }

    /// Workers that are there.
    package var peerCount: Int { peers.count }

    /// Whether a worker is there over this connection.
    package func knows(_ id: PeerID) -> Bool { peers[id] != nil }

    /// The connections of workers that are there.
    package var peerIDs: Set<PeerID> { Set(peers.keys) }

    var isAudienceComplete: Bool { subscriptionCount >= peers.count && !peers.isEmpty }

    /// Whether no more chunks are published.
    package var isBroadcastOver: Bool {
        if case .serving = phase { return true }
        return isFinished
    }

    /// Workers that are there and receive the broadcast.
    package var audienceCount: Int { min(subscriptionCount, peers.count) }

    func name(of peer: Peer) -> String { collected.workers[peer.report].name }

    mutating func record(_ event: RunEvent) { collected.timeline.record(event) }

    /// Peers in the order of joining.
    var orderedPeers: [Peer] { peers.values.sorted { $0.worker < $1.worker } }

    private mutating func tick(at now: Instant) -> [Action] {
        guard !isFinished else { return [] }
        var actions = notes.summary(at: now)
        for case .declareLost(let worker) in liveness.handle(.tick, at: now) {
            guard let id = identities[worker], let peer = peers[id] else { continue }
            actions += note(.warning, "worker \(name(of: peer)) fell silent", at: now)
            actions += drop(peer, because: .lost, at: now)
        }
        actions += continueBroadcast(at: now)
        actions += transfer(.tick, at: now)
        // The network loop ticks after every message; leases do not expire that fast.
        if now.seconds(since: schedulerTickAt) >= Self.schedulerTickSeconds {
            schedulerTickAt = now
            actions += schedule(.tick, at: now) + giveUpHeldOnceStored(at: now)
        }
        noteShortage(at: now)
        return actions + complainOfWaiting(at: now)
    }
}
