package import Numerics

/// Tells which workers have fallen silent.
///
/// A worker is expected to be heard once per interval, by any traffic whatever. Intervals without
/// a sound are counted when a tick finds them over, one per tick, so that a coordinator that slept
/// itself does not take the whole fleet for dead when it wakes.
package struct WorkerLiveness: Sendable {
    /// What happened.
    package enum Event: Hashable, Sendable {
        /// Anything at all came from a worker; the first time starts watching it.
        case heard(WorkerID)
        /// A worker need not be watched any more.
        case left(WorkerID)
        /// Time passed; due a few times per interval.
        case tick
    }

    /// What the runtime is to do.
    package enum Action: Hashable, Sendable {
        /// Take a worker for dead: close its connection, report it as lost.
        case declareLost(WorkerID)
    }

    private struct Watch: Sendable {
        let worker: WorkerID
        var missCount = 0
        var intervalEnd: Instant
    }

    /// How often a worker is to be heard.
    package let intervalSeconds: Double
    /// Intervals in a row without a sound that mean death.
    package let missCountMax: Int
    /// Ascending by worker.
    private var watches: [Watch] = []

    /// Traps unless both are positive.
    package init(intervalSeconds: Double = 1, missCountMax: Int = 3) {
        precondition(intervalSeconds > 0)
        precondition(missCountMax >= 1)
        self.intervalSeconds = intervalSeconds
        self.missCountMax = missCountMax
    }

    /// The workers that are watched, ascending.
    package var workers: [WorkerID] { watches.map(\.worker) }

    /// Takes an event in and says which workers are lost, ascending; each is said once and not
    /// watched any more.
    ///
    /// O(log workers), a tick and the first sound of a worker O(workers).
    package mutating func handle(_ event: Event, at now: Instant) -> [Action] {
        let intervalEnd = now.advanced(bySeconds: intervalSeconds)
        switch event {
        case .heard(let worker):
            let place = insertionIndex(of: worker)
            let watch = Watch(worker: worker, intervalEnd: intervalEnd)
            if place < watches.count && watches[place].worker == worker {
                watches[place] = watch
            } else {
                watches.insert(watch, at: place)
            }
            return []
        case .left(let worker):
            let place = insertionIndex(of: worker)
            if place < watches.count && watches[place].worker == worker {
                watches.remove(at: place)
            }
            return []
        case .tick:
            for place in watches.indices where watches[place].intervalEnd <= now {
                watches[place].missCount += 1
                watches[place].intervalEnd = intervalEnd
            }
            let lost = watches.filter { $0.missCount >= missCountMax }
            if lost.isEmpty { return [] }
            watches.removeAll { $0.missCount >= missCountMax }
            return lost.map { .declareLost($0.worker) }
        }
    }

    private func insertionIndex(of worker: WorkerID) -> Int {
        var low = 0
        var high = watches.count
        while low < high {
            let middle = (low + high) / 2
            if watches[middle].worker < worker { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
