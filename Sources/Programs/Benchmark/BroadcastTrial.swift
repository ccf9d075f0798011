import CoordinatorNetwork
import Display
package import FeatureStore
import Fleet
import Glibc
package import Heads
import Numerics
import Scheduling
package import Sessions
package import System

/// One broadcast as a run does it, measured: the network thread of `coordinator run` in this process,
/// `worker` processes at the other end, hashes checked and rows put together by them.
///
/// The heads of the job are trained afterwards, as in any run, so keep them few.
package struct BroadcastTrial: Sendable {
    /// What is sent; the workers that begin it together are set by the trial.
    package var job: HeadJob
    /// The bytes of it.
    package var chunks: FeatureChunks
    /// Workers that receive.
    package var workerCount: Int
    /// Further workers that subscribe, and are stopped (SIGSTOP) before the first chunk leaves.
    package var stoppedCount = 0
    /// Compute threads of each worker.
    package var threadCount: Int
    /// Whether all is encrypted, with keys made for the trial.
    package var isEncrypted = false

    /// The figures of a trial.
    package struct Outcome: Sendable {
        /// From the features at hand until the last worker that was not stopped had said it holds
        /// them all, checked.
        package let seconds: Double
        /// Feature bytes that each of those workers received, by its own count.
        package let receivedByteCounts: [Int]
        /// The most memory this process had resident meanwhile.
        package let peakRSSByteCount: Int
        /// The heads trained on what was received.
        package let heads: [Head]
    }

    /// A trial of these parts.
    package init(
        job: HeadJob, chunks: FeatureChunks, workerCount: Int, threadCount: Int,
        stoppedCount: Int = 0,
        isEncrypted: Bool = false
    ) {
        precondition(workerCount > 0 && stoppedCount >= 0 && threadCount > 0)
        self.job = job
        self.chunks = chunks
        self.workerCount = workerCount
        self.stoppedCount = stoppedCount
        self.threadCount = threadCount
        self.isEncrypted = isEncrypted
    }

    /// Runs it once, with processes of its own that are gone when it returns.
    package func run() async throws(RunError) -> Outcome {
        do {
            return try await measure()
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private func measure() async throws -> Outcome {
        ProcessMemory.resetPeak()
        let console = Console(minimum: .warning, showsProgress: false)
        let admission = isEncrypted ? try Admission() : nil
        var fleet = Fleet(
            bind: "tcp://127.0.0.1:0", admission: admission, observer: console
        ) { _ in "the trial ended" }
        fleet.replacesLosses = false
        return try await fleet.run { endpoint in
            try WorkerLaunch.local(
                count: workerCount + stoppedCount, threadCount: threadCount, endpoint: endpoint,
                admission: admission)
        } _: { [self] members in
            // They are the last ones started.
            let stopped = workerCount..<workerCount + stoppedCount
            try await members.link.reach(
                .audience(stopped.upperBound), within: CoordinatorLink.joiningLimit)
            for index in stopped { members.workers.send(SIGSTOP, to: index) }
            let collected = try await members.link.train(job.waiting(for: workerCount), on: chunks)
            return try outcome(collected, peakRSSByteCount: ProcessMemory.peakByteCount())
        }
    }

    private func outcome(_ collected: CollectedHeads, peakRSSByteCount: Int) throws -> Outcome {
        try collected.check()
        let names = Set((0..<workerCount).map { WorkerLaunch.localName($0) })
        let reports = collected.workers.filter { names.contains($0.name) }
        let ready = reports.compactMap(\.readyAt)
        guard let servedAt = collected.servedAt, let last = ready.max(), ready.count == workerCount
        else {
            throw RunError(
                .internal, "\(ready.count) of \(workerCount.counted("worker")) held the features")
        }
        return Outcome(
            seconds: last.seconds(since: servedAt),
            receivedByteCounts: reports.map(\.receivedByteCount),
            peakRSSByteCount: peakRSSByteCount, heads: collected.heads.compactMap(\.self))
    }
}

extension HeadJob {
    /// The same job for another number of workers that begin together.
    func waiting(for workerCount: Int) -> HeadJob {
        HeadJob(
            plan: plan, training: training, derivedHead: derivedHead,
            manifest: manifest,
            minWorkerCount: workerCount)
    }
}
