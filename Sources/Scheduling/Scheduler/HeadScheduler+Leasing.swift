import Heads
import Numerics

extension HeadScheduler {
    /// Gives every free place what there is for it: first the idle slots, then the waiting places,
    /// then, when nothing is left to lease, copies of slow leases to idle slots.
    mutating func fillSlots(at now: Instant) {
        fleet = FleetFigures()
        var mayWaitIndices: [Int] = []
        for index in workers.indices where workers[index].mayWork(at: now) {
            while workers[index].mayWork(at: now), pendingCount > 0,
                workers[index].running.count < workers[index].slotCount
            {
                guard let bundle = takeBundle(for: index, at: now) else { break }
                lease(bundle, to: index, at: now)
            }
            if workers[index].mayWork(at: now),
                workers[index].heldLeaseCount < 2 * workers[index].slotCount
            {
                mayWaitIndices.append(index)
            }
        }
        if pendingCount > 0 && configuration.keepsBundlesWaiting {
            for index in mayWaitIndices
            where workers[index].running.count == workers[index].slotCount {
                while workers[index].waiting.count < workers[index].slotCount, pendingCount > 0 {
                    guard let bundle = takeBundle(for: index, at: now) else { break }
                    lease(bundle, to: index, at: now)
                }
            }
        }
        if pendingCount == verification.waiting.count && leasedCount > 0
            && !mayWaitIndices.isEmpty
        {
            duplicateSlowLeases(at: now)
        }
    }

    // MARK: - Choosing what to lease

    /// Suspect bundles first, then what was never suspect, then the bundles that are kept apart.
    ///
    /// Those may take their worker with them, and by then the rest is done. Checks go out as soon
    /// as there is a bundle of them: the sooner a process that computes wrongly is found, the less
    /// it has brought.
    private mutating func takeBundle(for index: Int, at now: Instant) -> BundleID? {
        if let bundle = takeSuspect(for: index, isolated: false) { return bundle }
        dropAcceptedFromQueue()
        let checks = checks(forWorkerAt: index)
        if queue.first != nil || checks.count > 0 {
            guard let seconds = bundleSeconds(for: index, at: now) else { return nil }
            let flops = seconds * flopsPerSecond(ofWorkerAt: index)
            if checks.count > 0 && (queue.first == nil || checks.flops >= flops) {
                let ranks = takeChecks(flops: flops, forWorkerAt: index)
                if !ranks.isEmpty { return makeBundle(of: ranks) }
            }
            if queue.first != nil { return makeBundle(flops: flops) }
        }
        return takeSuspect(for: index, isolated: true)
    }

    /// The first suspect bundle that may go to a worker, made ready for a next attempt.
    private mutating func takeSuspect(for index: Int, isolated: Bool) -> BundleID? {
        if suspects.isEmpty { return nil }
        if isolated && workers[index].heldLeaseCount > 0 { return nil }
        // A worker that spoiled a bundle gets it back only when no other can have it.
        let isOnly = !workers.indices.contains { $0 != index && workers[$0].phase == .ready }
        var place = 0
        while place < suspects.count {
            let id = suspects[place]
            guard let bundle = bundles[id] else { preconditionFailure("\(id) is lost") }
            // One that still has it under an expired lease may yet bring it.
            let isWelcome =
                (isOnly || bundle.lastBlamed != workers[index].id)
                && !bundle.leases.contains { $0.isOpen && $0.worker == workers[index].id }
            guard bundle.isIsolated == isolated, isWelcome else {
                place += 1
                continue
            }
            suspects.remove(at: place)
            bundles[id]?.isQueued = false
            // Late results may have brought some of its heads in the meantime.
            let ranks = bundle.heads.filter { states[Int($0)] == .pending }
            if ranks.isEmpty {
                retireIfEnded(id)
                continue
            }
            occupy(id, with: ranks)
            return id
        }
        return nil
    }

    /// Takes what is not pending any more out of the head of the queue.
    mutating func dropAcceptedFromQueue() {
        while let rank = queue.first, states[Int(rank)] != .pending { queue.removeFirst() }
    }

    /// A new bundle of the most expensive heads that wait, about as costly as asked.
    private mutating func makeBundle(flops: Double) -> BundleID {
        var ranks: [Int32] = []
        var sum = configuration.bundleFixedFlops
        var byteCount = 0
        while let rank = queue.first, ranks.count < configuration.bundleHeadCountMax {
            guard states[Int(rank)] == .pending else {
                queue.removeFirst()
                continue
            }
            let head = heads[Int(rank)]
            let isAbove =
                byteCount + head.resultByteCount > configuration.bundleResultByteCountMax
                || sum + head.trainingFlops / 2 > flops
            if isAbove && !ranks.isEmpty { break }
            queue.removeFirst()
            ranks.append(rank)
            sum += head.trainingFlops
            byteCount += head.resultByteCount
        }
        return makeBundle(of: ranks)
    }

    private mutating func makeBundle(of ranks: [Int32]) -> BundleID {
        let id = makeBundleID()
        bundles[id] = Bundle(heads: ranks)
        occupy(id, with: ranks)
        return id
    }

    /// Moves pending heads into a bundle that is about to be leased.
    private mutating func occupy(_ bundle: BundleID, with ranks: [Int32]) {
        for rank in ranks {
            takeFromPending(rank)
            states[Int(rank)] = .leased(bundle)
        }
        leasedCount += ranks.count
        bundles[bundle]?.heads = ranks
        bundles[bundle]?.leasedHeadCount = ranks.count
    }

    // MARK: - Leases

    /// Gives the heads a bundle still lacks to a worker with a free place.
    private mutating func lease(_ bundle: BundleID, to index: Int, at now: Instant) {
        guard let record = bundles[bundle] else { return }
        fleet = FleetFigures()
        let ranks = record.heads.filter { states[Int($0)] == .leased(bundle) }
        var flops = cost(of: ranks)
        if workers[index].leaseCount < workers[index].slotCount {
            flops += configuration.firstBundleFlops
        }
        workers[index].leaseCount += 1
        let worker = workers[index].id
        bundles[bundle]?.leases.append(
            Lease(
                worker: worker, trainer: workers[index].trainer, heads: ranks, flops: flops,
                assignedAt: now))
        bundles[bundle]?.activeLeaseCount += 1
        bundles[bundle]?.openLeaseCount += 1
        let expected = flops / flopsPerSecond(ofWorkerAt: index)
        let delay = workers[index].startDelaySeconds(at: now)
        let attempt = UInt32(record.leases.count + 1)
        let held = HeldLease(
            bundle: bundle, attempt: attempt, flops: flops, expectedSeconds: expected,
            isIsolated: record.isIsolated, since: now,
            deadline: now.advanced(bySeconds: leaseSeconds(expected + delay)))
        if workers[index].running.count < workers[index].slotCount {
            workers[index].running.append(held)
        } else {
            workers[index].waiting.append(held)
        }
        let ids = ranks.map { work($0).id }
        outbox.append(
            .assign(Assignment(bundle: bundle, attempt: attempt, heads: ids), to: worker))
    }

    private func cost(of ranks: [Int32]) -> Double {
        ranks.reduce(configuration.bundleFixedFlops) { $0 + work($1).trainingFlops }
    }

    /// Measured, or what the others do on average, or the guess.
    ///
    /// With the guess for all others, the first one that is measured may seem to be worth many.
    func flopsPerSecond(ofWorkerAt index: Int) -> Double {
        workers[index].measuredFlopsPerSecond ?? typicalFlopsPerSecond
            ?? configuration.guessedFlopsPerSecond
    }

    // MARK: - Sizes

    /// How long the next bundle of a worker should take, or nil if it should not have one yet.
    ///
    /// Far from the end, the configured time, or more if streaming the rows is much of it. Near it:
    /// imagine what waits poured over the slots until all are busy for equally long (guided
    /// self-scheduling, Polychronopoulos and Kuck 1987, with the leases that are out and the fixed
    /// part of the next bundle taken into account). This slot's part of that is its share; the
    /// bundle takes seven tenths of it, and all of it once the rest would be too small to be worth
    /// streaming the rows. Half, which is usual, makes more bundles, and each streams all rows.
    ///
    /// A place behind a running bundle is filled late near the end, when more is known, and not
    /// before the first result where streaming is dear: its size would be a guess.
    private mutating func bundleSeconds(for index: Int, at now: Instant) -> Double? {
        let rate = flopsPerSecond(ofWorkerAt: index)
        let fixedSeconds = configuration.bundleFixedFlops / rate
        let least = max(
            configuration.bundleSecondsMin, fixedSeconds / configuration.bundleFixedShareMax)
        let isMeasured = workers[index].measuredFlopsPerSecond != nil
        let isBusy = workers[index].running.count == workers[index].slotCount
        if isBusy && !isMeasured && least > configuration.firstBundleSeconds { return nil }
        let usual = max(
            configuration.bundleSeconds,
            min(fixedSeconds / configuration.bundleFixedShare, configuration.bundleSecondsMax))
        let wanted = max(isMeasured ? usual : configuration.firstBundleSeconds, least)
        if pendingFlops > 4 * wanted * fleetRate(at: now) { return wanted }
        let delay = workers[index].startDelaySeconds(at: now)
        if delay > configuration.bundleLeadSeconds { return nil }
        let share = levelSeconds(at: now) - delay
        // A slot that is idle takes what there is; a waiting place leaves crumbs to whoever is idle
        // first.
        if delay > 0 && share < least / 2 { return nil }
        let part = 0.7
        if share * (1 - part) < least { return min(max(share, least), wanted) }
        return min(wanted, share * part)
    }

    /// Flops per second of all slots that may work.
    ///
    /// O(workers), once between two leases.
    private mutating func fleetRate(at now: Instant) -> Double {
        if let rate = fleet.rate { return rate }
        var rate = 0.0
        for index in workers.indices where workers[index].mayWork(at: now) {
            rate += Double(workers[index].slotCount) * flopsPerSecond(ofWorkerAt: index)
        }
        rate *= 1 + comingShare()
        fleet.rate = rate
        return rate
    }

    /// Seconds until everything would be done if what waits were spread evenly, a bundle a slot.
    ///
    /// O(slots log slots), once between two leases.
    private mutating func levelSeconds(at now: Instant) -> Double {
        if let level = fleet.levelSeconds { return level }
        let level = computedLevelSeconds(at: now)
        fleet.levelSeconds = level
        return level
    }

    private static let comingShareMax = 4.0

    /// Slots of workers that joined and have no features yet, for each that is ready.
    ///
    /// Those who come first must not take what the others will be there for.
    private func comingShare() -> Double {
        var ready = 0
        var joined = 0
        for worker in workers {
            if worker.phase == .ready { ready += worker.slotCount }
            if worker.phase == .joined { joined += worker.slotCount }
        }
        // Not all at once: they get their features by turns, and some may never be there.
        return ready > 0 ? min(Self.comingShareMax, Double(joined) / Double(ready)) : 0
    }

    private func computedLevelSeconds(at now: Instant) -> Double {
        var basins: [(committed: Double, rate: Double)] = []
        for index in workers.indices where workers[index].mayWork(at: now) {
            let slotRate = flopsPerSecond(ofWorkerAt: index)
            // What it gets next comes with a fixed part.
            let bottom =
                workers[index].committedSeconds(at: now)
                + configuration.bundleFixedFlops / slotRate
            basins.append((bottom, Double(workers[index].slotCount) * slotRate))
        }
        let readyRate = basins.reduce(0) { $0 + $1.rate }
        let comingRate = typicalFlopsPerSecond ?? configuration.guessedFlopsPerSecond
        basins.append((configuration.bundleFixedFlops / comingRate, comingShare() * readyRate))
        basins.sort { $0.committed < $1.committed }
        // The level rises basin by basin, until the next one's bottom is above it.
        var level = 0.0
        var volume = pendingFlops
        var rate = 0.0
        for basin in basins {
            if rate > 0 && level <= basin.committed { break }
            volume += basin.committed * basin.rate
            rate += basin.rate
            level = volume / rate
        }
        return level
    }

    /// Sums over the fleet that hold until something is leased: with thousands of workers of which
    /// none gets anything, each would otherwise sum again.
    struct FleetFigures: Sendable {
        var rate: Double?
        var levelSeconds: Double?
    }

    // MARK: - Duplicates

    /// A lease that an idle worker might do sooner than the one that has it.
    private struct SlowLease {
        let bundle: BundleID
        let worker: WorkerID
        let flops: Double
        let secondsLeft: Double
        let isLate: Bool
    }

    /// Gives copies of the slowest leases to idle slots; at most two leases of a bundle are active,
    /// and bundles under suspicion are never copied.
    private mutating func duplicateSlowLeases(at now: Instant) {
        let idle = workers.indices.filter {
            workers[$0].mayWork(at: now) && workers[$0].running.count < workers[$0].slotCount
        }
        guard let fastest = idle.map({ flopsPerSecond(ofWorkerAt: $0) }).max() else { return }
        var slow = slowLeases(against: fastest, at: now)
        for index in idle {
            let rate = flopsPerSecond(ofWorkerAt: index)
            while workers[index].running.count < workers[index].slotCount {
                let place = slow.firstIndex {
                    $0.worker != workers[index].id && isWorthwhile($0, at: rate)
                        && mayTake($0.bundle, workerAt: index)
                }
                guard let place else { break }
                lease(slow.remove(at: place).bundle, to: index, at: now)
            }
        }
    }

    private func isWorthwhile(_ lease: SlowLease, at rate: Double) -> Bool {
        // The margin covers the network and the rates' errors.
        lease.isLate || 1.5 * lease.flops / rate + 0.02 < lease.secondsLeft
    }

    /// The leases worth a copy at some rate, slowest first.
    private func slowLeases(against rate: Double, at now: Instant) -> [SlowLease] {
        var result: [SlowLease] = []
        for worker in workers {
            let left = worker.running.map { $0.secondsLeft(at: now) }
            let free = left.sorted()
            for (place, held) in worker.running.enumerated() {
                let elapsed = now.seconds(since: held.since)
                let expected = held.expectedSeconds
                let isLate = elapsed > max(2 * expected, expected + 0.25)
                consider(held, of: worker, secondsLeft: left[place], isLate: isLate)
            }
            for (place, held) in worker.waiting.enumerated() {
                let seconds = free[min(place, free.count - 1)] + held.expectedSeconds
                consider(held, of: worker, secondsLeft: seconds, isLate: false)
            }
        }
        result.sort { left, right in
            if left.secondsLeft != right.secondsLeft { return left.secondsLeft > right.secondsLeft }
            return left.bundle < right.bundle
        }
        return result

        func consider(
            _ held: HeldLease, of worker: RemoteWorker, secondsLeft: Double, isLate: Bool
        ) {
            guard let bundle = bundles[held.bundle], let lease = bundle.lease(held.attempt),
                lease.isActive, bundle.activeLeaseCount == 1, !bundle.isSuspect
            else { return }
            let slow = SlowLease(
                bundle: held.bundle, worker: worker.id, flops: cost(of: lease.heads),
                secondsLeft: secondsLeft, isLate: isLate)
            if isWorthwhile(slow, at: rate) { result.append(slow) }
        }
    }
}
