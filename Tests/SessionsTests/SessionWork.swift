import Heads
import Numerics
import Scheduling
import Sessions
import TestSupport
import WireProtocol

/// What the sessions of a simulation work on: heads on rows, or tasks on materials.
enum SessionWork {
    case heads(SampleJob)
    case tasks(SampleTasks)

    var count: Int {
        switch self {
        case .heads(let sample): sample.plan.heads.count
        case .tasks(let sample): sample.items.count
        }
    }

    /// What must come of a piece of work.
    func product(_ id: WorkID) -> Product {
        switch self {
        case .heads(let sample): .head(sample.head(sample.plan.heads[Int(id.rawValue)]))
        case .tasks(let sample): .outcome(sample.outcome(of: id))
        }
    }

    /// What the coordinator must keep of each piece of work.
    var kept: [Product] {
        (0..<UInt32(count)).map { number in
            switch product(WorkID(number)) {
            case .head(let head): .head(head)
            case .outcome(let bytes): .outcome(SampleTasks.digest(bytes))
            }
        }
    }

    /// The numbers of what is to be done; none of heads that the plan does not have.
    func ids(of assignment: BundleAssignment) -> [WorkID] {
        switch (self, assignment.content) {
        case (.heads(let sample), .heads(let heads)):
            heads.compactMap { sample.plan.position(of: $0) }.map { WorkID(UInt32($0)) }
        case (.tasks(let sample), .task(let description)): [sample.id(of: description)]
        case (.heads, .task), (.tasks, .heads): []
        }
    }

    func bytes(ofChunk index: Int) -> [UInt8] {
        switch self {
        case .heads(let sample): sample.bytes(ofChunk: index)
        case .tasks(let sample): sample.bytes(ofChunk: index)
        }
    }

    func result(_ assignment: BundleAssignment, busySeconds: Double) -> BundleTrained {
        switch self {
        case .heads(let sample): sample.result(assignment, busySeconds: busySeconds)
        case .tasks(let sample): sample.result(assignment, busySeconds: busySeconds)
        }
    }

    /// The job with what is on disk already.
    func job(_ plan: SessionPlan, known: [WorkID: Product]) -> any WorkSource {
        switch self {
        case .heads(let sample):
            var job = sample.job(
                minWorkerCount: plan.minWorkerCount, bundleHeadCountMax: plan.bundleHeadCountMax)
            job.schedulerConfiguration.leaseSecondsMin = 3
            // Chance kills here, not heads: nothing is to be given up.
            job.schedulerConfiguration.deathCountMax = 1_000
            for case (let id, .head(let head)) in known {
                job.resumedHeads[Int(id.rawValue)] = head
            }
            return job
        case .tasks(let sample):
            var outcomes = [[UInt8]?](repeating: nil, count: sample.items.count)
            for case (let id, .outcome(let bytes)) in known { outcomes[Int(id.rawValue)] = bytes }
            var job = sample.job(known: outcomes, minWorkerCount: plan.minWorkerCount)
            job.schedulerConfiguration.leaseSecondsMin = plan.taskLeaseSecondsMin
            job.schedulerConfiguration.deathCountMax = 1_000
            return job
        }
    }

    /// The result with another head, or of heads where a task was to be done: one that fits no lease.
    func spoiled(
        _ result: BundleTrained, using generator: inout SeededGenerator
    ) -> BundleTrained {
        var result = result
        switch result.content {
        case .heads:
            guard case .heads(let sample) = self else { return result }
            var heads = result.heads
            heads[0] = sample.head(sample.other(than: heads[0].key))
            if generator.chance(0.5) { heads = [heads[0]] }
            if Set(heads.map(\.key)).count < heads.count { heads = [heads[0]] }
            result.heads = heads
        case .task: result.heads = [Self.foreignHead]
        }
        return result
    }

    /// A result with wrong bytes, which is none of a job's if it is to fit nowhere.
    func forged(bundle: UInt64, attempt: UInt32, fitsNowhere: Bool) -> BundleTrained {
        switch self {
        case .heads(let sample):
            let head =
                fitsNowhere ? Self.foreignHead : sample.head(sample.plan.heads[0], error: 1)
            return BundleTrained(
                bundle: bundle, attempt: attempt, busySeconds: 0,
                content: .heads(HeadBlock.runs(of: [head])))
        case .tasks:
            return BundleTrained(
                bundle: bundle, attempt: attempt, busySeconds: 0,
                content: fitsNowhere
                    ? .heads(HeadBlock.runs(of: [Self.foreignHead])) : .task([1, 2, 3]))
        }
    }

    /// A head of no job.
    private static let foreignHead = Head(
        key: SampleJob.foreign, weights: Matrix(rowCount: 2, columnCount: 2), biases: [0, 0])
}
