import FeatureStore
import HeadTraining
import Heads
import Numerics
import Sessions
import Synchronization
import System
import Transfer
import WireProtocol

/// The compute threads of a worker: each trains one bundle or does one task at a time and reports its end.
final class ComputeSlots: Sendable {
    /// What does what begins.
    private enum Work: Sendable {
        case heads(BundleTrainer, featureCount: Int)
        case tasks(any TaskRunner)
    }

    private struct State {
        var work: Work?
        /// The runner that is being made, unless another job came meanwhile.
        var preparation: WorkerSession.Preparation?
        var idle: [Int]
        var flags: [WorkerSession.Ticket: CancellationFlag] = [:]
        /// Chunks that each thread is still to insert.
        var insertionCounts: [Int]
    }

    private let pool: ComputePool
    private let taskPreparation: TaskPreparation?
    private let report: @Sendable (WorkerSession.Event) -> Void
    private let state: Mutex<State>

    /// - Parameter report: called on a compute thread with what has become of a bundle or a chunk.
    /// - Throws: `unavailable` where the system has not so many threads left.
    init(
        threadCount: Int, taskPreparation: TaskPreparation?,
        report: @escaping @Sendable (WorkerSession.Event) -> Void
    ) throws(RunError) {
        pool = try ComputePool(threadCount: threadCount)
        self.taskPreparation = taskPreparation
        self.report = report
        state = Mutex(
            State(
                idle: Array(0..<threadCount),
                insertionCounts: [Int](repeating: 0, count: threadCount)))
    }

    /// What bundles train on from now on.
    func prepare(
        _ assembly: any ChunkAssembly, _ training: Training, derivedFrom: Head?,
        variant: KernelVariant
    ) throws {
        guard let table = try (assembly as? FeatureAssembly)?.finish() else {
            preconditionFailure("heads are trained on features")
        }
        let trainer = try BundleTrainer(
            table: table, training: training, derivedFrom: derivedFrom,
            variant: variant)
        state.withLock {
            $0.work = .heads(trainer, featureCount: table.featureCount)
            $0.preparation = nil
        }
    }

    /// Makes the runner of tasks that begin from now on, on a compute thread.
    func prepareTasks(_ assembly: any ChunkAssembly, _ preparation: WorkerSession.Preparation) {
        guard let taskPreparation else { preconditionFailure("a job of tasks was not refused") }
        state.withLock { $0.preparation = preparation }
        // Unstructured: the network thread cannot wait; the end is reported as an event.
        Task(executorPreference: pool.threads[0]) { [self] in
            do {
                guard let materials = try (assembly as? MaterialAssembly)?.finish() else {
                    preconditionFailure("tasks work on materials")
                }
                let runner = try taskPreparation(materials)
                state.withLock { state in
                    if state.preparation == preparation { state.work = .tasks(runner) }
                }
                report(.tasksPrepared(preparation, failure: nil))
            } catch {
                report(.tasksPrepared(preparation, failure: "\(error)"))
            }
        }
    }

    /// Starts a bundle on an idle thread; the session never begins more than there are.
    func begin(_ ticket: WorkerSession.Ticket, _ assignment: BundleAssignment) {
        let flag = CancellationFlag()
        let (slot, work) = state.withLock { state in
            state.flags[ticket] = flag
            return (state.idle.popLast(), state.work)
        }
        guard let slot, let work else { preconditionFailure("a bundle began without a slot") }
        let thread = pool.threads[slot]
        // Unstructured: the network thread cannot wait; the end is reported as an event.
        Task(executorPreference: thread) { [self] in
            let event =
                switch Self.work(on: assignment, in: work, flag) {
                case .success(let result): WorkerSession.Event.bundleTrained(ticket, result)
                case .failure(let failure): WorkerSession.Event.bundleFailed(ticket, failure.report)
                }
            state.withLock { state in
                state.flags[ticket] = nil
                state.idle.append(slot)
            }
            report(event)
        }
    }

    private struct Failure: Error {
        let report: BundleFailed

        init(_ assignment: BundleAssignment, _ reason: String, isDeclined: Bool = false) {
            report = BundleFailed(
                bundle: assignment.bundle, attempt: assignment.attempt, reason: reason,
                isDeclined: isDeclined)
        }
    }

    private static func work(
        on assignment: BundleAssignment, in work: Work, _ flag: CancellationFlag
    ) -> Result<BundleTrained, Failure> {
        let start = ContinuousClock.now
        let content: Result<BundleTrained.Content, Failure> =
            switch (work, assignment.content) {
            case (.heads(let trainer, let featureCount), .heads(let keys)):
                train(keys, of: assignment, trainer, featureCount, flag)
            case (.tasks(let runner), .task(let description)):
                run(description, of: assignment, runner, flag)
            case (.heads, .task), (.tasks, .heads):
                preconditionFailure("the session lets nothing of another job begin")
            }
        return content.map {
            BundleTrained(
                bundle: assignment.bundle, attempt: assignment.attempt,
                busySeconds: start.duration(to: .now) / .seconds(1), content: $0)
        }
    }

    private static func train(
        _ keys: [HeadKey], of assignment: BundleAssignment, _ trainer: BundleTrainer,
        _ featureCount: Int, _ flag: CancellationFlag
    ) -> Result<BundleTrained.Content, Failure> {
        do throws(HeadTrainingError) {
            let heads = try trainer.train(keys, isCancelled: { flag.isCancelled })
            // The coordinator would take such numbers for an attack; the scheduler knows what to do
            // with heads that cannot be trained.
            if let bad = zip(keys, heads).first(where: { !$1.isFinite }) {
                return .failure(
                    Failure(
                        assignment, "training \(bad.0) diverged; lower --learning-rate"))
            }
            return .success(.heads(HeadBlock.runs(of: heads)))
        } catch {
            return .failure(
                Failure(assignment, error.message, isDeclined: error.code == .cancelled))
        }
    }

    private static func run(
        _ description: [UInt8], of assignment: BundleAssignment, _ runner: any TaskRunner,
        _ flag: CancellationFlag
    ) -> Result<BundleTrained.Content, Failure> {
        do {
            let bytes = try runner.run(description, isCancelled: { flag.isCancelled })
            let limit = WireLimits().frameByteCountMax
            guard bytes.count <= limit else {
                return .failure(
                    Failure(
                        assignment,
                        "the outcome has \(bytes.count) bytes, and a message takes \(limit)"))
            }
            return .success(.task(bytes))
        } catch {
            // Whatever it throws because it was cancelled says nothing about the task.
            return .failure(Failure(assignment, "\(error)", isDeclined: flag.isCancelled))
        }
    }

    /// Checks a chunk and puts it in its place, on the thread with the fewest to do.
    func insert(_ index: Int, _ bytes: ChunkBytes, into assembly: any ChunkAssembly) {
        let slot = state.withLock { state in
            let counts = state.insertionCounts
            let slot = counts.indices.min { counts[$0] < counts[$1] } ?? 0
            state.insertionCounts[slot] += 1
            return slot
        }
        // Unstructured: the network thread cannot wait; the end is reported as an event.
        Task(executorPreference: pool.threads[slot]) { [self] in
            let event = WorkerSession.Event.inserting(index, bytes, into: assembly)
            state.withLock { $0.insertionCounts[slot] -= 1 }
            report(event)
        }
    }

    /// Asks a bundle to stop; its end is still reported.
    func cancel(_ ticket: WorkerSession.Ticket) {
        state.withLock { $0.flags[ticket] }?.cancel()
    }

    /// Stops what runs and ends the threads.
    func shutdown() async {
        let flags = state.withLock { Array($0.flags.values) }
        for flag in flags { flag.cancel() }
        await pool.shutdown()
    }
}
