package import Scheduling
import WireProtocol

/// What a job of tasks brought; the outcomes themselves went to where they are stored.
package struct CollectedOutcomes: Sendable {
    /// A task that nobody could do.
    package struct Failure: Hashable, Sendable {
        /// Its number.
        package let id: WorkID
        /// What the last worker that tried said; one sentence.
        package let reason: String
    }

    /// Tasks that were given up, ascending.
    package let failures: [Failure]
    /// Tasks that were known before.
    package let resumedCount: Int
    /// Tasks that a second process did with the same bytes.
    package let checkedCount: Int
    /// Tasks that were to be checked, and nobody of the same kind was there to do it.
    package let uncheckedCount: Int
    /// Outcomes that came once more and were compared with the first.
    package let duplicatedCount: Int
    /// Results and messages that failed a check.
    package let rejectedCount: Int
    /// From the first lease until the last outcome is stored.
    package let seconds: Double
    /// From the first chunk out until all who were there had the materials.
    package let broadcastSeconds: Double
    /// Operations of all tasks that were not known before.
    package let totalFlops: Double
    /// In order of joining, gone ones included; `headCount` counts tasks.
    package let workers: [WorkerReport]
    /// Which worker did which task when, in the order of the ends.
    package let spans: [TaskSpan]
    /// What happened, from the first hello to the end.
    package let timeline: RunTimeline
    /// Who was kept out; nil in a run without encryption.
    package let refusals: Refusals?

    /// What a network thread brought.
    package init(_ collected: CollectedHeads) {
        failures = collected.givenUp.map {
            Failure(id: $0, reason: collected.reasons[$0] ?? "three workers died of it")
        }
        resumedCount = collected.resumedCount
        checkedCount = collected.checkedCount
        uncheckedCount = collected.uncheckedCount
        duplicatedCount = collected.duplicatedCount
        rejectedCount = collected.rejectedCount
        seconds = collected.headSeconds
        broadcastSeconds = collected.broadcastSeconds
        totalFlops = collected.totalFlops
        workers = collected.workers
        spans = collected.spans
        timeline = collected.timeline
        refusals = collected.refusals
    }
}

/// A task done by a worker, whether its outcome was the first or not.
package struct TaskSpan: Hashable, Sendable {
    /// The task's number.
    package let id: WorkID
    /// Position in the list of workers.
    package let worker: Int
    /// Seconds since the coordinator's time began, computed back by the worker's own measure.
    package let start: Double
    /// When its outcome was there; at most a message's way too late.
    package let end: Double
}

/// A task's outcome on its way to where it is kept.
package struct AcceptedOutcome: Hashable, Sendable {
    /// The task's number.
    package let id: WorkID
    /// What the worker's runner returned.
    package let bytes: [UInt8]
    /// The name of the worker that did it.
    package let worker: String
    /// The machine of that worker.
    package let host: String
    /// How long it took there.
    package let busySeconds: Double
}
