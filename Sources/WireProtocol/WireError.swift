/// Why bytes from a peer are not a message.
///
/// Always the peer's fault, never a reason to stop: count it, answer `refused` where that helps,
/// go on.
package struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of breach it was.
    package struct Code: Hashable, Sendable {
        private enum Value { case malformed, version, limit, unknown, value }
        private let value: Value

        /// The frames are not an envelope and what belongs behind it.
        package static let malformed = Code(value: .malformed)
        /// The peer speaks another version; see ``WireError/peerVersion``.
        package static let versionMismatch = Code(value: .version)
        /// Something is larger or more than ``WireLimits`` allow.
        package static let overLimit = Code(value: .limit)
        /// The envelope has no body, or one this side does not take.
        package static let unknownBody = Code(value: .unknown)
        /// A field has a value it cannot have: a NaN, a class twice, a wrong shape.
        package static let badValue = Code(value: .value)
    }

    /// What kind of breach it was.
    package let code: Code
    /// What was wrong, then the cure; safe to show and to send back.
    package let message: String
    /// The version the peer speaks, with `versionMismatch`.
    package let peerVersion: UInt32?

    /// The message.
    package var description: String { message }

    private init(_ code: Code, _ message: String, peerVersion: UInt32? = nil) {
        self.code = code
        self.message = message
        self.peerVersion = peerVersion
    }

    static func malformed(_ what: String) -> WireError {
        WireError(.malformed, "malformed message: \(what)")
    }

    static func versionMismatch(peer: UInt32) -> WireError {
        WireError(
            .versionMismatch,
            "protocol version \(WireProtocol.version) wanted, \(peer) received; "
                + "run the same release of Manyheads on every machine", peerVersion: peer)
    }

    /// More than the limits allow.
    package static func overLimit(_ what: String) -> WireError {
        WireError(.overLimit, "message over the limits: \(what)")
    }

    static func unknownBody(_ what: String) -> WireError {
        WireError(.unknownBody, "unexpected message: \(what)")
    }

    static func badValue(_ what: String) -> WireError {
        WireError(.badValue, "bad value in a message: \(what)")
    }
}
