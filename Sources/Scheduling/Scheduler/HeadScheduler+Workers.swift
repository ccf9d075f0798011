import Heads
import Numerics

extension HeadScheduler {
    /// Where a worker is, or nil.
    ///
    /// O(log workers).
    func index(of worker: WorkerID) -> Int? {
        let index = insertionIndex(of: worker)
        return index < workers.count && workers[index].id == worker ? index : nil
    }

    private func insertionIndex(of worker: WorkerID) -> Int {
        var low = 0
        var high = workers.count
        while low < high {
            let middle = (low + high) / 2
            if workers[middle].id < worker { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func join(
        _ worker: WorkerID, slotCount: Int, trainer: TrainerID, at now: Instant
    ) {
        let slotCount = min(max(slotCount, 1), configuration.slotCountMax)
        guard let index = index(of: worker) else {
            var record = RemoteWorker(id: worker, trainer: trainer, slotCount: slotCount)
            if verification.distrusted.contains(trainer) {
                record.phase = .dismissed
                outbox.append(.dismiss(worker, because: .distrust))
            }
            workers.insert(record, at: insertionIndex(of: worker))
            return
        }
        // A hello that the network repeated looks the same, so nobody is blamed.
        let held = workers[index].running + workers[index].waiting
        for lease in held {
            outbox.append(
                .revoke(
                    lease.bundle, attempt: lease.attempt, to: worker, reason: .restarted))
        }
        release(held)
        workers[index].running = []
        workers[index].waiting = []
        workers[index].slotCount = slotCount
        workers[index].restsUntil = nil
        if workers[index].phase != .dismissed { workers[index].phase = .joined }
    }

    /// An unknown worker is ignored: its hello is still to come, and so will its readiness again.
    mutating func makeReady(_ worker: WorkerID) {
        guard let index = index(of: worker), workers[index].phase != .dismissed else { return }
        workers[index].phase = .ready
        if isStarted { return }
        let readyCount = workers.reduce(0) { $0 + ($1.phase == .ready ? 1 : 0) }
        isStarted = readyCount >= configuration.minWorkerCount
    }

    mutating func drain(_ worker: WorkerID) {
        guard let index = index(of: worker), workers[index].phase != .dismissed else { return }
        workers[index].phase = .draining
    }

    mutating func leave(_ worker: WorkerID, because departure: Departure, at now: Instant) {
        guard let index = index(of: worker) else { return }
        let record = workers.remove(at: index)
        if record.acceptedHeadCount + record.comparedHeadCount > 0 {
            departed.append(WorkerStatistics(record, isPresent: false))
        }
        if departure == .lost {
            blameDeath(of: record)
        }
        release(record.running + record.waiting)
    }

    /// Ends leases without a result, and only then gives heads back: a bundle may be among them twice.
    private mutating func release(_ held: [HeldLease]) {
        for lease in held {
            let key = LeaseKey(lease.bundle, lease.attempt)
            deactivate(key)
            markClosed(key)
        }
        for lease in held {
            returnHeads(of: lease.bundle)
            retireIfEnded(lease.bundle)
        }
    }

    /// Counts a death against what ran, each bundle and head once.
    private mutating func blameDeath(of worker: RemoteWorker) {
        var blamed: Set<BundleID> = []
        var ranks: Set<Int32> = []
        for held in worker.running {
            guard let bundle = bundles[held.bundle], let lease = bundle.lease(held.attempt) else {
                continue
            }
            for rank in lease.heads
            where states[Int(rank)] != .accepted && ranks.insert(rank).inserted {
                deathCounts[work(rank).id, default: 0] += 1
            }
            // Once a bundle runs alone, only deaths it died alone say something: an earlier lease of
            // it may have expired and still have run beside others.
            if bundle.isIsolated && !held.isIsolated { continue }
            if blamed.insert(held.bundle).inserted { blame(held.bundle, on: worker.id) }
        }
    }

    /// Counts a death or an invalid result against a bundle.
    mutating func blame(_ bundle: BundleID, on worker: WorkerID) {
        guard var record = bundles[bundle] else { return }
        // What is checked was trained once, so it is not what kills; see giveBack(_:).
        if record.heads.contains(where: isCheck) { return blameChecks(record.heads) }
        record.blameCount += 1
        record.lastBlamed = worker
        // From the second time on it has a worker for itself: beside a guilty bundle, innocent ones
        // would be split and quarantined with it.
        if record.blameCount >= 2 { record.isIsolated = true }
        bundles[bundle] = record
        // It may wait already: its lease had expired when its worker died.
        guard record.isQueued, record.blameCount >= configuration.deathCountMax else { return }
        suspects.removeAll { $0 == bundle }
        bundles[bundle]?.isQueued = false
        requeue(bundle, record.heads.filter { states[Int($0)] == .pending })
    }

    // MARK: - The life of a lease

    /// The lease's heads count as leased by it no more.
    mutating func deactivate(_ key: LeaseKey) {
        guard let lease = bundles[key.bundle]?.lease(key.attempt), lease.isActive else { return }
        bundles[key.bundle]?.leases[Int(key.attempt) - 1].isActive = false
        bundles[key.bundle]?.activeLeaseCount -= 1
    }

    /// The lease takes up no place of its worker's any more.
    mutating func markClosed(_ key: LeaseKey) {
        guard let lease = bundles[key.bundle]?.lease(key.attempt), lease.isOpen else { return }
        bundles[key.bundle]?.leases[Int(key.attempt) - 1].isOpen = false
        bundles[key.bundle]?.openLeaseCount -= 1
    }

    /// Frees the lease's place at its worker; the first bundle that waits there moves up.
    mutating func vacate(_ key: LeaseKey, at now: Instant) {
        guard let lease = bundles[key.bundle]?.lease(key.attempt), lease.isOpen else { return }
        markClosed(key)
        guard let index = index(of: lease.worker) else { return }
        let isThis = { (held: HeldLease) in LeaseKey(held.bundle, held.attempt) == key }
        if let place = workers[index].running.firstIndex(where: isThis) {
            workers[index].running.remove(at: place)
        } else {
            workers[index].waiting.removeAll(where: isThis)
        }
        while workers[index].running.count < workers[index].slotCount,
            !workers[index].waiting.isEmpty
        {
            var next = workers[index].waiting.removeFirst()
            next.since = now
            next.deadline = now.advanced(bySeconds: leaseSeconds(next.expectedSeconds))
            workers[index].running.append(next)
        }
    }

    func leaseSeconds(_ expectedSeconds: Double) -> Double {
        max(configuration.leaseSecondsMin, configuration.leaseExpectedFactor * expectedSeconds)
    }

    /// Gives a bundle's heads back when none of its leases is active any more.
    mutating func returnHeads(of bundle: BundleID) {
        guard let record = bundles[bundle] else { return }
        if record.activeLeaseCount > 0 || record.leasedHeadCount == 0 { return }
        let ranks = record.heads.filter { states[Int($0)] == .leased(bundle) }
        bundles[bundle]?.leasedHeadCount = 0
        leasedCount -= ranks.count
        if record.heads.contains(where: isCheck) {
            for rank in ranks { giveBack(check: rank) }
            return
        }
        for rank in ranks {
            states[Int(rank)] = .pending
            addToPending(rank)
        }
        if record.isWhole {
            requeue(bundle, ranks)
        } else {
            for rank in ranks { queue.insert(rank) }
        }
    }

    /// Has pending heads wait as their bundle, or as its halves, or not at all.
    private mutating func requeue(_ bundle: BundleID, _ ranks: [Int32]) {
        guard let record = bundles[bundle] else { return }
        if record.blameCount < configuration.deathCountMax {
            bundles[bundle]?.heads = ranks
            bundles[bundle]?.isQueued = true
            suspects.append(bundle)
        } else if ranks.count == 1 {
            quarantineHead(ranks[0])
        } else if ranks.count > 1 {
            queueHalf(Array(ranks[..<(ranks.count / 2)]), of: record)
            queueHalf(Array(ranks[(ranks.count / 2)...]), of: record)
        }
    }

    /// A half starts one death short of the next split, so that each level costs one death; a single
    /// head starts with none, so that it is quarantined for its own deaths only.
    private mutating func queueHalf(_ ranks: [Int32], of whole: Bundle) {
        var half = Bundle(heads: ranks)
        half.blameCount = ranks.count == 1 ? 0 : configuration.deathCountMax - 1
        half.lastBlamed = whole.lastBlamed
        half.isIsolated = true
        half.isQueued = true
        let id = makeBundleID()
        bundles[id] = half
        suspects.append(id)
    }

    /// Puts released work in line.
    mutating func release(_ work: [WorkID]) {
        for id in work {
            guard let rank = heldRanks.removeValue(forKey: id) else { continue }
            states[Int(rank)] = .pending
            addToPending(rank)
            // Where the cursor has not come by, it still stands in line.
            if rank < queue.cursor { queue.insert(rank) }
        }
    }

    /// Whether nothing is left but what is held.
    package var waitsForRelease: Bool {
        !isFinished && !heldRanks.isEmpty && pendingCount == 0 && leasedCount == 0
    }

    mutating func giveUpHeld() {
        guard waitsForRelease else { return }
        for rank in heldRanks.values.sorted() {
            addToPending(rank)
            quarantineHead(rank)
        }
        heldRanks = [:]
        dropAcceptedFromQueue()
    }

    private mutating func quarantineHead(_ rank: Int32) {
        let head = heads[Int(rank)]
        states[Int(rank)] = .quarantined
        takeFromPending(rank)
        quarantine.insert(head.id)
        outbox.append(.quarantine(head.id))
    }

    /// Takes a head or a check into the pending counts.
    mutating func addToPending(_ rank: Int32) {
        let flops = work(rank).trainingFlops
        pendingCount += 1
        pendingFlops += flops
        guard isCheck(rank) else { return }
        verification.count(1, flops, trainedBy: verification.trainers[Int(head(of: rank))])
    }

    /// Takes a head or a check out of the pending counts.
    mutating func takeFromPending(_ rank: Int32) {
        let flops = work(rank).trainingFlops
        pendingCount -= 1
        pendingFlops -= flops
        if isCheck(rank) {
            verification.count(-1, flops, trainedBy: verification.trainers[Int(head(of: rank))])
        }
        // Sums of floating-point numbers drift; an empty queue costs nothing.
        if pendingCount == 0 { pendingFlops = 0 }
    }

    mutating func makeBundleID() -> BundleID {
        defer { nextBundle += 1 }
        return BundleID(nextBundle)
    }

    /// Moves a bundle that has ended to the ring of the remembered, which forgets the oldest.
    mutating func retireIfEnded(_ bundle: BundleID) {
        guard let record = bundles[bundle] else { return }
        if record.openLeaseCount > 0 || record.isQueued || record.isRetired { return }
        if record.leasedHeadCount > 0 { return }
        bundles[bundle]?.isRetired = true
        if let oldest = retired.insert(bundle) { bundles[oldest] = nil }
    }
}
