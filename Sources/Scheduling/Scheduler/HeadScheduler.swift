import Heads
package import Numerics

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
/// Some heads may have to be *checked*: trained again by another process, and compared. Of two that
/// differ, the coordinator trains the head itself and says whose is wrong; all that this process
/// brought is withdrawn then, and it gets no more work. A check is a piece of work like a head, with
/// a rank of its own, that is due once its head is there.
///
/// The same events at the same times give the same actions. Cost of an event: O(workers + bundle
/// size * log heads); while there is less than a bundle or two for each slot O(slots log slots) more,
/// for it and for every assignment.
package struct HeadScheduler: Sendable {
    /// What happened.
    package enum Event: Hashable, Sendable {
        /// A worker said hello; a known one starts over. `slotCount` is its compute threads,
        /// `trainer` the process it is; without one, every worker is a process of its own.
        case workerJoined(WorkerID, slotCount: Int, trainer: TrainerID? = nil)
        /// A worker has all features.
        case workerReady(WorkerID)
        /// A worker finishes what it has and wants no more; ``workerReady(_:)`` ends that.
        case workerDraining(WorkerID)
        /// A worker is gone.
        case workerLeft(WorkerID, because: Departure)
        /// A result came, complete and well formed; `busySeconds` is the slot's time for it, and
        /// `differing` are those of its heads that are there already with other bytes.
        case bundleTrained(
            BundleID, attempt: UInt32, by: WorkerID, busySeconds: Double, differing: [WorkID] = [])
        /// A result came that cannot be used: wrong shapes, or values that are not finite.
        case bundleRejected(BundleID, attempt: UInt32, by: WorkerID)
        /// A worker tried and could not.
        case bundleFailed(BundleID, attempt: UInt32, by: WorkerID)
        /// A worker does not have the bundle, or will not train it: also the answer to a revocation.
        case leaseDeclined(BundleID, attempt: UInt32, by: WorkerID)
        /// The coordinator trained a head itself, and whoever is `guilty` had other bytes.
        case refereed(WorkID, guilty: [TrainerID])
        /// Work that was held may be given out now.
        case released([WorkID])
        /// Nobody is left who could release what is still held: it is given up.
        case heldGivenUp
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
        case accept(BundleID, attempt: UInt32, heads: [WorkID], from: WorkerID)
        /// Compare these heads of the result at hand byte for byte with the stored ones.
        case compare(BundleID, attempt: UInt32, heads: [WorkID], from: WorkerID)
        /// Drop the result at hand.
        case discard(BundleID, attempt: UInt32, from: WorkerID, reason: DiscardReason)
        /// Tell a worker that a lease ended. It answers with the result, or declines the lease; it
        /// does so too when it does not know the bundle.
        case revoke(BundleID, attempt: UInt32, to: WorkerID, reason: RevokeReason)
        /// Tell a worker that it gets no more work.
        case dismiss(WorkerID, because: DismissReason)
        /// Train these heads here, compare them with what there is, and say so with
        /// ``Event/refereed(_:guilty:)``: two processes differ, or nobody else is there to check.
        case referee([WorkID])
        /// Forget these heads: a process that computes wrongly brought them.
        case withdraw([WorkID], of: TrainerID)
        /// Record that a head is given up; a late result may still bring it.
        case quarantine(WorkID)
        /// All is done but these heads. Comes once, as the last action of its event.
        case finish(quarantined: [WorkID])
    }

    /// Why a result is of no use.
    package enum DiscardReason: Hashable, Sendable {
        /// No such bundle, or one from long ago.
        case unknownBundle
        /// That worker never had that attempt.
        case notLeased
        /// That attempt's result came before.
        case alreadyReported
        /// Its process computes wrongly.
        case distrusted
        case runFinished
    }

    /// Why a worker gets no more work.
    package enum DismissReason: Hashable, Sendable {
        /// Its results were refused too often.
        case rejections
        /// A head of its process was found wrong.
        case distrust
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

    /// Where a head is, or its check.
    enum HeadState: Hashable, Sendable {
        /// In the queue, or in a suspect bundle that waits.
        case pending
        /// In a bundle with at least one active lease.
        case leased(BundleID)
        /// A check is done.
        case accepted
        /// A check is given up.
        case quarantined
        /// A check whose head is not there.
        case dormant
        /// Work that waits for ``Event/released(_:)``.
        case held
    }

    /// As given at the start.
    package let configuration: SchedulerConfiguration
    /// By rank: descending cost, then ascending id.
    let heads: [HeadWork]
    /// By rank: of the heads, then, if any is to be checked, of their checks.
    var states: [HeadState]
    var queue: PendingQueue
    var bundles: [BundleID: Bundle] = [:]
    /// Bundles that stay whole and wait for another worker, in the order they came back.
    var suspects: [BundleID] = []
    /// Ended bundles, in a ring of the configuration's size.
    var retired: Ring<BundleID>
    /// Ascending by id.
    var workers: [RemoteWorker] = []
    /// The last known figures of gone workers that brought something.
    var departed: [WorkerStatistics] = []
    /// By number, what is held.
    var heldRanks: [WorkID: Int32] = [:]
    var deathCounts: [WorkID: Int] = [:]
    var quarantine: Set<WorkID> = []
    var verification: Verification

    var nextBundle: UInt64 = 1
    var pendingCount: Int
    var pendingFlops: Double
    var leasedCount = 0
    var acceptedCount = 0
    var clock: Instant?
    var outbox: [Action] = []
    /// Mean of the measured rates of the workers that are there, or were; nil before the first result.
    var typicalFlopsPerSecond: Double?
    /// Valid within one event, from one lease to the next.
    var fleet = FleetFigures()

    /// Whether leasing began: once the minimum of ready workers has been there together.
    package internal(set) var isStarted = false
    /// Whether ``Action/finish(quarantined:)`` was given.
    package internal(set) var isFinished = false

    /// A scheduler for these heads, in any order.
    ///
    /// O(n log n). Traps on a head given twice, and on a configuration that makes no sense.
    ///
    /// - Parameters:
    ///   - accepted: of a resumed run, the heads that are there, and who trained them.
    ///   - checked: the heads that a second process is to train as well.
    ///   - held: what may not be given out before it is released.
    package init(
        heads: [HeadWork], configuration: SchedulerConfiguration,
        accepted: [WorkID: TrainerID] = [:], checked: Set<WorkID> = [], held: Set<WorkID> = []
    ) {
        configuration.validate()
        self.configuration = configuration
        retired = Ring(capacity: configuration.retiredBundleCountMax)
        self.heads = heads.sorted { left, right in
            if left.trainingFlops != right.trainingFlops {
                return left.trainingFlops > right.trainingFlops
            }
            return left.id < right.id
        }
        precondition(heads.count < Int(Int32.max) / 2)
        precondition(Set(heads.map(\.id)).count == heads.count)
        states = Array(repeating: .pending, count: heads.count)
        queue = PendingQueue(count: heads.count)
        pendingCount = heads.count
        pendingFlops = self.heads.reduce(0) { $0 + $1.trainingFlops }
        verification = Verification(headCount: heads.count)
        beginChecks(of: checked)
        for rank in self.heads.indices {
            let id = self.heads[rank].id
            if let trainer = accepted[id] {
                takeFromPending(Int32(rank))
                keep(Int32(rank), of: trainer)
            } else if held.contains(id) {
                takeFromPending(Int32(rank))
                states[rank] = .held
                heldRanks[id] = Int32(rank)
            }
        }
    }

    /// The work of a head or a check.
    func work(_ rank: Int32) -> HeadWork { heads[Int(head(of: rank))] }

    /// Takes an event in and says what to do, in order.
    ///
    /// A time before the last one counts as the last one. No event traps.
    package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        let now = max(now, clock ?? now)
        clock = now
        switch event {
        case .workerJoined(let worker, let slotCount, let trainer):
            join(
                worker, slotCount: slotCount, trainer: trainer ?? TrainerID(worker.rawValue),
                at: now)
        case .workerReady(let worker): makeReady(worker)
        case .workerDraining(let worker): drain(worker)
        case .workerLeft(let worker, let departure): leave(worker, because: departure, at: now)
        case .bundleTrained(let bundle, let attempt, let worker, let busySeconds, let differing):
            takeResult(
                of: LeaseKey(bundle, attempt), from: worker, busySeconds: busySeconds,
                differing: differing, at: now)
        case .bundleRejected(let bundle, let attempt, let worker):
            takeFailure(of: LeaseKey(bundle, attempt), from: worker, mayDismiss: true, at: now)
        case .bundleFailed(let bundle, let attempt, let worker):
            takeFailure(
                of: LeaseKey(bundle, attempt), from: worker,
                mayDismiss: configuration.dismissesForFailures, at: now)
        case .leaseDeclined(let bundle, let attempt, let worker):
            takeRefusal(of: LeaseKey(bundle, attempt), from: worker, at: now)
        case .refereed(let head, let guilty):
            takeVerdict(on: head, guilty: guilty)
        case .released(let work): release(work)
        case .heldGivenUp: giveUpHeld()
        case .tick:
            expireLeases(at: now)
            refereeOrphans(at: now)
        }
        if isStarted && !isFinished { fillSlots(at: now) }
        if !isFinished && isComplete && verification.isComplete {
            isFinished = true
            outbox.append(.finish(quarantined: quarantinedHeads))
        }
        defer { outbox = [] }
        return outbox
    }

    /// Whether every head is there or given up.
    var isComplete: Bool { acceptedCount + quarantine.count == heads.count }
}
