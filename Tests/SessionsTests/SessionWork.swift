import Heads
import Programs
import Scheduling
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
    func product(_ id: HeadID) -> Product {
        switch self {
        case .heads(let sample): .head(sample.head(sample.plan[id]))
        case .tasks(let sample): .outcome(sample.outcome(of: id))
        }
    }

    var products: [Product] { (0..<UInt32(count)).map { product(HeadID($0)) } }

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
    func job(_ plan: SessionPlan, known: [HeadID: Product]) -> any Job {
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

    /// The result with another number, or of other heads: one that fits no lease.
    func spoiled(
        _ result: BundleTrained, using generator: inout SeededGenerator
    ) -> BundleTrained {
        var result = result
        switch result.content {
        case .heads(var heads, let featureCount):
            let head = heads[0]
            heads[0] = TrainedHead(id: HeadID(head.id.rawValue ^ 1), head: head.head)
            if generator.chance(0.5) { heads = [heads[0]] }
            if Set(heads.map(\.id)).count < heads.count { heads = [heads[0]] }
            result.content = .heads(heads, featureCount: featureCount)
        case .task(let outcome):
            result.content = .task(
                TaskOutcome(id: TaskID(outcome.id.rawValue ^ 1), bytes: outcome.bytes))
        }
        return result
    }

    /// A result with wrong bytes, which is none of a job's if it is to fit nowhere.
    func forged(bundle: UInt64, attempt: UInt32, fitsNowhere: Bool) -> BundleTrained {
        switch self {
        case .heads(let sample):
            let spec = sample.plan.heads[0]
            let id = fitsNowhere ? HeadID(99) : spec.id
            return BundleTrained(
                bundle: bundle, attempt: attempt, busySeconds: 0, featureCount: 2,
                heads: [TrainedHead(id: id, head: sample.head(spec, error: 1))])
        case .tasks:
            let id = fitsNowhere ? TaskID(99) : TaskID(0)
            return BundleTrained(
                bundle: bundle, attempt: attempt, busySeconds: 0,
                content: .task(TaskOutcome(id: id, bytes: [1, 2, 3])))
        }
    }
}
