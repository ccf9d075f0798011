import FeatureStore
import Heads
import Numerics
import Scheduling
import Sessions
import TestSupport
import WireProtocol

// Training, and what befalls processes and connections.
extension SessionSimulation {
    // MARK: - Processes

    mutating func start(_ index: Int) {
        guard workers[index].session == nil, workers[index].exit != .done else { return }
        processCount += 1
        workers[index].process += 1
        workers[index].exit = nil
        workers[index].inbox = []
        workers[index].outbox = []
        workers[index].topic = []
        workers[index].pending = [:]
        workers[index].held = []
        workers[index].lastUp = []
        workers[index].lastDown = []
        workers[index].isDraining = false
        connect(index, isNew: !plan.hasFixedIdentity[index])
        workers[index].downFloor = workers[index].connection
        workers[index].session = WorkerSession(
            hello: Hello(
                incarnation: 1_000 + processCount, name: "w\(index)", host: "h", isa: "scalar",
                threadCount: plan.slotCounts[index], slotCount: plan.slotCounts[index],
                processID: Int(processCount)),
            stays: false, takesTasks: true, at: instant, makeAssembly: makeAssembly)
        timeline.insert(.workerTick(worker: index, process: workers[index].process), at: now)
    }

    /// Ends a process; what it had sent may or may not arrive.
    mutating func crash(_ index: Int) {
        count("crash")
        workers[index].session = nil
        workers[index].held = []
        if generator.chance(0.5) { workers[index].upFloor = workers[index].connection + 1 }
        unsubscribe(index)
        let seconds = Double.random(in: 0.05...6, using: &generator)
        timeline.insert(.start(worker: index), at: now + Int64(seconds * 1e9))
    }

    mutating func end(_ index: Int, _ reason: WorkerExit) {
        workers[index].session = nil
        if workers[index].isDraining {
            // Told to leave, not that the run is complete: somebody starts it again.
            unsubscribe(index)
            timeline.insert(.start(worker: index), at: now + 1_000_000_000)
            return
        }
        workers[index].exit = reason
        if reason == .done { return }
        count("refused exit")
        // Somebody repairs it and starts it again.
        timeline.insert(.start(worker: index), at: now + 2_000_000_000)
    }

    mutating func unsubscribe(_ index: Int) {
        guard !workers[index].topic.isEmpty else { return }
        timeline.insert(.subscribed(generation: generation, change: -1), at: now + latency())
    }

    /// A new connection, under a new identity or the same.
    mutating func connect(_ index: Int, isNew: Bool) {
        workers[index].connection += 1
        if isNew || workers[index].identity.bytes.isEmpty {
            identityCount += 1
            workers[index].identity = PeerID(
                bytes: [UInt8(identityCount >> 8 & 0x7F), UInt8(identityCount & 0xFF)])
        }
    }

    // MARK: - Training

    mutating func begin(
        _ ticket: WorkerSession.Ticket, _ assignment: BundleAssignment, at index: Int
    ) {
        let mark = begunFor.count + 1
        begunFor[mark] = workers[index].topic
        let honest = plan.work.result(assignment, busySeconds: Double(mark) * 1e-6)
        var result = honest
        if !isCalm && index == 0 && generator.chance(plan.invalidChance) {
            count("invalid result")
            result = plan.work.spoiled(honest, using: &generator)
        }
        var seconds = plan.bundleSeconds[index]
        if !isCalm { seconds *= Double.random(in: 0.5...2, using: &generator) }
        if result == honest {
            let key = Disk.ResultKey(
                topic: workers[index].topic, bundle: assignment.bundle,
                attempt: assignment.attempt)
            disk.honestResults[key] = plan.work.ids(of: assignment)
        }
        var event = WorkerSession.Event.bundleTrained(ticket, result)
        if !isCalm && plan.taskFailureChance > 0 && generator.chance(plan.taskFailureChance) {
            count("task failure")
            event = .bundleFailed(
                ticket,
                BundleFailed(
                    bundle: assignment.bundle, attempt: assignment.attempt, reason: "not today"))
        }
        timeline.insert(
            .compute(worker: index, process: workers[index].process, event),
            at: now + Int64(seconds * 1e9))
        workers[index].pending[ticket] = assignment
    }

    /// Makes a runner, which takes its time.
    mutating func prepare(
        _ materials: Materials?, _ preparation: WorkerSession.Preparation, at index: Int
    ) {
        guard case .tasks(let sample) = plan.work, sample.materials == materials else {
            failure = "the materials are not those of the job"
            return
        }
        count("preparation")
        let most = isCalm ? 0.005 : plan.preparationSecondsMax
        let seconds = most > 0 ? Double.random(in: 0...most, using: &generator) : 0
        timeline.insert(
            .compute(
                worker: index, process: workers[index].process,
                .tasksPrepared(preparation, failure: nil)), at: now + Int64(seconds * 1e9))
    }

    mutating func cancel(_ ticket: WorkerSession.Ticket, at index: Int) {
        // Now and then a thread is done before it looks up.
        guard generator.chance(0.8), let assignment = workers[index].pending[ticket] else { return }
        let failure = BundleFailed(
            bundle: assignment.bundle, attempt: assignment.attempt, reason: "cancelled",
            isDeclined: true)
        timeline.insert(
            .compute(
                worker: index, process: workers[index].process, .bundleFailed(ticket, failure)),
            at: now + 5_000_000)
    }

    // MARK: - Misfortune

    mutating func strike() {
        // One that has all heads stays until its workers know.
        if coordinator?.isFinished == false,
            generator.chance(plan.coordinatorRestartsPerSecond / 10)
        {
            return restartCoordinator()
        }
        for index in workers.indices where workers[index].session != nil {
            if generator.chance(plan.crashesPerSecond / 10) {
                crash(index)
                continue
            }
            if generator.chance(plan.breaksPerSecond / 10) { breakConnection(index) }
            if generator.chance(plan.stallsPerSecond / 10) { stall(index) }
            if generator.chance(plan.drainsPerSecond / 10) { drain(index) }
            if generator.chance(plan.pausesPerSecond / 10) {
                count("pause")
                let seconds = Double.random(in: 0.5...8, using: &generator)
                workers[index].pausedUntil = now + Int64(seconds * 1e9)
                timeline.insert(.resume(worker: index), at: workers[index].pausedUntil)
            }
        }
        if coordinator != nil && generator.chance(plan.hostilesPerSecond / 10) { hostility() }
    }

    private mutating func restartCoordinator() {
        count("coordinator restart")
        coordinator = nil
        generation += 1
        for index in workers.indices where workers[index].session != nil {
            breakConnection(index)
        }
        let seconds = Double.random(in: 0.1...8, using: &generator)
        timeline.insert(.startCoordinator, at: now + Int64(seconds * 1e9))
    }

    /// Somebody who is no worker, or none of ours, talks.
    private mutating func hostility() {
        count("hostility")
        let peer = PeerID(bytes: [255, UInt8.random(in: 0..<4, using: &generator)])
        let frames: [[UInt8]]
        switch Int.random(in: 0..<7, using: &generator) {
        case 0:
            frames = (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
            }
        case 1: frames = WorkerMessage.ready.encode()
        case 2: frames = WorkerMessage.chunkRequest(Array(0..<64)).encode()
        case 3:
            let hello = Hello(
                incarnation: UInt64.random(in: 0..<4, using: &generator), name: "x", host: "y",
                isa: "z", threadCount: 1, slotCount: 3, processID: 0)
            frames = WorkerMessage.hello(hello).encode()
        case 4: frames = WorkerMessage.goodbye.encode()
        default:
            // A forged result, for a lease that somebody may well have. If the lease is the stranger's
            // own it fits in no way: well-formed heads with wrong weights, from whoever was trusted
            // with a lease, are found by training them again elsewhere (`--verify`) and by nothing
            // else; that has tests of its own.
            let bundle = UInt64.random(in: 1..<12, using: &generator)
            let attempt = UInt32.random(in: 1...2, using: &generator)
            let isOwn = strangersLeases.contains(StrangersLease(bundle: bundle, attempt: attempt))
            if isOwn { count("forged for its own lease") }
            let result = plan.work.forged(bundle: bundle, attempt: attempt, fitsNowhere: isOwn)
            frames = WorkerMessage.bundleTrained(result).encode()
        }
        feed(.received(frames, from: peer))
    }

    mutating func calm() {
        isCalm = true
        for index in workers.indices { workers[index].cutUntil = 0 }
    }
}
