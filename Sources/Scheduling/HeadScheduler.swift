package import HeadPlan

/// Decides who trains which heads: events in, actions out, no clock and no socket.
///
/// Heads wait in order of descending cost, so that the end of a run is made of small ones. They go
/// out in bundles, sized by the worker's measured rate and shrinking towards the end, at most one
/// running and one waiting per slot. A lease that ends without a result gives its heads back; the
/// first valid result of a head wins, and every later one is to be compared with it.
///
/// A bundle that ran when its worker died stays whole when it is leased again (it is *suspect*).
/// After the second death it waits until all else is leased, and has a worker for itself; after the
/// third it is split, and its halves after each further one, until a single head that killed three
/// workers by itself is quarantined. Invalid results and failures blame a bundle just as deaths do.
///
/// The same events at the same times give the same actions. Cost of an event: O(workers + bundle
/// size * log heads); in the last seconds of a run O(slots log slots) more, for it and for every
/// assignment.
package struct HeadScheduler: Sendable {
    /// What happened.
    package enum Event: Hashable, Sendable {
        /// A worker said hello; a known one starts afresh. `slotCount` is its compute threads.
        case workerJoined(WorkerID, slotCount: Int)
        /// A worker has all features.
        case workerReady(WorkerID)
        /// A worker finishes what it has and wants no more; ``workerReady(_:)`` ends that.
        case workerDraining(WorkerID)
        /// A worker is gone.
        case workerLeft(WorkerID, because: Departure)
        /// A result came, complete and well formed; `busySeconds` is the slot's time for it.
        case bundleTrained(BundleID, attempt: UInt32, by: WorkerID, busySeconds: Double)
        /// A result came that cannot be used: wrong shapes, or values that are not finite.
        case bundleRejected(BundleID, attempt: UInt32, by: WorkerID)
        /// A worker tried and could not.
        case bundleFailed(BundleID, attempt: UInt32, by: WorkerID)
        /// A worker does not have the bundle, or will not train it: also the answer to a revocation.
        case leaseDeclined(BundleID, attempt: UInt32, by: WorkerID)
        /// Time passed; due a few times a second for leases to expire and slow ones to be duplicated.
        case tick
    }

    /// Why a worker is gone.
    package enum Departure: Hashable, Sendable {
        /// It fell silent or its connection broke: what it ran is suspect.
        case lost
        /// It said goodbye: nothing is suspect.
        case departed
    }

    /// What the runtime is to do.
    package enum Action: Hashable, Sendable {
        /// Send a bundle.
        case assign(Assignment, to: WorkerID)
        /// Store these heads of the result at hand: they are the first.
        case accept(BundleID, attempt: UInt32, heads: [HeadID], from: WorkerID)
        /// Compare these heads of the result at hand byte for byte with the stored ones.
        case compare(BundleID, attempt: UInt32, heads: [HeadID], from: WorkerID)
        /// Drop the result at hand.
        case discard(BundleID, attempt: UInt32, from: WorkerID, reason: DiscardReason)
        /// Tell a worker that a lease ended. It answers with the result, or declines the lease; it
        /// does so too when it does not know the bundle.
        case revoke(BundleID, attempt: UInt32, to: WorkerID, reason: RevokeReason)
        /// Tell a worker that it gets no more work.
        case dismiss(WorkerID)
        /// Record that a head is given up; a late result may still bring it.
        case quarantine(HeadID)
        /// All is done but these heads. Comes once, as the last action of its event.
        case finish(quarantined: [HeadID])
    }

    /// Why a result is of no use.
    package enum DiscardReason: Hashable, Sendable {
        /// No such bundle, or one from long ago.
        case unknownBundle
        /// That worker never had that attempt.
        case notLeased
        /// That attempt's result came before.
        case alreadyReported
        case runFinished
    }

    /// Why a lease ended.
    package enum RevokeReason: Hashable, Sendable {
        /// It took too long. A worker that runs the bundle goes on (its result is still good), one
        /// that has not started it drops it.
        case expired
        /// Its heads came from elsewhere: stop at once.
        case superseded
        /// The worker said hello again: stop at once.
        case restarted
        /// The worker's results are not trusted any more: stop at once.
        case dismissed
    }

    /// Where a head is.
    enum HeadState: Hashable, Sendable {
        /// In the queue, or in a suspect bundle that waits.
        case pending
        /// In a bundle with at least one active lease.
        case leased(BundleID)
        case accepted
        case quarantined
    }

    /// As given at the start.
    package let configuration: SchedulerConfiguration
    /// By rank: descending cost, then ascending id.
    let heads: [HeadWork]
    var states: [HeadState]
    var queue: PendingQueue
    var bundles: [BundleID: Bundle] = [:]
    /// Bundles that stay whole and wait for another worker, in the order they came back.
    var suspects: [BundleID] = []
    /// Ended bundles, oldest first, in a ring of the configuration's size.
    var retired: [BundleID] = []
    var retiredCursor = 0
    /// Ascending by id.
    var workers: [RemoteWorker] = []
    /// The last known figures of gone workers that brought something.
    var departed: [WorkerStatistics] = []
    var deathCounts: [HeadID: Int] = [:]
    var quarantine: Set<HeadID> = []

    var nextBundle: UInt64 = 1
    var pendingCount: Int
    var pendingFlops: Double
    var leasedCount = 0
    var acceptedCount = 0
    var clock: SchedulerInstant?
    var outbox: [Action] = []
    /// Mean of the measured rates of the workers that are there, or were; nil before the first result.
    var typicalFlopsPerSecond: Double?
    /// Valid within one event, from one lease to the next.
    var fleet = FleetFigures()

    /// Whether leasing began: once the minimum of ready workers has been there together.
    package internal(set) var isStarted = false
    /// Whether ``Action/finish(quarantined:)`` was given.
    package internal(set) var isFinished = false

    /// A scheduler for these heads (of a resumed run: the missing ones), in any order.
    ///
    /// O(n log n). Traps on a head given twice, and on a configuration that makes no sense.
    package init(heads: [HeadWork], configuration: SchedulerConfiguration) {
        configuration.validate()
        self.configuration = configuration
        self.heads = heads.sorted { left, right in
            if left.trainingFlops != right.trainingFlops {
                return left.trainingFlops > right.trainingFlops
            }
            return left.id < right.id
        }
        precondition(heads.count < Int(Int32.max))
        precondition(Set(heads.map(\.id)).count == heads.count)
        states = Array(repeating: .pending, count: heads.count)
        queue = PendingQueue(count: heads.count)
        pendingCount = heads.count
        pendingFlops = self.heads.reduce(0) { $0 + $1.trainingFlops }
    }

    /// Takes an event in and says what to do, in order.
    ///
    /// A time before the last one counts as the last one. No event traps.
    package mutating func handle(_ event: Event, at now: SchedulerInstant) -> [Action] {
        let now = max(now, clock ?? now)
        clock = now
        switch event {
        case .workerJoined(let worker, let slotCount): join(worker, slotCount: slotCount, at: now)
        case .workerReady(let worker): makeReady(worker)
        case .workerDraining(let worker): drain(worker)
        case .workerLeft(let worker, let departure): leave(worker, because: departure, at: now)
        case .bundleTrained(let bundle, let attempt, let worker, let busySeconds):
            takeResult(
                of: LeaseKey(bundle, attempt), from: worker, busySeconds: busySeconds, at: now)
        case .bundleRejected(let bundle, let attempt, let worker),
            .bundleFailed(let bundle, let attempt, let worker):
            takeFailure(of: LeaseKey(bundle, attempt), from: worker, at: now)
        case .leaseDeclined(let bundle, let attempt, let worker):
            takeRefusal(of: LeaseKey(bundle, attempt), from: worker, at: now)
        case .tick: expireLeases(at: now)
        }
        if isStarted && !isFinished { fillSlots(at: now) }
        if !isFinished && acceptedCount + quarantine.count == heads.count {
            isFinished = true
            outbox.append(.finish(quarantined: quarantinedHeads))
        }
        defer { outbox = [] }
        return outbox
    }
}

/// A lease's name.
struct LeaseKey: Hashable, Sendable {
    let bundle: BundleID
    let attempt: UInt32

    init(_ bundle: BundleID, _ attempt: UInt32) {
        self.bundle = bundle
        self.attempt = attempt
    }
}
