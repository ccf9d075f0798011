/// Something that happened in a run, small and flat: a line of timeline.jsonl, a row of a table.
///
/// What a field means depends on the kind, which says what it carries; the rest is nil.
package struct RunEvent: Hashable, Codable, Sendable {
    /// What happened; the raw values are kept once written.
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// A phase of the run ended: `detail` is its name as in `timing`, `busySeconds` its length.
        case phaseEnded = "phase_ended"
        /// Features were announced to who was there, and the broadcast began.
        case broadcastBegan = "broadcast_began"
        /// Everybody who was there at its beginning holds the features, or is gone.
        case broadcastDone = "broadcast_done"
        /// `worker` said hello: `detail` is its name, `slots` its compute threads.
        case workerJoined = "worker_joined"
        /// `worker` holds all features.
        case workerReady = "worker_ready"
        /// `worker` is not there any more: `detail` is `lost` or `departed`.
        case workerGone = "worker_gone"
        /// `worker` was given `heads` heads of `flops` operations.
        case bundleLeased = "bundle_leased"
        /// `worker` began to train, computed back from the result by the worker's own measure; at
        /// most a message's way too late.
        case bundleStarted = "bundle_started"
        /// A whole result came: `heads`, `flops`, and `busySeconds` of training as the worker says.
        case bundleTrained = "bundle_trained"
        /// `heads` heads of the result were the first of their kind, and were kept.
        case bundleAccepted = "bundle_accepted"
        /// `heads` heads were there before; `detail` is `equal` or `different`.
        case bundleCompared = "bundle_compared"
        /// A result was dropped; `detail` says why.
        case bundleDiscarded = "bundle_discarded"
        /// A lease ended without a result: `detail` is `declined`, `failed` or `rejected`.
        case bundleFailed = "bundle_failed"
        /// A worker was told that a lease is over; `detail` says why.
        case bundleRevoked = "bundle_revoked"
        /// `heads` heads of a worker, named in `detail`, were withdrawn because it computes wrongly.
        case headsWithdrawn = "heads_withdrawn"
        /// A head was given up; `detail` is its classes.
        case headQuarantined = "head_quarantined"
        /// The head phase is over: `detail` is `complete` or `aborted`.
        case finished = "finished"
    }

    /// Seconds since the run began, to the microsecond.
    package let seconds: Double
    /// What happened.
    package let kind: Kind
    /// The worker's number, new with every connection.
    package var worker: UInt64?
    /// The bundle's number.
    package var bundle: UInt64?
    /// Which lease of the bundle, from 1.
    package var attempt: UInt32?
    /// In a job of tasks, the task's number.
    package var task: UInt32?
    /// How many heads it is about.
    package var heads: Int?
    /// Compute threads.
    package var slots: Int?
    /// Operations by the textbook's count, without the streaming of rows.
    package var flops: Double?
    /// Seconds of work that ended now.
    package var busySeconds: Double?
    /// A word more, as the kind says.
    package var detail: String?

    private enum CodingKeys: String, CodingKey {
        case seconds, kind, worker, bundle, attempt, task, heads, slots, flops, detail
        case busySeconds = "busy_seconds"
    }

    /// An event without particulars.
    package init(
        _ kind: Kind, at seconds: Double, heads: Int? = nil, detail: String? = nil
    ) {
        self.kind = kind
        self.heads = heads
        self.seconds = (seconds * 1e6).rounded() / 1e6
        self.detail = detail
    }

    /// An event about a worker.
    package init(
        _ kind: Kind, of worker: WorkerID, at seconds: Double, detail: String? = nil,
        slots: Int? = nil
    ) {
        self.init(kind, at: seconds, detail: detail)
        self.worker = worker.rawValue
        self.slots = slots
    }

    /// An event about a lease.
    package init(
        _ kind: Kind, _ bundle: BundleID, attempt: UInt32, of worker: WorkerID,
        at seconds: Double, heads: Int? = nil, detail: String? = nil
    ) {
        self.init(kind, of: worker, at: seconds, detail: detail)
        self.bundle = bundle.rawValue
        self.attempt = attempt
        self.heads = heads
    }
}
