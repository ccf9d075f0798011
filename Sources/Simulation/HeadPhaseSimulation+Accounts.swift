import Heads
import Scheduling

// Where every nanosecond of every worker went.
extension HeadPhaseSimulation {
    mutating func spend(_ nanoseconds: Int64, on use: TimeUse) {
        outcome.nanoseconds[use, default: 0] += nanoseconds
    }

    /// What a worker without a lease waits for.
    func idleUse(since: Int64) -> TimeUse {
        firstLeaseAt == nil ? .broadcast : .tail
    }

    /// Splits a worker's idle time by what the message that ended it was doing meanwhile, station by
    /// station; what lies before that message left its sender had no work to give.
    mutating func explainIdleness(of worker: Int, until end: Int64, by path: Path) {
        var time = workers[worker].since
        func next(_ station: Int64) -> Int64 {
            let from = time
            time = min(max(time, station), end)
            return time - from
        }
        // Nobody gets anything before the first lease.
        spend(next(min(firstLeaseAt ?? end, path.sentAt)), on: .broadcast)
        spend(next(path.sentAt), on: .tail)
        spend(next(path.reachedAt), on: .latency)
        spend(next(path.takenInAt), on: .bandwidth)
        spend(next(path.decidedAt), on: .processor)
        spend(next(path.leftAt), on: .bandwidth)
        spend(next(end), on: .latency)
    }

    /// Accounts for the time of a result by the share of it that was accepted.
    mutating func account(for trained: Trained, acceptedFlops: Double) {
        reportedNanoseconds -= trained.nanoseconds
        let flops = trained.assignment.heads.reduce(0) {
            $0 + job.work[Int($1.rawValue)].trainingFlops
        }
        let share = flops > 0 ? acceptedFlops / flops : 0
        let wanted = Int64((Double(trained.nanoseconds) * share).rounded())
        let heads = Int64((Double(wanted) * trained.headShare).rounded())
        spend(heads, on: .training)
        spend(wanted - heads, on: .streaming)
        spend(trained.nanoseconds - wanted, on: .duplicates)
    }

    /// Accounts for every worker's last phase, at the end that this message brought.
    mutating func settle(_ path: Path) {
        spend(reportedNanoseconds, on: .duplicates)
        for worker in workers.indices {
            let since = workers[worker].since
            switch workers[worker].phase {
            case .away:
                spend(now - since, on: workers[worker].life == 0 ? .broadcast : .failures)
            case .idle:
                explainIdleness(of: worker, until: now, by: path)
            case .running(let run):
                let beginsAt = min(run.beginsAt, now)
                spend(beginsAt - since, on: .switching)
                spend(now - beginsAt, on: .duplicates)
            }
        }
        outcome.seconds = Double(now) * 1e-9
        outcome.headSeconds = Double(now - (firstLeaseAt ?? now)) * 1e-9
    }
}
