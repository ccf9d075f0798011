import Heads
import Numerics

extension HeadScheduler {
    mutating func takeResult(
        of key: LeaseKey, from worker: WorkerID, busySeconds: Double, differing: [WorkID],
        at now: Instant
    ) {
        if let reason = reasonToDiscard(key, from: worker) {
            outbox.append(
                .discard(key.bundle, attempt: key.attempt, from: worker, reason: reason))
        }
        guard let lease = conclude(key, from: worker, at: now) else { return }
        if let index = index(of: worker) {
            // A peer's figure: no more than the time that passed, and nothing unless it is a number.
            let elapsed = max(now.seconds(since: lease.assignedAt), 0)
            if busySeconds.isFinite && busySeconds > 0 {
                workers[index].measure(
                    flops: lease.flops, seconds: min(busySeconds, elapsed),
                    memory: configuration.rateMemory)
                let measured = workers.compactMap(\.measuredFlopsPerSecond)
                if !measured.isEmpty {
                    typicalFlopsPerSecond = measured.reduce(0, +) / Double(measured.count)
                }
                weighLeases(afterMeasuringWorkerAt: index)
            }
        }
        if !isFinished && !verification.distrusted.contains(lease.trainer) {
            sortOut(lease, of: key, from: worker, differing: Set(differing))
        }
        returnHeads(of: key.bundle)
        retireIfEnded(key.bundle)
    }

    /// Expects of the leases that are out what the rates say now: those of a worker that was measured
    /// just now, and of all that are still taken to be like the others.
    private mutating func weighLeases(afterMeasuringWorkerAt measured: Int) {
        for index in workers.indices
        where index == measured || workers[index].measuredFlopsPerSecond == nil {
            workers[index].weighLeases(flopsPerSecond: flopsPerSecond(ofWorkerAt: index))
            // One that takes longer than it seemed has longer, too.
            for place in workers[index].running.indices {
                let held = workers[index].running[place]
                let deadline = held.since.advanced(bySeconds: leaseSeconds(held.expectedSeconds))
                workers[index].running[place].deadline = max(held.deadline, deadline)
            }
        }
    }

    /// Without `mayDismiss` the worker rests instead: it may not be its fault, and if it is, others take
    /// meanwhile what it would spoil.
    mutating func takeFailure(
        of key: LeaseKey, from worker: WorkerID, mayDismiss: Bool, at now: Instant
    ) {
        guard let lease = conclude(key, from: worker, at: now) else { return }
        // Once two workers failed on the same bundle, its heads are the likelier culprits.
        let culprit = bundles[key.bundle]?.lastBlamed ?? worker
        if lease.heads.contains(where: { states[Int($0)] != .accepted }) {
            blame(key.bundle, on: worker)
        }
        returnHeads(of: key.bundle)
        retireIfEnded(key.bundle)
        guard culprit == worker, let index = index(of: worker) else { return }
        guard mayDismiss else {
            workers[index].restsUntil = now.advanced(bySeconds: configuration.declineSeconds)
            return
        }
        workers[index].rejectionCount += 1
        if workers[index].rejectionCount == configuration.rejectionCountMax,
            workers[index].phase != .dismissed
        {
            dismiss(index, because: .rejections)
        }
    }

    /// A refusal of a lease that is over already is the answer to its revocation.
    mutating func takeRefusal(of key: LeaseKey, from worker: WorkerID, at now: Instant) {
        guard let lease = bundles[key.bundle]?.lease(key.attempt), lease.worker == worker else {
            return
        }
        if lease.isActive, let index = index(of: worker) {
            // Without a rest the same bundle would fly back and forth as fast as the network can.
            workers[index].restsUntil = now.advanced(bySeconds: configuration.declineSeconds)
        }
        deactivate(key)
        vacate(key, at: now)
        returnHeads(of: key.bundle)
        retireIfEnded(key.bundle)
    }

    private func reasonToDiscard(_ key: LeaseKey, from worker: WorkerID) -> DiscardReason? {
        if isFinished { return .runFinished }
        guard let bundle = bundles[key.bundle] else { return .unknownBundle }
        guard let lease = bundle.lease(key.attempt), lease.worker == worker else {
            return .notLeased
        }
        if verification.distrusted.contains(lease.trainer) { return .distrusted }
        return lease.hasReported ? .alreadyReported : nil
    }

    /// Ends the lease that a worker answers for, once; its worker's place is free again.
    private mutating func conclude(
        _ key: LeaseKey, from worker: WorkerID, at now: Instant
    ) -> Lease? {
        guard let lease = bundles[key.bundle]?.lease(key.attempt), lease.worker == worker,
            !lease.hasReported
        else { return nil }
        bundles[key.bundle]?.leases[Int(key.attempt) - 1].hasReported = true
        deactivate(key)
        vacate(key, at: now)
        return lease
    }

    /// Accepts what is new of a valid result, and has the rest compared.
    private mutating func sortOut(
        _ lease: Lease, of key: LeaseKey, from worker: WorkerID, differing: Set<WorkID>
    ) {
        var new: [WorkID] = []
        var old: [WorkID] = []
        var holders: [BundleID] = []
        for leased in lease.heads {
            let rank = head(of: leased)
            let id = heads[Int(rank)].id
            if states[Int(rank)] == .accepted {
                old.append(id)
                // Nobody checks what it trained itself.
                if isCheck(leased) && verification.trainers[Int(rank)] != lease.trainer {
                    if let holder = endWait(of: leased), holders.last != holder {
                        holders.append(holder)
                    }
                    setCheck(leased, .accepted)
                }
                continue
            }
            // Also of a check, when its head was withdrawn meanwhile.
            if let holder = endWait(of: rank), holders.last != holder { holders.append(holder) }
            keep(rank, of: lease.trainer)
            new.append(id)
        }
        if let index = index(of: worker) {
            workers[index].acceptedHeadCount += new.count
            workers[index].comparedHeadCount += old.count
        }
        if !new.isEmpty {
            outbox.append(.accept(key.bundle, attempt: key.attempt, heads: new, from: worker))
        }
        if !old.isEmpty {
            outbox.append(.compare(key.bundle, attempt: key.attempt, heads: old, from: worker))
        }
        for holder in holders { supersede(holder) }
        dispute(old.filter(differing.contains))
    }

    /// A head or a check is neither in the queue nor leased nor given up any more.
    ///
    /// - Returns: the bundle that had it.
    mutating func endWait(of rank: Int32) -> BundleID? {
        switch states[Int(rank)] {
        case .pending:
            takeFromPending(rank)
        case .quarantined:
            if !isCheck(rank) { quarantine.remove(work(rank).id) }
        case .leased(let holder):
            leasedCount -= 1
            bundles[holder]?.leasedHeadCount -= 1
            return holder
        case .accepted, .dormant, .held:
            break
        }
        return nil
    }

    /// Revokes the active leases of a bundle whose heads have all come.
    mutating func supersede(_ bundle: BundleID) {
        guard let record = bundles[bundle], record.leasedHeadCount == 0 else { return }
        for (index, lease) in record.leases.enumerated() where lease.isActive {
            let key = LeaseKey(bundle, UInt32(index + 1))
            deactivate(key)
            outbox.append(
                .revoke(bundle, attempt: key.attempt, to: lease.worker, reason: .superseded))
        }
    }

    /// Takes a worker's leases away, and gives it none again.
    mutating func dismiss(_ index: Int, because reason: DismissReason) {
        workers[index].phase = .dismissed
        let held = workers[index].running + workers[index].waiting
        for lease in held {
            let key = LeaseKey(lease.bundle, lease.attempt)
            if bundles[key.bundle]?.lease(key.attempt)?.isActive == true {
                outbox.append(
                    .revoke(
                        key.bundle, attempt: key.attempt, to: workers[index].id,
                        reason: .dismissed))
            }
            deactivate(key)
        }
        for lease in held { returnHeads(of: lease.bundle) }
        outbox.append(.dismiss(workers[index].id, because: reason))
    }

    // MARK: - Deadlines

    /// Ends the leases whose time is up, and reminds workers of those that ended before.
    mutating func expireLeases(at now: Instant) {
        if isFinished { return }
        for index in workers.indices {
            let runningDue = workers[index].running.filter { $0.deadline <= now }
            let waitingDue = workers[index].waiting.filter { $0.deadline <= now }
            for held in runningDue { bundles[held.bundle]?.hasOverrun = true }
            for held in runningDue + waitingDue {
                let key = LeaseKey(held.bundle, held.attempt)
                deactivate(key)
                outbox.append(
                    .revoke(
                        key.bundle, attempt: key.attempt, to: workers[index].id,
                        reason: reasonForExpiry(key)))
                returnHeads(of: key.bundle)
            }
            if !runningDue.isEmpty || !waitingDue.isEmpty {
                prolongDeadlines(ofWorkerAt: index, at: now)
            }
        }
    }

    /// A lease that is over keeps its place until its worker answers, and has a next reminder.
    private mutating func prolongDeadlines(ofWorkerAt index: Int, at now: Instant) {
        for place in workers[index].running.indices
        where workers[index].running[place].deadline <= now {
            let seconds = leaseSeconds(workers[index].running[place].expectedSeconds)
            workers[index].running[place].deadline = now.advanced(bySeconds: seconds)
        }
        for place in workers[index].waiting.indices
        where workers[index].waiting[place].deadline <= now {
            let seconds = leaseSeconds(workers[index].waiting[place].expectedSeconds)
            workers[index].waiting[place].deadline = now.advanced(bySeconds: seconds)
        }
    }

    private func reasonForExpiry(_ key: LeaseKey) -> RevokeReason {
        guard let lease = bundles[key.bundle]?.lease(key.attempt) else { return .expired }
        let isWanted = lease.heads.contains { states[Int($0)] != .accepted }
        return isWanted ? .expired : .superseded
    }
}
