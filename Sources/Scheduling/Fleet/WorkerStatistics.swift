/// What a worker has done and is doing.
package struct WorkerStatistics: Hashable, Sendable {
    /// Where a worker stands.
    package enum Status: Hashable, Sendable {
        /// Known, and still without all features.
        case joined
        case ready
        /// Finishes what it has.
        case draining
        /// Gets no more work: too many invalid results.
        case dismissed
        case gone
    }

    /// Whose figures these are.
    package let id: WorkerID
    /// Where it stood when asked.
    package let status: Status
    /// Its compute threads.
    package let slotCount: Int
    /// Heads whose first valid result came from it.
    package let acceptedHeadCount: Int
    /// Heads it trained again.
    package let comparedHeadCount: Int
    /// Summed over its slots, as it reported them.
    package let busySeconds: Double
    /// Of one slot, smoothed; nil before its first result.
    package let flopsPerSecond: Double?
    /// What its slots do, in the order they started; empty once it is gone.
    package let runningBundles: [BundleID]
    /// What comes next, in order; empty once it is gone.
    package let waitingBundles: [BundleID]
    /// Results of its own that were invalid, and failures.
    package let rejectionCount: Int

    init(_ worker: RemoteWorker, isPresent: Bool) {
        id = worker.id
        slotCount = worker.slotCount
        acceptedHeadCount = worker.acceptedHeadCount
        comparedHeadCount = worker.comparedHeadCount
        busySeconds = worker.busySeconds
        flopsPerSecond = worker.measuredFlopsPerSecond
        runningBundles = isPresent ? worker.running.map(\.bundle) : []
        waitingBundles = isPresent ? worker.waiting.map(\.bundle) : []
        rejectionCount = worker.rejectionCount
        if isPresent {
            switch worker.phase {
            case .joined: status = .joined
            case .ready: status = .ready
            case .draining: status = .draining
            case .dismissed: status = .dismissed
            }
        } else {
            status = .gone
        }
    }
}
