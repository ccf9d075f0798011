import FeatureStore
import Foundation
import HeadTraining
import Logging
import Numerics
import Sessions
import System
import Transfer
import WireProtocol
import ZeroMQ

/// The network thread of a worker: sockets to events, actions to sockets, no policy.
final class WorkerLink: Sendable {
    private let configuration: WorkerConfiguration
    private let logger: Logger
    private let context: Context
    private let inbox: Mailbox<WorkerSession.Event>
    private let slots: ComputeSlots

    /// - Parameter inbox: where others put events in, from any thread.
    init(
        configuration: WorkerConfiguration, logger: Logger, inbox: Mailbox<WorkerSession.Event>
    ) throws {
        self.configuration = configuration
        self.logger = logger
        self.inbox = inbox
        context = try Context()
        slots = try ComputeSlots(
            threadCount: configuration.threadCount, taskPreparation: configuration.taskPreparation
        ) { inbox.post($0) }
    }

    /// Drives a session until it exits; blocks the calling thread, which owns the sockets.
    func run() throws -> WorkerExit {
        var driver = try SessionDriver(
            configuration: configuration, logger: logger, context: context, inbox: inbox,
            slots: slots)
        return try driver.run()
    }

    /// Ends the compute threads.
    func shutdown() async {
        await slots.shutdown()
    }
}

/// The sockets of one session and the loop over them.
private struct SessionDriver: ~Copyable {
    /// Chunks queued by the broadcast socket: bounds memory, TCP holds back the rest.
    private static let broadcastHighWaterMark: Int32 = 8
    /// Messages queued for the coordinator; results wait in the outbox.
    ///
    /// Few, or a worker that waited for an hour would greet it with a thousand hellos.
    private static let controlHighWaterMark: Int32 = 4
    /// Messages taken from one socket before the other gets its turn.
    private static let burstCount = 16
    /// Broadcast chunks that a compute thread checks or has waiting.
    ///
    /// While one is checked the next is there. More stay in the socket, which holds the broadcast
    /// back and bounds memory.
    private static let insertionCountMaxPerThread = 2
    /// Chunks that were asked for and a compute thread checks or has waiting.
    ///
    /// The session asks for half as many at a time. More than these nobody asked for.
    private static let requestedChunkCountMax = 2 * PullWindow.chunkCountMax
    /// Connections are one or two at a time, the one that is ending among them.
    private static let connectionLimits = ConnectionLimits(countMax: 8)

    private let configuration: WorkerConfiguration
    private let logger: Logger
    private let context: Context
    private let inbox: Mailbox<WorkerSession.Event>
    private let slots: ComputeSlots
    private let limits = WireLimits()

    private let origin = ContinuousClock.now
    private let incarnation: UInt64
    private var connectionNumber: UInt32 = 0
    private var finder: CoordinatorFinder
    /// Whether the control socket has had a connection.
    private var isConnected = false
    private var control: Socket
    private var controlMonitor: SocketMonitor
    private var broadcast: Socket
    private var broadcastConnection: BroadcastConnection?
    private var subscription: (topic: [UInt8], endpoint: TCPEndpoint)?
    private var subscriptionNumber = 0
    private var session: WorkerSession
    private var outbox = Outbox()
    private var controlWatch: ConnectionWatch?
    private var broadcastWatch: ConnectionWatch?
    /// Chunks that compute threads have been given and not reported yet.
    private var insertionCount = 0
    private var exit: WorkerExit?
    private var memory = MemoryWatch()

    init(
        configuration: WorkerConfiguration, logger: Logger, context: Context,
        inbox: Mailbox<WorkerSession.Event>, slots: ComputeSlots
    ) throws(ZeroMQError) {
        // Both sockets first: from here on nothing throws.
        let incarnation = UInt64.random(in: 1...UInt64.max)
        let finder = CoordinatorFinder(configuration)
        let peer = finder.peer
        let control = try Self.controlSocket(
            configuration, context, incarnation: incarnation, number: 0, peer: peer)
        let controlMonitor = try SocketMonitor(control, in: context, name: "control-0")
        let broadcast = try Self.broadcastSocket(configuration, context, peer: peer)
        self.configuration = configuration
        self.logger = logger
        self.context = context
        self.inbox = inbox
        self.slots = slots
        self.incarnation = incarnation
        self.finder = finder
        controlWatch = peer.flatMap { Self.watch(control, $0) }
        self.control = control
        self.controlMonitor = controlMonitor
        self.broadcast = broadcast
        broadcastWatch = nil
        session = WorkerSession(
            hello: Hello(
                incarnation: incarnation, name: configuration.name,
                host: ProcessInfo.processInfo.hostName, isa: configuration.variant.name,
                threadCount: configuration.threadCount, slotCount: configuration.threadCount,
                processID: Int(ProcessInfo.processInfo.processIdentifier),
                cpu: Processor.modelName ?? ""),
            stays: configuration.stays,
            featureByteCountMax: min(
                limits.featureByteCountMax, Int(clamping: ProcessInfo.processInfo.physicalMemory)),
            takesTasks: configuration.taskPreparation != nil, at: .start,
            makeAssembly: Self.makeAssembly)
    }

    /// Room for features, or for materials.
    @Sendable
    private static func makeAssembly(
        _ manifest: ChunkManifest, byteCountMax: Int
    ) throws(TransferError) -> any ChunkAssembly {
        manifest.features == nil
            ? try MaterialAssembly(manifest, byteCountMax: byteCountMax)
            : try FeatureAssembly(manifest, byteCountMax: byteCountMax)
    }

    /// The session's time, which begins with this process's link.
    private var now: Instant { .start + origin.duration(to: .now) }

    /// A connection with a name of its own, which it keeps when TCP breaks and comes back: the
    /// coordinator then goes on with the same worker and its leases.
    private static func controlSocket(
        _ configuration: WorkerConfiguration, _ context: Context, incarnation: UInt64,
        number: UInt32, peer: TCPEndpoint?
    ) throws(ZeroMQError) -> Socket {
        var options = SocketOptions()
        // Not the incarnation alone: a former socket may linger, and would fight over the name.
        options.identity = Array("worker-\(String(incarnation, radix: 16))-\(number)".utf8)
        // Not immediate: a connection's queue outlives it, so that what came before it broke (the
        // farewell, say) is still read.
        options.sendHighWaterMark = Self.controlHighWaterMark
        options.reconnectMilliseconds = 100
        options.reconnectMaxMilliseconds = 32_000
        options.security = configuration.keys?.security
        options.usesIPv6 = peer?.needsIPv6 == true
        let socket = try Socket(.dealer, in: context, options: options)
        if let peer { try socket.connect(peer.description) }
        return socket
    }

    private static func broadcastSocket(
        _ configuration: WorkerConfiguration, _ context: Context, peer: TCPEndpoint?
    ) throws(ZeroMQError) -> Socket {
        var options = SocketOptions()
        options.usesIPv6 = peer?.needsIPv6 == true
        options.security = configuration.keys?.security
        options.receiveHighWaterMark = broadcastHighWaterMark
        options.lingerMilliseconds = 0
        return try Socket(.sub, in: context, options: options)
    }

    mutating func run() throws(ZeroMQError) -> WorkerExit {
        try feed(.tick)
        while exit == nil {
            try outbox.flush(to: control)
            var targets = [
                control.pollTarget(outbox.isEmpty ? .readable : [.readable, .writable]),
                broadcast.pollTarget(takesBroadcast ? .readable : []), inbox.pollTarget,
                controlMonitor.pollTarget,
            ]
            if configuration.endsWithStandardInput {
                targets.append(PollTarget(fileDescriptor: STDIN_FILENO, interest: .readable))
            }
            let found = try poll(
                targets, timeoutMilliseconds: Int(session.tickInterval / .milliseconds(1)))
            if found.count > 4, !found[4].isEmpty, Self.standardInputHasEnded() { return .orphaned }
            for event in inbox.takeAll() {
                if case .chunkInserted = event { insertionCount -= 1 }
                try feed(event)
            }
            try watchHandshakes()
            try lookAround()
            if found[0].contains(.readable) { try receiveControl() }
            if found[1].contains(.readable) { try receiveBroadcast() }
            try watch()
            try feed(.tick)
        }
        // The last results and the goodbye leave with the linger of the socket.
        try outbox.flush(to: control)
        return exit ?? .done
    }

    /// Says why the coordinator does not take this worker, and tries again where libzmq does not.
    private mutating func watchHandshakes() throws(ZeroMQError) {
        while let event = try controlMonitor.next() {
            if let line = finder.note(event) { logger.warning("\(line)") }
            if event == .succeeded {
                if isConnected { try feed(.connectionRenewed) }
                isConnected = true
            }
        }
        guard finder.isRetryDue() else { return }
        try connectAgain()
    }

    /// Finds out why no coordinator answers, and why a broadcast brings nothing.
    private mutating func lookAround() throws(ZeroMQError) {
        let outcome = finder.look(since: session.unansweredSince, at: now)
        if outcome.connects {
            // A hello that came late over the former connection would take the new one's place.
            try control.discardUnsent()
            try renewControl()
        }
        if let (level, text) = outcome.line { logger.log(level: level, "\(text)") }
        if let verdict = outcome.verdict { exit = .refused(verdict) }
        let isAnswered = session.unansweredSince == nil
        if let line = try broadcastConnection?.look(isAnswered: isAnswered) {
            logger.warning("\(line)")
        }
        if broadcastConnection?.isOver == true { broadcastConnection = nil }
    }

    /// New connections, with a new name, on which nothing waits to be sent, or received: whoever is
    /// refused or cut off on one socket is on the other.
    private mutating func connectAgain() throws(ZeroMQError) {
        outbox = Outbox()
        try renewControl()
        broadcast = try Self.broadcastSocket(configuration, context, peer: finder.peer)
        broadcastWatch = nil
        broadcastConnection = nil
        subscription = nil
    }

    private mutating func renewControl() throws(ZeroMQError) {
        connectionNumber += 1
        finder.connected()
        isConnected = false
        let fresh = try Self.controlSocket(
            configuration, context, incarnation: incarnation, number: connectionNumber,
            peer: finder.peer)
        controlMonitor = try SocketMonitor(
            fresh, in: context, name: "control-\(connectionNumber)")
        controlWatch = finder.peer.flatMap { Self.watch(fresh, $0) }
        control = fresh
    }

    private mutating func receiveControl() throws(ZeroMQError) {
        for _ in 0..<Self.burstCount {
            guard exit == nil, let frames = try receive(from: control) else { return }
            switch decode(frames[...]) {
            case .success(let event):
                if case .chunk = event, insertionCount >= Self.requestedChunkCountMax { continue }
                // Answered at once: the coordinator keeps the connection until it has heard it.
                if case .message(.finished) = event { send(.goodbye) }
                try feed(event)
            case .failure(let error): try feed(.unreadable(error))
            }
        }
    }

    private mutating func receiveBroadcast() throws(ZeroMQError) {
        for _ in 0..<Self.burstCount {
            guard exit == nil, takesBroadcast, let frames = try receive(from: broadcast) else {
                return
            }
            // The topic is what was subscribed to; behind it comes a message like any other.
            switch decode(frames.dropFirst()) {
            case .success(let event):
                switch event {
                case .chunk: try feed(event)
                case .message(.broadcastComplete): try feed(.broadcastEnded)
                default: logger.warning("the broadcast brought something that is no chunk")
                }
            case .failure(let error): try feed(.unreadable(error))
            }
        }
    }

    /// A message, empty if it was larger than is taken and therefore dropped; nil if there is none.
    private func receive(from socket: borrowing Socket) throws(ZeroMQError) -> [Frame]? {
        do throws(ZeroMQError) {
            return try socket.receive()
        } catch  where error.code == .messageTooLarge {
            return []
        }
    }

    private var takesBroadcast: Bool {
        insertionCount < Self.insertionCountMaxPerThread * configuration.threadCount
    }

    /// A message as an event; a chunk's bytes stay in their frame.
    private func decode(_ frames: ArraySlice<Frame>) -> Result<WorkerSession.Event, WireError> {
        do throws(WireError) {
            if frames.count == 2, let envelope = frames.first, let rows = frames.last,
                let index = try FeatureChunk.index(
                    ofEnvelope: envelope.bytes, followedBy: rows.count, limits)
            {
                let bytes = unsafe ChunkBytes(count: rows.count) { body in
                    unsafe rows.withUnsafeBytes(body)
                }
                return .success(.chunk(index, bytes))
            }
            return .success(
                .message(try CoordinatorMessage.decode(frames.map(\.bytes), limits)))
        } catch {
            return .failure(error)
        }
    }

    private mutating func feed(_ event: WorkerSession.Event) throws(ZeroMQError) {
        for action in session.handle(event, at: now, peakRSSByteCount: memory.peakByteCount()) {
            try perform(action)
        }
    }

    private mutating func perform(_ action: WorkerSession.Action) throws(ZeroMQError) {
        switch action {
        case .send(let message):
            send(message)
        case .subscribe(let topic, let port):
            try subscribe(topic: topic, port: port)
        case .insert(let index, let bytes, let assembly):
            insertionCount += 1
            slots.insert(index, bytes, into: assembly)
        case .prepare(let assembly, let training, let derivedFrom):
            do {
                try slots.prepare(
                    assembly, training, derivedFrom: derivedFrom,
                    variant: configuration.variant)
            } catch {
                exit = .refused("\(error)")
            }
        case .prepareTasks(let assembly, let preparation):
            slots.prepareTasks(assembly, preparation)
        case .begin(let ticket, let assignment):
            slots.begin(ticket, assignment)
        case .cancel(let ticket):
            slots.cancel(ticket)
        case .reconnect:
            try connectAgain()
        case .log(let text):
            logger.info("\(text)")
        case .exit(let reason):
            exit = reason
        }
    }

    private mutating func send(_ message: WorkerMessage) {
        let frames = message.encode(limits).map { Frame($0) }
        switch message {
        case .heartbeat:
            // Said again soon by itself: it does not wait for a connection.
            if outbox.isEmpty { _ = try? control.send(frames) }
        case .hello:
            // The first one waits for the connection, or the worker would be a second late.
            if outbox.isEmpty { outbox.append(frames) }
        case .chunkRequest, .ready, .bundleTrained, .bundleFailed, .goodbye:
            outbox.append(frames)
        }
    }

    private static func watch(
        _ socket: borrowing Socket, _ endpoint: TCPEndpoint
    ) -> ConnectionWatch? {
        ConnectionWatch(socket, remotePort: endpoint.port, limits: connectionLimits)
    }

    /// Cuts connections over which a coordinator sends what this process would have to hold, and tells
    /// the session what moved.
    private mutating func watch() throws(ZeroMQError) {
        for cut in [
            // What is left unread of the broadcast is held back on purpose.
            controlWatch?.look(isDrained: false), broadcastWatch?.look(isDrained: false),
        ] {
            if let cut { logger.warning("a connection was cut: \(cut.reason)") }
        }
        let moved = controlWatch?.takeTraffic() ?? Traffic()
        let broadcast = broadcastWatch?.takeTraffic().receivedByteCount ?? 0
        guard broadcast + moved.receivedByteCount + moved.sentByteCount > 0 else { return }
        try feed(
            .bytesMoved(
                broadcast: broadcast, received: moved.receivedByteCount, sent: moved.sentByteCount))
    }

    /// Moves the broadcast socket to a run's topic; the port is on the control endpoint's host.
    private mutating func subscribe(topic: [UInt8], port: UInt16) throws(ZeroMQError) {
        guard let peer = finder.peer else { return }
        let endpoint = TCPEndpoint(host: peer.host, port: port)
        if let subscription, subscription.topic == topic, subscription.endpoint == endpoint {
            return
        }
        // A new one, for what it is told of addresses depends on the peer's.
        broadcast = try Self.broadcastSocket(configuration, context, peer: peer)
        subscription = (topic, endpoint)
        subscriptionNumber += 1
        broadcastConnection = try BroadcastConnection(
            broadcast, to: endpoint, in: context, number: subscriptionNumber)
        try broadcast.subscribe(topic)
        try broadcast.connect(endpoint.description)
        broadcastWatch = Self.watch(broadcast, endpoint)
    }

    private static func standardInputHasEnded() -> Bool {
        var byte: UInt8 = 0
        return unsafe read(STDIN_FILENO, &byte, 1) <= 0
    }
}
