import CZeroMQ
import Glibc

/// A ZeroMQ socket: one thread at a time, closed when it goes out of scope.
///
/// Not `Sendable`: it lives on the thread or the actor that made it. Messages are arrays of
/// ``Frame``s and arrive whole or not at all.
package struct Socket: ~Copyable {
    /// The socket types this project uses.
    package enum Kind: Sendable {
        /// Talks to many dealers, each named by its identity in the first part.
        case router
        /// Talks to a router.
        case dealer
        /// Broadcasts; receives subscriptions.
        case xpub
        /// Receives what it subscribed to.
        case sub
        /// One peer, for `inproc://`.
        case pair
    }

    /// The type it was made with.
    package let kind: Kind
    let core: SocketCore
    private let receivedPartCountMax: Int
    private let receivedByteCountMax: Int

    /// Makes a socket and sets its options.
    package init(
        _ kind: Kind, in context: Context, options: SocketOptions = SocketOptions()
    ) throws(ZeroMQError) {
        let core = try SocketCore(kind, context)
        for (option, value) in options.integers(for: kind) { try core.set(option, value) }
        // Encrypted, a frame is larger on the connection, where libzmq looks.
        let overhead: Int64 = options.security == nil ? 0 : 1 << 10
        try core.set(ZMQ_MAXMSGSIZE, options.maxMessageSize + overhead)
        if !options.identity.isEmpty { try core.set(ZMQ_ROUTING_ID, options.identity) }
        if let security = options.security { try core.set(security) }
        self.kind = kind
        self.core = core
        receivedPartCountMax = max(1, options.receivedPartCountMax)
        receivedByteCountMax = max(0, options.receivedByteCountMax)
    }

    /// Listens at `endpoint`, and returns the address it really got: port 0 picks a free one.
    @discardableResult
    package func bind(_ endpoint: String) throws(ZeroMQError) -> String {
        guard unsafe zmq_bind(core.handle, endpoint) == 0 else {
            throw .cannotBind(endpoint, errorNumber: zmq_errno())
        }
        return try lastEndpoint()
    }

    /// Connects to `endpoint` in the background; a peer that is not up yet is waited for.
    package func connect(_ endpoint: String) throws(ZeroMQError) {
        guard unsafe zmq_connect(core.handle, endpoint) == 0 else {
            throw .cannotConnect(endpoint, errorNumber: zmq_errno())
        }
    }

    /// Drops what is queued when the socket closes, however long its linger is.
    package func discardUnsent() throws(ZeroMQError) { try core.set(ZMQ_LINGER, 0 as Int32) }

    /// Stops connecting to `endpoint`; what was queued for it is dropped after the linger.
    package func disconnect(_ endpoint: String) throws(ZeroMQError) {
        guard unsafe zmq_disconnect(core.handle, endpoint) == 0 else {
            throw .cannotConnect(endpoint, errorNumber: zmq_errno())
        }
    }

    /// Where the socket was last bound or connected.
    package func lastEndpoint() throws(ZeroMQError) -> String {
        var bytes = [CChar](repeating: 0, count: 1_024)
        var byteCount = bytes.count
        guard unsafe zmq_getsockopt(core.handle, ZMQ_LAST_ENDPOINT, &bytes, &byteCount) == 0 else {
            throw .failed("cannot read the endpoint", errorNumber: zmq_errno())
        }
        // The length counts a closing zero.
        return String(
            decoding: bytes.prefix(max(0, byteCount - 1)).map { UInt8(bitPattern: $0) },
            as: UTF8.self)
    }

    /// The TCP port the socket was last bound or connected to; nil for other transports.
    package func lastPort() throws(ZeroMQError) -> UInt16? {
        let endpoint = try lastEndpoint()
        guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else {
            return nil
        }
        return UInt16(endpoint[endpoint.index(after: colon)...])
    }

    /// SUB: receives messages whose first part begins with `topic`; empty is everything.
    package func subscribe(_ topic: [UInt8]) throws(ZeroMQError) {
        try core.set(ZMQ_SUBSCRIBE, topic)
    }

    /// SUB: ends one subscription to `topic`.
    package func unsubscribe(_ topic: [UInt8]) throws(ZeroMQError) {
        try core.set(ZMQ_UNSUBSCRIBE, topic)
    }

    /// Queues a message of one part or more.
    ///
    /// - Returns: false if a queue is full (or, with `dontWait` false, stayed full for the send
    ///   timeout): nothing was sent.
    /// - Throws: `unroutable` if a router knows no such peer; `terminated` after a shutdown.
    package func send(_ parts: [Frame], dontWait: Bool = true) throws(ZeroMQError) -> Bool {
        precondition(!parts.isEmpty)
        var isAccepted = true
        for (index, part) in parts.enumerated() {
            var flags = index + 1 < parts.count ? ZMQ_SNDMORE : 0
            if dontWait { flags |= ZMQ_DONTWAIT }
            do throws(ZeroMQError) {
                // A connection that dies between two parts answers "full" for the second, and
                // swallows parts up to the last: they must still be handed over, or the next
                // message would be swallowed in their place.
                let isQueued = try core.send(part, flags: flags)
                if !isQueued { isAccepted = false }
                if !isQueued && index == 0 { return false }
            } catch  where index > 0 && error.code != .terminated {
                isAccepted = false
            }
        }
        return isAccepted
    }

    /// Takes a whole message from the queue.
    ///
    /// - Returns: nil if there is none (or, with `dontWait` false, none came within the timeout).
    /// - Throws: `messageTooLarge` for one over the socket's limits, which is then gone;
    ///   `terminated` after a shutdown.
    package func receive(dontWait: Bool = true) throws(ZeroMQError) -> [Frame]? {
        var parts: [Frame] = []
        var partCount = 0
        var byteCount = 0
        var flags = dontWait ? ZMQ_DONTWAIT : 0
        while true {
            guard let part = try core.receive(flags: flags) else { return nil }
            let frame = Frame(received: part)
            // A router's first part is the peer's identity, which is not sent with each message.
            if partCount > 0 || kind != .router {
                core.noteReceived(part, from: kind == .router ? parts.first : nil)
            }
            partCount += 1
            byteCount += frame.count
            if partCount <= receivedPartCountMax && byteCount <= receivedByteCountMax {
                parts.append(frame)
            }
            if !part.hasMore { break }
            // The other parts have arrived with the first: messages are atomic.
            flags = 0
        }
        guard parts.count == partCount else {
            throw .messageTooLarge(
                "\(partCount) parts and \(byteCount) bytes",
                peer: kind == .router ? parts.first?.bytes : nil)
        }
        return parts
    }

    /// The socket, to be waited for with ``poll(_:timeoutMilliseconds:)``.
    ///
    /// It keeps the socket open as long as it exists.
    package func pollTarget(_ interest: PollEvents) -> PollTarget {
        PollTarget(socket: core, interest: interest)
    }
}

/// The handle itself, shared by a ``Socket`` and the poll targets made of it, so that none dangles.
@safe
final class SocketCore {
    let handle: UnsafeMutableRawPointer
    /// Bytes taken from the queue by connection, for ``ConnectionWatch``; nil while there is none.
    var takenByteCounts: [Int32: Int]?
    /// Of a router, who sent messages since the last look, by connection; nil while nobody looks.
    var senders: [Int32: Frame]?
    private let context: Context

    init(_ kind: Socket.Kind, _ context: Context) throws(ZeroMQError) {
        let type: Int32
        switch kind {
        case .router: type = ZMQ_ROUTER
        case .dealer: type = ZMQ_DEALER
        case .xpub: type = ZMQ_XPUB
        case .sub: type = ZMQ_SUB
        case .pair: type = ZMQ_PAIR
        }
        guard let handle = unsafe zmq_socket(context.handle, type) else {
            throw .failed("cannot make a socket", errorNumber: zmq_errno())
        }
        unsafe self.handle = unsafe handle
        self.context = context
    }

    deinit { unsafe zmq_close(handle) }

    func set(_ option: Int32, _ value: Int32) throws(ZeroMQError) {
        var copy = value
        let result = unsafe zmq_setsockopt(handle, option, &copy, MemoryLayout<Int32>.size)
        guard result == 0 else { throw refused(option) }
    }

    func set(_ option: Int32, _ value: Int64) throws(ZeroMQError) {
        var copy = value
        let result = unsafe zmq_setsockopt(handle, option, &copy, MemoryLayout<Int64>.size)
        guard result == 0 else { throw refused(option) }
    }

    func set(_ option: Int32, _ value: [UInt8]) throws(ZeroMQError) {
        guard unsafe zmq_setsockopt(handle, option, value, value.count) == 0 else {
            throw refused(option)
        }
    }

    func set(_ security: CurveSecurity) throws(ZeroMQError) {
        try Context.requireCurve()
        switch security {
        case .server(let pair):
            try set(ZMQ_CURVE_SERVER, 1 as Int32)
            try set(ZMQ_CURVE_SECRETKEY, pair.secretKey.bytes)
            try set(ZMQ_ZAP_DOMAIN, Array(HandshakeDesk.domain.utf8))
        case .client(let pair, let server):
            try set(ZMQ_CURVE_SERVERKEY, server.bytes)
            try set(ZMQ_CURVE_PUBLICKEY, pair.publicKey.bytes)
            try set(ZMQ_CURVE_SECRETKEY, pair.secretKey.bytes)
        }
    }

    private func refused(_ option: Int32) -> ZeroMQError {
        .failed("cannot set socket option \(option)", errorNumber: zmq_errno())
    }

    /// Queues one part; false if the queue is full.
    func send(_ part: Frame, flags: Int32) throws(ZeroMQError) -> Bool {
        var message = zmq_msg_t()
        guard unsafe part.makeMessage(&message) == 0 else {
            throw .failed("cannot make a message", errorNumber: zmq_errno())
        }
        while unsafe zmq_msg_send(&message, handle, flags) < 0 {
            let errorNumber = zmq_errno()
            if errorNumber == EINTR { continue }
            unsafe zmq_msg_close(&message)
            if errorNumber == EAGAIN { return false }
            throw .failed("cannot send", errorNumber: errorNumber)
        }
        return true
    }

    /// Counts a part as it was on the wire: a frame of ZMTP 3 has a header of two bytes, or of nine.
    func noteReceived(_ part: ReceivedMessage, from sender: Frame?) {
        guard takenByteCounts != nil else { return }
        if let sender { senders?[part.sourceDescriptor] = sender }
        let count = unsafe part.bytes.count
        takenByteCounts?[part.sourceDescriptor, default: 0] += count + (count > 255 ? 9 : 2)
    }

    /// Takes one part; nil if there is none.
    func receive(flags: Int32) throws(ZeroMQError) -> ReceivedMessage? {
        let message = ReceivedMessage()
        while unsafe message.receive(from: handle, flags: flags) < 0 {
            let errorNumber = zmq_errno()
            if errorNumber == EINTR { continue }
            if errorNumber == EAGAIN { return nil }
            throw .failed("cannot receive", errorNumber: errorNumber)
        }
        return message
    }
}
