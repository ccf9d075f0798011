import Numerics
import Scheduling
import WireProtocol

// Who is there: hello to goodbye, and everything that breaks the protocol in between.
extension CoordinatorSession {
    mutating func receive(
        _ frames: [[UInt8]], from id: PeerID, at now: Instant
    ) -> [Action] {
        let message: WorkerMessage
        do {
            message = try WorkerMessage.decode(frames, limits)
        } catch {
            return reject(error, from: id, at: now)
        }
        countControl(message, frames)
        if case .finished(let outcome) = phase {
            // Whatever it is about: the farewell may have been lost, or the worker came too late.
            if case .goodbye = message { return [] }
            return [.send(.finished(outcome), to: id)]
        }
        if case .hello(let hello) = message { return welcome(hello, from: id, at: now) }
        guard let peer = peers[id] else { return answer(stranger: id, message, at: now) }
        _ = liveness.handle(.heard(peer.worker), at: now)
        switch message {
        case .hello:
            return []
        case .heartbeat(let heartbeat):
            return answer(heartbeat, from: peer, at: now)
        case .chunkRequest(let indices):
            let count = job?.chunkCount ?? 0
            return indices.filter { $0 < count }.map { .sendChunk($0, to: id) }
        case .ready:
            return becameReady(peer, at: now)
        case .bundleTrained(let result):
            return receive(result, from: peer, at: now)
        case .bundleFailed(let failure):
            return receive(failure, from: peer, at: now)
        case .goodbye:
            return note(.info, "worker \(name(of: peer)) left", at: now)
                + drop(peer, because: .departed, at: now)
        }
    }

    /// Has somebody say hello first; the late result of a worker given up is taken all the same.
    private mutating func answer(
        stranger id: PeerID, _ message: WorkerMessage, at now: Instant
    ) -> [Action] {
        var actions: [Action] = []
        switch message {
        case .goodbye:
            return []
        case .bundleTrained(let result):
            if let former = formerPeers[id] { actions = receive(result, from: former, at: now) }
            // It may have been the last one: then there is nothing left to join.
            if isFinished { return actions }
        case .hello, .heartbeat, .chunkRequest, .ready, .bundleFailed:
            break
        }
        let refusal = Refused(code: .unknownWorker, message: "say hello first")
        return actions + [.send(.refused(refusal), to: id)]
    }

    private mutating func answer(
        _ heartbeat: WorkerHeartbeat, from peer: Peer, at now: Instant
    ) -> [Action] {
        guard heartbeat.incarnation == peer.incarnation else {
            // Another process over the same identity, which has not introduced itself.
            let refusal = Refused(code: .unknownWorker, message: "say hello first")
            return drop(peer, because: .lost, at: now) + [.send(.refused(refusal), to: peer.id)]
        }
        collected.workers[peer.report].peakRSSByteCount = heartbeat.peakRSSByteCount
        collected.workers[peer.report].receivedByteCount = heartbeat.receivedByteCount
        var actions = [Action.send(.heartbeat(incarnation: heartbeat.incarnation), to: peer.id)]
        if !peer.isReady, let describedAt = peer.describedAt,
            now.seconds(since: describedAt) >= peer.describeAgainSeconds
        {
            peers[peer.id]?.describeAgainSeconds *= 2
            actions += describeFeatures(to: peer.id, at: now)
        }
        return actions + inquire(heartbeat, of: peer, at: now)
    }

    // MARK: - Breaches

    /// Counts a malformed message; a worker that sends several is sent away.
    private mutating func reject(
        _ error: WireError, from id: PeerID, at now: Instant
    ) -> [Action] {
        collected.rejectedCount += 1
        guard var peer = peers[id] else {
            if error.code == .versionMismatch {
                let refusal = Refused(code: .versionMismatch, message: error.message)
                return note(.warning, "a worker was refused: \(error.message)", at: now)
                    + [.send(.refused(refusal), to: id)]
            }
            strangerCount += 1
            // Said once: a scanner must not fill the log.
            guard strangerCount == 1 else { return [] }
            return note(
                .warning, "a message from an unknown peer was dropped: \(error.message)", at: now)
        }
        peer.badMessageCount += 1
        peers[id] = peer
        let actions =
            note(.warning, "worker \(name(of: peer)): \(error.message)", at: now) + [
                .send(.refused(Refused(code: .malformed, message: error.message)), to: id)
            ]
        guard peer.badMessageCount >= Self.badMessageCountMax, !isFinished else { return actions }
        return actions + dismiss(peer, "it broke the protocol too often", at: now)
    }

    /// Sends a worker away for good.
    mutating func dismiss(
        _ peer: Peer, _ reason: String, at now: Instant
    ) -> [Action] {
        _ = dismissedRing.insert(peer.incarnation)
        let refusal = Refused(code: .notAccepting, message: reason)
        return note(.warning, "worker \(name(of: peer)) is sent away: \(reason)", at: now)
            + [.send(.refused(refusal), to: peer.id)] + drop(peer, because: .departed, at: now)
    }

    /// Sends a worker away that may come back once it is let in again.
    mutating func expel(_ peer: Peer, _ reason: String, at now: Instant) -> [Action] {
        let refusal = Refused(code: .notAccepting, message: reason)
        return note(.warning, "worker \(name(of: peer)) is shut out: \(reason)", at: now)
            + [.send(.refused(refusal), to: peer.id)] + drop(peer, because: .departed, at: now)
    }

    // MARK: - Coming and going

    private mutating func welcome(
        _ hello: Hello, from id: PeerID, at now: Instant
    ) -> [Action] {
        if dismissedRing.elements.contains(hello.incarnation) {
            return refuse(id, "it was sent away before")
        }
        if let known = peers[id], known.incarnation == hello.incarnation {
            return welcomeAgain(known, at: now)
        }
        var actions: [Action] = []
        for former in orderedPeers {
            if former.incarnation == hello.incarnation {
                // The same process over a new connection: it lives, so nothing it ran is suspect.
                actions += drop(former, because: .departed, at: now)
            } else if former.id == id {
                // Another process over the same identity: the former one died.
                actions += drop(former, because: .lost, at: now)
            }
        }
        guard !isFinished else { return actions }
        guard peers.count < Self.workerCountMax, let report = report(of: hello) else {
            return actions + refuse(id, "there are too many workers")
        }
        let peer = Peer(
            id: id, worker: WorkerID(nextWorker), incarnation: hello.incarnation,
            report: report, slotCount: max(1, min(hello.slotCount, 1_024)), greetedAt: now)
        nextWorker += 1
        peers[id] = peer
        identities[peer.worker] = id
        formerPeers[id] = nil
        collected.workers[peer.report].joinedAt = collected.workers[peer.report].joinedAt ?? now
        _ = liveness.handle(.heard(peer.worker), at: now)
        record(joining(of: peer, at: now))
        actions += note(
            .info,
            "worker \(hello.name) joined: \(hello.host), \(hello.isa), threads: \(hello.threadCount)",
            at: now)
        let features = job == nil ? [] : transfer(.wanted(peer.worker), at: now)
        actions += [greeting(peer, featuresFollow: !features.isEmpty)] + features
        actions += schedule(joined(peer), at: now)
        return actions
    }

    /// Answers a hello that was repeated.
    private mutating func welcomeAgain(_ known: Peer, at now: Instant) -> [Action] {
        _ = liveness.handle(.heard(known.worker), at: now)
        // A description of features is a thousand times a hello: no peer may ask for a flood of them.
        guard now.seconds(since: known.greetedAt) >= Self.greetingSecondsMin else { return [] }
        peers[known.id]?.greetedAt = now
        let features = known.describedAt == nil ? [] : describeFeatures(to: known.id, at: now)
        let actions = [greeting(known, featuresFollow: !features.isEmpty)] + features
        guard known.isReady else { return actions }
        // A connection keeps the order: whoever says hello after being ready has forgotten its
        // bundles.
        peers[known.id]?.isReady = false
        collected.workers[known.report].state = .joined
        record(joining(of: known, at: now))
        leases.retire(known.worker)
        return actions
            + schedule(joined(known), at: now)
    }

    /// What the scheduler hears of a worker.
    func joined(_ peer: Peer) -> HeadScheduler.Event {
        .workerJoined(
            peer.worker, slotCount: peer.slotCount,
            trainer: trainer(of: collected.workers[peer.report]))
    }

    private func joining(of peer: Peer, at now: Instant) -> RunEvent {
        RunEvent(
            .workerJoined, of: peer.worker, at: now.runSeconds, detail: name(of: peer),
            slots: peer.slotCount)
    }

    private func refuse(_ id: PeerID, _ reason: String) -> [Action] {
        [.send(.refused(Refused(code: .notAccepting, message: reason)), to: id)]
    }

    /// The line of a worker in the list of all: its own if it came back, a new one, or at worst that
    /// of somebody who came to nothing; nil if the list is full.
    private mutating func report(of hello: Hello) -> Int? {
        let fresh = WorkerReport(
            incarnation: hello.incarnation, name: hello.name, host: hello.host, isa: hello.isa,
            threadCount: hello.threadCount, cpu: hello.cpu)
        if let own = collected.workers.firstIndex(where: { $0.incarnation == hello.incarnation }) {
            collected.workers[own].state = .joined
            return own
        }
        let isFull = collected.workers.count >= Self.workerCountMax
        let free = collected.workers.firstIndex {
            $0.state == .gone && $0.headCount == 0 && $0.leasedAt == nil && $0.fault == nil
                && (isFull || $0.name == hello.name && $0.host == hello.host)
        }
        if let free {
            collected.workers[free] = fresh
            return free
        }
        guard !isFull else { return nil }
        collected.workers.append(fresh)
        return collected.workers.count - 1
    }

    private func greeting(_ peer: Peer, featuresFollow: Bool) -> Action {
        let welcome = Welcome(
            runID: runID, workerNumber: peer.worker.rawValue,
            heartbeatMilliseconds: Self.heartbeatMilliseconds, featurePort: featurePort,
            featuresReady: featuresFollow)
        return .send(.welcome(welcome), to: peer.id)
    }

    /// Forgets a connection and gives its leases back.
    mutating func drop(
        _ peer: Peer, because departure: HeadScheduler.Departure, at now: Instant
    ) -> [Action] {
        peers[peer.id] = nil
        identities[peer.worker] = nil
        formerPeers[peer.id] = peer
        if let oldest = formerPeerRing.insert(peer.id) { formerPeers[oldest] = nil }
        collected.workers[peer.report].state = .gone
        _ = liveness.handle(.left(peer.worker), at: now)
        record(
            RunEvent(
                .workerGone, of: peer.worker, at: now.runSeconds,
                detail: departure == .lost ? "lost" : "departed"))
        leases.retire(peer.worker)
        stopAwaiting(peer.worker, at: now)
        return transfer(.ended(peer.worker), at: now)
            + schedule(.workerLeft(peer.worker, because: departure), at: now)
    }
}
