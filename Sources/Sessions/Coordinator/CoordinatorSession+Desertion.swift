package import Numerics

// A run whose own workers have ended for good, and whether anybody else may be expected.
extension CoordinatorSession {
    /// The workers that were started with the run, none of which will come back.
    struct Loss: Sendable {
        let names: Set<String>
        /// Whether an earlier start of the run may have had others, which look for this one.
        let expectsOthers: Bool
        let since: Instant
    }

    /// How long others may take to come back: a connection breaks, and a worker whose coordinator is
    /// started again tries every half minute.
    package static let returnSeconds = 60.0

    /// Whether the run is to be given up for want of workers.
    ///
    /// At once where only those that were started with it were ever there. Never while the last heads go
    /// to the disk, for which nobody is needed.
    package func isDeserted(at now: Instant) -> Bool {
        switch phase {
        case .storing, .finished: return false
        case .waiting, .broadcasting, .serving: break
        }
        guard let loss, peers.isEmpty else { return false }
        let hasOthers =
            loss.expectsOthers
            || collected.workers.contains { $0.joinedAt != nil && !loss.names.contains($0.name) }
        return !hasOthers || now.seconds(since: max(loss.since, emptySince)) >= Self.returnSeconds
    }
}
