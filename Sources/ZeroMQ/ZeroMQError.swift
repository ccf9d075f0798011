import CZeroMQ
import Glibc

/// Why a ZeroMQ call failed.
///
/// Running into a high-water mark or having nothing to receive is no error: `send` answers false
/// and `receive` nil.
package struct ZeroMQError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it was.
    package struct Code: Hashable, Sendable {
        private enum Value {
            case address, endpoint, unroutable, terminated, limit, key, curve, system
        }
        private let value: Value

        /// Another socket holds the address.
        package static let addressInUse = Code(value: .address)
        /// The endpoint cannot be parsed, resolved or bound here.
        package static let badEndpoint = Code(value: .endpoint)
        /// No peer with that identity is connected (only with `routerMandatory`).
        package static let unroutable = Code(value: .unroutable)
        /// The context was shut down; the socket can only be closed.
        package static let terminated = Code(value: .terminated)
        /// A message had more parts or bytes than allowed; it has been read and thrown away.
        package static let messageTooLarge = Code(value: .limit)
        /// A file holds no key that could be used.
        package static let badKey = Code(value: .key)
        /// libzmq was built without CURVE.
        package static let noCurve = Code(value: .curve)
        /// Anything else libzmq or the kernel refused.
        package static let system = Code(value: .system)
    }

    /// What kind of failure it was.
    package let code: Code
    /// What failed, then the cure.
    package let message: String
    /// The `errno` behind it; 0 where there is none.
    package let errorNumber: Int32
    /// On a router, who sent a message that was thrown away.
    package let peer: [UInt8]?

    /// The message.
    package var description: String { message }

    private init(_ code: Code, _ message: String, errorNumber: Int32 = 0, peer: [UInt8]? = nil) {
        self.code = code
        self.message = message
        self.errorNumber = errorNumber
        self.peer = peer
    }

    /// What `errorNumber` means after `operation`, say "cannot send".
    static func failed(_ operation: String, errorNumber: Int32) -> ZeroMQError {
        switch errorNumber {
        case EHOSTUNREACH:
            return ZeroMQError(
                .unroutable, "\(operation): no such peer is connected; drop what it was sent",
                errorNumber: errorNumber)
        case manyheads_eterm():
            return ZeroMQError(
                .terminated, "\(operation): the messaging context was shut down; close the socket",
                errorNumber: errorNumber)
        default:
            return ZeroMQError(
                .system, "\(operation): \(text(errorNumber))", errorNumber: errorNumber)
        }
    }

    /// Why an endpoint could not be bound.
    static func cannotBind(_ endpoint: String, errorNumber: Int32) -> ZeroMQError {
        switch errorNumber {
        case EADDRINUSE:
            return ZeroMQError(
                .addressInUse,
                "address already in use: \(endpoint); choose another port with --bind",
                errorNumber: errorNumber)
        case EADDRNOTAVAIL, ENODEV:
            return ZeroMQError(
                .badEndpoint,
                "no such address on this machine: \(endpoint); bind an address it has, or "
                    + "tcp://*:PORT for all of them", errorNumber: errorNumber)
        case EACCES, EPERM:
            return ZeroMQError(
                .badEndpoint,
                "not allowed to bind \(endpoint); choose a port above 1023",
                errorNumber: errorNumber)
        default:
            return badEndpoint("bind", endpoint, errorNumber: errorNumber)
        }
    }

    /// Why an endpoint could not be connected to; a peer that is not up yet is no error.
    static func cannotConnect(_ endpoint: String, errorNumber: Int32) -> ZeroMQError {
        badEndpoint("connect to", endpoint, errorNumber: errorNumber)
    }

    /// A message that went over a limit, after all of it was read and dropped.
    static func messageTooLarge(_ what: String, peer: [UInt8]?) -> ZeroMQError {
        ZeroMQError(
            .messageTooLarge, "a message of \(what) was thrown away; the peer breaks the protocol",
            peer: peer)
    }

    /// Why a file is not taken as a key.
    package static func badKey(_ message: String) -> ZeroMQError {
        ZeroMQError(.badKey, message)
    }

    static func noCurve() -> ZeroMQError {
        ZeroMQError(
            .noCurve,
            "this machine's libzmq (\(Context.libraryVersion)) was built without CURVE; install one "
                + "that has it, such as Debian's libzmq5")
    }

    private static func badEndpoint(
        _ verb: String, _ endpoint: String, errorNumber: Int32
    ) -> ZeroMQError {
        switch errorNumber {
        case EINVAL, EPROTONOSUPPORT, ENOCOMPATPROTO:
            return ZeroMQError(
                .badEndpoint, "cannot \(verb) \(endpoint): write an endpoint as tcp://HOST:PORT",
                errorNumber: errorNumber)
        default:
            return failed("cannot \(verb) \(endpoint)", errorNumber: errorNumber)
        }
    }

    private static func text(_ errorNumber: Int32) -> String {
        guard let pointer = unsafe zmq_strerror(errorNumber) else { return "error \(errorNumber)" }
        return unsafe String(cString: pointer)
    }
}
