import Glibc

/// A TCP socket that listens, closed with its last user.
package final class TCPListener: Sendable {
    /// Where it listens, with the port that was chosen.
    package let endpoint: TCPEndpoint
    /// For ``ReadinessPoll``.
    package let descriptor: Int32

    /// What came of looking for a connection.
    package enum Arrival {
        /// A connection.
        case connection(TCPConnection)
        /// Nobody waits.
        case none
        /// There is no descriptor or memory left: later, perhaps.
        case exhausted
    }

    /// Listens at an endpoint; names are resolved.
    ///
    /// - Throws: `unavailable` with the reason, and the cure where the port is taken.
    package init(_ endpoint: TCPEndpoint) throws(RunError) {
        let address = try Self.address(endpoint)
        let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = socket(address.family, Int32(type), 0)
        guard descriptor >= 0 else { throw SystemLimit.failure("listen at \(endpoint)", errno) }
        var one: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        // A port that a program has just left can be had again.
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, size)
        let status = unsafe address.withSocketAddress(port: endpoint.port) {
            unsafe bind(descriptor, $0, $1)
        }
        guard status == 0, listen(descriptor, 1_024) == 0 else {
            let number = errno
            close(descriptor)
            let cure =
                switch number {
                case EADDRINUSE: "; another program listens there: take another port, or 0"
                case EADDRNOTAVAIL: "; give an address of this machine"
                case EACCES: "; take a port above 1023"
                default: SystemLimit.ending(number)
                }
            throw RunError(
                .unavailable, "cannot listen at \(endpoint): \(ErrorNumber.words(number))\(cure)")
        }
        self.descriptor = descriptor
        let port = ResolvedAddress.ownPort(of: descriptor) ?? endpoint.port
        self.endpoint = TCPEndpoint(host: endpoint.host, port: port)
    }

    deinit { close(descriptor) }

    /// Takes no more connections; those that wait are refused.
    ///
    /// Any thread may call it.
    package func endListening() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    private static func address(_ endpoint: TCPEndpoint) throws(RunError) -> ResolvedAddress {
        let found = try endpoint.toListenAt()
        if found.host == "*" {
            // IPv6's takes connections of IPv4 too; not every machine has it.
            for any in ["::", "0.0.0.0"] {
                guard let address = TCPEndpoint(host: any, port: 0).address else { continue }
                let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue), 0)
                guard descriptor >= 0 else { continue }
                close(descriptor)
                return address
            }
        }
        guard let address = found.address else {
            throw RunError(
                .unavailable, "cannot listen at \(endpoint): give an address of this machine")
        }
        return address
    }

    /// The next connection that waits.
    package func accept() -> Arrival {
        while true {
            let found = Glibc.accept(descriptor, nil, nil)
            if found >= 0 { return .connection(TCPConnection(found)) }
            switch errno {
            case EAGAIN: return .none
            case EMFILE, ENFILE, ENOMEM, ENOBUFS: return .exhausted
            // One that has gone again.
            default: continue
            }
        }
    }
}
