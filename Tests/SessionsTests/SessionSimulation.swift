import FeatureStore
import Heads
import Numerics
import Scheduling
import Sessions
import TestSupport
import Transfer
import WireProtocol

/// A coordinator's session and workers' sessions in virtual time, joined by the bytes that the real
/// ones would exchange.
///
/// The network does what ZeroMQ may do, and a little more. Connections keep their order. They break,
/// for a moment or longer, with the identity kept or lost; what was under way is then lost, or still
/// comes late, and its last part may come twice. They stand still. They are slow: chunks and results
/// take seconds, in which their bytes are seen and everything else waits. Queues fill up: messages to that
/// worker are dropped, and those of the worker wait. Broadcast frames are lost one by one. Processes
/// crash, pause, are told to leave and start again, the coordinator's too, which then has what its
/// disk had; strangers talk nonsense.
struct SessionSimulation {
    typealias PeerID = CoordinatorSession.PeerID

    enum Entry {
        /// `only`, for one that is said again: the one coordinator that may hear it.
        case toCoordinator(
            [[UInt8]], worker: Int, connection: Int, from: PeerID, only: Int? = nil)
        case toWorker([[UInt8]], worker: Int, connection: Int)
        /// Without a chunk it is the end.
        case broadcast(chunk: Int?, worker: Int, process: Int, topic: [UInt8])
        /// Bytes of a worker's message reach the coordinator.
        case arriving(generation: Int, PeerID)
        case subscribed(generation: Int, change: Int)
        case workerTick(worker: Int, process: Int)
        case compute(worker: Int, process: Int, WorkerSession.Event)
        case resume(worker: Int)
        case unreachable(generation: Int, PeerID)
        case start(worker: Int)
        case coordinatorTick
        case startCoordinator
        case serve(generation: Int)
        case commit(generation: Int, HeadBatch)
        case stored(generation: Int, number: Int)
        case refereed(generation: Int, [HeadKey])
        case misfortune
    }

    /// A chunk on its way to a worker.
    struct Crossing: Hashable {
        let worker: Int
        let chunk: Int
    }

    struct Worker {
        var session: WorkerSession?
        var process = 0
        var connection = 0
        /// Messages of earlier connections are lost.
        var upFloor = 0
        var downFloor = 0
        var upAt: Int64 = 0
        var downAt: Int64 = 0
        var broadcastAt: Int64 = 0
        var identity = PeerID(bytes: [])
        var cutUntil: Int64 = 0
        var pausedUntil: Int64 = 0
        var inbox: [Entry] = []
        var outbox: [WorkerMessage] = []
        var topic: [UInt8] = []
        var exit: WorkerExit?
        var pending: [WorkerSession.Ticket: BundleAssignment] = [:]
        /// Messages under way, as the sockets at both ends count them.
        var upCount = 0
        var downCount = 0
        /// The last ones of this connection.
        var lastUp: [[[UInt8]]] = []
        var lastDown: [[[UInt8]]] = []
        /// What arrived while there was no coordinator.
        var held: [Entry] = []
        var isDraining = false
    }

    let plan: SessionPlan
    /// What the coordinator must keep of each piece of work.
    let kept: [Product]
    var generator: SeededGenerator
    var timeline = Timeline<Entry>()
    var now: Int64 = 0
    var isCalm = false
    var coordinator: CoordinatorSession?
    var generation = 0
    var workers: [Worker]
    var identityCount: UInt32 = 0
    var processCount: UInt64 = 0
    /// Whose run each bundle was begun for, by the mark that its result carries.
    var begunFor: [Int: [UInt8]] = [:]
    var isHeld: [Bool] = []
    /// What has outlived every coordinator so far.
    var disk = Disk()
    var finishCount = 0
    /// Leases that strangers got, of the coordinator at hand.
    var strangersLeases: Set<StrangersLease> = []
    var failure: String?
    private(set) var tally: [String: Int] = [:]
    /// How often each chunk came to each worker.
    private(set) var crossings: [Crossing: Int] = [:]
    private(set) var calmSeconds = 0.0

    init(seed: UInt64, isOfTasks: Bool = false, _ given: SessionPlan? = nil) {
        plan = given ?? SessionPlan(seed: seed, isOfTasks: isOfTasks)
        kept = plan.work.kept
        generator = SeededGenerator(seed: seed ^ 0xC0FFEE)
        workers = [Worker](repeating: Worker(), count: plan.workerCount)
        timeline.insert(.misfortune, at: 0)
        // Some workers are there before the coordinator, some come in the middle.
        timeline.insert(.startCoordinator, at: generator.chance(0.5) ? 0 : 3_000_000_000)
        for index in workers.indices {
            let seconds = Double.random(in: 0...6, using: &generator)
            timeline.insert(.start(worker: index), at: Int64(seconds * 1e9))
        }
    }

    /// What both ends take for the time.
    var instant: Instant { Instant(nanoseconds: now) }

    mutating func count(_ what: String) { tally[what, default: 0] += 1 }

    /// Runs until every worker is told that the run is complete; or says why it is not right.
    mutating func run() -> String? {
        while let (moment, entry) = timeline.popFirst() {
            now = moment
            let seconds = Double(now) * 1e-9
            if !isCalm && seconds >= plan.chaosSeconds { calm() }
            perform(entry)
            if let failure { return "at \(seconds) s: \(failure)" }
            if isCalm && workers.allSatisfy({ $0.exit == .done }) {
                calmSeconds = seconds - plan.chaosSeconds
                return failureAtEnd()
            }
            if seconds > plan.chaosSeconds + 400 {
                let products = coordinator?.collected.products ?? []
                return "400 s into the calm \(products.count { $0 != nil }) of \(products.count) "
                    + "are there, exits are \(workers.map(\.exit))"
            }
        }
        return "time stood still"
    }

    private func failureAtEnd() -> String? {
        guard let coordinator, coordinator.isFinished else { return "the run is not finished" }
        guard coordinator.collected.products.compactMap(\.self) == kept else {
            return "the heads are not those of the plan"
        }
        for index in kept.indices {
            let id = WorkID(UInt32(index))
            if disk.products[id] != plan.work.product(id) { return "\(id) is wrong on disk" }
        }
        guard finishCount == 1 else { return "finished \(finishCount) times" }
        let resumedCount = coordinator.collected.resumedCount
        guard
            coordinator.collected.workers.reduce(resumedCount, { $0 + $1.headCount })
                == kept.count
        else {
            return "workers' heads do not add up"
        }
        return disk.products.count == kept.count ? nil : "heads are not on disk"
    }

    private mutating func perform(_ entry: Entry) {
        switch entry {
        case .toCoordinator: arrive(entry)
        case .toWorker(_, let index, let connection):
            workers[index].downCount -= 1
            if connection >= workers[index].downFloor { deliver(entry, to: index) }
        case .unreachable(let generation, let peer):
            if generation == self.generation { feed(.unreachable(peer)) }
        case .broadcast(_, let index, let process, let topic):
            guard workers[index].process == process, workers[index].topic == topic else { return }
            deliver(entry, to: index)
        case .arriving(let generation, let peer):
            if generation == self.generation { feed(.bytesArrived(from: [peer])) }
        case .compute(let index, let process, _):
            if workers[index].process == process { deliver(entry, to: index) }
        case .subscribed(let generation, let change):
            if generation == self.generation { feed(.subscriptions(change: change)) }
        case .workerTick(let index, let process):
            guard workers[index].process == process, workers[index].session != nil else { return }
            timeline.insert(entry, at: now + 100_000_000)
            if workers[index].pausedUntil <= now { feed(.tick, to: index) }
        case .resume(let index):
            let waiting = workers[index].inbox
            workers[index].inbox = []
            for entry in waiting { take(entry, at: index) }
        case .start(let index): start(index)
        case .coordinatorTick:
            timeline.insert(.coordinatorTick, at: now + 100_000_000)
            feed(.tick)
        case .startCoordinator: startCoordinator()
        case .serve(let generation):
            guard generation == self.generation else { return }
            isHeld = [Bool](repeating: false, count: kept.count)
            feed(.serve(resumedJob()))
        case .commit(let generation, let batch): commit(batch, generation)
        case .stored(let generation, let number):
            guard generation == self.generation else { return count("crash before the word") }
            feed(.stored(through: number))
        case .refereed(let generation, let heads):
            guard generation == self.generation else { return }
            guard case .heads(let sample) = plan.work else {
                failure = "tasks have no referee"
                return
            }
            feed(.refereed(heads.map { sample.head($0) }))
        case .misfortune:
            if isCalm { return }
            timeline.insert(.misfortune, at: now + 100_000_000)
            strike()
        }
    }

    // MARK: - Coordinator

    mutating func feed(_ event: CoordinatorSession.Event) {
        let moment = instant
        guard let actions = coordinator?.handle(event, at: moment) else { return }
        check()
        for action in actions {
            switch action {
            case .send(let message, let peer): send(message, to: peer)
            case .sendChunk(let index, let peer):
                count("pulled chunk")
                let bytes = plan.work.bytes(ofChunk: index)
                send(.chunk(FeatureChunk(index: index, bytes: bytes)), to: peer)
            case .publish(let index): publish(index)
            case .publishEnd: publish(nil)
            case .store(let batch): store(batch)
            case .referee(let heads):
                count("referee")
                timeline.insert(
                    .refereed(generation: generation, heads), at: now + 300_000_000)
            case .log: break
            case .finish: finishCount += 1
            }
        }
    }

    /// What must hold after every event.
    private mutating func check() {
        guard let coordinator else { return }
        let products = coordinator.collected.products
        for index in isHeld.indices where index < products.count {
            guard let product = products[index] else {
                if isHeld[index] { failure = "head \(index) was lost" }
                continue
            }
            if isHeld[index] { continue }
            isHeld[index] = true
            if product != kept[index] {
                failure = "head \(index) has wrong bytes"
            }
        }
        if coordinator.collected.mismatchCount > 0 {
            failure = "equal results were found to differ"
        }
        if coordinator.leaseCount > 2_000 { failure = "leases are never forgotten" }
    }

    private mutating func send(_ message: CoordinatorMessage, to peer: PeerID) {
        count("coordinator says \(Self.name("\(message)"))")
        checkStored(message, to: peer)
        guard let index = workers.firstIndex(where: { $0.identity == peer && $0.session != nil }),
            workers[index].cutUntil <= now
        else {
            if case .assign(let assignment) = message { noteStranger(assignment, peer) }
            // The socket may know that the peer is gone, or find out later.
            if generator.chance(0.5) {
                count("unreachable")
                feed(.unreachable(peer))
            }
            return
        }
        if case .chunk = message {
            post(message.encode(), to: index, seconds: linkSeconds(index))
        } else {
            post(message.encode(), to: index)
        }
    }

    private mutating func publish(_ chunk: Int?) {
        for index in workers.indices
        where workers[index].session != nil && !workers[index].topic.isEmpty {
            if generator.chance(isCalm ? 0 : plan.chunkLossChance) { continue }
            var at = max(workers[index].broadcastAt + 1, now + latency())
            if chunk != nil {
                at = cross(
                    index, from: at, linkSeconds(index),
                    .bytesMoved(broadcast: 5_000, received: 0, sent: 0))
            }
            workers[index].broadcastAt = at
            timeline.insert(
                .broadcast(
                    chunk: chunk, worker: index, process: workers[index].process,
                    topic: workers[index].topic), at: at)
        }
    }

    mutating func startCoordinator() {
        if generation == 0 { timeline.insert(.coordinatorTick, at: now) }
        generation += 1
        finishCount = 0
        isHeld = []
        strangersLeases = []
        coordinator = CoordinatorSession(
            runID: Self.runID(of: generation), featurePort: 5_556, endpoint: "tcp://here:1")
        timeline.insert(
            .serve(generation: generation), at: now + Int64(plan.serveSeconds * 1e9))
        takeHeld()
    }

    // MARK: - Workers

    private mutating func deliver(_ entry: Entry, to index: Int) {
        guard workers[index].session != nil else { return }
        if workers[index].pausedUntil > now || !workers[index].inbox.isEmpty {
            workers[index].inbox.append(entry)
        } else {
            take(entry, at: index)
        }
    }

    private mutating func take(_ entry: Entry, at index: Int) {
        switch entry {
        case .toWorker(let frames, _, _):
            do {
                let message = try CoordinatorMessage.decode(frames)
                if case .chunk(let chunk) = message {
                    crossings[Crossing(worker: index, chunk: chunk.index), default: 0] += 1
                }
                feed(.message(message), to: index)
            } catch {
                failure = "a worker cannot read its coordinator: \(error)"
            }
        case .broadcast(let chunk, _, _, _):
            guard let chunk else { return feed(.broadcastEnded, to: index) }
            crossings[Crossing(worker: index, chunk: chunk), default: 0] += 1
            let bytes = plan.work.bytes(ofChunk: chunk)
            feed(.message(.chunk(FeatureChunk(index: chunk, bytes: bytes))), to: index)
        case .compute(_, _, let event): feed(event, to: index)
        default: break
        }
    }

    mutating func feed(_ event: WorkerSession.Event, to index: Int) {
        let moment = instant
        guard let actions = workers[index].session?.handle(event, at: moment) else { return }
        for action in actions {
            switch action {
            case .send(let message): send(message, from: index)
            case .subscribe(let topic, _):
                guard topic != workers[index].topic else { continue }
                workers[index].topic = topic
                timeline.insert(.subscribed(generation: generation, change: 1), at: now + latency())
            case .insert(let chunk, let bytes, let assembly):
                timeline.insert(
                    .compute(
                        worker: index, process: workers[index].process,
                        .inserting(chunk, bytes, into: assembly)), at: now + latency())
            case .begin(let ticket, let assignment): begin(ticket, assignment, at: index)
            case .cancel(let ticket): cancel(ticket, at: index)
            case .reconnect:
                count("reconnect")
                workers[index].outbox = []
                unsubscribe(index)
                workers[index].topic = []
                connect(index, isNew: true)
                // What was sent on the old connection may still leave.
                workers[index].downFloor = workers[index].connection
            case .exit(let reason):
                // The socket lingers over its last words.
                flush(index)
                end(index, reason)
            case .prepareTasks(let assembly, let preparation):
                prepare(assembly.materials, preparation, at: index)
            case .prepare(let assembly, _, _):
                if assembly.features == nil { failure = "a worker begins without its rows" }
            case .log: break
            }
        }
        flush(index)
    }

    private mutating func send(_ message: WorkerMessage, from index: Int) {
        count("worker says \(Self.name("\(message)"))")
        if case .bundleTrained(let result) = message, result.busySeconds > 0 {
            let mark = Int((result.busySeconds * 1e6).rounded())
            if !disk.sentMarks.insert(mark).inserted { count("result again") }
            if begunFor[mark] != workers[index].topic {
                failure = "the result of one coordinator went to another"
            }
        }
        switch message {
        case .hello, .heartbeat:
            if workers[index].outbox.isEmpty && takesMessages(index) {
                post(message.encode(), from: index)
            }
        case .chunkRequest, .ready, .bundleTrained, .bundleFailed, .goodbye:
            workers[index].outbox.append(message)
        }
    }

    func linkSeconds(_ index: Int) -> Double { isCalm ? 0 : plan.linkSeconds[index] }

    func latencyMost() -> Double { isCalm ? 0.005 : plan.latencySecondsMax }

    mutating func latency() -> Int64 {
        Int64(Double.random(in: 0.0005...latencyMost(), using: &generator) * 1e9)
    }

    private static func name(_ description: String) -> String {
        String(description.prefix { $0.isLetter })
    }
}
