import Heads
import Numerics
import Transfer
import WireProtocol

// Leases: taken or declined, trained in order, each answered once.
extension WorkerSession {
    mutating func assign(_ assignment: BundleAssignment) -> [Action] {
        guard case .ready = state, !isDraining else {
            let reason = isDraining ? "the worker is leaving" : "the worker lacks features"
            return [.send(Self.decline(assignment.bundle, assignment.attempt, reason))]
        }
        guard isOfThisJob(assignment) else {
            let failure = BundleFailed(
                bundle: assignment.bundle, attempt: assignment.attempt,
                reason: "it is nothing that this job is made of")
            return [.send(.bundleFailed(failure))]
        }
        guard assignment.heads.allSatisfy(\.tellsSingleClasses) else {
            let failure = BundleFailed(
                bundle: assignment.bundle, attempt: assignment.attempt,
                reason: "it has heads that tell groups apart, which this version does not train")
            return [.send(.bundleFailed(failure))]
        }
        guard fits(assignment) else {
            // Memory for it is set aside before anything else would fail.
            let failure = BundleFailed(
                bundle: assignment.bundle, attempt: assignment.attempt,
                reason: "its heads would not fit a message")
            return [.send(.bundleFailed(failure))]
        }
        let isKnown = (waiting + running.filter(\.isReportable).map(\.assignment)).contains {
            $0.bundle == assignment.bundle && $0.attempt == assignment.attempt
        }
        guard !isKnown else { return [] }
        guard waiting.count < Self.waitingCountMaxPerSlot * max(1, hello.slotCount) else {
            return [.send(Self.decline(assignment.bundle, assignment.attempt, "too much waits"))]
        }
        waiting.append(assignment)
        return beginWaiting()
    }

    private func isOfThisJob(_ assignment: BundleAssignment) -> Bool {
        switch (job, assignment.content) {
        case (.heads, .heads), (.tasks, .task): true
        case (.heads, .task), (.tasks, .heads), (nil, _): false
        }
    }

    /// Whether the result would be one that a coordinator takes; of a task nobody knows before.
    private func fits(_ assignment: BundleAssignment) -> Bool {
        guard case .heads(let description) = job else { return true }
        let featureCount = description.manifest.features?.featureCount ?? 0
        return BundleTrained.byteCount(of: assignment.heads, featureCount: featureCount)
            <= WireLimits().resultByteCountMax
    }

    mutating func beginWaiting() -> [Action] {
        var actions: [Action] = []
        while running.count < hello.slotCount, !waiting.isEmpty {
            let next = Running(
                ticket: Ticket(rawValue: nextTicket), assignment: waiting.removeFirst())
            nextTicket += 1
            running.append(next)
            actions.append(.begin(next.ticket, next.assignment))
        }
        return actions
    }

    mutating func revoke(
        _ bundle: UInt64, _ attempt: UInt32, mayFinish: Bool
    ) -> [Action] {
        let isThis = { (candidate: BundleAssignment) in
            candidate.bundle == bundle && candidate.attempt == attempt
        }
        if let known = running.first(where: { $0.isReportable && isThis($0.assignment) }) {
            return mayFinish ? [] : [.cancel(known.ticket)]
        }
        // Trained, and the result is on its way: it goes again over a new connection, or when it is
        // overdue.
        if keptIndex(bundle, attempt) != nil { return [] }
        waiting.removeAll(where: isThis)
        return [.send(Self.decline(bundle, attempt, "it was revoked"))]
    }

    static func decline(
        _ bundle: UInt64, _ attempt: UInt32, _ reason: String
    ) -> WorkerMessage {
        .bundleFailed(
            BundleFailed(bundle: bundle, attempt: attempt, reason: reason, isDeclined: true))
    }

    mutating func bundleEnded(
        _ ticket: Ticket, report: WorkerMessage, at now: Instant
    ) -> [Action] {
        guard let index = running.firstIndex(where: { $0.ticket == ticket }) else { return [] }
        let ended = running.remove(at: index)
        // The slot first, so that it trains while the result is encoded.
        var actions = beginWaiting()
        // Said even if revoked: the heads may still be wanted, and the slot is known to be idle.
        // The heartbeat before it brings the coordinator's figures up to date: this may be the last
        // result of the run.
        if ended.isReportable { actions += [heartbeat(at: now), .send(report)] }
        if ended.isReportable, case .bundleTrained(let result) = report { keep(result, at: now) }
        return actions + leave(at: now)
    }
}
