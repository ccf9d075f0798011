import HeadTraining
import Heads
import Numerics
import Sessions
import System
import WireProtocol

/// Trains heads on this machine, on a thread of its own, to be compared with what workers sent.
///
/// A head's bits depend on nothing but its job, so what this machine computes is what any worker
/// should have.
final class Referee: Sendable {
    private let trainer: BundleTrainer
    private let thread: ThreadExecutor
    private let flag = CancellationFlag()

    /// A referee for the heads of a job, with the fastest kernels of this machine.
    ///
    /// - Throws: `unavailable` where the system has no thread left.
    init(_ job: HeadJob, _ table: FeatureTable) throws(RunError) {
        thread = try ThreadExecutor(name: "referee")
        do {
            trainer = try BundleTrainer(
                table: table, training: job.training,
                derivedFrom: job.derivedHead, variant: KernelVariant.select(nil))
        } catch {
            throw RunError(.internal, error.message)
        }
    }

    /// Trains heads soon, after those it was asked for before.
    ///
    /// - Parameter completion: called on the referee's thread, unless it was stopped before.
    func train(
        _ keys: [HeadKey],
        _ completion: @escaping @Sendable (Result<[Head], RunError>) -> Void
    ) {
        // Unstructured: stop() ends it.
        Task(executorPreference: thread) { [trainer, flag] in
            let result = Result { () throws(HeadTrainingError) in
                try trainer.train(keys) { flag.isCancelled }
            }
            if flag.isCancelled { return }
            completion(result.mapError { RunError(.internal, $0.message) })
        }
    }

    /// Ends the thread; what it was training is not wanted any more.
    func stop() {
        flag.cancel()
        thread.shutdown()
    }
}
