package import Formats
import Numerics
import Statistics
package import System

/// speedup.json: every trial, and a summary by worker count.
package struct SpeedupReport: Encodable, Sendable {
    /// One head phase.
    package struct Trial: Encodable, Sendable {
        /// Worker processes.
        package let workers: Int
        /// Which of the trials with that number, from 0.
        package let trial: Int
        /// Compute threads of all workers together.
        package let threads: Int
        /// From the first lease to the last head.
        package let seconds: Double
        /// Share of that time in which compute threads had nothing to train.
        package let idleShare: Double
        /// From the first worker's last result to the last worker's.
        package let finishSpreadSeconds: Double
        /// The same in lengths of the waiting worker's last bundle, the greatest over the workers.
        package let finishSpreadBundles: Double
        /// From the last worker's hello until all had all features.
        package let distributionSeconds: Double
        /// Share of the cores' time that other work took, from before the workers' start until their
        /// end; absent where the workers ran on other hosts.
        package let otherWorkShare: Double?
        /// SHA-256 of the heads.
        package let digest: String
        /// Times as fast as the base: the median with the fewest workers, over that number.
        package internal(set) var speedup = 0.0
        /// Speedup by worker.
        package internal(set) var efficiency = 0.0

        /// A trial of these figures, before it is compared with the others.
        package init(
            workers: Int, trial: Int, threads: Int, seconds: Double, idleShare: Double,
            finishSpreadSeconds: Double, finishSpreadBundles: Double, distributionSeconds: Double,
            otherWorkShare: Double?, digest: String
        ) {
            self.workers = workers
            self.trial = trial
            self.threads = threads
            self.seconds = seconds
            self.idleShare = idleShare
            self.finishSpreadSeconds = finishSpreadSeconds
            self.finishSpreadBundles = finishSpreadBundles
            self.distributionSeconds = distributionSeconds
            self.otherWorkShare = otherWorkShare
            self.digest = digest
        }
    }

    /// The medians over the trials that count with one number of workers.
    package struct Summary: Encodable, Sendable {
        /// Worker processes.
        package let workers: Int
        /// The median.
        package let seconds: Double
        /// The fastest trial.
        package let secondsMin: Double
        /// The slowest trial.
        package let secondsMax: Double
        /// Of the median.
        package let speedup: Double
        /// Of the median.
        package let efficiency: Double
        /// The median.
        package let idleShare: Double
        /// The greatest: a goal that one trial misses is missed.
        package let finishSpreadBundles: Double
        /// Trials that count: those with the least other work on the cores.
        package let trialsCounted: Int
        /// From the fastest to the slowest of them, as a share of the median; absent for one trial.
        package let spread: Double?
        /// The greatest of them; absent where the workers ran on other hosts.
        package let otherWorkShare: Double?
        /// Why no speedup follows from these trials; absent if one does.
        package let doubt: String?
        /// That of all trials.
        package let digest: String
        /// What the simulation says, fitted to the trials with one worker.
        package var predictedSeconds: Double?
        /// Predicted over measured seconds, less one.
        package var predictionError: Double?
    }

    /// In the order they were run.
    package let trials: [Trial]
    /// Ascending by workers.
    package var summary: [Summary]
    /// What was trained; known once it was simulated.
    var job: Job?
    /// Seconds of the job outside the head phase; absent where an earlier run trained the backbone.
    package let serialSeconds: Double?
    /// Cores of this machine; absent where the workers ran on others.
    package let cores: Int?
    /// Every option in force.
    package let config: [String: JSONValue]

    /// Compares trials that trained the same heads.
    ///
    /// - Throws: `internal` if there are none, or not all digests are equal: then there is nothing to
    ///   compare.
    package init(
        trials: [Trial], serialSeconds: Double?, coreCount: Int?, config: [String: JSONValue]
    ) throws(RunError) {
        guard let digest = trials.first?.digest else {
            throw RunError(.internal, "no trial was run: no speedup is reported")
        }
        try Self.check(trials)
        let groups = Set(trials.map(\.workers)).sorted().map { TrialGroup(workers: $0, of: trials) }
        // With one worker first this is its median; else the fewest workers are taken as ideal.
        let base = groups[0].seconds * Double(groups[0].workers)
        self.trials = trials.map { trial in
            var trial = trial
            trial.speedup = base / trial.seconds
            trial.efficiency = trial.speedup / Double(trial.workers)
            return trial
        }
        summary = groups.map { group in
            let own = trials.filter { $0.workers == group.workers }
            let efficiency = base / group.seconds / Double(group.workers)
            return Summary(
                workers: group.workers, seconds: group.seconds,
                secondsMin: own.map(\.seconds).min() ?? group.seconds,
                secondsMax: own.map(\.seconds).max() ?? group.seconds,
                speedup: base / group.seconds, efficiency: efficiency,
                idleShare: Median.of(group.counted.map(\.idleShare)),
                finishSpreadBundles: group.counted.map(\.finishSpreadBundles).max() ?? 0,
                trialsCounted: group.counted.count, spread: group.spread,
                otherWorkShare: group.otherWorkShare,
                doubt: groups[0].doubt ?? group.doubt
                    ?? Self.doubt(efficiency, workers: group.workers, than: groups[0].workers),
                digest: digest)
        }
        // Features come before the heads, and no sooner with more workers.
        self.serialSeconds = serialSeconds.map { seconds in
            seconds
                + Median.of(groups[0].counted.map(\.distributionSeconds))
        }
        cores = coreCount
        self.config = config
    }

    /// Checks that trials trained the same heads.
    ///
    /// - Throws: `internal` naming the first that differs.
    package static func check(_ trials: [Trial]) throws(RunError) {
        guard let first = trials.first,
            let other = trials.first(where: { $0.digest != first.digest })
        else { return }
        throw RunError(
            .internal,
            "trial \(other.trial + 1) with \(other.workers.counted("worker")) trained other heads than trial \(first.trial + 1) with \(first.workers.grouped) (digests \(other.digest.prefix(12)) and \(first.digest.prefix(12))): a machine computes wrongly, and no speedup is reported"
        )
    }
}
