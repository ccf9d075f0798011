import Formats
import Foundation
import Heads
import Journal
import Numerics
import RunFolder
import Scheduling
import Sessions
import System
import Transfer
import WireProtocol

// Heads to the journal and back.
extension HeadBatch {
    /// The batch as the journal takes it, at this moment.
    ///
    /// - Parameter naming: what its products are kept under; nil if it has none.
    func entries(_ naming: WorkNaming?) -> JournalEntries {
        let time = Date().timeIntervalSince1970
        var entries = JournalEntries()
        switch naming {
        case .outcomes(let outcomeName):
            entries.withdrawnOutcomes = withdrawn.map(outcomeName)
            entries.outcomes = outcomes.map {
                StudyRecord($0, of: outcomeName($0.id), at: time)
            }
        case .heads(let key):
            entries.withdrawn = withdrawn.map(key)
            entries.heads = blocks.map {
                HeadRecord(block: $0, worker: worker, host: host, time: time)
            }
        case nil: precondition(withdrawn.isEmpty && products.isEmpty)
        }
        if let guilty, let fault = guilty.fault {
            entries.events = [
                JournalEvent(
                    seconds: 0, kind: WorkerFault.eventKind,
                    payload: [
                        "incarnation": .unsigned(guilty.incarnation), "name": .string(guilty.name),
                        "host": .string(guilty.host), "reason": .string(fault.reason),
                        "heads": .integer(Int64(fault.withdrawnCount)),
                    ])
            ]
        }
        return entries
    }
}

extension WorkerFault {
    fileprivate static let eventKind = "worker_quarantined"
}

extension WorkerReport {
    /// The worker that a former start of the run found guilty, from its event in the journal.
    fileprivate init?(_ event: JournalEvent) {
        guard event.kind == WorkerFault.eventKind,
            case .string(let name)? = event.payload["name"],
            case .string(let host)? = event.payload["host"],
            case .string(let reason)? = event.payload["reason"],
            case .integer(let count)? = event.payload["heads"],
            let incarnation = event.payload["incarnation"]
        else { return nil }
        let number: UInt64? =
            switch incarnation {
            case .integer(let value): UInt64(exactly: value)
            case .string(let text): UInt64(text)
            default: nil
            }
        guard let number else { return nil }
        self.init(incarnation: number, name: name, host: host, isa: "", threadCount: 0)
        fault = WorkerFault(reason: reason, withdrawnCount: Int(count))
        state = .gone
    }
}

extension RunEvent {
    /// The event as the journal takes it.
    var journalEvent: JournalEvent {
        var payload: [String: JSONValue] = [:]
        payload["worker"] = worker.map { .unsigned($0) }
        payload["bundle"] = bundle.map { .unsigned($0) }
        payload["attempt"] = attempt.map { .unsigned(UInt64($0)) }
        payload["task"] = task.map { .integer(Int64($0)) }
        payload["heads"] = heads.map { .integer(Int64($0)) }
        payload["slots"] = slots.map { .integer(Int64($0)) }
        payload["flops"] = flops.map { .number($0) }
        payload["busy_seconds"] = busySeconds.map { .number($0) }
        payload["detail"] = detail.map { .string($0) }
        return JournalEvent(seconds: seconds, kind: kind.rawValue, payload: payload)
    }
}

extension JournalEntries {
    /// Events alone.
    init(_ events: [RunEvent]) {
        self.init()
        self.events = events.map(\.journalEvent)
    }

    /// How long the phases of this start have taken, for the next one.
    init(_ timing: RunResults.Timing) {
        self.init()
        events = [timing.journalEvent]
    }
}

extension HeadJob {
    /// Takes in the heads that an earlier start of the run has stored.
    ///
    /// - Throws: `RunError` for heads that this run's plan does not have.
    mutating func resume(_ journal: RunJournal) throws {
        for record in try journal.heads() {
            let trainer = former(record.worker, on: record.host)
            for head in record.block.heads {
                guard let index = plan.position(of: head.key),
                    head.featureCount == shape.featureCount
                else {
                    throw RunError(
                        .data,
                        "\(journal.path) holds the head \(head.key), which this run does not train; use another --run-dir"
                    )
                }
                resumedHeads[index] = head
                resumedTrainers[index] = trainer
            }
        }
        formerFaults = try journal.events(kind: WorkerFault.eventKind).compactMap {
            WorkerReport($0)
        }
    }

    /// The process that an earlier start knew by these names.
    private mutating func former(_ name: String, on host: String) -> TrainerID {
        if let known = formerTrainers.first(where: { $1.name == name && $1.host == host })?.key {
            return known
        }
        // No worker has such a number but by a chance of one in 2^50: they are drawn from 2^64.
        let trainer = TrainerID(UInt64(formerTrainers.count))
        formerTrainers[trainer] = WorkerReport(
            incarnation: trainer.rawValue, name: name, host: host, isa: "", threadCount: 0)
        return trainer
    }
}
