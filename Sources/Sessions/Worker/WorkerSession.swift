package import Heads
package import Numerics
package import Transfer
package import WireProtocol

/// The worker's side of the protocol, without sockets, clocks and threads.
///
/// Messages, finished bundles and the time go in; what to send, subscribe to and train comes out.
/// Late, repeated and unknown messages have an answer. Time is an argument.
package struct WorkerSession {
    /// The worker's own number for a bundle it trains: a coordinator that was started again counts
    /// its bundles from the start again.
    package struct Ticket: Hashable, Sendable {
        let rawValue: Int
    }

    /// The worker's own number for a runner that is being made.
    package struct Preparation: Hashable, Sendable {
        let rawValue: Int
    }

    /// A result that its coordinator has not acknowledged.
    struct Kept {
        let runID: [UInt8]
        let result: BundleTrained
        var sentAt: Instant
    }

    struct Running {
        let ticket: Ticket
        let assignment: BundleAssignment
        /// False once its coordinator is gone: what comes of it must never reach another one.
        var isReportable = true
    }

    /// What happened.
    package enum Event: Sendable {
        case message(CoordinatorMessage)
        /// A chunk, broadcast or requested, its bytes still where they arrived.
        case chunk(Int, ChunkBytes)
        /// The broadcast has brought its last message.
        case broadcastEnded
        /// Bytes moved, whether or not they make up whole messages yet: of the broadcast, from the
        /// coordinator otherwise, and to it.
        case bytesMoved(broadcast: Int, received: Int, sent: Int)
        /// The connection broke, and ZeroMQ has made another in its place: what was under way is lost.
        case connectionRenewed
        /// A compute thread has put a chunk into an assembly, or found out why not.
        case chunkInserted(Int, into: any ChunkAssembly, TransferError?)
        /// A compute thread has made a job's runner, or says in one sentence why there is none.
        case tasksPrepared(Preparation, failure: String?)
        /// The coordinator's message could not be read.
        case unreadable(WireError)
        /// A compute thread has trained a bundle.
        case bundleTrained(Ticket, BundleTrained)
        /// A compute thread has given a bundle up.
        case bundleFailed(Ticket, BundleFailed)
        case tick
        /// SIGTERM: finish what runs, take nothing new.
        case drain
        /// A second signal: leave at once.
        case stop(signal: Int32)
    }

    /// What the network thread is to do, in order.
    package enum Action: Sendable {
        case send(WorkerMessage)
        /// Receive the broadcast with this topic from this port of the coordinator's host.
        case subscribe(topic: [UInt8], port: UInt16)
        /// Check a chunk and put it into an assembly, on a compute thread; its end is reported.
        case insert(Int, ChunkBytes, into: any ChunkAssembly)
        /// All rows are here: train what begins on them.
        case prepare(any ChunkAssembly, Training, derivedFrom: Head?)
        /// All materials are here: make a runner of them, on a compute thread; its end is reported.
        case prepareTasks(any ChunkAssembly, Preparation)
        case begin(Ticket, BundleAssignment)
        /// Stop training a bundle; its end is still reported.
        case cancel(Ticket)
        /// Nothing was heard for too long: make new connections, to the broadcast too once that is said.
        case reconnect
        case log(String)
        case exit(WorkerExit)
    }

    enum State {
        /// Hello is sent again and again until it is answered.
        case greeting(nextHello: Instant)
        /// Taken in; the backbone is still training.
        case welcomed
        /// Chunks are coming in.
        case assembling(Assembling)
        /// All materials are here, and a compute thread makes something of them.
        case preparing
        /// All rows are here, or a runner of tasks.
        case ready
    }

    struct Assembling {
        /// Once the broadcast is over and silent: what it did not bring is asked for.
        var pull: PullWindow?
        var isBroadcastComplete: Bool
        var lastChunkAt: Instant
        /// When so many bytes had come that they were more than signs of life.
        var lastProgressAt: Instant
    }

    static let helloInterval = Duration.seconds(1)
    /// A connection silent for this many heartbeats is given up.
    static let silentHeartbeatCountMax = 5
    /// Silence on the broadcast after which missing chunks are asked for, if it never brought a byte or
    /// nobody counts them.
    static let broadcastSilence = Duration.milliseconds(200)
    /// Bundles that wait per slot: one that is next and, while a slot is still busy with a bundle
    /// that nobody wants any more, one that should be running.
    static let waitingCountMaxPerSlot = 2

    /// A result not acknowledged for so long, while nothing leaves, is sent again.
    static let resendInterval = Duration.seconds(10)
    /// Results kept at most; of more the oldest are dropped, and their heads trained again.
    package static let keptCountMax = 1_024
    /// Bytes of the results kept at most; the last result is kept whatever its size.
    package static let keptByteCountMax = 256 << 20
    /// Lines in a second that messages bring about.
    static let logCountMax = 20
    /// How long a worker that leaves waits for the acknowledgement of what it sent, once nothing leaves.
    static let leaveTimeMax = Duration.seconds(5)

    /// Makes room for what a manifest names, after checking it; bytes at most.
    package typealias AssemblyMaker =
        @Sendable (ChunkManifest, _ byteCountMax: Int) throws(TransferError) -> any ChunkAssembly

    let hello: Hello
    let makeAssembly: AssemblyMaker
    let featureByteCountMax: Int
    /// Whether there is anything that does tasks.
    let takesTasks: Bool
    let stays: Bool
    var state: State
    var runID: [UInt8] = []
    /// What the rows or materials at hand belong to, to keep them over a reconnection.
    var job: Job?
    /// Those so far, until they are all here.
    var assembly: (any ChunkAssembly)?
    /// Chunks that compute threads are putting into it.
    var insertionCount = 0
    var broadcast = Broadcast()
    /// Bytes received, and sent, since there last was progress that way.
    var receivedStep = 0
    var sentStep = 0
    /// When so many bytes had left that they were more than signs of life; nil before that.
    var lastDepartureAt: Instant?
    /// Not nil while a runner is being made for the job.
    var preparation: Preparation?
    var nextPreparation = 0
    var heartbeatInterval = Duration.seconds(1)
    var nextHeartbeat: Instant
    var lastHeard: Instant
    /// When the last message that could be read came: what sends bytes may be anything.
    var answeredAt: Instant
    var waiting: [BundleAssignment] = []
    var running: [Running] = []
    var nextTicket = 0
    /// In the order of their ends.
    var kept: [Kept] = []
    var keptByteCount = 0
    /// What the coordinator alone has the worker log, of which there must not be too much.
    var logWindowStart: Instant
    var logCount = 0
    var isDraining = false
    /// Since when a worker that is done waits for acknowledgements.
    var leavingSince: Instant?
    var busySeconds = 0.0
    /// Of this run.
    var receivedByteCount = 0
    var peakRSSByteCount = 0

    /// The session of a process that says `hello` next.
    ///
    /// - Parameters:
    ///   - stays: a complete run does not end it.
    ///   - featureByteCountMax: bytes of features or materials it can hold; a run with more is refused.
    ///   - takesTasks: jobs of tasks are taken; otherwise they are refused.
    ///   - makeAssembly: makes room for features or materials.
    package init(
        hello: Hello, stays: Bool, featureByteCountMax: Int = WireLimits().featureByteCountMax,
        takesTasks: Bool = false, at now: Instant, makeAssembly: @escaping AssemblyMaker
    ) {
        self.hello = hello
        self.makeAssembly = makeAssembly
        self.featureByteCountMax = featureByteCountMax
        self.takesTasks = takesTasks
        self.stays = stays
        state = .greeting(nextHello: now)
        nextHeartbeat = now
        lastHeard = now
        answeredAt = now
        logWindowStart = now
    }

    /// The one mutator.
    ///
    /// - Parameter peakRSSByteCount: the most memory the process has had in use, for heartbeats.
    package mutating func handle(
        _ event: Event, at now: Instant, peakRSSByteCount: Int = 0
    ) -> [Action] {
        self.peakRSSByteCount = max(self.peakRSSByteCount, peakRSSByteCount)
        switch event {
        case .message(let message):
            lastHeard = now
            return receive(message, at: now)
        case .chunk(let index, let bytes):
            lastHeard = now
            return receive(chunk: index, bytes, at: now)
        case .broadcastEnded:
            lastHeard = now
            broadcast.hasEnded = true
            return tickAssembly(at: now)
        case .bytesMoved(let broadcast, let received, let sent):
            moved(broadcast: broadcast, received: received, sent: sent, at: now)
            return []
        case .connectionRenewed:
            return connectionRenewed(at: now)
        case .chunkInserted(let index, let assembly, let error):
            return inserted(index, into: assembly, error, at: now)
        case .tasksPrepared(let preparation, let failure):
            return prepared(preparation, failure, at: now)
        case .unreadable(let error):
            lastHeard = now
            return drop(error, at: now)
        case .bundleTrained(let ticket, let result):
            busySeconds += result.busySeconds
            return bundleEnded(ticket, report: .bundleTrained(result), at: now)
        case .bundleFailed(let ticket, let failure):
            return bundleEnded(ticket, report: .bundleFailed(failure), at: now)
        case .tick:
            return tick(at: now)
        case .drain:
            return drain(at: now)
        case .stop(let signal):
            // Said all the same, so that what it trains goes to others now, and as innocent.
            return [.send(.goodbye), .exit(.stopped(signal: signal))]
        }
    }

    /// Bundles that wait, are in training, or have a result that is kept.
    package var heldBundleCount: Int { waiting.count + running.count + kept.count }

    /// Since when no coordinator has answered; nil while one does.
    package var unansweredSince: Instant? {
        if case .greeting = state { answeredAt } else { nil }
    }

    /// How long the session can wait for its next tick.
    package var tickInterval: Duration {
        if case .assembling = state { return Self.broadcastSilence / 2 }
        return min(heartbeatInterval, Self.helloInterval) / 4
    }
}

extension WorkerSession {
    mutating func receive(_ message: CoordinatorMessage, at now: Instant)
        -> [Action]
    {
        answeredAt = now
        switch message {
        case .welcome(let welcome):
            return accept(welcome, at: now)
        case .refused(let refusal):
            return refused(refusal, at: now)
        case .features(let description):
            return begin(.heads(description), at: now)
        case .materials(let description):
            return begin(.tasks(description), at: now)
        case .broadcastComplete:
            guard case .assembling(var assembling) = state else { return [] }
            assembling.isBroadcastComplete = true
            state = .assembling(assembling)
            return []
        case .chunk(let chunk):
            return receive(chunk: chunk.index, ChunkBytes(chunk.bytes), at: now)
        case .assign(let assignment):
            return assign(assignment)
        case .revoke(let bundle, let attempt, let mayFinish):
            return revoke(bundle, attempt, mayFinish: mayFinish)
        case .acknowledge(let bundle, let attempt):
            return acknowledged(bundle, attempt, at: now)
        case .finished(let outcome):
            return finished(outcome, at: now)
        case .heartbeat:
            return []
        }
    }

    mutating func drop(_ error: WireError, at now: Instant) -> [Action] {
        // Only the first exchange tells versions apart; later it is a frame like any other bad one.
        if error.code == .versionMismatch, case .greeting = state {
            return [.exit(.refused(error.message))]
        }
        return note("a message from the coordinator was dropped: \(error.message)", at: now)
    }

    /// A line that a message brought about, unless too many were written in this second: a peer must
    /// not fill a disk with them.
    mutating func note(_ text: String, at now: Instant) -> [Action] {
        if logWindowStart.duration(to: now) >= .seconds(1) {
            logWindowStart = now
            logCount = 0
        }
        logCount += 1
        guard logCount <= Self.logCountMax else { return [] }
        return [.log(logCount < Self.logCountMax ? text : "more such lines are left out")]
    }

    mutating func accept(_ welcome: Welcome, at now: Instant) -> [Action] {
        // A repeated welcome answers a repeated hello; only the first one changes the state.
        guard case .greeting = state else { return [] }
        heartbeatInterval = .milliseconds(max(10, welcome.heartbeatMilliseconds))
        nextHeartbeat = now
        var lost: [Action] = []
        if welcome.runID != runID {
            // What another run sent is none of this one's, and it numbers its bundles from the start.
            receivedByteCount = 0
            broadcast = Broadcast()
            if !kept.isEmpty {
                lost += note(
                    "results that nobody acknowledged are dropped: \(kept.count)", at: now)
            }
            forgetKept()
        }
        runID = welcome.runID
        state = .welcomed
        return lost + [
            .subscribe(topic: WireProtocol.featureTopic(runID: runID), port: welcome.featurePort)
        ] + note("joined run \(runID.prefix(4).map { String($0, radix: 16) }.joined())", at: now)
            + kept.indices.map { sendAgain($0, at: now) }
    }

    mutating func refused(_ refusal: Refused, at now: Instant) -> [Action] {
        switch refusal.code {
        case .versionMismatch, .notAccepting, .other:
            return [.exit(.refused("the coordinator refused this worker: \(refusal.message)"))]
        case .unknownWorker:
            // The answer to something said before the hello that is under way.
            if case .greeting = state { return [] }
            return note("the coordinator does not know this worker; joining again", at: now)
                + forget() + greet(at: now)
        case .malformed:
            return note("the coordinator dropped a message: \(refusal.message)", at: now)
        }
    }

    mutating func finished(
        _ outcome: CoordinatorMessage.Outcome, at now: Instant
    ) -> [Action] {
        // Said again and again while nothing is left for this worker.
        if case .greeting = state, stays || outcome != .complete { return [] }
        let cancelled = forget()
        forgetKept()
        job = nil
        assembly = nil
        preparation = nil
        state = .greeting(nextHello: now + Self.helloInterval)
        switch outcome {
        case .complete where !stays:
            return cancelled + [.log("the run is complete"), .exit(.done)]
        case .complete:
            return cancelled + note("the run is complete; waiting for the next", at: now)
        case .aborted(let reason):
            return cancelled
                + note("the run was given up: \(reason); waiting for it to go on", at: now)
        }
    }

    mutating func drain(at now: Instant) -> [Action] {
        guard !isDraining else { return [] }
        isDraining = true
        let returned = waiting.map {
            Action.send(Self.decline($0.bundle, $0.attempt, "the worker is leaving"))
        }
        waiting.removeAll()
        let isBusy = !running.isEmpty || !kept.isEmpty
        return returned
            + (isBusy
                ? [.log("leaving when what it trains is done; a second signal stops at once")] : [])
            + leave(at: now)
    }

    mutating func tick(at now: Instant) -> [Action] {
        let leaving = leave(at: now)
        if !leaving.isEmpty { return leaving }
        if case .greeting(let nextHello) = state {
            return now >= nextHello ? greet(at: now) : []
        }
        if lastHeard.duration(to: now) > heartbeatInterval * Self.silentHeartbeatCountMax {
            return reconnect("the coordinator is silent", at: now)
        }
        if isStalled(at: now) { return reconnect("requested chunks do not come", at: now) }
        var actions = tickAssembly(at: now) + sendOverdue(at: now)
        if now >= nextHeartbeat { actions.append(heartbeat(at: now)) }
        return actions
    }

    mutating func heartbeat(at now: Instant) -> Action {
        nextHeartbeat = now + heartbeatInterval
        receivedStep = max(0, receivedStep - Self.progressByteCount / 2)
        sentStep = max(0, sentStep - Self.progressByteCount / 2)
        return .send(
            .heartbeat(
                WorkerHeartbeat(
                    incarnation: hello.incarnation, busySeconds: busySeconds,
                    peakRSSByteCount: peakRSSByteCount, receivedByteCount: receivedByteCount,
                    runningBundles: running.filter(\.isReportable).map(\.assignment.bundle))))
    }

    /// Says hello now, if the time has come, and plans the next one.
    mutating func greet(at now: Instant) -> [Action] {
        state = .greeting(nextHello: now + Self.helloInterval)
        return [.send(.hello(hello))]
    }

    /// Drops what the former connection brought, but for the rows, of which some may be missing.
    mutating func forget() -> [Action] {
        waiting.removeAll()
        for index in running.indices { running[index].isReportable = false }
        return running.map { .cancel($0.ticket) }
    }
}
