import CZeroMQ

/// What became of a connection's handshake.
package enum HandshakeEvent: Hashable, Sendable {
    /// The peer is connected.
    case succeeded
    /// The list of those who may join does not have the peer's key: ours said so, or theirs.
    case notAdmitted
    /// The peer speaks without encryption, or with another one.
    case otherMechanism
    /// The peer's messages do not open with our key: it believes in another server.
    case wrongKey
    /// The peer broke the protocol of the handshake.
    case malformed
    /// The connection ended in the middle of it.
    case brokenOff

    init?(event: UInt16, value: UInt32) {
        switch Int32(event) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: self = .succeeded
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: self = .notAdmitted
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: self = .brokenOff
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
            switch Int32(bitPattern: value) {
            case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH: self = .otherMechanism
            case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC: self = .wrongKey
            default: self = .malformed
            }
        default: return nil
        }
    }
}

/// Tells how the handshakes of a socket end; on the thread that uses the socket.
///
/// A class, so that whoever may have one can hold it as an optional.
package final class SocketMonitor {
    private let watched: SocketCore
    private let events: Socket

    private static let interest =
        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
        | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL

    /// Begins to watch.
    ///
    /// - Parameter name: one that no other monitor of the context has.
    package init(
        _ socket: borrowing Socket, in context: Context, name: String
    ) throws(ZeroMQError) {
        let endpoint = "inproc://monitor-\(name)"
        // libzmq holds connections back while nobody takes the events: what waits is bounded.
        events = try Socket(.pair, in: context)
        watched = socket.core
        guard unsafe zmq_socket_monitor(watched.handle, endpoint, Self.interest) == 0 else {
            throw .failed("cannot watch a socket", errorNumber: zmq_errno())
        }
        try events.connect(endpoint)
    }

    deinit {
        unsafe zmq_socket_monitor(watched.handle, nil, 0)
    }

    /// The next event; nil if nothing has happened.
    package func next() throws(ZeroMQError) -> HandshakeEvent? {
        while let parts = try events.receive() {
            // A number of 16 bits and one of 32, in the order of this machine: little-endian as all we run on.
            guard let bytes = parts.first?.bytes, bytes.count == 6 else { continue }
            let event = UInt16(littleEndianBytes: bytes[..<2])
            let value = UInt32(littleEndianBytes: bytes[2...])
            if let found = HandshakeEvent(event: event, value: value) {
                return found
            }
        }
        return nil
    }

    /// The events, to be waited for with ``poll(_:timeoutMilliseconds:)``.
    package var pollTarget: PollTarget { events.pollTarget(.readable) }
}

extension FixedWidthInteger {
    fileprivate init(littleEndianBytes bytes: ArraySlice<UInt8>) {
        self = bytes.reversed().reduce(0) { $0 << 8 | Self(truncatingIfNeeded: $1) }
    }
}
