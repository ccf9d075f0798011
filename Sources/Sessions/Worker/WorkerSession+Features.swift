import Heads
import Numerics
package import Transfer
import WireProtocol

// How a worker comes by its rows: the broadcast, and asking for what it did not bring.
extension WorkerSession {
    mutating func begin(_ job: Job, at now: Instant) -> [Action] {
        if case .greeting = state { return [] }
        if let known = self.job, known.isSame(as: job) { return resume(job, at: now) }
        if case .tasks = job, !takesTasks {
            return [
                .exit(.refused("this worker trains heads and takes no tasks; start one that does"))
            ]
        }
        do throws(TransferError) {
            assembly = try makeAssembly(job.manifest, featureByteCountMax)
        } catch {
            return [.exit(.refused("the coordinator's \(job.noun) are unusable: \(error.message)"))]
        }
        self.job = job
        insertionCount = 0
        preparation = nil
        // What is trained on other rows is nothing for this task.
        return forget() + assemble(job, at: now)
    }

    /// The same task as before: joined again, or told twice.
    mutating func resume(_ job: Job, at now: Instant) -> [Action] {
        switch state {
        case .greeting, .preparing:
            return []
        case .assembling(var assembling):
            assembling.isBroadcastComplete =
                assembling.isBroadcastComplete || job.broadcastComplete
            state = .assembling(assembling)
            return []
        case .welcomed, .ready:
            if assembly != nil { return assemble(job, at: now) }
            if preparation != nil {
                state = .preparing
                return []
            }
            return becomeReady(at: now)
        }
    }

    mutating func assemble(_ job: Job, at now: Instant) -> [Action] {
        state = .assembling(
            Assembling(
                pull: nil, isBroadcastComplete: job.broadcastComplete,
                // Nothing of a broadcast that is over will come: ask at once.
                lastChunkAt: job.broadcastComplete ? now - Self.broadcastSilence : now,
                lastProgressAt: now))
        return completeIfPossible(at: now) + tickAssembly(at: now)
    }

    mutating func becomeReady(at now: Instant) -> [Action] {
        state = .ready
        // In this order: a message that must not be lost has its own queue, and while that is not
        // empty the link sends no heartbeat.
        return [heartbeat(at: now), .send(.ready)]
    }

    mutating func receive(
        chunk index: Int, _ bytes: ChunkBytes, at now: Instant
    ) -> [Action] {
        receivedByteCount += bytes.count
        answeredAt = now
        guard case .assembling(var assembling) = state, let assembly else { return [] }
        assembling.lastChunkAt = now
        assembling.lastProgressAt = now
        state = .assembling(assembling)
        insertionCount += 1
        return [.insert(index, bytes, into: assembly)]
    }

    mutating func inserted(
        _ index: Int, into assembly: any ChunkAssembly, _ error: TransferError?,
        at now: Instant
    ) -> [Action] {
        // Of another task.
        guard self.assembly === assembly else { return [] }
        insertionCount -= 1
        // While joining again the assembly is looked at when that goes on.
        guard case .assembling(var assembling) = state else { return [] }
        var actions: [Action] = []
        if let error {
            actions += note("chunk \(index) was dropped: \(error.message)", at: now)
            assembling.pull?.arrivedDamaged(index, at: now)
        } else {
            assembling.pull?.arrived(index, at: now)
        }
        assembling.lastChunkAt = now
        state = .assembling(assembling)
        return actions + completeIfPossible(at: now) + tickAssembly(at: now)
    }

    mutating func completeIfPossible(at now: Instant) -> [Action] {
        guard case .assembling = state, let assembly, assembly.isComplete, let job else {
            return []
        }
        self.assembly = nil
        switch job {
        case .heads(let description):
            let shape = description.manifest.features
            return [
                .prepare(
                    assembly, description.training, derivedFrom: description.derivedHead)
            ]
                + note(
                    "holding \((shape?.rowCount ?? 0).counted("row")) of \((shape?.featureCount ?? 0).counted("feature"))",
                    at: now) + becomeReady(at: now)
        case .tasks(let description):
            let preparation = Preparation(rawValue: nextPreparation)
            nextPreparation += 1
            self.preparation = preparation
            state = .preparing
            return [.prepareTasks(assembly, preparation)]
                + note(
                    "holding \(description.manifest.byteCount.counted("byte")) of materials",
                    at: now)
        }
    }

    mutating func prepared(
        _ preparation: Preparation, _ failure: String?, at now: Instant
    ) -> [Action] {
        // Of a job that is over.
        guard self.preparation == preparation else { return [] }
        self.preparation = nil
        if let failure {
            return [.exit(.refused("this worker cannot take the job's tasks: \(failure)"))]
        }
        // Otherwise it is joining again, and becomes ready when it is told that the job is the same.
        guard case .preparing = state else { return [] }
        return becomeReady(at: now)
    }

    /// Asks for what the broadcast did not bring, once it is over and silent.
    mutating func tickAssembly(at now: Instant) -> [Action] {
        // What is being checked may be held in a moment.
        guard case .assembling(var assembling) = state, let assembly, let job,
            isBroadcastOver(assembling, at: now), assembling.pull != nil || insertionCount == 0
        else { return [] }
        if assembling.pull == nil {
            let chunks = job.manifest.chunks
            assembling.pull = PullWindow(
                missing: assembly.missing.map { ($0, chunks[$0].byteCount) })
        }
        let wasWaiting = assembling.pull?.isWaiting ?? false
        let wanted = assembling.pull?.requests(at: now) ?? []
        if !wasWaiting { assembling.lastProgressAt = now }
        state = .assembling(assembling)
        return wanted.isEmpty ? [] : [.send(.chunkRequest(wanted))]
    }

    /// Whether nothing more is to be expected of the broadcast: its end was heard, or it is said to be
    /// over and silent.
    private func isBroadcastOver(_ assembling: Assembling, at now: Instant) -> Bool {
        if broadcast.hasEnded { return true }
        guard assembling.isBroadcastComplete else { return false }
        if let lastBytesAt = broadcast.lastBytesAt {
            return lastBytesAt.duration(to: now) >= Self.broadcastPause
        }
        return assembling.pull != nil
            || assembling.lastChunkAt.duration(to: now) >= Self.broadcastSilence
    }
}

extension WorkerSession.Event {
    /// Does what ``WorkerSession/Action/insert(_:_:into:)`` asks for, and says what came of it.
    package static func inserting(
        _ index: Int, _ bytes: ChunkBytes, into assembly: any ChunkAssembly
    ) -> WorkerSession.Event {
        switch bytes.insert(as: index, into: assembly) {
        case .success: .chunkInserted(index, into: assembly, nil)
        case .failure(let error): .chunkInserted(index, into: assembly, error)
        }
    }
}
