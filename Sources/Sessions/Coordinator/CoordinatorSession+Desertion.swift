package import Numerics
import Scheduling

// A run that lacks workers, and whether anybody else may be expected.
extension CoordinatorSession {
    /// The workers that were started with the run, some of which have ended for good.
    struct Loss: Sendable {
        let names: Set<String>
        /// How many of them there still are.
        let remaining: Int
        /// Whether an earlier start of the run may have had others, which look for this one.
        let expectsOthers: Bool
        let since: Instant
    }

    /// How long others may take to come back: a connection breaks, and a worker whose coordinator is
    /// started again tries every half minute.
    package static let returnSeconds = 60.0

    /// Workers that have to be there for anything to be trained.
    var neededCount: Int { scheduler?.isStarted == false ? job?.minWorkerCount ?? 1 : 1 }

    /// Notes since when too few workers are there.
    mutating func noteShortage(at now: Instant) {
        if peers.count >= neededCount {
            shortSince = nil
        } else if shortSince == nil {
            shortSince = now
        }
    }

    /// Whether the run is to be given up for want of workers.
    ///
    /// At once where only those that were started with it were ever there. Never while the last heads go
    /// to the disk, for which nobody is needed, nor while some remain of fewer than are needed: then the
    /// others were always to be started elsewhere.
    package func isDeserted(at now: Instant) -> Bool {
        switch phase {
        case .storing, .finished: return false
        case .waiting, .broadcasting, .serving: break
        }
        let needed = neededCount
        guard let loss, peers.count < needed else { return false }
        let otherCount = peers.values.count { !loss.names.contains(name(of: $0)) }
        guard loss.remaining + otherCount < needed,
            loss.remaining == 0 || loss.names.count >= needed
        else { return false }
        let hasOthers =
            loss.expectsOthers
            || collected.workers.contains { $0.joinedAt != nil && !loss.names.contains($0.name) }
        return !hasOthers
            || now.seconds(since: max(loss.since, shortSince ?? now)) >= Self.returnSeconds
    }

    /// Why the run is given up, once it has waited for workers for as long as it may; nil until then.
    ///
    /// Counted from when they are needed: not while the backbone trains.
    package func endOfWait(at now: Instant) -> String? {
        guard let waitLimit, let shortSince, let scheduler, !scheduler.isFinished,
            !isFinished, now.seconds(since: max(shortSince, servedAt)) >= waitLimit.seconds
        else { return nil }
        let who =
            peers.isEmpty ? "no worker was there" : "\(peers.count) of \(neededCount) workers came"
        return "\(who) within \(waitLimit) (--wait)"
    }
}
