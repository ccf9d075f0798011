import Heads
import Numerics

// Trust but verify: heads that a second process trains as well, and what comes of a difference.
extension HeadScheduler {
    /// Who trained what, and what of it a second process has still to train.
    struct Verification: Sendable {
        /// Work that waits.
        struct Tally: Sendable {
            var count = 0
            var flops = 0.0
        }

        /// By rank of the head: whose bytes are kept, nil before there are any.
        var trainers: [TrainerID?]
        /// By rank of the head: whether it is to be checked; empty when none is.
        var isChosen: [Bool] = []
        var queue = CheckQueue()
        var waiting = Tally()
        /// The same by the process that trained the head, which cannot check it.
        var waitingByTrainer: [TrainerID: Tally] = [:]
        /// Checks that wait or are leased.
        var openCount = 0
        var doneCount = 0
        var abandonedCount = 0
        /// Deaths and failures of workers that ran a check, by its rank.
        var blames: [Int32: Int] = [:]
        /// Heads that the coordinator trains itself.
        var atReferee: Set<WorkID> = []
        var distrusted: Set<TrainerID> = []
        /// Since when nothing is left but checks that nobody there may do.
        var orphanedSince: Instant?

        init(headCount: Int) {
            trainers = Array(repeating: nil, count: headCount)
        }

        /// Whether there are checks at all.
        var isOn: Bool { !isChosen.isEmpty }

        /// Whether nothing is left to check or to decide.
        var isComplete: Bool { openCount == 0 && atReferee.isEmpty }

        mutating func count(_ count: Int, _ flops: Double, trainedBy trainer: TrainerID?) {
            waiting.count += count
            waiting.flops += Double(count) * flops
            guard let trainer else { return }
            waitingByTrainer[trainer, default: Tally()].count += count
            waitingByTrainer[trainer, default: Tally()].flops += Double(count) * flops
        }
    }

    /// Heads that a second process trained with the same bytes, or the coordinator itself.
    package var checkedHeadCount: Int { verification.doneCount }

    /// Heads whose check is given up: workers died of it.
    package var uncheckedHeadCount: Int { verification.abandonedCount }

    /// Heads whose check nobody has begun.
    package var pendingCheckCount: Int { verification.waiting.count }

    /// Whether a rank is that of a check.
    func isCheck(_ rank: Int32) -> Bool { Int(rank) >= heads.count }

    /// The head itself, of a head or a check.
    func head(of rank: Int32) -> Int32 { isCheck(rank) ? rank - Int32(heads.count) : rank }

    private func check(of head: Int32) -> Int32 { head + Int32(heads.count) }

    /// Gives the chosen heads a check, which sleeps.
    mutating func beginChecks(of chosen: Set<WorkID>) {
        guard !chosen.isEmpty else { return }
        verification.isChosen = heads.map { chosen.contains($0.id) }
        states += [HeadState](repeating: .dormant, count: heads.count)
    }

    /// A head is there, and its check due.
    mutating func keep(_ rank: Int32, of trainer: TrainerID) {
        states[Int(rank)] = .accepted
        acceptedCount += 1
        verification.trainers[Int(rank)] = trainer
        guard verification.isOn, verification.isChosen[Int(rank)],
            states[Int(check(of: rank))] == .dormant
        else { return }
        file(check: check(of: rank), of: trainer)
    }

    private mutating func file(check rank: Int32, of trainer: TrainerID) {
        setCheck(rank, .pending)
        addToPending(rank)
        verification.queue.insert(rank, trainedBy: trainer)
    }

    mutating func setCheck(_ rank: Int32, _ state: HeadState) {
        func isOpen(_ state: HeadState) -> Bool {
            switch state {
            case .pending, .leased: true
            case .accepted, .quarantined, .dormant, .held: false
            }
        }
        let old = states[Int(rank)]
        states[Int(rank)] = state
        verification.openCount += (isOpen(state) ? 1 : 0) - (isOpen(old) ? 1 : 0)
        verification.doneCount += (state == .accepted ? 1 : 0) - (old == .accepted ? 1 : 0)
        verification.abandonedCount +=
            (state == .quarantined ? 1 : 0) - (old == .quarantined ? 1 : 0)
    }

    // MARK: - Leasing

    /// Checks that a worker may do.
    func checks(forWorkerAt index: Int) -> Verification.Tally {
        guard verification.isOn else { return Verification.Tally() }
        let own = verification.waitingByTrainer[workers[index].trainer] ?? Verification.Tally()
        return Verification.Tally(
            count: verification.waiting.count - own.count,
            flops: verification.waiting.flops - own.flops)
    }

    /// Whether a worker trained none of the heads that a bundle is to check.
    func mayTake(_ bundle: BundleID, workerAt index: Int) -> Bool {
        guard verification.isOn, let record = bundles[bundle] else { return true }
        return !record.heads.contains {
            isCheck($0) && verification.trainers[Int(head(of: $0))] == workers[index].trainer
        }
    }

    /// The ranks of checks for a worker, about as costly as asked.
    mutating func takeChecks(flops: Double, forWorkerAt index: Int) -> [Int32] {
        let (states, trainers, count) = (states, verification.trainers, heads.count)
        var ranks: [Int32] = []
        var taken: Set<Int32> = []
        var sum = configuration.bundleFixedFlops
        var byteCount = 0
        while ranks.count < configuration.bundleHeadCountMax, sum < flops || ranks.isEmpty {
            let rank = verification.queue.take(for: workers[index].trainer) { rank, filed in
                states[Int(rank)] == .pending && trainers[Int(rank) - count] == filed
            }
            guard let rank else { break }
            // An entry may be there twice, if its head came, went and came again.
            guard taken.insert(rank).inserted else { continue }
            let head = work(rank)
            if byteCount + head.resultByteCount > configuration.bundleResultByteCountMax,
                !ranks.isEmpty, let trainer = trainers[Int(rank) - count]
            {
                verification.queue.insert(rank, trainedBy: trainer)
                break
            }
            ranks.append(rank)
            sum += head.trainingFlops
            byteCount += head.resultByteCount
        }
        return ranks
    }

    /// A leased check came to nothing.
    mutating func giveBack(check rank: Int32) {
        let head = Int(head(of: rank))
        guard states[head] == .accepted, let trainer = verification.trainers[head] else {
            return setCheck(rank, .dormant)
        }
        if verification.blames[rank, default: 0] >= configuration.deathCountMax {
            return setCheck(rank, .quarantined)
        }
        file(check: rank, of: trainer)
    }

    /// Counts a death or a failure against checks: one that costs too many workers is given up.
    mutating func blameChecks(_ ranks: [Int32]) {
        for rank in ranks { verification.blames[rank, default: 0] += 1 }
    }

    // MARK: - Verdicts

    /// Has the coordinator train heads of which there are two kinds of bytes.
    mutating func dispute(_ differing: [WorkID]) {
        let new = differing.filter { verification.atReferee.insert($0).inserted }
        if !new.isEmpty { outbox.append(.referee(new)) }
    }

    /// Has the coordinator do the checks for which nobody else is left, after a while.
    mutating func refereeOrphans(at now: Instant) {
        let isOrphaned =
            isComplete && leasedCount == 0 && verification.waiting.count > 0
            && !workers.indices.contains {
                (workers[$0].phase == .ready || workers[$0].phase == .joined)
                    && checks(forWorkerAt: $0).count > 0
            }
        guard isOrphaned, !isFinished else {
            verification.orphanedSince = nil
            return
        }
        guard let since = verification.orphanedSince else {
            verification.orphanedSince = now
            return
        }
        guard now.seconds(since: since) >= configuration.orphanCheckSeconds else { return }
        var orphans: [WorkID] = []
        for rank in Int32(heads.count)..<Int32(2 * heads.count)
        where states[Int(rank)] == .pending {
            takeFromPending(rank)
            setCheck(rank, .accepted)
            orphans.append(work(rank).id)
        }
        dispute(orphans)
    }

    /// The coordinator knows a head's true bytes.
    mutating func takeVerdict(on id: WorkID, guilty: [TrainerID]) {
        guard verification.atReferee.remove(id) != nil else { return }
        for trainer in guilty where verification.distrusted.insert(trainer).inserted {
            distrust(trainer)
        }
        guard verification.isOn, let rank = heads.firstIndex(where: { $0.id == id }),
            states[rank] == .accepted
        else { return }
        // What is there is right, so nobody need check it again.
        let check = check(of: Int32(rank))
        switch states[Int(check)] {
        case .pending, .leased:
            let holder = endWait(of: check)
            setCheck(check, .accepted)
            if let holder { supersede(holder) }
        case .accepted, .quarantined, .dormant, .held:
            break
        }
    }

    /// Takes a process's leases away, and all that it brought.
    private mutating func distrust(_ trainer: TrainerID) {
        for index in workers.indices
        where workers[index].trainer == trainer && workers[index].phase != .dismissed {
            dismiss(index, because: .distrust)
        }
        let queued = Set(queue.returned)
        let suspected = Set(suspects.flatMap { bundles[$0]?.heads ?? [] })
        var withdrawn: [WorkID] = []
        for rank in Int32(0)..<Int32(heads.count)
        where states[Int(rank)] == .accepted && verification.trainers[Int(rank)] == trainer {
            if verification.isOn { putToSleep(check(of: rank)) }
            verification.trainers[Int(rank)] = nil
            states[Int(rank)] = .pending
            acceptedCount -= 1
            addToPending(rank)
            // A late result may have brought it while it waited: then it still stands in line.
            if rank < queue.cursor && !queued.contains(rank) && !suspected.contains(rank) {
                queue.insert(rank)
            }
            withdrawn.append(heads[Int(rank)].id)
        }
        if !withdrawn.isEmpty { outbox.append(.withdraw(withdrawn.sorted(), of: trainer)) }
    }

    /// A check's head goes; one that is leased goes on, and may bring the head itself.
    private mutating func putToSleep(_ check: Int32) {
        switch states[Int(check)] {
        case .pending:
            takeFromPending(check)
            setCheck(check, .dormant)
        case .accepted, .quarantined: setCheck(check, .dormant)
        case .leased, .dormant, .held: break
        }
    }
}
