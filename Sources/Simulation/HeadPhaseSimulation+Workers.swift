import Heads
import Scheduling
import Transfer

/// A worker process: one compute thread, and at most two bundles that wait.
struct SimulatedWorker {
    /// What its compute thread does.
    enum Phase {
        /// Dead, or without all features.
        case away
        case idle
        case running(Run)
    }

    /// A bundle that trains.
    struct Run {
        let number: Int
        let assignment: Assignment
        /// When it begins, which is some time after it was taken up.
        let beginsAt: Int64
        /// The share of its time that its heads take.
        let headShare: Double
    }

    let speed: Double
    var id = WorkerID(0)
    /// Counts its deaths.
    var life = 0
    var isUp = true
    var phase = Phase.away
    /// Since when it is in its phase.
    var since: Int64 = 0
    var waiting: [Assignment] = []
    var runCount = 0
    /// Whether this life has computed the orders of rows.
    var hasOrders = false
    var chunkCount = 0
    var servedChunkCount = 0
    var requestedChunkCount = 0
    var intakeFreeAt: Int64 = 0
}

// The workers: features in, bundles through, deaths and returns.
extension HeadPhaseSimulation {
    /// Has a worker ask for as many chunks ahead as it comes to do on a fast link.
    mutating func beginPulling(_ worker: Int) {
        let largest = max(1, chunkByteCounts.max() ?? 1)
        requestChunks(
            max(1, min(PullWindow.chunkCountMax, PullWindow.byteCountMax / largest)), for: worker)
    }

    mutating func requestChunks(_ count: Int, for worker: Int) {
        let left = chunkByteCounts.count - workers[worker].requestedChunkCount
        guard left > 0 else { return }
        workers[worker].requestedChunkCount += min(count, left)
        report(
            .chunkRequest(
                worker: worker, life: workers[worker].life, count: min(count, left)),
            byteCount: 32 + 4 * count)
    }

    mutating func completeFeatures(of worker: Int, _ life: Int) {
        guard isAlive(worker, life) else { return }
        spend(now - workers[worker].since, on: life == 0 ? .broadcast : .failures)
        workers[worker].phase = .idle
        workers[worker].since = now
        report(.ready(workers[worker].id), byteCount: 64)
    }

    // MARK: - Bundles

    mutating func take(_ assignment: Assignment, for id: WorkerID, _ path: Path) {
        let worker = owner(of: id)
        // To a process that is gone, or has come back as another.
        guard workers[worker].isUp, workers[worker].id == id else { return }
        workers[worker].waiting.append(assignment)
        guard case .idle = workers[worker].phase else { return }
        explainIdleness(of: worker, until: now, by: path)
        beginNext(worker)
    }

    private mutating func beginNext(_ worker: Int) {
        workers[worker].since = now
        guard !workers[worker].waiting.isEmpty else {
            workers[worker].phase = .idle
            return
        }
        let assignment = workers[worker].waiting.removeFirst()
        let flops = assignment.heads.reduce(0) { $0 + job.work[Int($1.rawValue)].trainingFlops }
        let headSeconds = flops / costs.flopsPerSecond
        var seconds = headSeconds + costs.streamSecondsPerFeature * job.streamedFeatureCount
        if !workers[worker].hasOrders {
            workers[worker].hasOrders = true
            seconds += costs.orderSecondsPerRow * Double(job.rowCount * job.epochCount)
        }
        let beginsAt = now + Self.nanoseconds(costs.switchSeconds)
        let run = SimulatedWorker.Run(
            number: workers[worker].runCount, assignment: assignment, beginsAt: beginsAt,
            headShare: seconds > 0 ? headSeconds / seconds : 1)
        workers[worker].runCount += 1
        workers[worker].phase = .running(run)
        queue.insert(
            .ended(worker: worker, life: workers[worker].life, run: run.number),
            at: beginsAt + Self.nanoseconds(seconds / workers[worker].speed))
    }

    mutating func end(_ number: Int, of worker: Int, _ life: Int) {
        guard isAlive(worker, life), case .running(let run) = workers[worker].phase,
            run.number == number
        else { return }
        spend(run.beginsAt - workers[worker].since, on: .switching)
        let trained = Trained(
            assignment: run.assignment, worker: workers[worker].id,
            nanoseconds: now - run.beginsAt, headShare: run.headShare)
        reportedNanoseconds += trained.nanoseconds
        report(.trained(trained), byteCount: 160 + resultByteCount(of: run.assignment))
        beginNext(worker)
    }

    mutating func revoke(
        _ bundle: BundleID, _ attempt: UInt32, from id: WorkerID, mayFinish: Bool
    ) {
        let worker = owner(of: id)
        guard workers[worker].isUp, workers[worker].id == id else { return }
        let isThis = { (other: Assignment) in
            other.bundle == bundle && other.attempt == attempt
        }
        if case .running(let run) = workers[worker].phase, isThis(run.assignment) {
            if mayFinish { return }
            let beginsAt = min(run.beginsAt, now)
            spend(beginsAt - workers[worker].since, on: .switching)
            spend(now - beginsAt, on: .duplicates)
            report(.declined(bundle, attempt: attempt, by: id), byteCount: 96)
            beginNext(worker)
            return
        }
        workers[worker].waiting.removeAll(where: isThis)
        report(.declined(bundle, attempt: attempt, by: id), byteCount: 96)
    }

    // MARK: - Deaths

    mutating func planDeath(of worker: Int) {
        guard fleet.failuresPerHour > 0 else { return }
        let seconds = Chance.lifetime(
            seed: fleet.seed, worker: worker, life: workers[worker].life,
            meanSeconds: 3_600 / fleet.failuresPerHour)
        queue.insert(
            .died(worker: worker, life: workers[worker].life), at: now + Self.nanoseconds(seconds))
    }

    mutating func kill(_ worker: Int, _ life: Int) {
        guard isAlive(worker, life) else { return }
        outcome.deathCount += 1
        let since = workers[worker].since
        switch workers[worker].phase {
        case .away: spend(now - since, on: life == 0 ? .broadcast : .failures)
        case .idle: spend(now - since, on: idleUse(since: since))
        case .running: spend(now - since, on: .failures)
        }
        let path = Path(sentAt: now, reachedAt: now, takenInAt: now)
        let id = workers[worker].id
        queue.insert(.received(.lost(id), path), at: now + Self.nanoseconds(fleet.silenceSeconds))
        var successor = SimulatedWorker(speed: workers[worker].speed)
        successor.id = id
        successor.life = life + 1
        successor.isUp = false
        successor.since = now
        successor.runCount = workers[worker].runCount
        workers[worker] = successor
        queue.insert(
            .restarted(worker: worker), at: now + Self.nanoseconds(fleet.restartSeconds))
    }

    mutating func restart(_ worker: Int) {
        workers[worker].isUp = true
        planDeath(of: worker)
        report(.hello(worker: worker, life: workers[worker].life), byteCount: 128)
    }
}
