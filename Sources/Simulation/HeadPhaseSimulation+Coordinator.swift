import Heads
import Numerics
import Scheduling

// The coordinator: one thread that takes messages in turn, and a link each way.
extension HeadPhaseSimulation {
    /// Gives the coordinator's thread work, which begins when the thread is free.
    mutating func work(_ seconds: Double) {
        let time = Self.nanoseconds(seconds * processorFactor)
        processorFreeAt = max(processorFreeAt, now) + time
        outcome.processorSeconds += Double(time) * 1e-9
    }

    /// Begins with the next message if the thread has nothing at hand.
    mutating func takeNext() {
        guard atHand == nil, let next = inbox.popFirst() else { return }
        atHand = next
        work(seconds(toTake: next.0))
        queue.insert(.decided, at: processorFreeAt)
    }

    private func seconds(toTake message: Message) -> Double {
        let scheduling = costs.schedulerSecondsPerWorker * Double(workers.count)
        switch message {
        case .hello, .chunkRequest:
            return costs.messageSeconds
        case .ready, .declined:
            return costs.messageSeconds + scheduling
        case .trained(let trained):
            // A heartbeat goes before every result, and is answered.
            return 3 * costs.messageSeconds + scheduling
                + Double(trained.assignment.heads.count) * costs.headSeconds
                + Double(resultByteCount(of: trained.assignment)) * costs.resultByteSeconds
        case .lost, .tick:
            return scheduling
        }
    }

    func resultByteCount(of assignment: Assignment) -> Int {
        assignment.heads.reduce(128) {
            $0 + 48 + job.work[Int($1.rawValue)].resultByteCount
        }
    }

    /// Does what the message at hand asks for.
    mutating func decide() {
        guard let (message, path) = atHand else { return }
        switch message {
        case .hello(let worker, let life):
            if isAlive(worker, life) { welcome(worker, life, path) }
        case .ready(let id):
            awaited -= 1
            if awaited == 0 { outcome.broadcastSeconds = Double(now) * 1e-9 }
            transfer(.ended(id))
            schedule(.workerReady(id), path)
        case .chunkRequest(let worker, let life, let count):
            serve(count, to: worker, life)
        case .trained(let trained):
            schedule(
                .bundleTrained(
                    trained.assignment.bundle, attempt: trained.assignment.attempt,
                    by: trained.worker, busySeconds: Double(trained.nanoseconds) * 1e-9), path,
                trained)
        case .declined(let bundle, let attempt, let id):
            schedule(.leaseDeclined(bundle, attempt: attempt, by: id), path)
        case .lost(let id):
            transfer(.ended(id))
            schedule(.workerLeft(id, because: .lost), path)
        case .tick:
            transfer(.tick)
            schedule(.tick, path)
        }
        atHand = nil
        takeNext()
    }

    /// Feeds the scheduler and performs its actions.
    private mutating func schedule(
        _ event: HeadScheduler.Event, _ path: Path, _ trained: Trained? = nil
    ) {
        outcome.eventCount += 1
        if let trained { outcome.busySeconds += Double(trained.nanoseconds) * 1e-9 }
        var path = path
        var acceptedFlops = 0.0
        for action in scheduler.handle(event, at: Instant(nanoseconds: now)) {
            switch action {
            case .assign(let assignment, let id):
                if firstLeaseAt == nil { firstLeaseAt = now }
                outcome.leaseCount += 1
                work(costs.messageSeconds + Double(assignment.heads.count) * costs.headSeconds)
                path.decidedAt = processorFreeAt
                path.leftAt = carry(96 + 20 * assignment.heads.count, at: processorFreeAt)
                queue.insert(.assigned(assignment, id, path), at: path.leftAt + latency)
            case .accept(_, _, let heads, _):
                outcome.acceptedHeadCount += heads.count
                for head in heads { acceptedFlops += job.work[Int(head.rawValue)].trainingFlops }
            case .compare(_, _, let heads, _):
                outcome.comparedHeadCount += heads.count
            case .revoke(let bundle, let attempt, let id, let reason):
                work(costs.messageSeconds)
                queue.insert(
                    .revoked(bundle, attempt: attempt, id, mayFinish: reason == .expired),
                    at: carry(64, at: processorFreeAt) + latency)
            case .finish(let quarantined):
                outcome.quarantinedHeadCount = quarantined.count
                path.decidedAt = now
                finishedAt = now
            case .discard, .dismiss, .quarantine, .referee, .withdraw:
                break
            }
        }
        if let trained { account(for: trained, acceptedFlops: acceptedFlops) }
        if finishedAt != nil { settle(path) }
    }

    // MARK: - The link

    /// Sends a message and returns when it has left; it goes ahead of chunks, as a link that is
    /// shared fairly lets small messages do.
    mutating func carry(_ byteCount: Int, at time: Int64) -> Int64 {
        let duration = Self.nanoseconds(Double(byteCount) / network.bytesPerSecond)
        outwardFreeAt = max(outwardFreeAt, time) + duration
        if isCopying { stolen += duration }
        outcome.sentByteCount += byteCount
        return outwardFreeAt
    }

    /// Brings a worker's message to the coordinator.
    mutating func report(_ message: Message, byteCount: Int) {
        let reachedAt = now + latency
        let duration = Self.nanoseconds(Double(byteCount) / network.bytesPerSecond)
        inwardFreeAt = max(inwardFreeAt, reachedAt) + duration
        outcome.receivedByteCount += byteCount
        let path = Path(sentAt: now, reachedAt: reachedAt, takenInAt: inwardFreeAt)
        queue.insert(.received(message, path), at: inwardFreeAt)
    }

    /// Begins with the next chunk.
    mutating func copyNext(at time: Int64) {
        while let copy = copies.popFirst() {
            // A broken connection takes nothing.
            guard isAlive(copy.worker, copy.life) else { continue }
            let rate = min(network.bytesPerSecond, costs.broadcastBytesPerSecond)
            isCopying = true
            let duration = Self.nanoseconds(Double(copy.byteCount) / rate)
            queue.insert(.copied(copy), at: time + duration + stolen)
            stolen = 0
            outcome.sentByteCount += copy.byteCount
            return
        }
        isCopying = false
        stolen = 0
    }

    /// A chunk has left the link.
    mutating func finish(_ copy: Copy) {
        copyNext(at: now)
        guard isAlive(copy.worker, copy.life) else { return }
        let duration = Self.nanoseconds(Double(copy.byteCount) / costs.intakeBytesPerSecond)
        let storedAt = max(workers[copy.worker].intakeFreeAt, now + latency) + duration
        workers[copy.worker].intakeFreeAt = storedAt
        workers[copy.worker].chunkCount += 1
        if workers[copy.worker].chunkCount == chunkByteCounts.count {
            queue.insert(
                .complete(worker: copy.worker, life: copy.life),
                at: storedAt + Self.nanoseconds(costs.readySeconds))
        } else if copy.isPulled {
            queue.insert(.pulled(worker: copy.worker, life: copy.life), at: storedAt)
        }
    }

    // MARK: - Features

    /// Describes the features to those whose turn it is; unless they are broadcast,
    /// a worker that has the description asks for them.
    mutating func transfer(_ event: FeatureTransfers.Event) {
        for id in transfers.handle(event, at: Instant(nanoseconds: now)) {
            let worker = owner(of: id)
            work(costs.messageSeconds)
            let leftAt = carry(Self.description(chunkByteCounts.count), at: processorFreeAt)
            guard !isBroadcast || workers[worker].life > 0 else { continue }
            queue.insert(
                .described(worker: worker, life: workers[worker].life), at: leftAt + latency)
        }
    }

    private mutating func welcome(_ worker: Int, _ life: Int, _ path: Path) {
        let id = makeID(of: worker)
        work(costs.messageSeconds)
        _ = carry(64, at: processorFreeAt)
        transfer(.wanted(id))
        schedule(.workerJoined(id, slotCount: 1), path)
    }

    private mutating func serve(_ count: Int, to worker: Int, _ life: Int) {
        guard isAlive(worker, life) else { return }
        work(Double(count) * costs.messageSeconds)
        for _ in 0..<count {
            let index = workers[worker].servedChunkCount
            guard index < chunkByteCounts.count else { break }
            workers[worker].servedChunkCount += 1
            copies.append(
                Copy(
                    worker: worker, life: life, byteCount: chunkByteCounts[index], isPulled: true))
        }
        if !isCopying { copyNext(at: processorFreeAt) }
    }
}
