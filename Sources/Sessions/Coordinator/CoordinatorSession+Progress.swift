import Heads
package import Numerics
package import Scheduling

// What people are told.
extension CoordinatorSession {
    /// The head phase as a person sees it; nil before it begins.
    package func progress(at now: Instant) -> HeadsProgress? {
        guard let job, let scheduler else { return nil }
        let seconds = max(1e-3, now.seconds(since: leasingAt ?? now))
        let total = job.totalFlops
        let done = acceptedFlops
        let resumed = total - collected.totalFlops
        let statistics = Dictionary(
            scheduler.workerStatistics.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let workers = orderedPeers.map { peer in
            let report = collected.workers[peer.report]
            let isRunning = statistics[peer.worker]?.runningBundles.isEmpty == false
            return HeadsProgress.Worker(
                name: report.name,
                state: peer.isReady ? (isRunning ? .training : .waiting) : .receiving,
                headsDone: report.headCount, headsPerSecond: Double(report.headCount) / seconds)
        }
        var progress = HeadsProgress(
            headsDone: collected.resumedCount + acceptedCount, headCount: job.work.count,
            headsPerSecond: Double(acceptedCount) / seconds,
            gflopsPerSecond: done / seconds * 1e-9,
            shareDone: total > 0 ? min(1, (resumed + done) / total) : 1,
            secondsLeft: scheduler.secondsLeft(at: now), workers: workers)
        progress.noun = job.noun
        return progress
    }

    /// Log lines that peers can bring about, of which there must not be too many.
    struct Notes: Sendable {
        var windowStart = Instant.start
        var count = 0
        var omittedCount = 0

        /// What was left out, once its second is over.
        mutating func summary(at now: Instant) -> [Action] {
            guard omittedCount > 0, now.seconds(since: windowStart) >= 1 else { return [] }
            defer { omittedCount = 0 }
            return [.log(.warning, "\(omittedCount) more lines about workers were left out")]
        }
    }

    /// A line about a peer, unless too many were written in this second.
    mutating func note(
        _ level: LogLevel, _ text: String, at now: Instant
    ) -> [Action] {
        var actions: [Action] = []
        if now.seconds(since: notes.windowStart) >= 1 {
            actions = notes.summary(at: now)
            notes.windowStart = now
            notes.count = 0
        }
        notes.count += 1
        guard notes.count <= Self.noteCountMax else {
            notes.omittedCount += 1
            return actions
        }
        return actions + [.log(level, text)]
    }

    /// Since when heads wait for workers, and when that is to be repeated.
    struct Wait: Sendable {
        static let firstSeconds = 2.0
        static let repeatSeconds = 5.0

        var nextComplaint: Instant?
    }

    /// Says now and then that heads wait and nobody trains them: a person may have to start workers.
    mutating func complainOfWaiting(at now: Instant) -> [Action] {
        guard let scheduler, !isFinished, !scheduler.isFinished,
            !scheduler.isStarted || !peers.values.contains(where: \.isReady)
        else {
            wait.nextComplaint = nil
            return []
        }
        guard let due = wait.nextComplaint else {
            wait.nextComplaint = now.advanced(bySeconds: Wait.firstSeconds)
            return []
        }
        guard now >= due else { return [] }
        wait.nextComplaint = now.advanced(bySeconds: Wait.repeatSeconds)
        let limit = waitLimit.map { ", for \($0) at most" } ?? ""
        let readyCount = peers.values.count(where: \.isReady)
        let counts =
            "waiting for workers at \(endpoint)\(limit): "
            + "\(peers.count) joined, \(readyCount) ready, \(neededCount) needed"
        let cure =
            peers.count < neededCount
            ? "start one with: \(joinCommand)" : "the others do not hold all data yet"
        return [.log(.warning, counts + "; " + cure)]
    }
}
