import Foundation
import Heads
import Journal
import RunFolder
import TestSupport
import Testing

/// What a chaos run found to be wrong.
struct ChaosFailure: Error, CustomStringConvertible {
    let description: String
}

/// The job of chaos runs, and how it ends when nobody disturbs it.
enum ChaosJob {
    static func make() throws -> Job {
        var job = try Job()
        job.epochs = 8
        job.headEpochs = 1_200
        return job
    }

    static let plan = HeadPlan(.subsets, classCount: 6)
    static let headCount = 57

    private static let run = Task {
        let job = try make()
        let path = Lab.folder + "/chaos"
        let run = try await job.run(in: path, ["--workers", "2"])
        try #require(run.status == 0, "\(run.standardError)")
        return FinishedRun(
            job: job, path: path, output: run.standardOutput, log: run.standardError,
            results: try RunDirectory.readResults(in: path))
    }

    static var undisturbed: FinishedRun {
        get async throws { try await run.value }
    }
}

/// One run of real processes under a plan.
///
/// The first coordinator starts, what the plan says happens to it and to the workers, and a killed
/// coordinator is started again on the same folder, until one says that the run is complete. At
/// each death the journal is copied; what it held then must be there, unchanged, in the end.
final class ChaosRun {
    /// A worker that the plan may reach.
    struct Hand {
        let name: String
        let process: RunningProcess
        let startedAt = ContinuousClock.now
        var thawAt: ContinuousClock.Instant?
        /// Frozen once: it may have missed the farewell.
        var wasFrozen = false
        /// Ended by us, or on its way to it: what its exit status may then be.
        var expectedStatuses: Set<Int32> = [0]
        var isLeaving = false
    }

    /// How long a run may take when nothing more happens to it.
    private static let limit = Duration.seconds(90)
    private static let workerCountMax = 4
    /// Workers that may die on one coordinator.
    ///
    /// A third death could rightly be laid at a head's door, and the run would end without it:
    /// blame has tests of its own.
    private static let lossCountMax = 2

    let plan: ChaosPlan
    let folder: TemporaryDirectory
    let expected: FinishedRun
    let job: Job
    let start = ContinuousClock.now

    var coordinators: [RunningProcess] = []
    var isExpectedToEnd = false
    var restartAt: ContinuousClock.Instant?
    private var coordinatorThawAt: ContinuousClock.Instant?
    private var coordinatorDoomedAt: (at: ContinuousClock.Instant, act: ChaosPlan.Act)?
    var hands: [Hand] = []
    /// Local workers of dead coordinators, and frozen ones of living ones.
    private var strays: [(identifier: Int32, by: ContinuousClock.Instant)] = []
    var frozenLocals: [(identifier: Int32, until: ContinuousClock.Instant)] = []
    private var pending: [ChaosPlan.Misfortune]
    var phaseSeenAt: [ChaosPlan.Phase: ContinuousClock.Instant] = [:]
    /// The phase for which the misfortune at hand was meant.
    private var aimedAt: ChaosPlan.Phase?
    var lossCount = 0
    var snapshots: [JournalSnapshot] = []
    /// What happened, by kind.
    var tally: [String: Int] = [:]
    var diary: [String] = []

    var path: String { folder.path("run") }
    var endpoint: String { job.bind }
    var last: RunningProcess? { coordinators.last }

    init(_ plan: ChaosPlan) async throws {
        self.plan = plan
        folder = try TemporaryDirectory()
        expected = try await ChaosJob.undisturbed
        var job = try ChaosJob.make()
        job.bind = try freeEndpoint()
        self.job = job
        pending = plan.misfortunes
    }

    deinit {
        for (identifier, _) in frozenLocals { kill(identifier, SIGKILL) }
    }

    /// Everything that a person needs to look into a failure.
    var story: String {
        let tail = coordinators.enumerated().map { number, coordinator in
            "coordinator \(number + 1):\n"
                + coordinator.lines.suffix(12).map { "    " + $0.text }.joined(separator: "\n")
        }
        let words = hands.map { hand in
            "\(hand.name) (\(hand.process.isRunning ? "runs" : "ended")):\n"
                + hand.process.lines.suffix(6).map { "    " + $0.text }.joined(separator: "\n")
        }
        return (diary + tail + words).joined(separator: "\n")
    }

    /// Runs to the end of the run and of everybody in it.
    func run() async throws {
        try startCoordinator()
        for _ in 0..<plan.workerCount { try hire() }
        while try await !turn() {
            try require(ContinuousClock.now < start + Self.limit, "the run does not end")
            try await Task.sleep(for: .milliseconds(1))
        }
        try await expectEverybodyGone()
    }

    /// Looks at everybody once; true when the run is complete.
    private func turn() async throws -> Bool {
        let now = ContinuousClock.now
        try thaw(now)
        if let last, !last.isRunning {
            let status = try await last.exitStatus(readingToEnd: false)
            if status == 0 { return true }
            try coordinatorEnded(status, now)
        } else {
            notePhase(now)
            try endDoomed(now)
        }
        if let due = restartAt, now >= due, snapshots.count == coordinators.count {
            try startCoordinator()
        }
        if let index = pending.firstIndex(where: { isDue($0, now) }) {
            let misfortune = pending.remove(at: index)
            aimedAt = if case .phase(let phase, _) = misfortune.moment { phase } else { nil }
            try await perform(misfortune.act)
            aimedAt = nil
        }
        // Nothing more happens by the clock: somebody must be there to do the work.
        let isQuiet = !pending.contains { if case .time = $0.moment { true } else { false } }
        let isManned = hands.contains { $0.process.isRunning && !$0.isLeaving }
        // Not at once: whoever comes while a coordinator says farewell is sent home again.
        let isHiring = hands.last.map { now > $0.startedAt + .seconds(1) } ?? true
        if isQuiet, !isManned, isHiring { try hire() }
        return false
    }

    private func isDue(_ misfortune: ChaosPlan.Misfortune, _ now: ContinuousClock.Instant) -> Bool {
        switch misfortune.moment {
        case .time(let milliseconds): return now >= start + .milliseconds(milliseconds)
        case .phase(let phase, let milliseconds):
            guard let seen = phaseSeenAt[phase] else { return false }
            return now >= seen + .milliseconds(milliseconds)
        }
    }

    /// By its words, and by its timeline.
    private func notePhase(_ now: ContinuousClock.Instant) {
        func saw(_ phase: ChaosPlan.Phase) {
            if phaseSeenAt[phase] == nil { phaseSeenAt[phase] = now }
        }
        for line in last?.lines ?? [] {
            if line.text.hasPrefix("backbone: epoch") { saw(.backbone) }
            if line.text.hasPrefix("extracting features") { saw(.features) }
            if line.text.hasPrefix("heads: ") {
                saw(.broadcast)
                saw(.heads)
            }
        }
        let timeline = try? String(
            contentsOfFile: RunDirectory.path(of: .timeline, in: path), encoding: .utf8)
        if timeline?.contains("\"kind\":\"finished\"") == true { saw(.evaluation) }
    }
}

// What happens to whom.
extension ChaosRun {
    private func perform(_ act: ChaosPlan.Act) async throws {
        switch act {
        case .startWorker:
            guard hands.count(where: { $0.process.isRunning }) < Self.workerCountMax else { return }
            try hire()
        case .killWorker(let pick), .freezeWorker(let pick, _), .drainWorker(let pick),
            .stopWorker(let pick):
            try afflict(pick, act)
        case .killCoordinator, .interruptCoordinator, .freezeCoordinator,
            .freezeAndKillCoordinator:
            try afflictCoordinator(act)
        case .intrude:
            try await intrude()
        }
    }

    /// Has something happen to one of the workers, those of the coordinator's own included.
    private func afflict(_ pick: Int, _ act: ChaosPlan.Act) throws {
        let free = hands.indices.filter { hands[$0].process.isRunning && !hands[$0].isLeaving }
        let locals = last.map { $0.isRunning ? children(of: $0) : [] } ?? []
        guard free.count + locals.count > 0 else { return }
        let number = pick % (free.count + locals.count)
        let isLocal = number >= free.count
        let now = ContinuousClock.now
        switch act {
        case .killWorker where lossCount < Self.lossCountMax:
            lossCount += 1
            note(act, isLocal ? "local" : hands[free[number]].name)
            guard !isLocal else {
                kill(locals[number - free.count], SIGKILL)
                return
            }
            hands[free[number]].process.send(SIGKILL)
            hands[free[number]].expectedStatuses = [128 + SIGKILL]
            hands[free[number]].isLeaving = true
        case .freezeWorker(_, let milliseconds)
        where lossCount < Self.lossCountMax || milliseconds < ChaosPlan.longFreeze.lowerBound:
            if milliseconds >= ChaosPlan.longFreeze.lowerBound { lossCount += 1 }
            let until = now + .milliseconds(milliseconds)
            note(act, "\(isLocal ? "local" : hands[free[number]].name), \(milliseconds) ms")
            guard !isLocal else {
                kill(locals[number - free.count], SIGSTOP)
                frozenLocals.append((locals[number - free.count], until))
                return
            }
            hands[free[number]].process.send(SIGSTOP)
            hands[free[number]].thawAt = until
            hands[free[number]].wasFrozen = true
        case .killWorker, .freezeWorker, .drainWorker, .stopWorker:
            let isTwice = if case .stopWorker = act { true } else { false }
            // A coordinator's own leave with it; told to leave alone, nobody takes their place.
            guard !isLocal else { return }
            note(isTwice ? act : .drainWorker(pick: pick), hands[free[number]].name)
            hands[free[number]].process.send(SIGTERM)
            hands[free[number]].isLeaving = true
            // One that has hardly begun does not watch for signals yet.
            if isTwice || now < hands[free[number]].startedAt + .seconds(1) {
                hands[free[number]].expectedStatuses = [0, 128 + SIGINT, 128 + SIGTERM]
            }
            if isTwice { hands[free[number]].process.send(SIGINT) }
        default: break
        }
    }

    private func afflictCoordinator(_ act: ChaosPlan.Act) throws {
        guard let last, last.isRunning, !isExpectedToEnd, coordinatorThawAt == nil else { return }
        let now = ContinuousClock.now
        switch act {
        case .freezeCoordinator(let milliseconds):
            note(act, "\(milliseconds) ms")
            last.send(SIGSTOP)
            coordinatorThawAt = now + .milliseconds(milliseconds)
        case .freezeAndKillCoordinator(let milliseconds, _):
            note(act, "\(milliseconds) ms")
            last.send(SIGSTOP)
            coordinatorDoomedAt = (now + .milliseconds(milliseconds), act)
            isExpectedToEnd = true
        case .killCoordinator, .interruptCoordinator:
            end(last, act, now)
        default: break
        }
    }

    private func endDoomed(_ now: ContinuousClock.Instant) throws {
        guard let doom = coordinatorDoomedAt, now >= doom.at, let last else { return }
        coordinatorDoomedAt = nil
        end(last, doom.act, now)
    }

    /// Ends the coordinator, which is started again later.
    private func end(
        _ coordinator: RunningProcess, _ act: ChaosPlan.Act, _ now: ContinuousClock.Instant
    ) {
        isExpectedToEnd = true
        let locals = children(of: coordinator)
        switch act {
        case .killCoordinator(let pause), .freezeAndKillCoordinator(_, let pause):
            if case .killCoordinator = act { note(act, currentPhase) }
            coordinator.send(SIGKILL)
            restartAt = now + .milliseconds(pause)
        case .interruptCoordinator(let signal, let isTwice, let pause):
            note(
                act,
                "\(signal == SIGINT ? "SIGINT" : "SIGTERM")\(isTwice ? " twice" : ""), \(currentPhase)"
            )
            coordinator.send(signal)
            if isTwice { coordinator.send(signal) }
            restartAt = now + .milliseconds(pause)
        default: break
        }
        strays += locals.map { ($0, now + .seconds(12)) }
    }

    var currentPhase: String {
        let reached = ChaosPlan.Phase.allCases.last { phaseSeenAt[$0] != nil }
        return (aimedAt ?? reached)?.rawValue ?? "start"
    }

    /// A second coordinator on the folder of one that runs is sent away.
    private func intrude() async throws {
        guard let last, last.isRunning, !isExpectedToEnd else { return }
        // It must hold its folder already.
        guard last.lines.contains(where: { $0.text.contains("files in ") }) else { return }
        note(.intrude, currentPhase)
        var intruder = job
        intruder.bind = "tcp://127.0.0.1:0"
        let outcome = try await intruder.run(in: path, [])
        try require(
            outcome.status == 69 && outcome.standardError.contains("is in use by another")
                || !last.isRunning,
            "a second coordinator ended with \(outcome.status): \(outcome.standardError)")
    }

    private func thaw(_ now: ContinuousClock.Instant) throws {
        for index in hands.indices {
            guard let due = hands[index].thawAt, now >= due else { continue }
            hands[index].process.send(SIGCONT)
            hands[index].thawAt = nil
        }
        for (identifier, until) in frozenLocals where now >= until { kill(identifier, SIGCONT) }
        frozenLocals.removeAll { now >= $0.until }
        if let due = coordinatorThawAt, now >= due {
            last?.send(SIGCONT)
            coordinatorThawAt = nil
        }
        for (identifier, by) in strays where now >= by {
            try require(
                ProcessEntry(identifier) == nil,
                "local worker \(identifier) outlives its coordinator")
        }
        strays.removeAll { now >= $0.by }
    }
}
