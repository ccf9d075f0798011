/// What happened in a run, in order, and what follows from it for the head phase.
///
/// Memory is bounded: of more than ``eventCountMax`` events the oldest are forgotten, and of a worker
/// that is gone only its sums stay. ``headPhase`` is computed as events come, so forgetting changes
/// nothing in it. Like the scheduler it knows no clock; the same events give the same figures.
package struct RunTimeline: Sendable {
    /// Events that are remembered; a run of a day has fewer.
    package static let eventCountMax = 32_768

    /// Events recorded so far, the forgotten ones included.
    package private(set) var recordedCount = 0
    private var ring = Ring<RunEvent>(capacity: eventCountMax)
    private var ledger = HeadPhaseLedger()

    /// A timeline before its first event.
    package init() {}

    /// Takes an event in.
    package mutating func record(_ event: RunEvent) {
        _ = ring.insert(event)
        recordedCount += 1
        ledger.take(event)
    }

    /// What is remembered, by time; events of one time in the order they came.
    ///
    /// O(n log n).
    package var events: [RunEvent] { Self.merged([ring.latest(recordedCount)]) }

    /// What came after the first so many events, in the order it came, as far as it is remembered.
    package func events(after count: Int) -> [RunEvent] {
        ring.latest(max(0, recordedCount - max(0, count)))
    }

    /// How many events were forgotten.
    package var forgottenCount: Int { recordedCount - ring.elements.count }

    /// How well the workers were used; nil before the first head was accepted.
    package var headPhase: HeadPhaseFigures? { ledger.figures }

    /// Events of several sources by time; at one time the earlier source comes first.
    package static func merged(_ sources: [[RunEvent]]) -> [RunEvent] {
        // The standard library's sort is stable today and does not promise it.
        sources.joined().enumerated().sorted {
            ($0.element.seconds, $0.offset) < ($1.element.seconds, $1.offset)
        }.map(\.element)
    }
}

/// How well the workers were used from the first lease to the last accepted head.
package struct HeadPhaseFigures: Hashable, Sendable {
    /// From the first lease to the last accepted head.
    package let seconds: Double
    /// Share of the compute threads' time in that span in which nothing was trained that was returned.
    ///
    /// A thread's time begins with its worker's hello, so that waiting for features is idle too, and
    /// ends when the worker goes.
    package let idleShare: Double
    /// From the first worker's last result to the last worker's, of those still there.
    package let finishSpreadSeconds: Double
    /// How much earlier than the last one a worker brought its last result, in lengths of that
    /// result's own training; the greatest over the workers.
    package let finishSpreadBundles: Double
}

/// Sums over the events of the head phase.
private struct HeadPhaseLedger: Sendable {
    private struct Worker: Sendable {
        let joinedAt: Double
        var slots: Int
        var busySeconds = 0.0
        /// When its last result came, and how long that took.
        var last: (end: Double, busySeconds: Double)?
    }

    private var firstLeaseAt: Double?
    private var lastAcceptedAt: Double?
    /// Those that are there.
    private var workers: [UInt64: Worker] = [:]
    private var goneSlotSeconds = 0.0
    private var goneBusySeconds = 0.0

    mutating func take(_ event: RunEvent) {
        switch event.kind {
        case .workerJoined:
            guard let id = event.worker else { return }
            let slots = max(1, event.slots ?? 1)
            // A known one says hello again after it lost its bundles: it has been there all along.
            workers[id, default: Worker(joinedAt: event.seconds, slots: slots)].slots = slots
        case .workerGone:
            guard let id = event.worker, let worker = workers.removeValue(forKey: id) else {
                return
            }
            goneSlotSeconds += slotSeconds(of: worker, until: event.seconds)
            goneBusySeconds += worker.busySeconds
        case .bundleLeased:
            if firstLeaseAt == nil { firstLeaseAt = event.seconds }
        case .bundleTrained:
            guard let id = event.worker, let busySeconds = event.busySeconds else { return }
            workers[id]?.busySeconds += busySeconds
            workers[id]?.last = (event.seconds, busySeconds)
        case .bundleAccepted:
            lastAcceptedAt = max(lastAcceptedAt ?? event.seconds, event.seconds)
        case .phaseEnded, .broadcastBegan, .broadcastDone, .workerReady, .bundleStarted,
            .bundleCompared, .bundleDiscarded, .bundleFailed, .bundleRevoked, .headsWithdrawn,
            .headQuarantined, .finished:
            return
        }
    }

    private func slotSeconds(of worker: Worker, until end: Double) -> Double {
        guard let firstLeaseAt else { return 0 }
        return Double(worker.slots) * max(0, end - max(firstLeaseAt, worker.joinedAt))
    }

    var figures: HeadPhaseFigures? {
        guard let firstLeaseAt, let lastAcceptedAt else { return nil }
        // Sums of floating-point numbers depend on their order, so that is fixed.
        let present = workers.sorted { $0.key < $1.key }.map(\.value)
        let slotSeconds = present.reduce(goneSlotSeconds) {
            $0 + self.slotSeconds(of: $1, until: lastAcceptedAt)
        }
        let busySeconds = present.reduce(goneBusySeconds) { $0 + $1.busySeconds }
        let ends = present.compactMap(\.last)
        let latest = ends.map(\.end).max() ?? lastAcceptedAt
        return HeadPhaseFigures(
            seconds: lastAcceptedAt - firstLeaseAt,
            idleShare: slotSeconds > 0 ? min(1, max(0, 1 - busySeconds / slotSeconds)) : 0,
            finishSpreadSeconds: latest - (ends.map(\.end).min() ?? latest),
            finishSpreadBundles: ends.map { (latest - $0.end) / max($0.busySeconds, 1e-6) }.max()
                ?? 0)
    }
}
