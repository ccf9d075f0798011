import Heads
import Numerics
import Scheduling
import WireProtocol

// The head phase: features out, then whatever the scheduler decides.
extension CoordinatorSession {
    mutating func serve(_ job: any WorkSource, at now: Instant) -> [Action] {
        guard case .waiting = phase else { return [] }
        self.job = job
        collected.totalFlops = job.missingWork.reduce(0) { $0 + $1.trainingFlops }
        collected.products = job.resumedProducts
        collected.resumedCount = collected.products.count { $0 != nil }
        disputes.trainers = job.resumedTrainers
        disputes.lines = [Int?](repeating: nil, count: job.work.count)
        for former in job.formerFaults {
            collected.workers.append(former)
            _ = dismissedRing.insert(former.incarnation)
        }
        scheduler = HeadScheduler(
            heads: job.work, configuration: job.schedulerConfiguration,
            accepted: job.resumedTrainersByHead, checked: job.checkedHeads, held: job.heldWork)
        // Over TCP everybody gets a copy of their own in any case: of many, a few at a time pull theirs
        // and train while the others wait.
        let isPulled = job.isPulled || peers.count > FeatureTransfers.countMax
        phase = isPulled ? .serving : .broadcasting(next: 0)
        servedAt = now
        record(RunEvent(.broadcastBegan, at: now.runSeconds))
        collected.servedAt = now
        var actions: [Action] = []
        for peer in orderedPeers {
            awaited.insert(peer.worker)
            actions += transfer(.wanted(peer.worker), at: now)
            actions += schedule(joined(peer), at: now)
        }
        // Nothing to do, if an earlier start has done it all.
        if job.missingWork.isEmpty { actions += schedule(.tick, at: now) }
        return actions + continueBroadcast(at: now)
    }

    /// Describes the features to those whose turn it is.
    mutating func transfer(
        _ event: FeatureTransfers.Event, at now: Instant
    ) -> [Action] {
        transfers.handle(event, at: now).flatMap { worker in
            identities[worker].map { describeFeatures(to: $0, at: now) } ?? []
        }
    }

    mutating func describeFeatures(to id: PeerID, at now: Instant) -> [Action] {
        guard let message = featureMessage else { return [] }
        peers[id]?.describedAt = now
        return [.send(message, to: id)]
    }

    /// The manifest, as everybody gets it; nil before there are features.
    var featureMessage: CoordinatorMessage? {
        guard let job else { return nil }
        var isComplete = true
        if case .broadcasting = phase { isComplete = false }
        return job.description(broadcastComplete: isComplete)
    }

    /// Publishes some chunks, once everybody listens or the grace is over.
    mutating func continueBroadcast(at now: Instant) -> [Action] {
        guard case .broadcasting(let next) = phase, let job else { return [] }
        let isDue =
            next > 0 || isAudienceComplete
            || now.seconds(since: servedAt) >= Self.subscriptionGraceSeconds
        guard isDue else { return [] }
        let end = min(job.chunkCount, next + Self.publishBurstCount)
        // Nobody there: who comes later pulls.
        guard subscriptionCount > 0, end > next else {
            phase = .serving
            return [.publishEnd] + orderedPeers.map { .send(.broadcastComplete, to: $0.id) }
        }
        phase = .broadcasting(next: end)
        return (next..<end).map { .publish($0) }
    }

    mutating func becameReady(_ peer: Peer, at now: Instant) -> [Action] {
        // Ready for what? Its features are still to come.
        guard job != nil else { return [] }
        peers[peer.id]?.isReady = true
        collected.workers[peer.report].state = .ready
        if !peer.isReady { record(RunEvent(.workerReady, of: peer.worker, at: now.runSeconds)) }
        collected.workers[peer.report].readyAt = collected.workers[peer.report].readyAt ?? now
        stopAwaiting(peer.worker, at: now)
        return transfer(.ended(peer.worker), at: now)
            + schedule(.workerReady(peer.worker), at: now)
    }

    /// The broadcast counts as over when the last of those who were there is ready, or gone.
    mutating func stopAwaiting(_ worker: WorkerID, at now: Instant) {
        guard awaited.remove(worker) != nil, awaited.isEmpty else { return }
        collected.broadcastSeconds = now.seconds(since: servedAt)
        record(RunEvent(.broadcastDone, at: now.runSeconds))
    }

    /// Feeds the scheduler and does what it says; `arrival` is the result at hand, if any.
    mutating func schedule(
        _ event: HeadScheduler.Event, at now: Instant, _ arrival: Arrival? = nil
    ) -> [Action] {
        guard !isFinished, let decided = scheduler?.handle(event, at: now) else { return [] }
        var actions: [Action] = []
        var dismissed: [(Peer, HeadScheduler.DismissReason)] = []
        for action in decided {
            if case .dismiss(let worker, let reason) = action, let id = identities[worker],
                let dropped = peers[id]
            {
                dismissed.append((dropped, reason))
            }
            actions += perform(action, at: now, arrival)
        }
        // Last: what their departure sets off must not overtake what was decided before it.
        for (peer, reason) in dismissed {
            var why = "its machine computes wrongly"
            if reason == .rejections {
                // With the cure, which honest workers repeat when the run is at fault.
                let last = peer.lastFailure.map { ", last: \($0)" } ?? ""
                why = "its results were refused too often" + last
            }
            actions += dismiss(peer, why, at: now)
        }
        return actions
    }

    private mutating func perform(
        _ action: HeadScheduler.Action, at now: Instant, _ arrival: Arrival?
    ) -> [Action] {
        switch action {
        case .assign(let assignment, let worker):
            return assign(assignment, to: worker, at: now)
        case .accept(let bundle, let attempt, let heads, let worker):
            let actions = accept(heads, arrival)
            record(
                RunEvent(
                    .bundleAccepted, bundle, attempt: attempt, of: worker, at: now.runSeconds,
                    heads: heads.count))
            return actions
        case .compare(let bundle, let attempt, let heads, let worker):
            let before = collected.mismatchCount
            compare(heads, arrival)
            record(
                RunEvent(
                    .bundleCompared, bundle, attempt: attempt, of: worker, at: now.runSeconds,
                    heads: heads.count,
                    detail: collected.mismatchCount == before ? "equal" : "different"))
            return []
        case .discard(let bundle, let attempt, let worker, let reason):
            record(
                RunEvent(
                    .bundleDiscarded, bundle, attempt: attempt, of: worker, at: now.runSeconds,
                    detail: "\(reason)"))
            return note(.info, "a result of \(bundle) was dropped: \(reason)", at: now)
        case .revoke(let bundle, let attempt, let worker, let reason):
            record(
                RunEvent(
                    .bundleRevoked, bundle, attempt: attempt, of: worker, at: now.runSeconds,
                    detail: "\(reason)"))
            guard let id = identities[worker] else { return [] }
            return [
                .send(
                    .revoke(
                        bundle: bundle.rawValue, attempt: attempt,
                        mayFinish: reason == .expired), to: id)
            ]
        case .dismiss:
            return []
        case .referee(let heads):
            return summon(heads, at: now)
        case .withdraw(let heads, let trainer):
            return withdraw(heads, of: trainer, at: now)
        case .quarantine(let head):
            record(
                RunEvent(
                    .headQuarantined, at: now.runSeconds,
                    detail: job.map {
                        $0.heads(of: [head]).first?.description ?? $0.name(of: head)
                    }))
            let why = collected.reasons[head] ?? "three workers died of it"
            let name = job?.name(of: head) ?? "\(head)"
            return [.log(.error, "\(name) is given up: \(why)")]
        case .finish(let quarantined):
            collected.givenUp = quarantined.sorted()
            collected.quarantined = job?.heads(of: quarantined) ?? []
            phase = .storing
            return finishOnceStored(at: now)
        }
    }

    /// Ends the run and tells everybody.
    mutating func end(
        _ outcome: CoordinatorMessage.Outcome, at now: Instant
    ) -> [Action] {
        phase = .finished(outcome)
        record(
            RunEvent(
                .finished, at: now.runSeconds,
                detail: outcome == .complete ? "complete" : "aborted"))
        return orderedPeers.map { .send(.finished(outcome), to: $0.id) }
    }
}
