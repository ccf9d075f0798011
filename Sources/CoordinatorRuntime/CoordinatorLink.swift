import FeatureStore
import Reporting
import RunStore
import Scheduling
import Synchronization
import Threading
import WireProtocol
import ZeroMQ

/// The coordinator's network thread, from the first worker's hello to the last one's farewell.
///
/// It never computes; what it is told to do comes through a mailbox, what it brings is awaited.
final class CoordinatorLink: Sendable {
    enum Command: Sendable {
        /// Without a writer heads are kept in memory only.
        case serve(HeadJob, JournalWriter?)
        case stored(through: Int)
        case storeFailed(RunStoreError)
        case abort(reason: String)
        /// Finish the stream once that is reached.
        case tell(Milestone, AsyncStream<Void>.Continuation)
    }

    /// What can be waited for.
    enum Milestone: Sendable {
        /// So many workers are there and receive the broadcast.
        case audience(Int)
        /// The broadcast is over: who joins from now on asks for the features.
        case broadcastOver
    }

    /// How long workers that are started here may take to join.
    static let joiningLimit = Duration.seconds(60)

    /// Where the coordinator's time, and so the run's timeline, begins.
    let origin: ContinuousClock.Instant
    private let thread = ThreadExecutor(name: "network")
    private let inbox: Mailbox<Command>
    private let loop = Mutex<Task<HeadHarvest, any Error>?>(nil)

    init(origin: ContinuousClock.Instant = .now) throws(ZeroMQError) {
        self.origin = origin
        inbox = try Mailbox()
    }

    /// Binds both sockets, starts the thread, and returns the control endpoint workers connect to.
    ///
    /// - Throws: `ZeroMQError` if an address is not to be had.
    func start(bind: String, console: Console) async throws -> String {
        let runID = (0..<Welcome.runIDByteCount).map { _ in UInt8.random(in: 0...255) }
        let (bound, report) = AsyncStream.makeStream(of: Result<String, any Error>.self)
        let inbox = inbox
        let origin = origin
        // Unstructured: it runs beside everything else; harvest() awaits its end.
        let task = Task(executorPreference: thread) { () throws -> HeadHarvest in
            defer { report.finish() }
            do {
                var loop = try NetworkLoop(
                    bind: bind, runID: runID, origin: origin, console: console, inbox: inbox)
                report.yield(.success(loop.endpoint))
                return try loop.run()
            } catch {
                report.yield(.failure(error))
                throw error
            }
        }
        loop.withLock { $0 = task }
        for await result in bound { return try result.get() }
        throw RunError(.internal, "the network thread ended before it began")
    }

    /// Waits for a milestone.
    ///
    /// - Throws: `unavailable` if it is not reached within `limit`.
    func reach(_ milestone: Milestone, within limit: Duration) async throws {
        let (moment, continuation) = AsyncStream.makeStream(of: Void.self)
        inbox.post(.tell(milestone, continuation))
        let isReached = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in moment {}
                return !Task.isCancelled
            }
            group.addTask {
                try await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
        guard isReached else {
            throw RunError(
                .unavailable,
                "the workers did not join within \(limit); look for what keeps them from starting")
        }
    }

    /// An instant of the coordinator's time on the clock of this machine.
    func instant(of moment: SchedulerInstant) -> ContinuousClock.Instant {
        origin + .seconds(moment.seconds(since: .start))
    }

    /// Does the head phase; a cancelled task aborts it and tells the workers.
    ///
    /// - Parameter writer: where each head goes before its worker hears that it was accepted.
    func train(_ job: HeadJob, _ writer: JournalWriter? = nil) async throws -> HeadHarvest {
        inbox.post(.serve(job, writer))
        let harvest = try await withTaskCancellationHandler {
            try await self.harvest()
        } onCancel: {
            abort(reason: "the coordinator was interrupted")
        }
        try Task.checkCancellation()
        return harvest
    }

    /// Gives the run up and tells the workers.
    func abort(reason: String) { inbox.post(.abort(reason: reason)) }

    /// What the head phase brought, once all heads are there.
    ///
    /// - Throws: `CancellationError` after an abort.
    func harvest() async throws -> HeadHarvest {
        guard let task = loop.withLock({ $0 }) else {
            throw RunError(.internal, "the network thread was never started")
        }
        return try await task.value
    }
}

/// The sockets and the loop over them.
private struct NetworkLoop: ~Copyable {
    /// Messages taken from a socket before something else gets its turn.
    private static let burstCount = 64
    private static let tickMilliseconds = 100
    /// Chunks queued for one slow subscriber; further ones are dropped and pulled later.
    private static let broadcastHighWaterMark: Int32 = 4_096
    /// Messages queued for one worker; one that reads none is given up when they are full.
    private static let controlHighWaterMark: Int32 = 1_024
    /// Messages queued from one worker: with what a message may hold, a hostile one's memory.
    private static let receiveHighWaterMark: Int32 = 16
    /// How long messages of a peer that is gone are looked for among those of the others.
    private static let lastWordsLimit = Duration.milliseconds(100)
    /// How long farewells may take to leave.
    private static let lingerMilliseconds: Int32 = 1_000

    let endpoint: String
    private let context: Context
    private let control: Socket
    private let broadcast: Socket
    private let console: Console
    private let inbox: Mailbox<CoordinatorLink.Command>
    private let topic: Frame
    private let origin: ContinuousClock.Instant
    private var session: CoordinatorSession
    private var job: HeadJob?
    private var writer: JournalWriter?
    /// Why the run is given up, if for a reason of ours.
    private var failure: RunStoreError?
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
    private var connections: ConnectionGuard
    /// Whether the control socket had nothing more to read when it was last read.
    private var isDrained = true
    /// The features' description as it goes out: one copy, however many peers ask and do not read.
    private var described: (message: CoordinatorMessage, frames: [Frame])?

    init(
        bind: String, runID: [UInt8], origin: ContinuousClock.Instant, console: Console,
        inbox: Mailbox<CoordinatorLink.Command>
    ) throws {
        let context = try Context()
        var options = SocketOptions()
        options.sendHighWaterMark = Self.controlHighWaterMark
        options.receiveHighWaterMark = Self.receiveHighWaterMark
        options.lingerMilliseconds = Self.lingerMilliseconds
        options.routerMandatory = true
        options.routerHandover = true
        let control = try Socket(.router, in: context, options: options)
        // libzmq binds addresses, not names.
        let bind = bind.replacing("://localhost:", with: "://127.0.0.1:")
        let endpoint = try control.bind(bind)
        options = SocketOptions()
        options.sendHighWaterMark = Self.broadcastHighWaterMark
        options.xpubVerboser = true
        // All a subscriber sends is a topic of some bytes: what a hostile one sends is kept by libzmq.
        options.maxMessageSize = 256
        options.receiveHighWaterMark = 16
        options.lingerMilliseconds = 0
        let broadcast = try Socket(.xpub, in: context, options: options)
        try broadcast.bind(Self.broadcastEndpoint(bind: bind))
        let port = try broadcast.lastPort() ?? 0
        self.origin = origin
        self.endpoint = endpoint
        self.context = context
        connections = ConnectionGuard(control: control, broadcast: broadcast)
        self.control = control
        self.broadcast = broadcast
        self.console = console
        self.inbox = inbox
        topic = Frame(WireProtocol.featureTopic(runID: runID))
        session = CoordinatorSession(runID: runID, featurePort: port, endpoint: endpoint)
    }

    /// The port after the control port; a free one if that is to be free.
    private static func broadcastEndpoint(bind: String) throws(RunError) -> String {
        guard let colon = bind.lastIndex(of: ":"),
            let port = UInt16(bind[bind.index(after: colon)...])
        else {
            throw .usage("--bind must look like tcp://127.0.0.1:5555, not '\(bind)'")
        }
        guard port < UInt16.max else {
            throw .usage("--bind needs the port after its own for the broadcast; 65535 has none")
        }
        return String(bind[...colon]) + String(port == 0 ? 0 : port + 1)
    }

    private var now: SchedulerInstant {
        SchedulerInstant.start.advanced(bySeconds: origin.duration(to: .now) / .seconds(1))
    }

    mutating func run() throws -> HeadHarvest {
        while !session.isFinished { try turn() }
        if job != nil, let progress = session.progress(at: now) { console.show(.heads(progress)) }
        let deadline = ContinuousClock.now + .milliseconds(Int(Self.lingerMilliseconds))
        while leaving?.isEmpty == false, ContinuousClock.now < deadline { try turn() }
        if let failure { throw failure }
        if isAborted { throw CancellationError() }
        return session.harvest
    }

    /// Waits for something to do, and does it.
    private mutating func turn() throws {
        let found = try poll(
            [
                control.pollTarget(.readable), broadcast.pollTarget(.readable),
                inbox.pollTarget,
            ], timeoutMilliseconds: session.isBroadcasting ? 0 : Self.tickMilliseconds)
        for command in inbox.takeAll() { take(command) }
        isDrained = !found[0].contains(.readable)
        if !isDrained { try receiveControl() }
        connections.look(isDrained: isDrained, console)
        if found[1].contains(.readable) { try receiveSubscriptions() }
        forgetUnreachable(isQuiet: !found[0].contains(.readable))
        feed(.tick)
        tellOfMilestone()
        reportProgress()
    }

    private mutating func take(_ command: CoordinatorLink.Command) {
        switch command {
        case .serve(let job, let writer):
            self.job = job
            self.writer = writer
            feed(.serve(job))
        case .stored(let number):
            feed(.stored(through: number))
        case .storeFailed(let error):
            failure = failure ?? error
            feed(.abort(reason: "the coordinator cannot store heads"))
        case .abort(let reason):
            // What is finished cannot be given up any more.
            isAborted = isAborted || !session.isFinished
            feed(.abort(reason: reason))
        case .tell(let milestone, let continuation):
            awaited = (milestone, continuation)
        }
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
                console.log(.warning, "a message was dropped: \(error.message)")
                continue
            }
            guard let identity = frames.first else { continue }
            let peer = CoordinatorSession.PeerID(bytes: identity.bytes)
            let message = frames.dropFirst().map(\.bytes)
            feed(.received(message, from: peer))
            if leaving != nil, case .goodbye? = try? WorkerMessage.decode(message) {
                leaving?.remove(peer)
            }
        }
    }

    private mutating func receiveSubscriptions() throws(ZeroMQError) {
        for _ in 0..<Self.burstCount {
            let frames: [Frame]
            do throws(ZeroMQError) {
                guard let received = try broadcast.receive() else { return }
                frames = received
            } catch  where error.code == .messageTooLarge {
                continue
            }
            switch SubscriptionChange(frames) {
            case .subscribed(let topic) where topic == self.topic.bytes:
                feed(.subscriptions(change: 1))
            case .unsubscribed(let topic) where topic == self.topic.bytes:
                feed(.subscriptions(change: -1))
            default: break
            }
        }
    }

    private mutating func feed(_ event: CoordinatorSession.Event) {
        let actions = session.handle(event, at: now)
        // Before a farewell leaves: its answer may be read in the same turn.
        if session.isFinished && leaving == nil { leaving = Set(session.peers.keys) }
        for action in actions { perform(action) }
    }

    private mutating func perform(_ action: CoordinatorSession.Action) {
        switch action {
        case .send(let message, let peer):
            if case .features = message { return send(description(message), to: peer) }
            let frames = message.encode()
            feed(.sent(message, byteCount: WireProtocol.byteCount(ofMessage: frames)))
            send(frames.map { Frame($0) }, to: peer)
        case .sendChunk(let index, let peer):
            if let frames = chunk(index) { send(frames, to: peer) }
        case .publish(let index):
            // Dropped for subscribers that lag too far behind: they pull what they miss.
            if let frames = chunk(index) { _ = try? broadcast.send([topic] + frames) }
        case .store(let batch):
            store(batch)
        case .log(let level, let text):
            console.log(level, text)
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
    private func store(_ batch: HeadBatch) {
        let inbox = inbox
        guard let writer else { return inbox.post(.stored(through: batch.number)) }
        writer.append(batch.entries) { result in
            switch result {
            case .success: inbox.post(.stored(through: batch.number))
            case .failure(let error): inbox.post(.storeFailed(error))
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

    /// A chunk as it goes out: its envelope, then its rows where they lie.
    private func chunk(_ index: Int) -> [Frame]? {
        guard let chunks = job?.chunks else { return nil }
        return [
            Frame(FeatureChunk.envelope(index: index)),
            unsafe chunks.withUnsafeBytes(ofChunk: index) {
                unsafe Frame(owner: chunks.owner, bytes: $0)
            },
        ]
    }

    private mutating func reportProgress() {
        guard job != nil, !session.isFinished, lastReport.duration(to: .now) > .milliseconds(200),
            let progress = session.progress(at: now)
        else { return }
        lastReport = .now
        console.show(.heads(progress))
    }
}
