import Synchronization

/// A one-way switch that a compute loop polls.
///
/// Once set it stays set. Polling costs one relaxed load, so once a minibatch is cheap. It orders
/// no other memory: what the canceller wrote before is to be read under a lock of its own.
package final class CancellationFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    /// A flag that is not set.
    package init() {}

    /// Whether somebody asked to stop.
    package var isCancelled: Bool { flag.load(ordering: .relaxed) }

    /// Asks to stop.
    package func cancel() {
        flag.store(true, ordering: .relaxed)
    }

    /// Throws `CancellationError` if somebody asked to stop.
    package func check() throws {
        if isCancelled { throw CancellationError() }
    }
}
