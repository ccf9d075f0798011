import FeatureStore
import HeadPlan
import HeadTraining
import Synchronization
import Tensors
import Threading
import WireProtocol

/// The compute threads of a worker: each trains one bundle at a time and reports its end.
final class ComputeSlots: Sendable {
    private struct State {
        var trainer: HeadTrainer?
        var featureCount = 0
        var idle: [Int]
        var flags: [WorkerSession.Ticket: CancellationFlag] = [:]
        /// Chunks that each thread is still to insert.
        var insertionCounts: [Int]
    }

    private let pool: ComputePool
    private let report: @Sendable (WorkerSession.Event) -> Void
    private let state: Mutex<State>

    /// - Parameter report: called on a compute thread with what has become of a bundle or a chunk.
    init(threadCount: Int, report: @escaping @Sendable (WorkerSession.Event) -> Void) {
        pool = ComputePool(threadCount: threadCount)
        self.report = report
        state = Mutex(
            State(
                idle: Array(0..<threadCount),
                insertionCounts: [Int](repeating: 0, count: threadCount)))
    }

    /// What bundles train on from now on.
    func prepare(
        _ table: FeatureTable, _ hyperparameters: HeadHyperparameters, derivedFrom: Head?,
        variant: KernelVariant
    ) throws(HeadTrainingError) {
        let trainer = try HeadTrainer(
            table: table, hyperparameters: hyperparameters, derivedFrom: derivedFrom,
            variant: variant)
        state.withLock {
            $0.trainer = trainer
            $0.featureCount = table.featureCount
        }
    }

    /// Starts a bundle on an idle thread; the session never begins more than there are.
    func begin(_ ticket: WorkerSession.Ticket, _ assignment: BundleAssignment) {
        let flag = CancellationFlag()
        let (slot, trainer, featureCount) = state.withLock { state in
            state.flags[ticket] = flag
            return (state.idle.popLast(), state.trainer, state.featureCount)
        }
        guard let slot, let trainer else { preconditionFailure("a bundle began without a slot") }
        let thread = pool.threads[slot]
        // Unstructured: the network thread cannot wait; the end is reported as an event.
        Task(executorPreference: thread) { [self] in
            let event = Self.train(ticket, assignment, trainer, featureCount, flag)
            state.withLock { state in
                state.flags[ticket] = nil
                state.idle.append(slot)
            }
            report(event)
        }
    }

    private static func train(
        _ ticket: WorkerSession.Ticket, _ assignment: BundleAssignment, _ trainer: HeadTrainer,
        _ featureCount: Int, _ flag: CancellationFlag
    ) -> WorkerSession.Event {
        let start = ContinuousClock.now
        do throws(HeadTrainingError) {
            let heads = try trainer.train(assignment.heads, isCancelled: { flag.isCancelled })
            // The coordinator would take such numbers for an attack; the scheduler knows what to do
            // with heads that cannot be trained.
            if let bad = zip(assignment.heads, heads).first(where: { !$1.isFinite }) {
                return .bundleFailed(
                    ticket,
                    BundleFailed(
                        bundle: assignment.bundle, attempt: assignment.attempt,
                        reason: "training \(bad.0.classes) diverged; lower --learning-rate"))
            }
            return .bundleTrained(
                ticket,
                BundleTrained(
                    bundle: assignment.bundle, attempt: assignment.attempt,
                    busySeconds: start.duration(to: .now) / .seconds(1), featureCount: featureCount,
                    heads: zip(assignment.heads, heads).map { TrainedHead(id: $0.id, head: $1) }))
        } catch {
            return .bundleFailed(
                ticket,
                BundleFailed(
                    bundle: assignment.bundle, attempt: assignment.attempt, reason: error.message,
                    isDeclined: error.code == .cancelled))
        }
    }

    /// Checks a chunk and puts it in its place, on the thread with the fewest to do.
    func insert(_ index: Int, _ bytes: ChunkBytes, into assembly: FeatureAssembly) {
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

extension Head {
    /// Whether all weights and biases are numbers.
    fileprivate var isFinite: Bool {
        weights.values.allSatisfy(\.isFinite) && biases.allSatisfy(\.isFinite)
    }
}
