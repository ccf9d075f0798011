import Numerics
import Scheduling

/// The leases that were sent and not answered: what a result is checked against.
///
/// The scheduler knows what is leased; this knows to which process, and since when. Leases of workers
/// that are gone are kept for late results, as many as the ring holds.
struct LeaseBook: Sendable {
    /// A lease as it was sent.
    struct Lease: Sendable {
        let worker: WorkerID
        /// Of the worker's process, which may answer over a later connection.
        let incarnation: UInt64
        let heads: [WorkID]
        let assignedAt: Instant
        /// Since when its worker does not say it is at it, or was last asked.
        var missingSince: Instant?
    }

    private var leases: [LeaseKey: Lease] = [:]
    private var former: Ring<LeaseKey>

    init(formerCountMax: Int) {
        former = Ring(capacity: formerCountMax)
    }

    /// Leases that are remembered, those of gone workers included.
    var count: Int { leases.count }

    mutating func open(_ key: LeaseKey, _ lease: Lease) { leases[key] = lease }

    /// Ends a lease by its holder's answer; nil if that process has no such lease.
    mutating func conclude(_ key: LeaseKey, by incarnation: UInt64) -> Lease? {
        guard let lease = leases[key], lease.incarnation == incarnation else { return nil }
        leases[key] = nil
        return lease
    }

    /// Has the leases of a worker share the bounded memory of those that nobody will answer.
    mutating func retire(_ worker: WorkerID) {
        for key in keys(of: worker) {
            if let oldest = former.insert(key) { leases[oldest] = nil }
        }
    }

    /// The leases that a worker has not said for some time that it is at, each asked for once in that
    /// time.
    ///
    /// - Parameter running: the bundles that it says it is at.
    mutating func overdue(
        of worker: WorkerID, running: Set<UInt64>, after seconds: Double, at now: Instant
    ) -> [LeaseKey] {
        keys(of: worker).filter { key in
            guard !running.contains(key.bundle.rawValue) else {
                leases[key]?.missingSince = nil
                return false
            }
            // Not at once: a result comes right behind a heartbeat that does not name it any more.
            let since = leases[key]?.missingSince ?? now
            let isDue = now.seconds(since: since) >= seconds
            leases[key]?.missingSince = isDue ? now : since
            return isDue
        }
    }

    private func keys(of worker: WorkerID) -> [LeaseKey] {
        leases.filter { $0.value.worker == worker }.keys.sorted()
    }
}
