import Heads
import Numerics
import Scheduling
import TestSupport

/// What a seed makes of the world.
struct FleetPlan {
    var headCount: Int
    var workerCount: Int
    var chaosSeconds: Double
    var lossChance = 0.0
    var duplicationChance = 0.0
    var latencySecondsMax = 0.01
    var crashesPerSecond = 0.0
    var pausesPerSecond = 0.0
    var cutsPerSecond = 0.0
    /// The first worker's share of invalid results.
    var invalidChance = 0.0
    /// Heads that a second process trains as well.
    var checked: Set<WorkID> = []
    /// A worker whose every process computes wrongly, each in its own way, until all is calm.
    var liar: Int?
    /// Heads that kill their worker.
    var poison: Set<WorkID> = []
    var speeds: [Double]
    var slotCounts: [Int]
    var configuration = SchedulerConfiguration()

    init(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        headCount = Int.random(in: 1...80, using: &generator)
        workerCount = Int.random(in: 1...5, using: &generator)
        chaosSeconds = Double.random(in: 2...25, using: &generator)
        slotCounts = (0..<workerCount).map { _ in Int.random(in: 1...3, using: &generator) }
        speeds = (0..<workerCount).map { _ in
            // One in six is forty times slower than it should be.
            generator.chance(1 / 6) ? 0.5e9 : Double.random(in: 10e9...40e9, using: &generator)
        }
        configuration.minWorkerCount = Int.random(in: 1...workerCount, using: &generator)
        configuration.leaseSecondsMin = 3
        configuration.bundleHeadCountMax = Int.random(in: 1...20, using: &generator)
        configuration.bundleResultByteCountMax = Int.random(in: 4_000...40_000, using: &generator)
        configuration.bundleFixedFlops = generator.chance(0.5) ? 0 : 0.2e9
        // Less than the least: nothing waits behind a first bundle then.
        if generator.chance(0.3) { configuration.firstBundleSeconds = 0.02 }
        if generator.chance(0.3) { configuration.firstBundleFlops = 1e9 }
        configuration.bundleLeadSeconds = generator.chance(0.5) ? .infinity : 0.5
        configuration.retiredBundleCountMax = generator.chance(0.2) ? 2 : 64
        if generator.chance(0.8) { latencySecondsMax = 0.5 }
        if generator.chance(0.5) {
            let share = Double.random(in: 0.05...1, using: &generator)
            checked = Set(
                (0..<UInt32(headCount)).map { WorkID($0) }.filter { _ in
                    generator.chance(share)
                })
            if generator.chance(0.5) { liar = workerCount - 1 }
        }
        if generator.chance(0.25) {
            // Deaths by poison alone, so that the quarantine can be foretold.
            let first = UInt32.random(in: 0..<UInt32(headCount), using: &generator)
            poison = [WorkID(first)]
            if generator.chance(0.3) { poison.insert(WorkID(UInt32(headCount - 1))) }
            return
        }
        if generator.chance(0.7) { lossChance = Double.random(in: 0...0.3, using: &generator) }
        if generator.chance(0.5) { duplicationChance = 0.2 }
        if generator.chance(0.6) { crashesPerSecond = 0.15 }
        if generator.chance(0.6) { pausesPerSecond = 0.15 }
        if generator.chance(0.5) { cutsPerSecond = 0.1 }
        if generator.chance(0.3) { invalidChance = generator.chance(0.5) ? 1 : 0.3 }
    }

    var works: [HeadWork] {
        (0..<UInt32(headCount)).map { number in
            // Some cost the same, so that ties are met.
            HeadWork(
                id: WorkID(number), trainingFlops: 0.4e9 * Double(1 + number % 7),
                resultByteCount: 1_000 + 500 * Int(number % 7))
        }
    }
}

/// A coordinator and its workers in virtual time, joined by a network that loses, delays, repeats and
/// reorders messages.
///
/// The protocol is what a runtime would do: a hello until it is welcomed, a heartbeat that repeats
/// readiness, results until acknowledged, an answer to every revocation.
struct FleetSimulation {
    enum Message {
        case hello(WorkerID, slotCount: Int, TrainerID)
        case heartbeat(WorkerID, isReady: Bool)
        /// `version` stands for the bytes: 0 are the right ones.
        case result(
            WorkerID, BundleID, UInt32, isValid: Bool, version: UInt64, busySeconds: Double)
        case decline(WorkerID, BundleID, UInt32)
        case welcome(WorkerID)
        case stranger(WorkerID)
        case assign(Assignment, WorkerID)
        case revoke(WorkerID, BundleID, UInt32, HeadScheduler.RevokeReason)
        case acknowledge(WorkerID, BundleID, UInt32)
        case dismiss(WorkerID)
    }

    enum Entry {
        case toCoordinator(Message, from: Int)
        case toWorker(Message, to: Int)
        /// A compute thread is done, if the process is still the same.
        case computed(worker: Int, process: Int, WorkerID, Assignment, busySeconds: Double)
        case beat(worker: Int)
        case schedulerTick
        /// The coordinator trained heads itself.
        case verdict([WorkID])
        case misfortune
        case restart(worker: Int)
    }

    struct Result {
        let worker: WorkerID
        let assignment: Assignment
        let isValid: Bool
        let version: UInt64
        let busySeconds: Double
    }

    struct Worker {
        var process = 0
        var isUp = true
        var id: WorkerID
        var isWelcome = false
        var isDismissed = false
        var pausedUntil: Int64 = 0
        var cutUntil: Int64 = 0
        var running: [(WorkerID, Assignment)] = []
        var waiting: [(WorkerID, Assignment)] = []
        var results: [Result] = []
        /// Every lease it ever had, so that a repeated assignment is not trained twice.
        var seen: Set<String> = []
        /// Dropped while running: the slot stays busy until the thread looks up, the result is void.
        var dropped: Set<String> = []
    }

    let plan: FleetPlan
    var generator: SeededGenerator
    var checker: FleetChecker
    var liveness = WorkerLiveness()
    var workers: [Worker] = []
    var timeline = Timeline<Entry>()
    var now: Int64 = 0
    var nextID: UInt64 = 1
    var isCalm = false
    private(set) var calmSeconds = 0.0

    init(seed: UInt64) {
        plan = FleetPlan(seed: seed)
        generator = SeededGenerator(seed: seed ^ 0x5EED)
        checker = FleetChecker(
            plan.works, configuration: plan.configuration, checked: plan.checked)
        for index in 0..<plan.workerCount {
            workers.append(Worker(id: makeID()))
            timeline.insert(.beat(worker: index), at: Int64(index) * 50_000_000)
        }
        timeline.insert(.schedulerTick, at: 0)
        timeline.insert(.misfortune, at: 100_000_000)
    }

    /// Runs until the run is finished, and a while after; or says why it is not right.
    mutating func run() -> String? {
        var lastEnd: Int64?
        while let (time, entry) = timeline.popFirst() {
            now = time
            let seconds = Double(now) * 1e-9
            if !isCalm && seconds >= plan.chaosSeconds { calm() }
            perform(entry)
            if let failure = checker.failure { return "at \(seconds) s: \(failure)" }
            if checker.scheduler.isFinished && lastEnd == nil { lastEnd = now + 3_000_000_000 }
            if let lastEnd, now > lastEnd { break }
            // Every head may be trained twice, and again if its process was wrong.
            let limit = plan.checked.isEmpty ? 400.0 : 1_200
            if seconds > plan.chaosSeconds + limit {
                return "not finished \(limit) s into the calm: "
                    + "\(checker.scheduler.acceptedHeadCount) of \(plan.headCount) heads accepted, "
                    + "\(checker.scheduler.workerStatistics)"
            }
        }
        calmSeconds = Double(now) * 1e-9 - plan.chaosSeconds
        return checker.failureAtEnd(poison: plan.poison)
    }

    private mutating func makeID() -> WorkerID {
        defer { nextID += 1 }
        return WorkerID(nextID)
    }

    // MARK: - Network

    private mutating func send(_ entry: Entry, worker: Int) {
        if workers[worker].cutUntil > now { return }
        if !isCalm && generator.chance(plan.lossChance) { return }
        let copies = !isCalm && generator.chance(plan.duplicationChance) ? 2 : 1
        for _ in 0..<copies {
            let most = isCalm ? 0.005 : plan.latencySecondsMax
            var delay = Double.random(in: 0.0005...max(most, 0.001), using: &generator)
            // Some copies come much later, after the world has moved on.
            if copies > 1 && generator.chance(0.2) { delay += 5 * delay / most }
            timeline.insert(entry, at: now + Int64(delay * 1e9))
        }
    }

    private mutating func perform(_ entry: Entry) {
        switch entry {
        case .toCoordinator(let message, let index): receive(message, from: index)
        case .toWorker(let message, let index):
            if workers[index].pausedUntil > now {
                timeline.insert(entry, at: workers[index].pausedUntil)
            } else if workers[index].isUp {
                obey(message, worker: index)
            }
        case .computed(let index, let process, let id, let assignment, let busySeconds):
            guard workers[index].process == process, workers[index].isUp else { return }
            if workers[index].pausedUntil > now {
                timeline.insert(entry, at: workers[index].pausedUntil)
            } else {
                conclude(assignment, of: id, worker: index, busySeconds: busySeconds)
            }
        case .beat(let index):
            timeline.insert(.beat(worker: index), at: now + 500_000_000)
            if workers[index].isUp && workers[index].pausedUntil <= now { beat(index) }
        case .schedulerTick:
            timeline.insert(.schedulerTick, at: now + 250_000_000)
            let time = Instant(nanoseconds: now)
            for case .declareLost(let id) in liveness.handle(.tick, at: time) {
                handle(.workerLeft(id, because: .lost))
            }
            handle(.tick)
        case .verdict(let heads):
            for head in heads { handle(checker.verdict(on: head)) }
        case .misfortune:
            if isCalm { return }
            timeline.insert(.misfortune, at: now + 100_000_000)
            strike()
        case .restart(let index):
            workers[index].isUp = true
        }
    }

    // MARK: - Coordinator

    private mutating func receive(_ message: Message, from index: Int) {
        let time = Instant(nanoseconds: now)
        switch message {
        case .hello(let id, let slotCount, let trainer):
            // A process that comes back shows that the one before it is gone.
            for known in checker.owners[index, default: []].sorted() where known < id {
                _ = liveness.handle(.left(known), at: time)
                handle(.workerLeft(known, because: .lost))
                checker.owners[index]?.remove(known)
            }
            let newest = checker.newest[index, default: WorkerID(0)]
            if id < newest { return }
            // The scheduler forgets who leaves; a runtime does not take in whom it sent away.
            if checker.dismissed.contains(id) { return post(.dismiss(id), to: id) }
            checker.newest[index] = id
            checker.owners[index, default: []].insert(id)
            _ = liveness.handle(.heard(id), at: time)
            handle(.workerJoined(id, slotCount: slotCount, trainer: trainer))
            send(.toWorker(.welcome(id), to: index), worker: index)
        case .heartbeat(let id, let isReady):
            guard liveness.workers.contains(id) else {
                return send(.toWorker(.stranger(id), to: index), worker: index)
            }
            _ = liveness.handle(.heard(id), at: time)
            if isReady { handle(.workerReady(id)) }
            if checker.dismissed.contains(id) { post(.dismiss(id), to: id) }
        case .result(let id, let bundle, let attempt, let isValid, let version, let busySeconds):
            if liveness.workers.contains(id) { _ = liveness.handle(.heard(id), at: time) }
            if isValid {
                handle(
                    .bundleTrained(
                        bundle, attempt: attempt, by: id, busySeconds: busySeconds,
                        differing: checker.differing(bundle, attempt, version: version)),
                    version: version)
            } else {
                handle(.bundleRejected(bundle, attempt: attempt, by: id))
            }
            send(.toWorker(.acknowledge(id, bundle, attempt), to: index), worker: index)
        case .decline(let id, let bundle, let attempt):
            handle(.leaseDeclined(bundle, attempt: attempt, by: id))
        case .welcome, .stranger, .assign, .revoke, .acknowledge, .dismiss: break
        }
    }

    private mutating func handle(_ event: HeadScheduler.Event, version: UInt64 = 0) {
        let time = Instant(nanoseconds: now)
        for action in checker.handle(event, at: time, version: version) {
            switch action {
            case .assign(let assignment, let id): post(.assign(assignment, id), to: id)
            case .revoke(let bundle, let attempt, let id, let reason):
                post(.revoke(id, bundle, attempt, reason), to: id)
            case .dismiss(let id, _): post(.dismiss(id), to: id)
            case .referee(let heads):
                let seconds = Double.random(in: 0.01...2, using: &generator)
                timeline.insert(.verdict(heads), at: now + Int64(seconds * 1e9))
            case .accept, .compare, .discard, .quarantine, .withdraw, .finish: break
            }
        }
    }

    private mutating func post(_ message: Message, to id: WorkerID) {
        guard let index = workers.firstIndex(where: { $0.id == id }) else { return }
        send(.toWorker(message, to: index), worker: index)
    }

    // MARK: - Workers

    private mutating func beat(_ index: Int) {
        let worker = workers[index]
        // Somebody repairs and restarts what was sent away, once all is calm.
        if worker.isDismissed && isCalm { return crash(index) }
        if worker.isWelcome {
            send(
                .toCoordinator(.heartbeat(worker.id, isReady: true), from: index), worker: index)
        } else {
            let hello = Message.hello(
                worker.id, slotCount: plan.slotCounts[index], trainer(index))
            send(.toCoordinator(hello, from: index), worker: index)
        }
        for result in worker.results { report(result, worker: index) }
    }

    private mutating func report(_ result: Result, worker index: Int) {
        let message = Message.result(
            result.worker, result.assignment.bundle, result.assignment.attempt,
            isValid: result.isValid, version: result.version, busySeconds: result.busySeconds)
        send(.toCoordinator(message, from: index), worker: index)
    }

    private mutating func obey(_ message: Message, worker index: Int) {
        switch message {
        case .welcome(let id): if workers[index].id == id { workers[index].isWelcome = true }
        case .stranger(let id):
            guard workers[index].id == id else { return }
            // Taken for dead: it comes back under a new number, and finishes what it runs.
            workers[index].id = makeID()
            workers[index].isWelcome = false
            workers[index].isDismissed = false
            workers[index].waiting = []
        case .assign(let assignment, let id):
            let key = "\(assignment.bundle) \(assignment.attempt)"
            guard workers[index].id == id, workers[index].seen.insert(key).inserted else { return }
            workers[index].waiting.append((id, assignment))
            start(index)
        case .revoke(let id, let bundle, let attempt, let reason):
            let isThis = { (entry: (WorkerID, Assignment)) in
                entry.1.bundle == bundle && entry.1.attempt == attempt
            }
            workers[index].seen.insert("\(bundle) \(attempt)")
            if workers[index].running.contains(where: isThis) {
                if reason == .expired { return }
                workers[index].dropped.insert("\(bundle) \(attempt)")
            }
            workers[index].waiting.removeAll(where: isThis)
            send(.toCoordinator(.decline(id, bundle, attempt), from: index), worker: index)
        case .acknowledge(_, let bundle, let attempt):
            workers[index].results.removeAll {
                $0.assignment.bundle == bundle && $0.assignment.attempt == attempt
            }
        case .dismiss(let id): if workers[index].id == id { workers[index].isDismissed = true }
        case .hello, .heartbeat, .result, .decline: break
        }
    }

    private func trainer(_ index: Int) -> TrainerID {
        TrainerID(UInt64(index + 1) << 32 | UInt64(workers[index].process))
    }

    private mutating func start(_ index: Int) {
        while workers[index].running.count < plan.slotCounts[index],
            !workers[index].waiting.isEmpty
        {
            let (id, assignment) = workers[index].waiting.removeFirst()
            workers[index].running.append((id, assignment))
            var flops = plan.configuration.bundleFixedFlops
            for head in assignment.heads { flops += checker.flops(head) }
            var seconds = flops / plan.speeds[index]
            if !isCalm { seconds *= Double.random(in: 0.8...1.5, using: &generator) }
            let entry = Entry.computed(
                worker: index, process: workers[index].process, id, assignment,
                busySeconds: seconds)
            timeline.insert(entry, at: now + Int64(seconds * 1e9))
        }
    }

    private mutating func conclude(
        _ assignment: Assignment, of id: WorkerID, worker index: Int, busySeconds: Double
    ) {
        workers[index].running.removeAll {
            $0.1.bundle == assignment.bundle && $0.1.attempt == assignment.attempt
        }
        if !plan.poison.isDisjoint(with: assignment.heads) { return crash(index) }
        let key = "\(assignment.bundle) \(assignment.attempt)"
        if workers[index].dropped.remove(key) == nil {
            let isValid = isCalm || index != 0 || !generator.chance(plan.invalidChance)
            let version = index == plan.liar && !isCalm ? trainer(index).rawValue : 0
            let result = Result(
                worker: id, assignment: assignment, isValid: isValid, version: version,
                busySeconds: busySeconds)
            workers[index].results.append(result)
            report(result, worker: index)
        }
        start(index)
    }

    // MARK: - Misfortune

    private mutating func crash(_ index: Int) {
        let process = workers[index].process + 1
        workers[index] = Worker(process: process, isUp: false, id: makeID())
        let seconds = Double.random(in: 0.1...6, using: &generator)
        timeline.insert(.restart(worker: index), at: now + Int64(seconds * 1e9))
    }

    private mutating func strike() {
        for index in workers.indices where workers[index].isUp {
            if generator.chance(plan.crashesPerSecond / 10) {
                crash(index)
                continue
            }
            if generator.chance(plan.pausesPerSecond / 10) {
                let seconds = Double.random(in: 0.5...8, using: &generator)
                workers[index].pausedUntil = now + Int64(seconds * 1e9)
            }
            if generator.chance(plan.cutsPerSecond / 10) {
                let seconds = Double.random(in: 0.5...6, using: &generator)
                workers[index].cutUntil = now + Int64(seconds * 1e9)
            }
        }
    }

    private mutating func calm() {
        isCalm = true
        for index in workers.indices { workers[index].cutUntil = 0 }
    }
}
