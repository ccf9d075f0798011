import Foundation
import Journal
import TestSupport
import Testing

// Beginnings and ends.
extension ChaosRun {
    func hire() throws {
        let name = "hand-\(hands.count + 1)"
        note(.startWorker, name)
        hands.append(Hand(name: name, process: try startWorker(job.bind, name: name)))
    }

    func startCoordinator() throws {
        restartAt = nil
        isExpectedToEnd = false
        lossCount = 0
        tally["coordinator started", default: 0] += 1
        coordinators.append(
            try job.start(in: path, ["--workers", "\(plan.localWorkerCount)"]))
    }

    /// Checks, once, what a coordinator said and left.
    func coordinatorEnded(_ status: Int32, _ now: ContinuousClock.Instant) throws {
        guard snapshots.count < coordinators.count else { return }
        try require(
            isExpectedToEnd && [128 + SIGKILL, 128 + SIGTERM, 128 + SIGINT].contains(status),
            "coordinator \(coordinators.count) ended with status \(status)")
        try checkResumption()
        snapshots.append(try JournalSnapshot(of: path))
    }

    /// The last coordinator went on from just what the one before had on disk.
    private func checkResumption() throws {
        guard let last, let before = snapshots.last else { return }
        for line in last.lines.map(\.text) {
            if line.contains("heads were trained before") {
                try require(
                    line.hasPrefix("\(before.heads.count) of "),
                    "\(before.heads.count) heads were on disk, and the next coordinator says: \(line)"
                )
            }
            if line.contains("epochs of the backbone were trained before") {
                try require(
                    line.hasPrefix("\(before.epochCount) of "),
                    "\(before.epochCount) epochs were on disk, and the next coordinator says: \(line)"
                )
            }
        }
    }

    /// Waits for the ends of all processes there ever were.
    func expectEverybodyGone() async throws {
        try checkResumption()
        for index in hands.indices where hands[index].thawAt != nil {
            hands[index].process.send(SIGCONT)
        }
        for (identifier, _) in frozenLocals { kill(identifier, SIGCONT) }
        for hand in hands {
            // Who was frozen, or came when nobody was there any more, waits for another run.
            let isTold = !hand.wasFrozen && !hand.isLeaving && joined(hand.name)
            var expected = hand.expectedStatuses
            if !isTold, hand.process.isRunning {
                let status = try? await hand.process.exitStatus(within: .seconds(1))
                if status == nil {
                    hand.process.send(SIGTERM)
                    // To one that is leaving already it is the second, which ends it where it stands.
                    if hand.isLeaving { expected.insert(128 + SIGTERM) }
                }
            }
            let status = try await hand.process.exitStatus(within: .seconds(15))
            try require(
                expected.contains(status), "\(hand.name) ended with status \(status)")
        }
        let words = [endpoint, path]
        try await eventually("no process of the run is left", within: .seconds(5)) {
            processes(saying: words).isEmpty
        }
    }

    /// Whether the last coordinator knew the worker to the end.
    private func joined(_ name: String) -> Bool {
        let lines = last?.lines.map(\.text) ?? []
        return lines.contains { $0.contains("worker \(name) joined") }
            && !lines.contains { $0.contains("worker \(name) ") && !$0.contains(" joined") }
    }

    func note(_ act: ChaosPlan.Act, _ detail: String) {
        tally[act.name, default: 0] += 1
        if act.name.hasPrefix("coordinator") {
            tally["coordinator hit: \(currentPhase)", default: 0] += 1
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        diary.append("\(seconds) s: \(act.name), \(detail)")
    }

    func require(_ holds: Bool, _ what: String) throws {
        if !holds { throw ChaosFailure(description: what) }
    }
}
