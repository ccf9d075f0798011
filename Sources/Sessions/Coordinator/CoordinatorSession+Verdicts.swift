import Heads
import Numerics
import Scheduling
import WireProtocol

/// A worker whose head was found wrong.
package struct WorkerFault: Hashable, Sendable {
    /// One sentence.
    package let reason: String
    /// Heads of its process that were withdrawn, and trained again elsewhere.
    package let withdrawnCount: Int

    /// A fault and what it cost.
    package init(reason: String, withdrawnCount: Int) {
        self.reason = reason
        self.withdrawnCount = withdrawnCount
    }
}

// Two workers differ: this machine trains the head itself, and whoever is wrong has to go.
extension CoordinatorSession {
    /// Who trained what, and what is in dispute.
    struct Disputes: Sendable {
        /// Bytes that differ from those that are kept.
        struct Challenge: Sendable {
            let trainer: TrainerID
            let product: Product
        }

        /// Of the kept heads, in the plan's order.
        var trainers: [TrainerID?] = []
        /// Whose line in the list of workers counts them; nil for those of an earlier start.
        var lines: [Int?] = []
        var challenges: [WorkID: [Challenge]] = [:]
        /// What each process that was found guilty did.
        var reasons: [TrainerID: String] = [:]
        /// Heads that each of them lost.
        var withdrawnCounts: [TrainerID: Int] = [:]
        /// Those of whom it was said.
        var reported: Set<TrainerID> = []
        /// Tasks that a second process did with other bytes, being of another kind, or that no second
        /// one was there to do.
        var undecided: Set<WorkID> = []

        /// Other bytes than those kept; the first few say enough.
        mutating func challenge(_ id: WorkID, _ product: Product, by trainer: TrainerID) {
            let known = challenges[id, default: []]
            guard known.count < 4, !known.contains(where: { $0.trainer == trainer }) else { return }
            challenges[id, default: []].append(Challenge(trainer: trainer, product: product))
        }
    }

    /// Has heads trained on this machine.
    mutating func summon(_ heads: [WorkID], at now: Instant) -> [Action] {
        guard let job else { return [] }
        let disputed = heads.filter { disputes.challenges[$0] != nil }
        guard job.isPortable else { return decideWithoutReferee(heads, disputed, at: now) }
        collected.refereedCount += heads.count
        var actions: [Action] = []
        for id in disputed.prefix(1) {
            let names =
                ([disputes.trainers[Int(id.rawValue)]].compactMap(\.self)
                + (disputes.challenges[id] ?? []).map(\.trainer)).map(name(of:))
            actions = note(
                .warning,
                "\(disputed.count == 1 ? "a head" : disputed.count.counted("head")) came with different bytes from \(names.joined(separator: " and ")); this machine trains \(disputed.count == 1 ? "it" : "them") to see who computes wrongly",
                at: now)
        }
        return actions + [.referee(job.heads(of: heads))]
    }

    /// This machine cannot do tasks: two machines of a kind that differ end the job, and what nobody
    /// was there to check stays unchecked.
    private mutating func decideWithoutReferee(
        _ tasks: [WorkID], _ disputed: [WorkID], at now: Instant
    ) -> [Action] {
        if let task = disputed.first {
            let versions =
                [disputes.trainers[Int(task.rawValue)]].compactMap(\.self)
                + (disputes.challenges[task] ?? []).map(\.trainer)
            return giveUp(task, versions: versions, at: now)
        }
        var actions = note(
            .warning,
            "\(tasks.count == 1 ? "a task" : tasks.count.counted("task")) stay\(tasks.count == 1 ? "s" : "") unchecked: no second worker is there to do \(tasks.count == 1 ? "it" : "them") again",
            at: now)
        for task in tasks {
            disputes.undecided.insert(task)
            actions += schedule(.refereed(task, guilty: []), at: now)
        }
        return actions
    }

    /// Compares what came with what this machine computed.
    mutating func judge(_ heads: [Head], at now: Instant) -> [Action] {
        var actions: [Action] = []
        for truth in heads where !isFinished {
            guard let id = job?.id(of: truth.key) else { continue }
            let index = Int(id.rawValue)
            let challenges = disputes.challenges.removeValue(forKey: id) ?? []
            let right = Product.head(truth)
            var guilty = challenges.filter { !$0.product.hasEqualBits(right) }.map(\.trainer)
            let kept = collected.products[index]
            if let kept, !kept.hasEqualBits(right), let trainer = disputes.trainers[index] {
                guilty.append(trainer)
                // One process may have brought two versions by itself.
                if !challenges.isEmpty && guilty.count == challenges.count + 1
                    && Set(guilty).count > 1
                {
                    return actions + giveUp(id, versions: guilty, at: now)
                }
            }
            for trainer in guilty where disputes.reasons[trainer] == nil {
                disputes.reasons[trainer] =
                    "its head over \(truth.key) differs from what other machines compute"
            }
            actions += schedule(.refereed(id, guilty: guilty), at: now)
            for trainer in guilty { actions += record(guilty: trainer, at: now) }
        }
        return actions
    }

    /// Nobody agrees with anybody, this machine included: whose bytes are right cannot be known.
    private mutating func giveUp(
        _ head: WorkID, versions: [TrainerID], at now: Instant
    ) -> [Action] {
        let names = versions.map(name(of:)).joined(separator: ", ")
        let name = job?.name(of: head) ?? "\(head)"
        collected.contradicted = head
        guard job?.isPortable == true else {
            collected.contradiction =
                "\(name) came with different bytes from \(names), which are of one kind and should agree: one of them computes wrongly; check these machines"
            return end(.aborted(reason: "two machines do not agree about \(name)"), at: now)
        }
        collected.contradiction =
            "\(name) came with different bytes from \(names) and from this machine: no two agree, so no head can be trusted; check these machines"
        return end(.aborted(reason: "no two machines compute the same head"), at: now)
    }

    /// Forgets what a process brought.
    mutating func withdraw(
        _ heads: [WorkID], of trainer: TrainerID, at now: Instant
    ) -> [Action] {
        for id in heads {
            let index = Int(id.rawValue)
            let flops = job?.flops(of: id) ?? 0
            collected.products[index] = nil
            disputes.trainers[index] = nil
            if let line = disputes.lines[index] {
                collected.workers[line].headCount -= 1
                acceptedCount -= 1
                acceptedFlops -= flops
            } else {
                collected.resumedCount -= 1
                collected.totalFlops += flops
            }
            disputes.lines[index] = nil
        }
        disputes.withdrawnCounts[trainer, default: 0] += heads.count
        record(
            RunEvent(
                .headsWithdrawn, at: now.runSeconds, heads: heads.count, detail: name(of: trainer)))
        return [store(withdrawn: heads)]
    }

    /// Puts a fault on the worker's line, and says so once.
    private mutating func record(guilty trainer: TrainerID, at now: Instant) -> [Action] {
        guard let reason = disputes.reasons[trainer], disputes.reported.insert(trainer).inserted
        else {
            return []
        }
        let count = disputes.withdrawnCounts[trainer] ?? 0
        let fault = WorkerFault(reason: reason, withdrawnCount: count)
        var report: WorkerReport?
        if let line = collected.workers.firstIndex(where: { self.trainer(of: $0) == trainer }) {
            collected.workers[line].fault = fault
            report = collected.workers[line]
        } else if let former = job?.formerTrainers[trainer] {
            report = former
            report?.fault = fault
            if let report { collected.workers.append(report) }
        }
        // On disk too: a coordinator that starts again is to know, and to say so in its results.
        return (report.map { [store(guilty: $0)] } ?? []) + [
            .log(
                .error,
                "worker \(name(of: trainer)) gets no more work: \(reason); \(count.counted("head")) of it \(count == 1 ? "is" : "are") trained again"
            )
        ]
    }

    /// The process behind a worker.
    ///
    /// The journal knows workers by name and machine: one of the same is taken for the same process,
    /// so that nobody checks what it trained itself before the coordinator was started again.
    func trainer(of report: WorkerReport) -> TrainerID {
        job?.formerTrainers.first { $1.name == report.name && $1.host == report.host }?.key
            ?? TrainerID(report.incarnation)
    }

    /// What people call the process behind heads.
    private func name(of trainer: TrainerID) -> String {
        let report =
            collected.workers.first { self.trainer(of: $0) == trainer }
            ?? job?.formerTrainers[trainer]
        return report.map { "\($0.name) on \($0.host)" } ?? "a worker"
    }
}
