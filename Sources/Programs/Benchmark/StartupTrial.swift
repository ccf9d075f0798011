import CoordinatorNetwork
import Display
package import FeatureStore
import Fleet
import Heads
package import Sessions
package import System

/// A worker that comes late, measured: from its start to its first lease.
///
/// A coordinator as in a run has its features and no worker to train on them; a `worker` process is
/// started, joins, asks for the features, checks them and is given heads to train.
package struct StartupTrial: Sendable {
    /// What the worker is to train.
    package var job: HeadJob
    /// The bytes of it.
    package var chunks: FeatureChunks
    /// Compute threads of the worker.
    package var threadCount: Int

    /// Seconds from the moment before the process is made.
    package struct Outcome: Sendable {
        /// Until its hello is answered.
        package let joined: Double
        /// Until it has said that it holds all features.
        package let ready: Double
        /// Until its first lease is sent.
        package let leased: Double
    }

    /// A trial of these parts.
    package init(job: HeadJob, chunks: FeatureChunks, threadCount: Int) {
        precondition(threadCount > 0)
        self.job = job
        self.chunks = chunks
        self.threadCount = threadCount
    }

    /// Runs it once, with a process of its own that is gone when it returns.
    package func run() async throws(RunError) -> Outcome {
        do {
            return try await measure()
        } catch {
            throw CoordinatorProgram.runError(error)
        }
    }

    private func measure() async throws -> Outcome {
        let console = Console(minimum: .warning, showsProgress: false)
        var fleet = Fleet(bind: "tcp://127.0.0.1:0", observer: console) { _ in "the trial ended" }
        fleet.replacesLosses = false
        // The worker is started once the broadcast is over, which no worker receives.
        return try await fleet.run { _ in
            []
        } _: { [self] members in
            let link = members.link
            async let collected = link.train(job.waiting(for: 1), on: chunks)
            try await link.reach(.broadcastOver, within: CoordinatorLink.joiningLimit)
            let start = ContinuousClock.now
            let workers = LocalWorkers(
                try WorkerLaunch.local(
                    count: 1, threadCount: threadCount, endpoint: members.endpoint),
                onLoss: .report { link.abort(reason: $0.message) }, observer: console)
            defer { workers.stop() }
            try workers.start()
            let report = try await collected.workers.first
            guard let joined = report?.joinedAt, let ready = report?.readyAt,
                let leased = report?.leasedAt
            else { throw RunError(.internal, "no worker trained the heads") }
            let seconds = [joined, ready, leased].map {
                start.duration(to: link.instant(of: $0)) / .seconds(1)
            }
            return Outcome(joined: seconds[0], ready: seconds[1], leased: seconds[2])
        }
    }
}
