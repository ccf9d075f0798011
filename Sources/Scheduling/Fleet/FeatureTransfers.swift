package import Numerics

/// Whose turn it is to get the features.
///
/// Everybody at once would share the coordinator's link, and everybody would wait for the last
/// byte; a few at a time get theirs as fast together, and train while the next ones wait. First
/// come, first served. A worker that is slow, or never says that it is done, keeps its place for a
/// limited time only.
package struct FeatureTransfers: Sendable {
    /// What happened.
    package enum Event: Hashable, Sendable {
        /// A worker has no features and is to get them; a repetition changes nothing.
        case wanted(WorkerID)
        /// A worker has all features, or is gone.
        case ended(WorkerID)
        /// Time passed; due a few times a second.
        case tick
    }

    private struct Transfer: Sendable {
        let worker: WorkerID
        let since: Instant
    }

    /// Transfers at one time: enough that no worker's own pace leaves the link idle.
    package static let countMax = 4
    /// How long a transfer keeps others waiting.
    package static let placeSeconds = 30.0

    private var active: [Transfer] = []
    private var waiting: [WorkerID] = []

    /// Nobody wants anything yet.
    package init() {}

    /// Takes an event in and says whose transfer begins, in order.
    ///
    /// O(workers).
    package mutating func handle(_ event: Event, at now: Instant) -> [WorkerID] {
        switch event {
        case .wanted(let worker):
            guard !active.contains(where: { $0.worker == worker }), !waiting.contains(worker)
            else { return [] }
            waiting.append(worker)
        case .ended(let worker):
            active.removeAll { $0.worker == worker }
            waiting.removeAll { $0 == worker }
        case .tick:
            active.removeAll { now.seconds(since: $0.since) >= Self.placeSeconds }
        }
        let count = min(Self.countMax - active.count, waiting.count)
        let next = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        active += next.map { Transfer(worker: $0, since: now) }
        return next
    }
}
