/// The scheduler's settings; the defaults suit bundles of about a second.
package struct SchedulerConfiguration: Hashable, Sendable {
    /// Ready workers that must have been there at one time before the first lease.
    package var minWorkerCount = 1
    /// What a bundle costs besides its heads (streaming all rows once per epoch), in flops.
    package var bundleFixedFlops = 0.0
    /// What the first bundle of each of a worker's slots costs besides (the orders of the rows), in
    /// flops.
    package var firstBundleFlops = 0.0
    /// Most heads of a bundle.
    package var bundleHeadCountMax = 1_024
    /// Most bytes of a bundle's result; a single head above it goes alone.
    package var bundleResultByteCountMax = 4 << 20
    /// What a bundle should take a worker whose rate is known, unless its fixed part is large.
    package var bundleSeconds = 1.0
    /// What a large fixed part should make of that at most.
    package var bundleSecondsMax = 8.0
    /// Share of a bundle's cost that its fixed part should have at most, far from the end.
    package var bundleFixedShare = 0.03
    /// What a bundle should take a worker whose rate is still guessed.
    package var firstBundleSeconds = 0.25
    /// What a bundle should take at least, however near the end.
    package var bundleSecondsMin = 0.1
    /// Largest share of a bundle's cost that its fixed part may have at the smallest size.
    package var bundleFixedShareMax = 0.33
    /// How long before a slot is free its next bundle is leased near the end: some ticks.
    package var bundleLeadSeconds = 0.5
    /// Flops per second and slot of a worker that has reported nothing yet.
    package var guessedFlopsPerSecond = 20e9
    /// Weight that a worker's earlier results keep when a new one arrives, in [0, 1).
    package var rateMemory = 0.7
    /// Shortest lease.
    package var leaseSecondsMin = 10.0
    /// Length of a lease, in expected durations.
    package var leaseExpectedFactor = 8.0
    /// How long a worker that declined a lease is left in peace.
    package var declineSeconds = 1.0
    /// Invalid results after which a worker gets no more work.
    package var rejectionCountMax = 3
    /// Deaths after which a bundle is split, and a single head quarantined.
    package var deathCountMax = 3
    /// How long checks wait for another process before the coordinator does them.
    package var orphanCheckSeconds = 3.0
    /// Most slots that are believed of a worker.
    package var slotCountMax = 1_024
    /// Whether a worker has, for each slot, a bundle that waits for it: without, a slot is idle for a
    /// message's way and back.
    package var keepsBundlesWaiting = true
    /// Whether failures count like invalid results against a worker; where work itself may be at fault,
    /// the worker only rests.
    package var dismissesForFailures = true
    /// Finished bundles that are remembered, so that late results for them are still good.
    package var retiredBundleCountMax = 4_096

    /// The defaults.
    package init() {}

    /// The settings for tasks, of a second or of twenty minutes, one at a time.
    package init(tasksOf minWorkerCount: Int) {
        self.minWorkerCount = minWorkerCount
        bundleHeadCountMax = 1
        // What waits behind a long task would be done sooner by whoever is idle next.
        keepsBundlesWaiting = false
        // A worker that is alive and at it is seldom stuck, and costs are guesses.
        leaseSecondsMin = 1_800
        dismissesForFailures = false
        orphanCheckSeconds = 15
    }

    /// Traps on values that make no sense: callers refuse those first.
    func validate() {
        precondition(minWorkerCount >= 1)
        precondition(bundleFixedFlops >= 0 && bundleFixedFlops.isFinite)
        precondition(firstBundleFlops >= 0 && firstBundleFlops.isFinite)
        precondition(bundleHeadCountMax >= 1)
        precondition(bundleResultByteCountMax >= 1)
        precondition(bundleSecondsMin > 0)
        precondition(bundleSeconds >= bundleSecondsMin)
        precondition(bundleSecondsMax > 0)
        precondition(bundleFixedShare > 0 && bundleFixedShare <= 1)
        precondition(firstBundleSeconds > 0)
        precondition(bundleFixedShareMax > 0 && bundleFixedShareMax <= 1)
        precondition(bundleLeadSeconds >= 0)
        precondition(guessedFlopsPerSecond > 0 && guessedFlopsPerSecond.isFinite)
        precondition(rateMemory >= 0 && rateMemory < 1)
        precondition(leaseSecondsMin > 0)
        precondition(leaseExpectedFactor >= 1)
        precondition(declineSeconds >= 0)
        precondition(rejectionCountMax >= 1)
        precondition(deathCountMax >= 1)
        precondition(orphanCheckSeconds >= 0)
        precondition(slotCountMax >= 1)
        precondition(retiredBundleCountMax >= 0)
    }
}
