import Heads
import Sessions
import TestSupport
import WireProtocol

// What sockets and the network between them do to messages.
extension SessionSimulation {
    /// The name of a lease that a stranger got.
    struct StrangersLease: Hashable {
        let bundle: UInt64
        let attempt: UInt32
    }

    /// Messages that may come once more after a break.
    private static let repeatedCountMax = 3

    // MARK: - Up

    /// Whether a worker's socket takes a message: it is connected and its queue is not full.
    func takesMessages(_ index: Int) -> Bool {
        coordinator != nil && workers[index].cutUntil <= now && workers[index].session != nil
            && workers[index].upCount < plan.queueCountMax
    }

    mutating func flush(_ index: Int) {
        while takesMessages(index), !workers[index].outbox.isEmpty {
            let message = workers[index].outbox.removeFirst()
            if case .bundleTrained = message {
                post(message.encode(), from: index, seconds: linkSeconds(index))
            } else {
                post(message.encode(), from: index)
            }
        }
    }

    /// Has bytes seen at a worker's end for the time that they take a link, and says when they are over
    /// it.
    mutating func cross(
        _ index: Int, from start: Int64, _ seconds: Double, _ event: WorkerSession.Event
    ) -> Int64 {
        let end = start + Int64(seconds * 1e9)
        for moment in stride(from: start, to: end, by: 250_000_000) {
            timeline.insert(
                .compute(worker: index, process: workers[index].process, event), at: moment)
        }
        return end
    }

    mutating func post(
        _ frames: [[UInt8]], from index: Int, only: Int? = nil, seconds: Double = 0
    ) {
        let start = max(workers[index].upAt + 1, now + latency())
        workers[index].upAt = cross(
            index, from: start, seconds, .bytesMoved(broadcast: 0, received: 0, sent: 5_000))
        for moment in stride(from: start, to: workers[index].upAt, by: 250_000_000) {
            timeline.insert(
                .arriving(generation: generation, workers[index].identity), at: moment)
        }
        workers[index].upCount += 1
        workers[index].lastUp = workers[index].lastUp.suffix(Self.repeatedCountMax - 1) + [frames]
        timeline.insert(
            .toCoordinator(
                frames, worker: index, connection: workers[index].connection,
                from: workers[index].identity, only: only), at: workers[index].upAt)
    }

    /// A message reaches the coordinator's end, or waits for a coordinator in its worker's socket.
    mutating func arrive(_ entry: Entry) {
        guard
            case .toCoordinator(let frames, let index, let connection, let identity, let only) =
                entry
        else { return }
        workers[index].upCount -= 1
        guard connection >= workers[index].upFloor, only == nil || only == generation else {
            return
        }
        if coordinator == nil {
            if workers[index].session != nil { workers[index].held.append(entry) }
        } else {
            feed(.received(frames, from: identity))
        }
    }

    /// What was sent to the former coordinator reaches the one that took its place, in order.
    mutating func takeHeld() {
        for index in workers.indices {
            let held = workers[index].held
            workers[index].held = []
            for case .toCoordinator(let frames, _, let connection, let identity, nil) in held
            where connection >= workers[index].upFloor {
                count("kept for the next coordinator")
                feed(.received(frames, from: identity))
            }
        }
    }

    // MARK: - Down

    /// Queues a message for a worker; a full queue drops it, which the coordinator hears soon.
    mutating func post(_ frames: [[UInt8]], to index: Int, seconds: Double = 0) {
        guard workers[index].downCount + workers[index].inbox.count < plan.queueCountMax else {
            count("full queue")
            timeline.insert(
                .unreachable(generation: generation, workers[index].identity),
                at: now + Int64.random(in: 0...100_000_000, using: &generator))
            return
        }
        workers[index].downAt = cross(
            index, from: max(workers[index].downAt + 1, now + latency()), seconds,
            .bytesMoved(broadcast: 0, received: 5_000, sent: 0))
        workers[index].downCount += 1
        workers[index].lastDown =
            workers[index].lastDown.suffix(Self.repeatedCountMax - 1) + [frames]
        timeline.insert(
            .toWorker(frames, worker: index, connection: workers[index].connection),
            at: workers[index].downAt)
    }

    /// Remembers what a stranger may answer, if it is one.
    mutating func noteStranger(_ assignment: BundleAssignment, _ peer: PeerID) {
        guard peer.bytes.first == 255 else { return }
        strangersLeases.insert(
            StrangersLease(bundle: assignment.bundle, attempt: assignment.attempt))
    }

    // MARK: - Misfortune

    /// Breaks a connection, for a moment or longer.
    ///
    /// What is under way is lost; or was at the other end already, and comes late; and the last of it
    /// may be said again over the new connection.
    mutating func breakConnection(_ index: Int) {
        count("break")
        let up = workers[index].lastUp
        let down = workers[index].lastDown
        workers[index].lastUp = []
        workers[index].lastDown = []
        connect(index, isNew: !plan.hasFixedIdentity[index])
        if generator.chance(0.6) {
            workers[index].upFloor = workers[index].connection
        } else {
            count("late after a break")
        }
        if coordinator == nil || generator.chance(0.6) {
            workers[index].downFloor = workers[index].connection
        }
        if generator.chance(plan.repeatChance) {
            count("sent twice")
            // Never to another coordinator: no connection carries a whole greeting and what came
            // after it, and results are told apart by the order of a connection alone.
            for frames in up { post(frames, from: index, only: generation) }
            if coordinator != nil { for frames in down { post(frames, to: index) } }
        }
        if generator.chance(0.5) {
            let seconds = Double.random(in: 0.1...7, using: &generator)
            workers[index].cutUntil = now + Int64(seconds * 1e9)
        }
        guard workers[index].session != nil else { return }
        timeline.insert(
            .compute(worker: index, process: workers[index].process, .connectionRenewed),
            at: max(now, workers[index].cutUntil) + latency())
    }

    /// Holds one direction back for a while, in order.
    mutating func stall(_ index: Int) {
        count("stall")
        let until = now + Int64(Double.random(in: 0.1...8, using: &generator) * 1e9)
        if generator.chance(0.5) {
            workers[index].upAt = max(workers[index].upAt, until)
        } else {
            workers[index].downAt = max(workers[index].downAt, until)
        }
    }

    /// Tells a worker to leave; now and then twice, which ends it at once.
    mutating func drain(_ index: Int) {
        count("drain")
        workers[index].isDraining = true
        feed(.drain, to: index)
        if generator.chance(0.1) { feed(.drain, to: index) }
    }
}
