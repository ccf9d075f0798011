import HeadPlan
import Reporting
import Scheduling

extension CoordinatorSession {
    /// The head phase as a person sees it; nil before it begins.
    func progress(at now: SchedulerInstant) -> HeadsProgress? {
        guard let job, let scheduler else { return nil }
        let seconds = max(1e-3, now.seconds(since: leasingAt ?? now))
        let total = job.totalFlops
        let done = acceptedFlops
        let statistics = Dictionary(
            uniqueKeysWithValues: scheduler.workerStatistics.map { ($0.id, $0) })
        let workers = orderedPeers.map { peer in
            let report = harvest.workers[peer.report]
            let isRunning = statistics[peer.worker]?.runningBundles.isEmpty == false
            return HeadsProgress.Worker(
                name: report.name,
                state: peer.isReady ? (isRunning ? .training : .waiting) : .receiving,
                headsDone: report.headCount, headsPerSecond: Double(report.headCount) / seconds)
        }
        return HeadsProgress(
            headsDone: acceptedCount, headCount: job.plan.heads.count,
            headsPerSecond: Double(acceptedCount) / seconds,
            gflopsPerSecond: done / seconds * 1e-9,
            shareDone: total > 0 ? min(1, done / total) : 1,
            secondsLeft: scheduler.secondsLeft(at: now), workers: workers)
    }
}
