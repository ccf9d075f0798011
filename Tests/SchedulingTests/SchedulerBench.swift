import Heads
import Numerics
import Scheduling
import Testing

/// A scheduler under test, with a time to move by hand; invariants are checked after every event.
struct SchedulerBench {
    private(set) var scheduler: HeadScheduler
    var seconds = 0.0

    /// Heads of equal cost: a second each at the guessed rate, one per bundle unless said otherwise.
    init(
        headCount: Int, flops: Double = 20e9, resultByteCount: Int = 100,
        configure: (inout SchedulerConfiguration) -> Void = { _ in }
    ) {
        var configuration = SchedulerConfiguration()
        configuration.bundleHeadCountMax = 1
        // Waiting places are filled at once, however near the end.
        configuration.bundleLeadSeconds = .infinity
        configure(&configuration)
        let works = (0..<UInt32(headCount)).map {
            HeadWork(id: WorkID($0), trainingFlops: flops, resultByteCount: resultByteCount)
        }
        scheduler = HeadScheduler(heads: works, configuration: configuration)
    }

    init(
        _ works: [HeadWork], configuration: SchedulerConfiguration,
        accepted: [WorkID: TrainerID] = [:], held: Set<WorkID> = []
    ) {
        scheduler = HeadScheduler(
            heads: works, configuration: configuration, accepted: accepted, held: held)
    }

    mutating func handle(_ event: HeadScheduler.Event) -> [HeadScheduler.Action] {
        let now = Instant.start.advanced(bySeconds: seconds)
        let actions = scheduler.handle(event, at: now)
        do { try scheduler.checkInvariants() } catch { Issue.record("\(error)") }
        return actions
    }

    /// A worker that is there and has all features; returns what it was given.
    @discardableResult
    mutating func add(_ worker: UInt64, slotCount: Int = 1) -> [Assignment] {
        let first = handle(.workerJoined(WorkerID(worker), slotCount: slotCount))
        #expect(first == [])
        return assignments(handle(.workerReady(WorkerID(worker))), to: worker)
    }

    mutating func train(
        _ assignment: Assignment, by worker: UInt64, busySeconds: Double = 1
    ) -> [HeadScheduler.Action] {
        handle(
            .bundleTrained(
                assignment.bundle, attempt: assignment.attempt, by: WorkerID(worker),
                busySeconds: busySeconds))
    }

    mutating func reject(_ assignment: Assignment, by worker: UInt64) -> [HeadScheduler.Action] {
        handle(
            .bundleRejected(
                assignment.bundle, attempt: assignment.attempt, by: WorkerID(worker)))
    }

    mutating func decline(_ assignment: Assignment, by worker: UInt64) -> [HeadScheduler.Action] {
        handle(
            .leaseDeclined(
                assignment.bundle, attempt: assignment.attempt, by: WorkerID(worker)))
    }

    mutating func lose(_ worker: UInt64) -> [HeadScheduler.Action] {
        handle(.workerLeft(WorkerID(worker), because: .lost))
    }
}

/// What was assigned to one worker, or to anyone.
func assignments(
    _ actions: [HeadScheduler.Action], to worker: UInt64? = nil
) -> [Assignment] {
    actions.compactMap { action in
        guard case .assign(let assignment, let to) = action else { return nil }
        return worker == nil || to.rawValue == worker ? assignment : nil
    }
}

func ids(_ range: Range<UInt32>) -> [WorkID] { range.map { WorkID($0) } }
