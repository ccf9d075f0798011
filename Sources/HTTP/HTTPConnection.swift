import Synchronization
import System

/// A connection and where it stands.
///
/// `@unchecked Sendable`: the variables belong to the thread that was told that the connection is
/// ready, or that has work of it, and pass to the next one through the poll or the queue of work.
/// The atomic ones are read by whoever looks for connections that have taken too long.
@safe
final class HTTPConnection: @unchecked Sendable {
    /// What it waits for.
    enum Phase: UInt8, AtomicRepresentable {
        /// The first byte of a request.
        case idle
        /// The rest of a request.
        case reading
        /// The service.
        case working
        /// The other side to take the answer.
        case answering
        /// The other side to close.
        case ending
    }

    let socket: TCPConnection
    var reader: HTTPRequestReader
    /// An answer, and how much of it was sent.
    var answer: [UInt8] = []
    var sentCount = 0
    /// Whether the connection ends after the answer.
    var closes = false
    /// Whether the other side sends no more.
    var isAtEnd = false
    /// The method of the request that is being answered.
    var isHead = false
    /// What of the server's total the connection holds.
    var accountedByteCount = 0

    private let phaseNow = Atomic(Phase.idle)
    private let deadlineNow: Atomic<Int64>

    init(_ socket: TCPConnection, _ limits: HTTPLimits, deadline: Int64) {
        self.socket = socket
        reader = HTTPRequestReader(limits: limits)
        deadlineNow = Atomic(deadline)
    }

    var phase: Phase { phaseNow.load(ordering: .relaxed) }

    /// When its phase has lasted too long, in milliseconds of the server's clock.
    var deadline: Int64 { deadlineNow.load(ordering: .relaxed) }

    func enter(_ phase: Phase, until deadline: Int64) {
        deadlineNow.store(deadline, ordering: .relaxed)
        phaseNow.store(phase, ordering: .relaxed)
    }
}
