import FeatureStore
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
    private let job: HeadJob
    private let features: any FeatureChunkSource
    /// Of features in memory, for all heads.
    private let trainer: BundleTrainer?
    private let thread: ThreadExecutor
    private let flag = CancellationFlag()

    /// A referee for the heads of a job, with the fastest kernels of this machine.
    ///
    /// Features in a file are read when heads are to be trained, those of the heads' classes alone.
    ///
    /// - Throws: `unavailable` where the system has no thread left.
    init(_ job: HeadJob, _ features: any FeatureChunkSource) throws(RunError) {
        thread = try ThreadExecutor(name: "referee")
        self.job = job
        self.features = features
        do {
            trainer = try features.held.map { try Self.trainer(job, $0) }
        } catch {
            throw RunError(.internal, "\(error)")
        }
    }

    private static func trainer(
        _ job: HeadJob, _ table: FeatureTable
    ) throws(HeadTrainingError) -> BundleTrainer {
        try BundleTrainer(
            table: table, training: job.training,
            derivedFrom: job.derivedHead, variant: KernelVariant.select(nil))
    }

    /// Trains heads soon, after those it was asked for before.
    ///
    /// - Parameter completion: called on the referee's thread, unless it was stopped before.
    func train(
        _ keys: [HeadKey],
        _ completion: @escaping @Sendable (Result<[Head], RunError>) -> Void
    ) {
        // Unstructured: stop() ends it.
        Task(executorPreference: thread) { [job, features, trainer, flag] in
            let result = Result {
                let classes = Set(keys.flatMap(\.classes.members)).sorted()
                let trainer =
                    try trainer ?? Self.trainer(job, features.table(of: classes))
                return try trainer.train(keys) { flag.isCancelled }
            }
            if flag.isCancelled { return }
            completion(
                result.mapError {
                    ($0 as? HeadTrainingError).map { RunError(.internal, $0.message) }
                        ?? RunError(.data, "\($0)")
                })
        }
    }

    /// Ends the thread; what it was training is not wanted any more.
    func stop() {
        flag.cancel()
        thread.shutdown()
    }
}
