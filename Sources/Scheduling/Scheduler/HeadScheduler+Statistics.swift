import Heads
package import Numerics

extension HeadScheduler {
    /// All heads of the run.
    package var headCount: Int { heads.count }

    /// Heads that nobody has.
    package var pendingHeadCount: Int { pendingCount }

    /// Heads under at least one active lease.
    package var leasedHeadCount: Int { leasedCount }

    /// Heads whose first valid result came.
    package var acceptedHeadCount: Int { acceptedCount }

    /// Heads given up, ascending.
    package var quarantinedHeads: [WorkID] { quarantine.sorted() }

    /// How many workers were lost while they ran a head.
    ///
    /// O(1).
    package func deathCount(of head: WorkID) -> Int { deathCounts[head, default: 0] }

    /// The workers that are there, ascending by id, then the gone that brought something, in the
    /// order they went.
    ///
    /// O(workers).
    package var workerStatistics: [WorkerStatistics] {
        workers.map { WorkerStatistics($0, isPresent: true) } + departed
    }

    /// Seconds the ready workers need for what is pending and leased; nil without any.
    package func secondsLeft(at now: Instant) -> Double? {
        var rate = 0.0
        var flops = pendingFlops
        for (index, worker) in workers.enumerated() {
            let slotRate = flopsPerSecond(ofWorkerAt: index)
            flops += worker.committedSeconds(at: now) * Double(worker.slotCount) * slotRate
            if worker.phase == .ready { rate += Double(worker.slotCount) * slotRate }
        }
        return rate > 0 ? flops / rate : nil
    }
}
