import Glibc

/// A TCP connection that was accepted: it never waits, and sends what it is given at once.
///
/// Closed with its last user.
package final class TCPConnection: Sendable {
    /// For ``ReadinessPoll``.
    package let descriptor: Int32

    /// What came of reading.
    package enum Reading: Hashable, Sendable {
        /// So many bytes, one at least.
        case bytes(Int)
        /// None are there.
        case none
        /// The other side sends no more, or has gone.
        case end
    }

    /// What came of writing.
    package enum Writing: Hashable, Sendable {
        /// So many bytes were taken; 0 where there is no room.
        case bytes(Int)
        /// The other side has gone.
        case end
    }

    /// Takes over a descriptor.
    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        // An answer leaves in one write; with Nagle's algorithm its last part would wait for the other
        // side's acknowledgement, which is sent 40 ms later.
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, size)
    }

    deinit { close(descriptor) }

    /// Reads what is there, as much as fits.
    package func receive(into buffer: UnsafeMutableRawBufferPointer) -> Reading {
        while true {
            let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .none
            default: return .end
            }
        }
    }

    /// Sends bytes from `start` on, as many as the system takes.
    package func send(_ bytes: [UInt8], from start: Int) -> Writing {
        var sent = 0
        while start + sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(
                    descriptor, $0.baseAddress?.advanced(by: start + sent),
                    bytes.count - start - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if count < 0 && errno == EAGAIN {
                break
            } else if count < 0 && errno != EINTR {
                return .end
            }
        }
        return .bytes(sent)
    }

    /// Says to the other side that no more comes.
    package func endSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Takes no more than has arrived: reading then finds the end.
    ///
    /// Any thread may call it.
    package func endReceiving() { _ = shutdown(descriptor, Int32(SHUT_RD)) }

    /// Drops the connection: whoever waits for it finds the end.
    ///
    /// Any thread may call it.
    package func abort() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
}
