import CZeroMQ
import Glibc

/// What a poll waits for, and what it found.
package struct PollEvents: OptionSet, Hashable, Sendable {
    /// libzmq's bits.
    package let rawValue: Int16

    /// Events of libzmq's bits.
    package init(rawValue: Int16) {
        self.rawValue = rawValue
    }

    /// A message or bytes can be taken.
    package static let readable = PollEvents(rawValue: Int16(ZMQ_POLLIN))
    /// A message or bytes can be sent to at least one peer.
    package static let writable = PollEvents(rawValue: Int16(ZMQ_POLLOUT))
    /// A file descriptor is broken or hung up.
    package static let failed = PollEvents(rawValue: Int16(ZMQ_POLLERR))
}

/// A socket or file descriptor, and what to wait for on it.
package struct PollTarget {
    fileprivate let socket: SocketCore?
    fileprivate let fileDescriptor: Int32
    fileprivate let interest: PollEvents
    /// Keeps the file descriptor open.
    private let owner: AnyObject?

    init(socket: SocketCore, interest: PollEvents) {
        self.socket = socket
        fileDescriptor = -1
        self.interest = interest
        owner = nil
    }

    /// A file descriptor of the kernel; `owner`, if given, is retained as whoever keeps it open.
    package init(fileDescriptor: Int32, interest: PollEvents, owner: AnyObject? = nil) {
        socket = nil
        self.fileDescriptor = fileDescriptor
        self.interest = interest
        self.owner = owner
    }
}

/// Waits until one of the targets has what it is waited for, or the time is over.
///
/// On the thread that uses the sockets. Signals do not end the wait.
///
/// - Parameter timeoutMilliseconds: 0 only looks; nil waits forever.
/// - Returns: the events of each target, in the targets' order; all empty after a timeout.
package func poll(
    _ targets: [PollTarget], timeoutMilliseconds: Int?
) throws(ZeroMQError) -> [PollEvents] {
    var items = unsafe targets.map { target in
        unsafe zmq_pollitem_t(
            socket: target.socket?.handle, fd: target.fileDescriptor,
            events: target.interest.rawValue, revents: 0)
    }
    let clock = ContinuousClock()
    let limit = timeoutMilliseconds.map { max(0, $0) }
    let deadline = limit.map { clock.now + .milliseconds($0) }
    var remaining = limit ?? -1
    // The targets, not only the pointers in the items, must outlive the wait.
    defer { withExtendedLifetime(targets) {} }
    while unsafe zmq_poll(&items, Int32(items.count), remaining) < 0 {
        let errorNumber = zmq_errno()
        guard errorNumber == EINTR else {
            throw .failed("cannot wait for messages", errorNumber: errorNumber)
        }
        if let deadline {
            let rest = clock.now.duration(to: deadline) / .milliseconds(1)
            remaining = max(0, Int(rest.rounded(.up)))
        }
    }
    return unsafe items.map { unsafe PollEvents(rawValue: $0.revents) }
}

/// Lets any thread end another's poll: an eventfd.
///
/// Signals are counted together, not queued: after any number of them one ``drain()`` clears all.
package final class Wakeup: Sendable {
    private let fileDescriptor: Int32

    /// A wake-up nobody has signalled.
    package init() throws(ZeroMQError) {
        fileDescriptor = manyheads_eventfd_new()
        guard fileDescriptor >= 0 else {
            throw .failed("cannot make an eventfd", errorNumber: zmq_errno())
        }
    }

    deinit {
        if fileDescriptor >= 0 { _ = manyheads_close(fileDescriptor) }
    }

    /// Makes the target readable, from any thread; never blocks.
    package func signal() {
        // Only a full counter (2^64 - 2 signals) is refused, and then one is pending anyway.
        while manyheads_eventfd_signal(fileDescriptor) != 0 && zmq_errno() == EINTR {}
    }

    /// Forgets all signals so far; true if there was one.
    @discardableResult
    package func drain() -> Bool {
        while manyheads_eventfd_drain(fileDescriptor) != 0 {
            if zmq_errno() != EINTR { return false }
        }
        return true
    }

    /// The wake-up, to be waited for with ``poll(_:timeoutMilliseconds:)``.
    package var pollTarget: PollTarget {
        PollTarget(fileDescriptor: fileDescriptor, interest: .readable, owner: self)
    }
}
