import Numerics

/// Costs of work and messages: measured times and rates of one machine.
package struct SimulationCosts: Hashable, Sendable {
    /// Textbook operations a second of a worker's one compute thread, streaming not counted.
    package var flopsPerSecond: Double
    /// Seconds that a bundle costs besides its heads, per row, epoch and feature.
    package var streamSecondsPerFeature = 0.0
    /// Seconds that a worker's first bundle costs besides, per row and epoch: the orders of rows.
    package var orderSecondsPerRow = 0.0
    /// Seconds between a bundle's end and the next one's beginning at the same worker.
    package var switchSeconds = 0.0
    /// Bytes of features a second that a worker hashes and stores.
    package var intakeBytesPerSecond = Double.infinity
    /// Seconds from a worker's last row to its message that it is ready.
    package var readySeconds = 0.0
    /// Coordinator's seconds for a message taken or sent, of any kind.
    package var messageSeconds = 0.0
    /// Coordinator's seconds for a head of a result, and for a head of an assignment.
    package var headSeconds = 0.0
    /// Coordinator's seconds for a byte of a result: to receive, decode, check and keep it.
    package var resultByteSeconds = 0.0
    /// Coordinator's seconds of an event per connected worker.
    package var schedulerSecondsPerWorker = 0.0
    /// Bytes of features a second that the coordinator can send, however fast its network is.
    package var broadcastBytesPerSecond = Double.infinity

    /// Costs of nothing but arithmetic at that rate: for exact sums.
    package init(flopsPerSecond: Double) {
        self.flopsPerSecond = flopsPerSecond
    }
}

/// The network between a coordinator and its workers.
package struct NetworkModel: Hashable, Sendable {
    /// Bytes a second of the coordinator's link, each way.
    package var bytesPerSecond: Double
    /// Seconds a message is under way, one way.
    package var latencySeconds: Double

    /// A link of that bandwidth in 10^9 bits a second.
    package init(gigabitsPerSecond: Double, latencySeconds: Double) {
        bytesPerSecond = gigabitsPerSecond * 1e9 / 8
        self.latencySeconds = latencySeconds
    }
}

/// The workers: how many, how alike, how reliable.
package struct FleetModel: Hashable, Sendable {
    /// Worker processes, one compute thread each.
    package var workerCount: Int
    /// Standard deviation of the natural logarithm of the workers' speeds, whose mean stays 1.
    package var spread = 0.0
    /// Deaths an hour of each worker.
    package var failuresPerHour = 0.0
    /// Seconds until a dead worker is back, without features.
    package var restartSeconds = 10.0
    /// Seconds of silence after which the coordinator takes a worker for dead.
    package var silenceSeconds = 3.0
    /// Workers that must hold all features before heads are leased.
    package var minWorkerCount = 1
    /// Seed of speeds and deaths.
    package var seed: UInt64 = 0

    /// So many workers, all alike, that never die.
    package init(workerCount: Int) {
        self.workerCount = workerCount
    }

    /// The workers' speeds against the costs' rates: log-normal, scaled so that their mean is 1.
    var speeds: [Double] {
        guard spread > 0 else { return Array(repeating: 1, count: workerCount) }
        let drawn = (0..<workerCount).map {
            Double.reproducibleExponential(spread * Chance.normal(seed: seed, worker: $0))
        }
        let mean = drawn.reduce(0, +) / Double(workerCount)
        return drawn.map { $0 / mean }
    }
}

/// What a worker's time is used for; the raw value is its name in tables and files.
package enum TimeUse: String, CaseIterable, Hashable, Sendable {
    /// Training heads that were accepted.
    case training
    /// Streaming rows, once per bundle: what a bundle costs besides its heads.
    case streaming
    /// From a bundle's end to the beginning of one that was there already.
    case switching
    /// Waiting for the first features, or for the least number of workers that hold them.
    case broadcast
    /// Waiting for a message that the coordinator's link carries or queues.
    case bandwidth
    /// Waiting for a message that the coordinator works on or queues.
    case processor
    /// Waiting for a message under way.
    case latency
    /// No work is left.
    case tail
    /// Training heads that another worker returned first, or that were withdrawn.
    case duplicates
    /// Work lost by a death, being dead, and getting the features again.
    case failures
}

/// The outcome of a simulated head phase.
package struct SimulationOutcome: Hashable, Sendable {
    /// Workers it had.
    package var workerCount = 0
    /// From the features' announcement to the last head.
    package var seconds = 0.0
    /// From the first lease to the last head, as `coordinator benchmark` counts.
    package var headSeconds = 0.0
    /// From the features' announcement until the last of the first workers had them; nil if the run
    /// was over before.
    package var broadcastSeconds: Double?
    /// Bytes that left the coordinator.
    package var sentByteCount = 0
    /// Bytes that reached the coordinator.
    package var receivedByteCount = 0
    /// Leases, copies included.
    package var leaseCount = 0
    /// Heads with a first result.
    package var acceptedHeadCount = 0
    /// Heads with a further result.
    package var comparedHeadCount = 0
    /// Heads given up.
    package var quarantinedHeadCount = 0
    /// Deaths of workers.
    package var deathCount = 0
    /// Seconds of the workers' compute threads on bundles that were reported.
    package var busySeconds = 0.0
    /// Seconds the coordinator's thread worked.
    package var processorSeconds = 0.0
    /// Events taken in by the scheduler.
    package var eventCount = 0
    /// Nanoseconds of all workers by use; their sum is workers times seconds.
    package var nanoseconds: [TimeUse: Int64] = [:]

    /// Share of all workers' time that went to a use.
    package func share(_ use: TimeUse) -> Double {
        Double(nanoseconds[use, default: 0]) / max(1, Double(nanoseconds.values.reduce(0, +)))
    }

    /// Share of the time from announcement to end in which compute threads had nothing to train.
    package var idleShare: Double {
        [TimeUse.switching, .broadcast, .bandwidth, .processor, .latency, .tail].reduce(0) {
            $0 + share($1)
        }
    }

    /// The use other than training that took most; nil if nothing was lost.
    package var limit: TimeUse? {
        TimeUse.allCases.filter { $0 != .training && nanoseconds[$0, default: 0] > 0 }
            .max { nanoseconds[$0, default: 0] < nanoseconds[$1, default: 0] }
    }
}

/// Why a simulation has no outcome: the run does not come to an end.
package struct SimulationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One sentence: what failed, then the cure.
    package let message: String

    /// The message.
    package var description: String { message }

    static func endless(workerCount: Int, seconds: Double) -> SimulationError {
        SimulationError(
            message:
                "a run with \(workerCount == 1 ? "one worker" : "\(workerCount.counted("worker"))") does not end within \(Int(seconds).counted("simulated second")): workers die faster than they get anything done; lower --failures-per-hour"
        )
    }
}
