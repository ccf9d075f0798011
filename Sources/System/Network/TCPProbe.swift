import Glibc

/// A TCP connection that looks who is there, closed when it goes out of scope.
package struct TCPProbe: ~Copyable {
    /// Why there is no connection.
    package struct Failure: Error, Hashable, Sendable {
        /// The system's number, `ETIMEDOUT` where nothing came of it in time.
        package let errorNumber: Int32

        /// The system's own words, as in "Connection refused".
        package var words: String { ErrorNumber.words(errorNumber) }
    }

    private let descriptor: Int32

    /// Connects, and waits for it that long at most.
    package init(
        _ address: ResolvedAddress, port: UInt16, withinMilliseconds limit: Int
    ) throws(Failure) {
        let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        descriptor = socket(address.family, Int32(type), 0)
        guard descriptor >= 0 else { throw Failure(errorNumber: errno) }
        let status = unsafe address.withSocketAddress(port: port) {
            unsafe connect(descriptor, $0, $1)
        }
        guard status != 0 else { return }
        guard errno == EINPROGRESS else { throw Failure(errorNumber: errno) }
        let deadline = ContinuousClock.now + .milliseconds(limit)
        guard Self.await(POLLOUT, on: descriptor, until: deadline) else {
            throw Failure(errorNumber: ETIMEDOUT)
        }
        var errorNumber: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        _ = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &errorNumber, &length)
        guard errorNumber == 0 else { throw Failure(errorNumber: errorNumber) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Sends bytes, as many as the connection takes at once.
    package func send(_ bytes: [UInt8]) {
        _ = unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Receives so many bytes, or fewer if no more come in time or at all.
    package func receive(_ count: Int, withinMilliseconds limit: Int) -> [UInt8] {
        let deadline = ContinuousClock.now + .milliseconds(limit)
        var received: [UInt8] = []
        while received.count < count {
            guard Self.await(POLLIN, on: descriptor, until: deadline) else { break }
            var buffer = [UInt8](repeating: 0, count: count - received.count)
            let found = unsafe recv(descriptor, &buffer, buffer.count, 0)
            if found < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            guard found > 0 else { break }
            received += buffer[..<found]
        }
        return received
    }

    private static func await(
        _ event: Int32, on descriptor: Int32, until deadline: ContinuousClock.Instant
    ) -> Bool {
        while true {
            let rest = max(0, Int(ContinuousClock.now.duration(to: deadline) / .milliseconds(1)))
            var target = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            let count = unsafe poll(&target, 1, Int32(clamping: rest))
            if count < 0 && errno == EINTR { continue }
            return count > 0
        }
    }
}
