import FeatureStore
import HeadPlan
import Scheduling
import Tensors
import WireProtocol

// The head phase: features out, leases out, heads in.
extension CoordinatorSession {
    mutating func serve(_ job: HeadJob, at now: SchedulerInstant) -> [Action] {
        guard case .waiting = phase else { return [] }
        self.job = job
        harvest.totalFlops = job.totalFlops
        harvest.heads = [Head?](repeating: nil, count: job.plan.heads.count)
        scheduler = HeadScheduler(heads: job.work, configuration: job.schedulerConfiguration)
        phase = .broadcasting(next: 0)
        servedAt = now
        var actions: [Action] = []
        for peer in orderedPeers {
            awaited.insert(peer.worker)
            if let message = featureMessage { actions.append(.send(message, to: peer.id)) }
            actions += schedule(.workerJoined(peer.worker, slotCount: peer.slotCount), at: now)
        }
        return actions + continueBroadcast(at: now)
    }

    /// The manifest, as everybody gets it.
    var featureMessage: CoordinatorMessage? {
        guard let job else { return nil }
        var isComplete = true
        if case .broadcasting = phase { isComplete = false }
        return .features(
            FeatureDescription(
                featureCount: job.featureCount, classRowCounts: job.classRowCounts,
                hyperparameters: job.hyperparameters,
                chunks: job.chunks.manifest.chunks.map {
                    ChunkDescription(
                        classIndex: $0.classIndex, firstRow: $0.firstRow, rowCount: $0.rowCount,
                        byteCount: $0.byteCount, hash: $0.hash)
                },
                broadcastComplete: isComplete, derivedHead: job.derivedHead))
    }

    /// Publishes some chunks, once everybody listens or the grace is over.
    mutating func continueBroadcast(at now: SchedulerInstant) -> [Action] {
        guard case .broadcasting(let next) = phase, let job else { return [] }
        let isDue =
            next > 0 || isAudienceComplete
            || now.seconds(since: servedAt) >= Self.subscriptionGraceSeconds
        guard isDue else { return [] }
        let end = min(job.chunks.manifest.chunks.count, next + Self.publishBurstCount)
        // Nobody there: who comes later pulls.
        guard subscriptionCount > 0, end > next else {
            phase = .serving
            return orderedPeers.map { .send(.broadcastComplete, to: $0.id) }
        }
        phase = .broadcasting(next: end)
        return (next..<end).map { .publish($0) }
    }

    mutating func becameReady(_ peer: Peer, at now: SchedulerInstant) -> [Action] {
        guard job != nil else { return [] }
        peers[peer.id]?.isReady = true
        harvest.workers[peer.report].state = .ready
        if awaited.remove(peer.worker) != nil, awaited.isEmpty {
            harvest.broadcastSeconds = now.seconds(since: servedAt)
        }
        return schedule(.workerReady(peer.worker), at: now)
    }

    /// Checks a result against its lease and lets the scheduler decide what it is good for.
    mutating func receive(
        _ result: BundleTrained, from peer: Peer, at now: SchedulerInstant
    ) -> [Action] {
        let key = LeaseKey(bundle: result.bundle, attempt: result.attempt)
        let bundle = BundleID(result.bundle)
        if let leased = leases[key], !fits(result, leased) {
            harvest.rejectedCount += 1
            return [
                .log(.warning, "worker \(name(of: peer)) sent heads that were not its lease's")
            ]
                + schedule(
                    .bundleRejected(bundle, attempt: result.attempt, by: peer.worker), at: now)
        }
        harvest.workers[peer.report].busySeconds += result.busySeconds
        return schedule(
            .bundleTrained(
                bundle, attempt: result.attempt, by: peer.worker,
                busySeconds: result.busySeconds), at: now, result: result, from: peer)
    }

    private func fits(_ result: BundleTrained, _ leased: [HeadID]) -> Bool {
        guard let job, result.featureCount == job.featureCount,
            result.heads.map(\.id) == leased
        else { return false }
        return result.heads.allSatisfy { $0.head.classes == job.plan[$0.id].classes }
    }

    /// Feeds the scheduler and does what it says; `result` is the one at hand, if any.
    mutating func schedule(
        _ event: HeadScheduler.Event, at now: SchedulerInstant, result: BundleTrained? = nil,
        from peer: Peer? = nil
    ) -> [Action] {
        guard !isFinished, let decided = scheduler?.handle(event, at: now) else { return [] }
        var actions: [Action] = []
        for action in decided {
            actions += perform(action, at: now, result: result, peer: peer)
        }
        return actions
    }

    private mutating func perform(
        _ action: HeadScheduler.Action, at now: SchedulerInstant, result: BundleTrained?,
        peer: Peer?
    ) -> [Action] {
        switch action {
        case .assign(let assignment, let worker):
            return assign(assignment, to: worker, at: now)
        case .accept(_, _, let heads, _):
            return accept(heads, result, peer)
        case .compare(_, _, let heads, _):
            return compare(heads, result, peer)
        case .discard(let bundle, _, _, let reason):
            return [.log(.info, "a result of \(bundle) was dropped: \(reason)")]
        case .revoke(let bundle, let attempt, let worker, let reason):
            guard let id = identities[worker] else { return [] }
            return [
                .send(
                    .revoke(
                        bundle: bundle.rawValue, attempt: attempt,
                        mayFinish: reason == .expired), to: id)
            ]
        case .dismiss(let worker):
            guard let id = identities[worker], let peer = peers[id] else { return [] }
            return dismiss(peer, "its results were refused too often")
        case .quarantine(let head):
            return [.log(.error, "\(head) is given up: three workers died of it")]
        case .finish:
            harvest.headSeconds = now.seconds(since: leasingAt ?? servedAt)
            return end(.complete) + [.finish]
        }
    }

    private mutating func assign(
        _ assignment: Scheduling.Assignment, to worker: WorkerID, at now: SchedulerInstant
    ) -> [Action] {
        guard let job, let id = identities[worker] else { return [] }
        if leasingAt == nil { leasingAt = now }
        leases[LeaseKey(bundle: assignment.bundle.rawValue, attempt: assignment.attempt)] =
            assignment.heads
        return [
            .send(
                .assign(
                    BundleAssignment(
                        bundle: assignment.bundle.rawValue, attempt: assignment.attempt,
                        heads: assignment.heads.map { job.plan[$0] })), to: id)
        ]
    }

    private mutating func accept(
        _ heads: [HeadID], _ result: BundleTrained?, _ peer: Peer?
    ) -> [Action] {
        guard let result, let peer else { return [] }
        let wanted = Set(heads)
        for trained in result.heads where wanted.contains(trained.id) {
            harvest.heads[Int(trained.id.rawValue)] = trained.head
            acceptedCount += 1
            acceptedFlops += job?.flops(of: trained.id) ?? 0
            harvest.workers[peer.report].headCount += 1
        }
        return []
    }

    private mutating func compare(
        _ heads: [HeadID], _ result: BundleTrained?, _ peer: Peer?
    ) -> [Action] {
        guard let result, let peer else { return [] }
        let wanted = Set(heads)
        var actions: [Action] = []
        for trained in result.heads where wanted.contains(trained.id) {
            harvest.duplicatedCount += 1
            guard harvest.heads[Int(trained.id.rawValue)]?.hasEqualBits(trained.head) == false
            else { continue }
            harvest.mismatchCount += 1
            actions.append(
                .log(
                    .error,
                    "\(trained.id) from worker \(name(of: peer)) differs from the first result: one of two machines computes wrongly"
                ))
        }
        return actions
    }

    /// Ends the run and tells everybody.
    mutating func end(_ outcome: CoordinatorMessage.Outcome) -> [Action] {
        phase = .finished(outcome)
        return orderedPeers.map { .send(.finished(outcome), to: $0.id) }
    }
}

extension Head {
    /// Equality of bits, which for finite numbers differs from `==` in the sign of zeros.
    fileprivate func hasEqualBits(_ other: Head) -> Bool {
        classes == other.classes
            && zip(weights.values, other.weights.values).allSatisfy {
                $0.bitPattern == $1.bitPattern
            } && zip(biases, other.biases).allSatisfy { $0.bitPattern == $1.bitPattern }
    }
}
