import Numerics

/// One lease of a bundle, kept after its end so that a late result is recognised.
struct Lease: Sendable {
    let worker: WorkerID
    /// The process behind the worker.
    let trainer: TrainerID
    /// Ranks of the heads it covers.
    let heads: [Int32]
    /// Cost with all that is fixed.
    let flops: Double
    let assignedAt: Instant
    /// Whether its heads count as leased by it.
    ///
    /// Ends by expiry, supersession or any answer.
    var isActive = true
    /// Whether it takes up one of its worker's places.
    ///
    /// Ends by the worker's answer or departure.
    var isOpen = true
    /// Whether its result came, good or bad: a second one is a duplicate on the wire.
    var hasReported = false
}

/// Heads that travel together, and every lease there was on them.
struct Bundle: Sendable {
    /// Ranks of the heads of the latest attempt.
    var heads: [Int32]
    /// How many of `heads` are in the state `leased` by this bundle.
    var leasedHeadCount = 0
    /// The lease of attempt `n` is `leases[n - 1]`.
    var leases: [Lease] = []
    var activeLeaseCount = 0
    var openLeaseCount = 0
    /// Workers that died running it, or returned an invalid result for it.
    var blameCount = 0
    var lastBlamed: WorkerID?
    /// Whether a worker that gets it is to have nothing else meanwhile.
    var isIsolated = false
    /// Whether a lease expired while it ran: its worker may still die of it.
    var hasOverrun = false
    /// Whether it waits, whole, for another worker.
    var isQueued = false
    var isRetired = false

    /// Whether it may take its worker with it, so that it is not copied.
    ///
    /// A single head out of a split bundle is suspect with no blame of its own yet.
    var isSuspect: Bool { blameCount > 0 || isIsolated }

    /// Whether it stays whole when its heads go back, so that blame finds it.
    var isWhole: Bool { isSuspect || hasOverrun }

    /// The lease of an attempt, if there was one.
    func lease(_ attempt: UInt32) -> Lease? {
        attempt >= 1 && Int(attempt) <= leases.count ? leases[Int(attempt) - 1] : nil
    }
}
