import FeatureStore
import Foundation
import Heads
import Numerics
import Scheduling
import Sessions
import System
import WireProtocol
import ZeroMQ

/// The sockets and the loop over them.
struct NetworkLoop: ~Copyable {
    /// Messages taken from a socket before something else gets its turn.
    private static let burstCount = 64
    private static let tickMilliseconds = 100
    private static let chunkPauseMilliseconds = 2
    /// How long chunks that are read from a disk may keep the sockets waiting.
    private static let chunkBurstLimit = Duration.milliseconds(50)
    /// Messages queued for one worker; one that reads none is given up when they are full.
    private static let controlHighWaterMark: Int32 = 1_024
    /// Messages queued from one worker: with what a message may hold, a hostile one's memory.
    private static let receiveHighWaterMark: Int32 = 16
    /// How long messages of a peer that is gone are looked for among those of the others.
    private static let lastWordsLimit = Duration.milliseconds(100)
    /// Between two commits of what happened; with the heads' own, the disk has little to do.
    private static let journalingInterval = Duration.seconds(2)
    private static let cannotStore = "the coordinator cannot store heads"
    private static let cannotRead = "the coordinator cannot read the features any more"
    private static let cannotTrain = "the coordinator cannot train heads"
    /// How long farewells may take to leave.
    private static let lingerMilliseconds: Int32 = 1_000
    /// The same on slow links.
    private static let farewellLimit = Duration.seconds(10)

    let endpoint: String
    private let context: Context
    private let control: Socket
    private var broadcast: BroadcastOutlet
    /// Only in an encrypted run, and with it what tells of failed handshakes.
    private let door: AccessControl?
    private let controlMonitor: SocketMonitor?
    private let observer: any SessionObserver
    private let inbox: Mailbox<CoordinatorLink.Command>
    private let topic: Frame
    private let origin: ContinuousClock.Instant
    private var session: CoordinatorSession
    private var job: (any WorkSource)?
    private var chunks: (any ChunkSource)?
    private var outlet: ChunkOutlet?
    private var store: (any ProductStore)?
    /// Why the run is given up, if for a reason of ours.
    private var failure: (any Error)?
    /// Why the run ends if too few others come, once some of those started here have ended for good.
    private var orphaned: (error: RunError, remaining: Int)?
    private var referee: Referee?
    private var isAborted = false
    /// Who was told that the run is over and has not said goodbye; nil until it is over.
    ///
    /// The connections stay open until all have, or the time is over: a worker whose connection
    /// breaks loses what it has not read yet, the farewell too, and would wait for ever.
    private var leaving: Set<CoordinatorSession.PeerID>?
    private var awaited: (CoordinatorLink.Milestone, AsyncStream<Void>.Continuation)?
    /// Who could not be sent a message, and since when.
    private var unreachable: [CoordinatorSession.PeerID: ContinuousClock.Instant] = [:]
    private var lastReport = ContinuousClock.now
    /// Events that are in the journal, or on their way.
    private var journaledCount = 0
    private var lastJournaling = ContinuousClock.now
    private var connections: ConnectionGuard
    /// Whether the control socket had nothing more to read when it was last read.
    private var isDrained = true
    /// The features' description as it goes out: one copy, however many peers ask and do not read.
    private var described: (message: CoordinatorMessage, frames: [Frame])?

    init(
        bind: String, runID: [UInt8], admission: Admission?, origin: ContinuousClock.Instant,
        waitLimit: WaitLimit?, observer: any SessionObserver,
        inbox: Mailbox<CoordinatorLink.Command>
    ) throws {
        let context = try Context(ioThreadCount: Self.ioThreadCount(isEncrypted: admission != nil))
        let door = try admission.map { try AccessControl($0, in: context, observer: observer) }
        let security = admission.map { CurveSecurity.server($0.pair) }
        var options = SocketOptions()
        options.sendHighWaterMark = Self.controlHighWaterMark
        options.receiveHighWaterMark = Self.receiveHighWaterMark
        options.lingerMilliseconds = Self.lingerMilliseconds
        options.routerMandatory = true
        options.routerHandover = true
        options.security = security
        // A message's envelope and identity beside the largest result.
        options.receivedByteCountMax = WireLimits().resultByteCountMax + 2 << 20
        // libzmq binds addresses, not names.
        let bind = try TCPEndpoint(bind, option: "--bind", example: "tcp://127.0.0.1:5555")
            .toListenAt()
        options.usesIPv6 = bind.needsIPv6
        let control = try Socket(.router, in: context, options: options)
        let controlMonitor =
            door == nil ? nil : try SocketMonitor(control, in: context, name: "control")
        if door != nil { try control.bind(AccessControl.backDoor) }
        let endpoint = try control.bind(bind.description)
        let topic = WireProtocol.featureTopic(runID: runID)
        let broadcast = try BroadcastOutlet(
            try Self.broadcastEndpoint(bind), topic: topic, security: security, in: context)
        self.origin = origin
        self.endpoint = endpoint
        self.context = context
        connections = ConnectionGuard(control: control, broadcast: broadcast)
        self.control = control
        let invitation = Invitation(endpoint, admission)
        session = CoordinatorSession(
            runID: runID, featurePort: broadcast.port, endpoint: invitation.endpoint,
            joinCommand: invitation.command, waitLimit: waitLimit)
        self.broadcast = broadcast
        self.controlMonitor = controlMonitor
        self.door = door
        self.observer = observer
        self.inbox = inbox
        self.topic = Frame(topic)
    }

    /// Threads that move bytes; each encrypts what its connections carry, some 0.3 GB a second.
    ///
    /// Half the cores: with workers on the same two cores a second thread was no faster.
    private static func ioThreadCount(isEncrypted: Bool) -> Int {
        isEncrypted ? max(1, min(4, Processor.availableCoreCount / 2)) : 1
    }

    /// The port after the control port; a free one if that is to be free.
    private static func broadcastEndpoint(_ bind: TCPEndpoint) throws(RunError) -> TCPEndpoint {
        guard bind.port < UInt16.max else {
            throw .usage("--bind needs the port after its own for the broadcast; 65535 has none")
        }
        return TCPEndpoint(host: bind.host, port: bind.port == 0 ? 0 : bind.port + 1)
    }

    private var now: Instant {
        Instant.start.advanced(bySeconds: origin.duration(to: .now) / .seconds(1))
    }

    mutating func run() throws -> CollectedHeads {
        defer { referee?.stop() }
        while !session.isFinished { try turn() }
        if job != nil, let progress = session.progress(at: now) { observer.observe(progress) }
        try awaitGoodbyes()
        journalEvents()
        if let failure { throw failure }
        if isAborted { throw CancellationError() }
        var collected = session.collected
        collected.refusals = door?.refusals
        return collected
    }

    /// Waits a moment for those who were told that the run is over.
    ///
    /// Longer while bytes reach them: on a slow link the farewell comes behind chunks.
    private mutating func awaitGoodbyes() throws {
        let pause = Duration.milliseconds(Int(Self.lingerMilliseconds))
        let start = ContinuousClock.now
        while leaving?.isEmpty == false, .now < max(start, connections.lastSentAt) + pause,
            .now < start + Self.farewellLimit
        {
            try turn()
        }
    }

    /// Waits for something to do, and does it.
    private mutating func turn() throws {
        var targets = [
            control.pollTarget(.readable), broadcast.pollTarget, inbox.pollTarget,
        ]
        targets += [door?.pollTarget, controlMonitor?.pollTarget, broadcast.monitorTarget]
            .compactMap { $0 }
        let found = try poll(
            targets, timeoutMilliseconds: pauseMilliseconds)
        try checkAccess()
        for command in inbox.takeAll() { take(command) }
        isDrained = !found[0].contains(.readable)
        if !isDrained { try receiveControl() }
        let senders = connections.look(isDrained: isDrained, observer)
        if !senders.isEmpty { feed(.bytesArrived(from: senders)) }
        if found[1].contains(.readable) { try receiveSubscriptions() }
        forgetUnreachable(isQuiet: !found[0].contains(.readable))
        sendChunks()
        feed(.tick)
        giveUpIfAlone()
        tellOfMilestone()
        reportProgress()
        if lastJournaling.duration(to: .now) > Self.journalingInterval { journalEvents() }
    }

    /// How long to wait for something to happen.
    private var pauseMilliseconds: Int {
        if session.isBroadcasting { return 0 }
        // Nobody says when a chunk has left.
        return outlet?.isWaiting == true ? Self.chunkPauseMilliseconds : Self.tickMilliseconds
    }

    /// Has what happened since the last time written, without waiting for it.
    private mutating func journalEvents() {
        guard let store else { return }
        lastJournaling = .now
        let events = session.collected.timeline.events(after: journaledCount)
        journaledCount = session.collected.timeline.recordedCount
        if !events.isEmpty { store.record(events) }
    }

    private mutating func take(_ command: CoordinatorLink.Command) {
        switch command {
        case .serve(let job, let chunks, let store):
            self.job = job
            self.chunks = chunks
            outlet = ChunkOutlet(chunks)
            self.store = store
            feed(.serve(job))
        case .stored(let number):
            feed(.stored(through: number))
        case .released(let work):
            feed(.released(work))
        case .refereed(let heads):
            feed(.refereed(heads))
        case .failed(let error, let reason):
            failure = failure ?? error
            feed(.abort(reason: reason))
        case .abort(let reason):
            // What is finished cannot be given up any more.
            isAborted = isAborted || !session.isFinished
            feed(.abort(reason: reason))
        case .giveUpUnlessJoined(let error, let started, let remaining, let expectsOthers):
            // Two that end at once may be reported in either order.
            guard remaining <= orphaned?.remaining ?? .max else { return }
            orphaned = (error, remaining)
            feed(
                .startedWorkersEnded(
                    names: started, remaining: remaining, expectsOthers: expectsOthers))
        case .tell(let milestone, let continuation):
            awaited = (milestone, continuation)
        }
    }

    /// Ends a run that lacks workers: those started here have ended and nobody else is expected, or
    /// nobody came for as long as they may take.
    private mutating func giveUpIfAlone() {
        let error: RunError
        if let orphaned, session.isDeserted(at: now) {
            error = orphaned.error
        } else if let reason = session.endOfWait(at: now) {
            error = RunError(.unavailable, "\(reason); what is trained is kept")
        } else {
            return
        }
        failure = failure ?? error
        feed(.abort(reason: error.message))
    }

    private mutating func tellOfMilestone() {
        guard let (milestone, continuation) = awaited else { return }
        switch milestone {
        case .audience(let count):
            guard session.audienceCount >= count else { return }
        case .broadcastOver:
            guard session.isBroadcastOver else { return }
        }
        continuation.finish()
        awaited = nil
    }

    private mutating func receiveControl() throws(ZeroMQError) {
        for _ in 0..<Self.burstCount {
            let frames: [Frame]
            do throws(ZeroMQError) {
                guard let received = try control.receive() else {
                    isDrained = true
                    return
                }
                frames = received
            } catch  where error.code == .messageTooLarge {
                observer.log(.warning, "a message was dropped: \(error.message)")
                continue
            }
            guard let identity = frames.first else { continue }
            let peer = CoordinatorSession.PeerID(bytes: identity.bytes)
            if let door, !door.admits(frames, from: peer) {
                try expel(peer, from: door)
                continue
            }
            let message = frames.dropFirst().map(\.bytes)
            feed(.received(message, from: peer))
            if leaving != nil, case .goodbye? = try? WorkerMessage.decode(message) {
                leaving?.remove(peer)
            }
        }
    }

    private mutating func receiveSubscriptions() throws(ZeroMQError) {
        for change in try broadcast.receiveSubscriptions(countMax: Self.burstCount) {
            feed(.subscriptions(change: change))
        }
    }

    /// Answers connecting peers, and shuts those out whose keys are not on the list any more.
    private mutating func checkAccess() throws(ZeroMQError) {
        guard let door else { return }
        try door.answer()
        if let next = controlMonitor { try door.count(next) }
        try broadcast.count(door)
        broadcast.bindIfNeeded()
        door.prune { session.knows($0) }
        guard let changes = door.changes(isKnown: { session.knows($0) }) else { return }
        for peer in changes.expelled { try expel(peer, from: door) }
        if changes.isBroadcastOpen {
            feed(.subscriptions(change: -(try broadcast.renew())))
            connections.watch(broadcast)
        }
    }

    private mutating func expel(
        _ peer: CoordinatorSession.PeerID, from door: AccessControl
    ) throws(ZeroMQError) {
        feed(.expelled(peer, reason: "its key is not on the list of those who may join any more"))
        leaving?.remove(peer)
        try door.cutOff(peer)
    }

    private mutating func feed(_ event: CoordinatorSession.Event) {
        let actions = session.handle(event, at: now)
        // Before a farewell leaves: its answer may be read in the same turn.
        if session.isFinished && leaving == nil { leaving = session.peerIDs }
        for action in actions { perform(action) }
    }

    private mutating func perform(_ action: CoordinatorSession.Action) {
        switch action {
        case .send(let message, let peer):
            switch message {
            case .features, .materials: return send(description(message), to: peer)
            default: break
            }
            let frames = message.encode()
            feed(.sent(message, byteCount: WireProtocol.byteCount(ofMessage: frames)))
            send(frames.map { Frame($0) }, to: peer)
        case .sendChunk(let index, let peer):
            outlet?.take(index, for: peer)
        case .publish(let index):
            if let frames = chunk(index) { broadcast.publish([topic] + frames) }
        case .publishEnd:
            let end = CoordinatorMessage.broadcastComplete.encode()
            broadcast.publish([topic] + end.map { Frame($0) })
        case .store(let batch):
            keep(batch)
        case .referee(let heads):
            train(heads)
        case .log(let level, let text):
            observer.log(level, text)
        case .finish:
            // The session says so itself.
            break
        }
    }

    private mutating func description(_ message: CoordinatorMessage) -> [Frame] {
        if let described, described.message == message { return described.frames }
        let frames = message.encode().map { Frame($0) }
        described = (message, frames)
        return frames
    }

    /// Has a batch written; that it is comes back through the mailbox, in order.
    private func keep(_ batch: HeadBatch) {
        let inbox = inbox
        guard let store else { return inbox.post(.stored(through: batch.number)) }
        store.store(batch) { result in
            switch result {
            case .success: inbox.post(.stored(through: batch.number))
            case .failure(let error): inbox.post(.failed(error, reason: Self.cannotStore))
            }
        }
    }

    /// Has heads trained on this machine; what comes of it comes through the mailbox.
    private mutating func train(_ heads: [HeadKey]) {
        let inbox = inbox
        do throws(RunError) {
            if referee == nil, let job = job as? HeadJob,
                let features = chunks as? any FeatureChunkSource
            {
                referee = try Referee(job, features)
            }
        } catch {
            return inbox.post(.failed(error, reason: Self.cannotTrain))
        }
        referee?.train(heads) { result in
            switch result {
            case .success(let trained): inbox.post(.refereed(trained))
            case .failure(let error): inbox.post(.failed(error, reason: Self.cannotTrain))
            }
        }
    }

    private mutating func send(_ frames: [Frame], to peer: CoordinatorSession.PeerID) {
        do throws(ZeroMQError) {
            guard try !control.send([Frame(peer.bytes)] + frames) else { return }
        } catch {
            leaving?.remove(peer)
            guard error.code != .unroutable || !session.isFinished else { return }
        }
        // Full or gone; what it said before it went, goodbye perhaps, is read first.
        if unreachable[peer] == nil { unreachable[peer] = .now }
    }

    /// Has the session forget peers that cannot be reached and have nothing left to say.
    ///
    /// Between events, so that what the loss of a peer sends never overtakes an event's own actions.
    private mutating func forgetUnreachable(isQuiet: Bool) {
        for (peer, since) in unreachable
        where isQuiet || since.duration(to: .now) > Self.lastWordsLimit {
            unreachable[peer] = nil
            feed(.unreachable(peer))
        }
    }

    /// Answers requests for chunks, as far as memory allows; the others in the next turn.
    private mutating func sendChunks() {
        let end = ContinuousClock.now + Self.chunkBurstLimit
        while .now < end, let request = outlet?.next() {
            // Who is gone asks again when it is back.
            guard session.knows(request.peer), let frames = chunk(request.index) else { continue }
            send(frames, to: request.peer)
        }
    }

    /// A chunk as it goes out; nil where there is none any more, which ends the run.
    private mutating func chunk(_ index: Int) -> [Frame]? {
        do {
            return try outlet?.frames(of: index)
        } catch {
            guard failure == nil else { return nil }
            failure = error
            feed(.abort(reason: Self.cannotRead))
            return nil
        }
    }

    private mutating func reportProgress() {
        guard job != nil, !session.isFinished, lastReport.duration(to: .now) > .milliseconds(200),
            let progress = session.progress(at: now)
        else { return }
        lastReport = .now
        observer.observe(progress)
    }
}
