import Heads
import Numerics
import Transfer
import WireProtocol

// Results are kept until the coordinator has them on disk, and sent again if they may be lost.
extension WorkerSession {
    /// Keeps a result that is being sent.
    mutating func keep(_ result: BundleTrained, at now: Instant) {
        kept.append(Kept(runID: runID, result: result, sentAt: now))
        keptByteCount += result.byteCount
        // A coordinator that acknowledges nothing must not have the worker keep ever more.
        while kept.count > Self.keptCountMax
            || keptByteCount > Self.keptByteCountMax && kept.count > 1
        {
            forgetKept(at: 0)
        }
    }

    mutating func forgetKept(at index: Int) {
        keptByteCount -= kept.remove(at: index).result.byteCount
    }

    mutating func forgetKept() {
        kept.removeAll()
        keptByteCount = 0
    }

    /// Where a result of the coordinator at hand is kept.
    func keptIndex(_ bundle: UInt64, _ attempt: UInt32) -> Int? {
        kept.firstIndex {
            $0.runID == runID && $0.result.bundle == bundle && $0.result.attempt == attempt
        }
    }

    mutating func sendAgain(_ index: Int, at now: Instant) -> Action {
        kept[index].sentAt = now
        return .send(.bundleTrained(kept[index].result))
    }

    /// Sends again what has gone unanswered for long, unless results are still leaving: a connection
    /// loses nothing, however slow it is.
    mutating func sendOverdue(at now: Instant) -> [Action] {
        if let lastDepartureAt, lastDepartureAt.duration(to: now) < Self.resendInterval {
            return []
        }
        return kept.indices.filter { kept[$0].sentAt.duration(to: now) >= Self.resendInterval }
            .map { sendAgain($0, at: now) }
    }

    mutating func acknowledged(
        _ bundle: UInt64, _ attempt: UInt32, at now: Instant
    ) -> [Action] {
        if let index = keptIndex(bundle, attempt) { forgetKept(at: index) }
        return leave(at: now)
    }

    /// Says goodbye if the worker is to leave and has nothing any more that its coordinator may lack.
    mutating func leave(at now: Instant) -> [Action] {
        guard isDraining, running.isEmpty else { return [] }
        if !kept.isEmpty {
            let since = leavingSince ?? now
            leavingSince = since
            guard max(since, lastDepartureAt ?? since).duration(to: now) >= Self.leaveTimeMax else {
                return []
            }
        }
        return [.send(.goodbye), .exit(.done)]
    }
}
