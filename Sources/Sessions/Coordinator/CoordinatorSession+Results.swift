import Heads
package import Numerics
import Scheduling
import WireProtocol

// Leases and what comes of them.
extension CoordinatorSession {
    /// Keeps in mind what a lease was, and sends it.
    mutating func assign(
        _ assignment: Scheduling.Assignment, to worker: WorkerID, at now: Instant
    ) -> [Action] {
        guard let job, let id = identities[worker], let peer = peers[id] else { return [] }
        if leasingAt == nil { leasingAt = now }
        if let report = peers[id]?.report, collected.workers[report].leasedAt == nil {
            collected.workers[report].leasedAt = now
        }
        leases.open(
            LeaseKey(assignment.bundle, assignment.attempt),
            LeaseBook.Lease(
                worker: worker, incarnation: peer.incarnation, heads: assignment.heads,
                assignedAt: now))
        var event = RunEvent(
            .bundleLeased, assignment.bundle, attempt: assignment.attempt, of: worker,
            at: now.runSeconds, heads: assignment.heads.count)
        event.flops = job.flops(of: assignment.heads)
        let content = job.content(of: assignment.heads)
        if case .task = content { event.task = assignment.heads.first?.rawValue }
        record(event)
        return [
            .send(
                .assign(
                    BundleAssignment(
                        bundle: assignment.bundle.rawValue, attempt: assignment.attempt,
                        content: content)), to: id)
        ]
    }

    /// Asks after leases that a worker does not say it is at: a break of the connection may have taken
    /// the lease with it, or the answer.
    ///
    /// Where leases are short, their end does that. Whoever has the lease after all goes on.
    mutating func inquire(
        _ heartbeat: WorkerHeartbeat, of peer: Peer, at now: Instant
    ) -> [Action] {
        guard let job, job.schedulerConfiguration.leaseSecondsMin > Self.inquirySeconds else {
            return []
        }
        return leases.overdue(
            of: peer.worker, running: Set(heartbeat.runningBundles), after: Self.inquirySeconds,
            at: now
        ).map {
            .send(
                .revoke(bundle: $0.bundle.rawValue, attempt: $0.attempt, mayFinish: true),
                to: peer.id)
        }
    }

    /// Checks a result against its lease and lets the scheduler decide what it is good for.
    mutating func receive(
        _ result: BundleTrained, from peer: Peer, at now: Instant
    ) -> [Action] {
        let bundle = BundleID(result.bundle)
        let key = LeaseKey(bundle, result.attempt)
        guard let lease = leases.conclude(key, by: peer.incarnation) else {
            // Said again because the acknowledgement was lost, or is still to come.
            if let again = acknowledgeAgain(key, to: peer) { return again }
            // Another's, or none at all: nothing says what it should look like.
            collected.rejectedCount += 1
            return note(
                .warning,
                "worker \(name(of: peer)) sent heads for \(bundle), which is not its lease", at: now
            ) + acknowledgeUnlessStoring(key, to: peer)
        }
        guard fits(result, lease) else {
            collected.rejectedCount += 1
            peers[peer.id]?.lastFailure = "heads that were not its lease's"
            record(
                RunEvent(
                    .bundleFailed, bundle, attempt: result.attempt, of: peer.worker,
                    at: now.runSeconds, detail: "rejected"))
            return note(
                .warning, "worker \(name(of: peer)) sent heads that were not its lease's", at: now)
                + [Self.acknowledgement(key, to: peer)]
                + schedule(
                    .bundleRejected(bundle, attempt: result.attempt, by: lease.worker), at: now)
        }
        // A peer's figure: sums of these must stay numbers that a file can hold.
        let busySeconds = min(result.busySeconds, max(0, now.seconds(since: lease.assignedAt)))
        collected.workers[peer.report].busySeconds += busySeconds
        recordTraining(
            of: bundle, result, lease, by: peer, busySeconds: busySeconds, at: now)
        let arrival = Arrival(
            products: zip(lease.heads, result.products).map {
                NumberedProduct(id: $0, product: $1)
            },
            busySeconds: min(result.busySeconds, Self.busySecondsMax), peer: peer)
        let actions = schedule(
            .bundleTrained(
                bundle, attempt: result.attempt, by: lease.worker, busySeconds: busySeconds,
                differing: differing(arrival)), at: now, arrival)
        return actions + acknowledgeOnceStored(key, to: peer)
    }

    private mutating func recordTraining(
        of bundle: BundleID, _ result: BundleTrained, _ lease: LeaseBook.Lease, by peer: Peer,
        busySeconds: Double,
        at now: Instant
    ) {
        var start = RunEvent(
            .bundleStarted, bundle, attempt: result.attempt, of: lease.worker,
            at: now.runSeconds - busySeconds)
        if case .task = result.content { start.task = lease.heads.first?.rawValue }
        record(start)
        var event = RunEvent(
            .bundleTrained, bundle, attempt: result.attempt, of: lease.worker,
            at: now.runSeconds, heads: lease.heads.count)
        event.flops = job?.flops(of: lease.heads)
        event.busySeconds = busySeconds
        event.task = start.task
        record(event)
        guard case .task = result.content, let id = lease.heads.first else { return }
        collected.spans.append(
            TaskSpan(
                id: id, worker: peer.report, start: now.runSeconds - busySeconds,
                end: now.runSeconds))
    }

    private func fits(_ result: BundleTrained, _ lease: LeaseBook.Lease) -> Bool {
        job?.fits(result, lease.heads) == true
    }

    mutating func receive(
        _ failure: BundleFailed, from peer: Peer, at now: Instant
    ) -> [Action] {
        let bundle = BundleID(failure.bundle)
        let attempt = failure.attempt
        let lease = leases.conclude(LeaseKey(bundle, attempt), by: peer.incarnation)
        let worker = lease?.worker ?? peer.worker
        if lease != nil {
            record(
                RunEvent(
                    .bundleFailed, bundle, attempt: attempt, of: worker, at: now.runSeconds,
                    detail: failure.isDeclined ? "declined" : "failed"))
        }
        if failure.isDeclined {
            return schedule(.leaseDeclined(bundle, attempt: attempt, by: worker), at: now)
        }
        peers[peer.id]?.lastFailure = failure.reason
        if let lease, lease.heads.count == 1 { collected.reasons[lease.heads[0]] = failure.reason }
        return note(.warning, "worker \(name(of: peer)) failed: \(failure.reason)", at: now)
            + schedule(.bundleFailed(bundle, attempt: attempt, by: worker), at: now)
    }

    /// A result that was checked, and who brought it.
    struct Arrival {
        let products: [NumberedProduct]
        let busySeconds: Double
        let peer: Peer
    }

    mutating func accept(_ heads: [WorkID], _ arrival: Arrival?) -> [Action] {
        guard let arrival, let job else { return [] }
        let wanted = Set(heads)
        let accepted = arrival.products.filter { wanted.contains($0.id) }
        let line = arrival.peer.report
        let trainer = trainer(of: collected.workers[line])
        for trained in accepted {
            let index = Int(trained.id.rawValue)
            collected.products[index] = job.kept(trained.product)
            disputes.trainers[index] = trainer
            disputes.lines[index] = line
            acceptedCount += 1
            acceptedFlops += job.flops(of: trained.id)
            collected.workers[line].headCount += 1
        }
        return [
            store(accepted, from: collected.workers[line], busySeconds: arrival.busySeconds)
        ]
    }

    /// Keeps what differs until it is known which bytes are right.
    mutating func compare(_ heads: [WorkID], _ arrival: Arrival?) {
        guard let arrival, let job else { return }
        let wanted = Set(heads)
        let differing = Set(differing(arrival))
        for trained in arrival.products where wanted.contains(trained.id) {
            collected.duplicatedCount += 1
            let product = job.kept(trained.product)
            guard differing.contains(trained.id) else {
                let kept = collected.products[Int(trained.id.rawValue)]
                if kept?.hasEqualBits(product) == false { disputes.undecided.insert(trained.id) }
                continue
            }
            collected.mismatchCount += 1
            disputes.challenge(
                trained.id, product, by: trainer(of: collected.workers[arrival.peer.report]))
        }
    }

    /// What of a result is there already with other bytes, and somebody must be wrong.
    private func differing(_ arrival: Arrival) -> [WorkID] {
        guard let job else { return [] }
        return arrival.products.filter {
            let kept = collected.products[Int($0.id.rawValue)]
            return kept?.hasEqualBits(job.kept($0.product)) == false
                && mustAgree($0.id, with: collected.workers[arrival.peer.report])
        }.map(\.id)
    }

    /// Whether a worker must have the bytes that are kept.
    private func mustAgree(_ id: WorkID, with report: WorkerReport) -> Bool {
        guard job?.isPortable == false else { return true }
        guard let line = disputes.lines[Int(id.rawValue)] else { return false }
        return collected.workers[line].isa == report.isa
            && collected.workers[line].cpu == report.cpu
    }
}

extension Instant {
    /// Seconds since the run began, which is the session's time zero.
    package var runSeconds: Double { seconds(since: .start) }
}
