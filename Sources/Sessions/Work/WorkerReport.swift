package import Numerics

/// What one worker was and did.
package struct WorkerReport: Equatable, Sendable {
    /// As in its hello.
    package let incarnation: UInt64
    /// What people call it.
    package var name: String
    /// The machine it runs on.
    package var host: String
    /// Its kernel variant.
    package var isa: String
    /// Its compute threads.
    package var threadCount: Int
    /// What its machine calls its processor; empty if it does not say.
    package var cpu: String
    /// Heads whose first result came from it.
    package var headCount = 0
    /// Seconds of training, summed over its threads.
    package var busySeconds = 0.0
    /// As of its last heartbeat.
    package var peakRSSByteCount = 0
    /// As of its last heartbeat.
    package var receivedByteCount = 0
    /// When its hello was first answered.
    package var joinedAt: Instant?
    /// When it first held all features.
    package var readyAt: Instant?
    /// When it was first given something to train.
    package var leasedAt: Instant?
    /// Where it stands.
    package var state = State.joined
    /// What it did wrong, if it was found out.
    package var fault: WorkerFault?

    /// A worker that has done nothing yet.
    package init(
        incarnation: UInt64, name: String, host: String, isa: String, threadCount: Int,
        cpu: String = ""
    ) {
        self.incarnation = incarnation
        self.name = name
        self.host = host
        self.isa = isa
        self.threadCount = threadCount
        self.cpu = cpu
    }

    /// Where a worker stands.
    package enum State: String, Sendable {
        case joined = "joined"
        case ready = "ready"
        case gone = "gone"
    }
}
