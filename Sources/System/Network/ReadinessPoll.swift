import CLinux
import Glibc

/// Which of many descriptors can be read or written (epoll), asked by several threads at once.
///
/// A descriptor is reported once, to one thread, and not again until that thread, or whoever it handed
/// the descriptor to, arms it again: so a descriptor has one user at a time without a lock.
package final class ReadinessPoll: Sendable {
    /// What to wait for.
    package enum Interest: Hashable, Sendable {
        /// Bytes to read, a connection to accept, or the other side's end.
        case reading
        /// Room to write.
        case writing
    }

    /// Descriptors that are ready, as one thread got them.
    ///
    /// Kept by a thread from one wait to the next, so that waiting allocates nothing.
    @safe
    package struct Ready {
        fileprivate var events: [epoll_event]
        /// The descriptors, each once.
        package fileprivate(set) var descriptors: [Int32] = []

        /// Room for so many at a time.
        package init(countMax: Int) {
            unsafe events = unsafe [epoll_event](repeating: epoll_event(), count: countMax)
        }
    }

    private let descriptor: Int32
    /// Written to so that threads stop waiting.
    private let alarm: Int32

    /// - Throws: `unavailable` where there is no descriptor left.
    package init() throws(RunError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw SystemLimit.failure("wait for connections", errno) }
        alarm = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard alarm >= 0 else {
            let failure = SystemLimit.failure("wait for connections", errno)
            close(descriptor)
            throw failure
        }
        // Not one-shot: as long as it is not read, it wakes every thread.
        _ = change(EPOLL_CTL_ADD, alarm, EPOLLIN.rawValue)
    }

    deinit {
        close(descriptor)
        close(alarm)
    }

    /// Begins to wait for a descriptor; closing it ends that.
    ///
    /// - Returns: false where the system has no memory for it.
    package func add(_ descriptor: Int32, for interest: Interest) -> Bool {
        change(EPOLL_CTL_ADD, descriptor, Self.events(interest))
    }

    /// Waits again for a descriptor that was reported.
    package func arm(_ descriptor: Int32, for interest: Interest) {
        _ = change(EPOLL_CTL_MOD, descriptor, Self.events(interest))
    }

    /// Waits until a descriptor is ready, ``wake()`` was called, or the time is over.
    ///
    /// - Parameter milliseconds: 0 looks only.
    package func wait(_ ready: inout Ready, milliseconds: Int32) {
        ready.descriptors.removeAll(keepingCapacity: true)
        let count = unsafe epoll_wait(
            descriptor, &ready.events, Int32(ready.events.count), milliseconds)
        for index in 0..<max(0, Int(count)) {
            let found = unsafe ready.events[index].data.fd
            if found == alarm {
                var value: UInt64 = 0
                _ = unsafe read(alarm, &value, MemoryLayout<UInt64>.size)
            } else {
                ready.descriptors.append(found)
            }
        }
    }

    /// Ends the wait of a thread, or of the next one that waits.
    package func wake() {
        var value: UInt64 = 1
        _ = unsafe write(alarm, &value, MemoryLayout<UInt64>.size)
    }

    private static func events(_ interest: Interest) -> UInt32 {
        let wanted = interest == .reading ? EPOLLIN.rawValue : EPOLLOUT.rawValue
        return wanted | EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue
    }

    private func change(_ operation: Int32, _ target: Int32, _ events: UInt32) -> Bool {
        var event = unsafe epoll_event()
        unsafe event.events = events
        unsafe event.data.fd = target
        return unsafe epoll_ctl(descriptor, operation, target, &event) == 0
    }
}
