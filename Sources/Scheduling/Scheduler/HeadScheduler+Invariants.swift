import Heads

extension HeadScheduler {
    /// Looks through the whole state for contradictions.
    ///
    /// O(heads + bundles).
    ///
    /// - Throws: ``SchedulingError`` naming the first one found.
    package func checkInvariants() throws(SchedulingError) {
        try checkHeads()
        try checkBundles()
        try checkWorkers()
    }

    private func require(
        _ condition: Bool, _ what: @autoclosure () -> String
    ) throws(SchedulingError) {
        if !condition { throw .invariantViolated(what()) }
    }

    /// Every head is in exactly one place, and the counts agree.
    private func checkHeads() throws(SchedulingError) {
        var pending = 0
        var leased = 0
        var accepted = 0
        var places = Array(repeating: 0, count: heads.count)
        for rank in queue.returned { places[Int(rank)] += 1 }
        for rank in Int(queue.cursor)..<heads.count { places[rank] += 1 }
        for id in suspects {
            guard let bundle = bundles[id] else { throw .invariantViolated("\(id) is forgotten") }
            try require(bundle.isQueued, "\(id) is suspect and not marked so")
            for rank in bundle.heads { places[Int(rank)] += 1 }
        }
        for (rank, state) in states.prefix(heads.count).enumerated() {
            let id = heads[rank].id
            switch state {
            case .pending:
                pending += 1
                try require(places[rank] == 1, "pending \(id) is in \(places[rank]) queues")
            case .leased(let bundle):
                leased += 1
                try require(places[rank] == 0, "leased \(id) is in a queue")
                let isHeld = (bundles[bundle]?.activeLeaseCount ?? 0) > 0
                try require(isHeld, "\(id) is leased by \(bundle), which nobody has")
            case .accepted:
                accepted += 1
                try require(!quarantine.contains(id), "accepted \(id) is quarantined")
            case .quarantined:
                try require(quarantine.contains(id), "\(id) is missing in the quarantine")
                try require(places[rank] == 0, "quarantined \(id) is in a queue")
            case .dormant:
                throw .invariantViolated("\(id) sleeps like a check")
            case .held:
                try require(heldRanks[id] == Int32(rank), "held \(id) cannot be released")
            }
        }
        let checks = try checkChecks()
        try require(
            pending + checks.pending == pendingCount,
            "\(pending) heads and \(checks.pending) checks pending, counted \(pendingCount)")
        try require(
            leased + checks.leased == leasedCount,
            "\(leased) heads and \(checks.leased) checks leased, counted \(leasedCount)")
        try require(accepted == acceptedCount, "\(accepted) accepted, counted \(acceptedCount)")
        let sum = pending + leased + accepted + quarantine.count + heldRanks.count
        try require(sum == heads.count, "\(sum) heads of \(heads.count) are somewhere")
        let isDone = accepted + quarantine.count == heads.count
        try require(isDone || !isFinished, "finished with heads missing")
    }

    /// A check is open only beside a head that is there, or leased from when it was.
    private func checkChecks() throws(SchedulingError) -> (pending: Int, leased: Int) {
        var pending = 0
        var leased = 0
        let filed = Set(verification.queue.entries.map { $0.rank })
        for rank in Int32(heads.count)..<Int32(max(heads.count, states.count)) {
            let head = Int(head(of: rank))
            let id = heads[head].id
            let isThere = states[head] == .accepted
            switch states[Int(rank)] {
            case .pending:
                pending += 1
                try require(isThere, "the check of \(id) waits without its head")
                try require(filed.contains(rank), "the check of \(id) is in no queue")
            case .leased(let bundle):
                leased += 1
                let isHeld = (bundles[bundle]?.activeLeaseCount ?? 0) > 0
                try require(isHeld, "the check of \(id) is leased by \(bundle), which nobody has")
            case .accepted, .quarantined:
                try require(isThere, "the check of \(id) is over without its head")
            case .held:
                throw .invariantViolated("the check of \(id) is held like a head")
            case .dormant:
                let isChosen = verification.isChosen[head]
                try require(!isThere || !isChosen, "the check of \(id) sleeps beside its head")
            }
        }
        try require(
            pending + leased == verification.openCount,
            "\(pending + leased) checks open, counted \(verification.openCount)")
        try require(
            pending == verification.waiting.count,
            "\(pending) checks pending, counted \(verification.waiting.count)")
        return (pending, leased)
    }

    /// Bundles know their leases, and their heads know them.
    private func checkBundles() throws(SchedulingError) {
        try require(
            retired.elements.count <= configuration.retiredBundleCountMax,
            "too many bundles are remembered")
        for (id, bundle) in bundles {
            let active = bundle.leases.reduce(0) { $0 + ($1.isActive ? 1 : 0) }
            let open = bundle.leases.reduce(0) { $0 + ($1.isOpen ? 1 : 0) }
            let leased = bundle.heads.reduce(0) {
                $0 + (states[Int($1)] == .leased(id) ? 1 : 0)
            }
            try require(active == bundle.activeLeaseCount, "\(id) miscounts active leases")
            try require(open == bundle.openLeaseCount, "\(id) miscounts open leases")
            try require(leased == bundle.leasedHeadCount, "\(id) miscounts its heads")
            try require(active <= 2, "\(id) has \(active) active leases")
            try require(active == 0 || leased > 0, "\(id) is leased for nothing")
            try require(active > 0 || leased == 0, "\(id) keeps heads without a lease")
            try require(!bundle.isQueued || active == 0, "\(id) is leased and queued")
            let isAlive = open > 0 || bundle.isQueued
            try require(isAlive != bundle.isRetired, "\(id) is neither alive nor retired, or both")
            for (index, lease) in bundle.leases.enumerated() {
                try require(!lease.isActive || lease.isOpen, "\(id) has an active closed lease")
                try require(
                    lease.heads.count <= configuration.bundleHeadCountMax, "\(id) is too large")
                guard lease.isOpen else { continue }
                guard let place = self.index(of: lease.worker) else {
                    throw .invariantViolated("\(id) is leased to unknown \(lease.worker)")
                }
                let held = workers[place].running + workers[place].waiting
                let count = held.reduce(0) {
                    $0 + ($1.bundle == id && Int($1.attempt) == index + 1 ? 1 : 0)
                }
                try require(count == 1, "\(lease.worker) holds \(id) \(count) times")
            }
        }
    }

    /// Workers are in order, keep to their credit, and hold leases that exist.
    private func checkWorkers() throws(SchedulingError) {
        for (index, worker) in workers.enumerated() {
            let id = worker.id
            try require(index == 0 || workers[index - 1].id < id, "\(id) is out of order")
            try require(worker.running.count <= worker.slotCount, "\(id) runs too much")
            try require(worker.waiting.count <= worker.slotCount, "\(id) has too much waiting")
            let isFull = worker.running.count == worker.slotCount
            try require(isFull || worker.waiting.isEmpty, "\(id) waits with an idle slot")
            let isAlone = worker.running.contains { $0.isIsolated }
            try require(!isAlone || worker.heldLeaseCount == 1, "\(id) has company")
            for held in worker.running + worker.waiting {
                let lease = bundles[held.bundle]?.lease(held.attempt)
                try require(
                    lease?.isOpen == true && lease?.worker == id,
                    "\(id) holds \(held.bundle) without a lease")
                try require(
                    worker.phase == .ready || worker.phase == .draining
                        || lease?.isActive == false,
                    "\(id) has work and may not have any")
            }
        }
    }
}
