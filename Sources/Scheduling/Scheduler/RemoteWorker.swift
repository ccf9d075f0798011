import Numerics

/// A lease as its worker's record holds it.
struct HeldLease: Sendable {
    let bundle: BundleID
    let attempt: UInt32
    /// Cost with all that is fixed.
    let flops: Double
    /// By what is known of its worker's rate.
    var expectedSeconds: Double
    /// Whether the worker has nothing else meanwhile.
    let isIsolated: Bool
    /// When it was assigned while it waits, when it moved up once it runs.
    var since: Instant
    var deadline: Instant

    /// Seconds until a running bundle should be done; one that is late is taken to be half-way
    /// through its delay.
    func secondsLeft(at now: Instant) -> Double {
        abs(expectedSeconds - now.seconds(since: since))
    }
}

/// The coordinator's view of a worker.
struct RemoteWorker: Sendable {
    enum Phase: Hashable, Sendable {
        /// Known, and still without all features.
        case joined
        case ready
        /// Finishes what it has and takes no more.
        case draining
        /// Returned too many invalid results, or wrong ones.
        case dismissed
    }

    let id: WorkerID
    /// The process it is.
    let trainer: TrainerID
    var slotCount: Int
    var phase = Phase.joined
    /// Leases it ever had.
    var leaseCount = 0
    /// One lease per busy slot, in the order they started.
    var running: [HeldLease] = []
    /// Leases behind those, first come first served; at most one per slot.
    var waiting: [HeldLease] = []
    /// No lease before this moment.
    var restsUntil: Instant?
    var rejectionCount = 0
    var acceptedHeadCount = 0
    var comparedHeadCount = 0
    var busySeconds = 0.0
    private var recentFlops = 0.0
    private var recentSeconds = 0.0

    init(id: WorkerID, trainer: TrainerID, slotCount: Int) {
        self.id = id
        self.trainer = trainer
        self.slotCount = slotCount
    }

    var heldLeaseCount: Int { running.count + waiting.count }

    /// Flops per second of one slot, smoothed by time spent; nil before the first result.
    var measuredFlopsPerSecond: Double? {
        recentSeconds > 0 ? recentFlops / recentSeconds : nil
    }

    /// Takes a result's cost and duration into the rate.
    mutating func measure(flops: Double, seconds: Double, memory: Double) {
        busySeconds += seconds
        // Costs of zero or a clock that did not move say nothing, and rates stay within reason.
        guard flops > 0, seconds > 0 else { return }
        let rate = min(max(flops / seconds, 1e6), 1e15)
        recentFlops = recentFlops * memory + rate * seconds
        recentSeconds = recentSeconds * memory + seconds
    }

    /// Expects its leases to take as long as a rate says.
    mutating func weighLeases(flopsPerSecond: Double) {
        for place in running.indices {
            running[place].expectedSeconds = running[place].flops / flopsPerSecond
        }
        for place in waiting.indices {
            waiting[place].expectedSeconds = waiting[place].flops / flopsPerSecond
        }
    }

    /// Whether it may be given anything, if it has a free place.
    func mayWork(at now: Instant) -> Bool {
        guard phase == .ready, running.first?.isIsolated != true else { return false }
        guard let restsUntil else { return true }
        return now >= restsUntil
    }

    /// Seconds until a bundle given now would start: when the slot that no waiting bundle claims is
    /// free.
    ///
    /// O(slots log slots).
    func startDelaySeconds(at now: Instant) -> Double {
        if running.count < slotCount { return 0 }
        if slotCount == 1 { return running[0].secondsLeft(at: now) }
        let left = running.map { $0.secondsLeft(at: now) }.sorted()
        return left[min(waiting.count, left.count - 1)]
    }

    /// Seconds of work each slot holds on average.
    func committedSeconds(at now: Instant) -> Double {
        var sum = 0.0
        for held in running { sum += held.secondsLeft(at: now) }
        for held in waiting { sum += held.expectedSeconds }
        return sum / Double(slotCount)
    }
}
