import Heads
import Numerics
import Scheduling

/// Watches a scheduler from outside: what it may say, given what it was told.
///
/// A second, simpler bookkeeping; it shares no code with the first.
struct FleetChecker {
    private struct LeaseName: Hashable {
        let bundle: BundleID
        let attempt: UInt32
    }

    private(set) var scheduler: HeadScheduler
    private(set) var log: [(HeadScheduler.Event, Instant)] = []
    private(set) var actions: [[HeadScheduler.Action]] = []
    private(set) var failure: String?
    /// How often each kind of action and reason was met.
    private(set) var tally: [String: Int] = [:]
    /// Live incarnations by process, as the coordinator knows them.
    var owners: [Int: Set<WorkerID>] = [:]
    var newest: [Int: WorkerID] = [:]

    private let configuration: SchedulerConfiguration
    private var works: [WorkID: HeadWork] = [:]
    private var slots: [WorkerID: Int] = [:]
    private var ready: Set<WorkerID> = []
    private(set) var dismissed: Set<WorkerID> = []
    private var leases: [LeaseName: (worker: WorkerID, heads: [WorkID])] = [:]
    private var held: [WorkerID: Set<LeaseName>] = [:]
    /// The heads that are there, of which process and with which bytes.
    private var kept: [WorkID: (trainer: TrainerID, version: UInt64)] = [:]
    private var challenges: [WorkID: [(trainer: TrainerID, version: UInt64)]] = [:]
    private var trainers: [WorkerID: TrainerID] = [:]
    private var leasedBy: [LeaseName: TrainerID] = [:]
    private var distrusted: Set<TrainerID> = []
    private let checked: Set<WorkID>
    private var blames: [WorkID: Int] = [:]
    private var quarantined: Set<WorkID> = []
    private var mostReady = 0
    private var finishCount = 0

    init(
        _ works: [HeadWork], configuration: SchedulerConfiguration, checked: Set<WorkID> = []
    ) {
        self.configuration = configuration
        self.checked = checked
        scheduler = HeadScheduler(heads: works, configuration: configuration, checked: checked)
        for work in works { self.works[work.id] = work }
    }

    func flops(_ head: WorkID) -> Double { works[head]?.trainingFlops ?? 0 }

    mutating func handle(
        _ event: HeadScheduler.Event, at now: Instant, version: UInt64 = 0
    ) -> [HeadScheduler.Action] {
        note(event)
        let wasFinished = scheduler.isFinished
        let result = scheduler.handle(event, at: now)
        log.append((event, now))
        actions.append(result)
        do { try scheduler.checkInvariants() } catch { fail("\(error.message), after \(event)") }
        for action in result {
            check(action, after: event, wasFinished: wasFinished, version: version)
        }
        checkResult(of: event, result)
        return result
    }

    /// The same events in a fresh scheduler must give the same actions.
    func replayFailure() -> String? {
        var other = HeadScheduler(
            heads: works.values.sorted { $0.id < $1.id }, configuration: configuration,
            checked: checked)
        for (index, (event, now)) in log.enumerated() {
            let again = other.handle(event, at: now)
            if again != actions[index] {
                return "event \(index), \(event): first \(actions[index]), then \(again)"
            }
        }
        return nil
    }

    func failureAtEnd(poison: Set<WorkID>) -> String? {
        if !scheduler.isFinished { return "never finished" }
        if finishCount != 1 { return "finished \(finishCount) times" }
        for (head, bytes) in kept where bytes.version != 0 {
            // A check that cost three workers is given up, and counted.
            if checked.contains(head) && scheduler.uncheckedHeadCount == 0 {
                return "\(head) is wrong and was checked"
            }
            if distrusted.contains(bytes.trainer) { return "\(head) is of \(bytes.trainer)" }
        }
        if scheduler.pendingCheckCount > 0 { return "finished with checks to do" }
        let missing = Set(works.keys).subtracting(kept.keys)
        if missing != quarantined { return "missing \(missing), quarantined \(quarantined)" }
        if !poison.isEmpty && missing != poison {
            return "poisonous \(poison), quarantined \(missing)"
        }
        return nil
    }

    private mutating func fail(_ what: String) {
        if failure == nil { failure = what }
    }

    // MARK: - What it was told

    private mutating func note(_ event: HeadScheduler.Event) {
        switch event {
        case .workerJoined(let worker, let slotCount, let trainer):
            trainers[worker] = trainer ?? TrainerID(worker.rawValue)
            slots[worker] = slotCount
            held[worker] = []
            ready.remove(worker)
        case .workerReady(let worker):
            if slots[worker] != nil { ready.insert(worker) }
            mostReady = max(mostReady, ready.subtracting(dismissed).count)
        case .workerDraining(let worker): ready.remove(worker)
        case .workerLeft(let worker, let departure):
            if departure == .lost { noteDeath(of: worker) }
            slots[worker] = nil
            held[worker] = nil
            ready.remove(worker)
        case .bundleTrained(let bundle, let attempt, let worker, _, _),
            .leaseDeclined(let bundle, let attempt, let worker):
            held[worker]?.remove(LeaseName(bundle: bundle, attempt: attempt))
        case .bundleRejected(let bundle, let attempt, let worker),
            .bundleFailed(let bundle, let attempt, let worker):
            let name = LeaseName(bundle: bundle, attempt: attempt)
            held[worker]?.remove(name)
            for head in leases[name]?.heads ?? [] { blames[head, default: 0] += 1 }
        case .refereed(_, let guilty): distrusted.formUnion(guilty)
        case .released, .heldGivenUp, .tick: break
        }
    }

    /// The heads of a result that are there with other bytes.
    func differing(_ bundle: BundleID, _ attempt: UInt32, version: UInt64) -> [WorkID] {
        let heads = leases[LeaseName(bundle: bundle, attempt: attempt)]?.heads ?? []
        return heads.filter { kept[$0].map { $0.version != version } ?? false }
    }

    /// What the coordinator finds when it trains a head itself.
    mutating func verdict(on head: WorkID) -> HeadScheduler.Event {
        let versions = challenges.removeValue(forKey: head) ?? []
        let guilty = (versions + (kept[head].map { [$0] } ?? [])).filter { $0.version != 0 }
        tally["verdict", default: 0] += 1
        if !guilty.isEmpty { tally["guilty", default: 0] += 1 }
        return .refereed(head, guilty: guilty.map(\.trainer))
    }

    /// Every bundle that ran there counts for each of its heads.
    private mutating func noteDeath(of worker: WorkerID) {
        let statistics = scheduler.workerStatistics.first { $0.id == worker }
        for bundle in statistics?.runningBundles ?? [] {
            let names = (held[worker] ?? []).filter { $0.bundle == bundle }
            for name in names {
                for head in leases[name]?.heads ?? [] { blames[head, default: 0] += 1 }
            }
        }
    }

    // MARK: - What it says

    private mutating func check(
        _ action: HeadScheduler.Action, after event: HeadScheduler.Event, wasFinished: Bool,
        version: UInt64
    ) {
        switch action {
        case .assign(let assignment, let worker):
            if wasFinished { fail("assigned after the end") }
            checkAssignment(assignment, to: worker)
        case .accept(let bundle, let attempt, let heads, let worker):
            let lease = leases[LeaseName(bundle: bundle, attempt: attempt)]
            if lease?.worker != worker { fail("accepted \(bundle) from a stranger \(worker)") }
            for head in heads {
                if lease?.heads.contains(head) != true { fail("\(head) was not in the lease") }
                if kept[head] != nil { fail("\(head) accepted twice") }
                let trainer = leasedBy[LeaseName(bundle: bundle, attempt: attempt)]
                guard let trainer else { continue }
                if distrusted.contains(trainer) { fail("\(head) accepted from \(trainer)") }
                kept[head] = (trainer, version)
                quarantined.remove(head)
            }
        case .compare(let bundle, let attempt, let heads, let worker):
            let lease = leases[LeaseName(bundle: bundle, attempt: attempt)]
            tally["compare", default: 0] += 1
            if lease?.worker != worker { fail("compared \(bundle) from a stranger \(worker)") }
            for head in heads {
                if lease?.heads.contains(head) != true { fail("\(head) was not in the lease") }
                guard let bytes = kept[head] else {
                    fail("\(head) compared with nothing")
                    continue
                }
                let trainer = leasedBy[LeaseName(bundle: bundle, attempt: attempt)]
                if let trainer, bytes.version != version {
                    challenges[head, default: []].append((trainer, version))
                }
                if bytes.trainer != trainer { tally["check", default: 0] += 1 }
            }
        case .referee: tally["referee", default: 0] += 1
        case .withdraw(let heads, let trainer):
            tally["withdraw", default: 0] += 1
            for head in heads where kept.removeValue(forKey: head)?.trainer != trainer {
                fail("\(head) withdrawn, and not of \(trainer)")
            }
            if kept.values.contains(where: { $0.trainer == trainer }) {
                fail("\(trainer) still has heads")
            }
        case .dismiss(let worker, let reason):
            tally["dismiss \(reason)", default: 0] += 1
            if !dismissed.insert(worker).inserted { fail("\(worker) dismissed twice") }
        case .quarantine(let head):
            tally["quarantine", default: 0] += 1
            quarantined.insert(head)
            if kept[head] != nil { fail("\(head) accepted, then quarantined") }
            let count = blames[head, default: 0]
            if count < configuration.deathCountMax { fail("\(head) quarantined at \(count)") }
        case .finish(let list):
            finishCount += 1
            if Set(list) != quarantined { fail("finished without \(list)") }
            if kept.count + list.count != works.count { fail("finished too early") }
        case .discard(_, _, _, let reason): tally["discard \(reason)", default: 0] += 1
        case .revoke(_, _, _, let reason): tally["revoke \(reason)", default: 0] += 1
        }
    }

    private mutating func checkAssignment(_ assignment: Assignment, to worker: WorkerID) {
        let name = LeaseName(bundle: assignment.bundle, attempt: assignment.attempt)
        if assignment.attempt > 1 { tally["attempt above 1", default: 0] += 1 }
        if leases[name] != nil { fail("\(name) was leased before") }
        leases[name] = (worker, assignment.heads)
        let trainer = trainers[worker]
        leasedBy[name] = trainer
        if let trainer, distrusted.contains(trainer) { fail("leased to \(trainer)") }
        held[worker, default: []].insert(name)
        if mostReady < configuration.minWorkerCount { fail("leased with too few workers") }
        if !ready.contains(worker) { fail("leased to \(worker), which is not ready") }
        if dismissed.contains(worker) { fail("leased to \(worker), which was dismissed") }
        let count = held[worker]?.count ?? 0
        if count > 2 * slots[worker, default: 0] { fail("\(worker) holds \(count)") }
        if assignment.heads.isEmpty { fail("leased nothing") }
        if Set(assignment.heads).count != assignment.heads.count { fail("leased a head twice") }
        if assignment.heads.count > configuration.bundleHeadCountMax { fail("too many heads") }
        let byteCount = assignment.heads.reduce(0) { $0 + (works[$1]?.resultByteCount ?? 0) }
        if assignment.heads.count > 1 && byteCount > configuration.bundleResultByteCountMax {
            fail("\(byteCount) bytes in a bundle")
        }
        for head in assignment.heads {
            guard let bytes = kept[head] else { continue }
            if !checked.contains(head) { fail("leased \(head), which was accepted") }
            if bytes.trainer == trainer { fail("\(head) is checked by who trained it") }
        }
    }

    /// A result is answered for in full: accepted and compared heads make up the lease.
    private mutating func checkResult(
        of event: HeadScheduler.Event, _ result: [HeadScheduler.Action]
    ) {
        guard case .bundleTrained(let bundle, let attempt, _, _, _) = event else { return }
        var sorted: [WorkID] = []
        var discardCount = 0
        for action in result {
            switch action {
            case .accept(_, _, let heads, _), .compare(_, _, let heads, _): sorted += heads
            case .discard: discardCount += 1
            case .assign, .revoke, .dismiss, .referee, .withdraw, .quarantine, .finish: break
            }
        }
        if discardCount > 0 {
            if discardCount > 1 || !sorted.isEmpty { fail("discarded and used \(bundle)") }
        } else {
            let heads = leases[LeaseName(bundle: bundle, attempt: attempt)]?.heads ?? []
            if sorted.sorted() != heads.sorted() { fail("\(bundle) used in part") }
        }
    }
}
