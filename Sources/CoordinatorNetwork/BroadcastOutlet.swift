import System
import ZeroMQ

/// The socket that features are broadcast on, and the count of those who listen.
///
/// It can be closed and opened again on the same port. That is how somebody is shut out who has
/// subscribed already: libzmq cannot end one subscriber's connection. All others connect again by
/// themselves, and ask for the chunks they have missed.
struct BroadcastOutlet: ~Copyable {
    /// Chunks queued for one slow subscriber; further ones are dropped and pulled later.
    private static let highWaterMark: Int32 = 4_096
    /// What a subscriber may send: a topic of some bytes, or the handshake of an encrypted one.
    private static let messageSizeMax: Int64 = 256
    private static let encryptedMessageSizeMax: Int64 = 1_024

    let port: UInt16
    private let context: Context
    private let topic: [UInt8]
    private let options: SocketOptions
    private let endpoint: String
    private var socket: Socket
    /// Only where handshakes are watched.
    private var monitor: SocketMonitor?
    private var number = 0
    private var isBound = true
    private var subscriberCount = 0

    /// Binds the socket.
    init(
        _ endpoint: TCPEndpoint, topic: [UInt8], security: CurveSecurity?, in context: Context
    ) throws(ZeroMQError) {
        var options = SocketOptions()
        options.usesIPv6 = endpoint.needsIPv6
        options.sendHighWaterMark = Self.highWaterMark
        options.xpubVerboser = true
        // What a hostile one sends is kept by libzmq.
        options.maxMessageSize =
            security == nil ? Self.messageSizeMax : Self.encryptedMessageSizeMax
        options.receiveHighWaterMark = 16
        options.lingerMilliseconds = 0
        options.security = security
        let socket = try Socket(.xpub, in: context, options: options)
        let monitor =
            security == nil
            ? nil : try SocketMonitor(socket, in: context, name: "broadcast-0")
        let bound = try socket.bind(endpoint.description)
        let port = try socket.lastPort() ?? 0
        // All at once: from here on nothing throws.
        self.endpoint = bound
        self.port = port
        self.context = context
        self.topic = topic
        self.options = options
        self.socket = socket
        self.monitor = monitor
    }

    var pollTarget: PollTarget { socket.pollTarget(.readable) }
    var monitorTarget: PollTarget? { monitor?.pollTarget }

    /// A watch over the connections of the socket as it is now.
    func watch(_ limits: ConnectionLimits) -> ConnectionWatch? {
        ConnectionWatch(socket, localPort: port, limits: limits)
    }

    /// Queues a message for all who have subscribed.
    ///
    /// Dropped for those that lag too far behind: they pull what they miss.
    func publish(_ frames: [Frame]) { _ = try? socket.send(frames) }

    /// Reads who has come and gone since the last call.
    ///
    /// - Returns: 1 or -1 for each.
    mutating func receiveSubscriptions(countMax: Int) throws(ZeroMQError) -> [Int] {
        var changes: [Int] = []
        for _ in 0..<countMax {
            let frames: [Frame]
            do throws(ZeroMQError) {
                guard let received = try socket.receive() else { break }
                frames = received
            } catch  where error.code == .messageTooLarge {
                continue
            }
            switch SubscriptionChange(frames) {
            case .subscribed(let topic) where topic == self.topic: changes.append(1)
            case .unsubscribed(let topic) where topic == self.topic: changes.append(-1)
            default: break
            }
        }
        subscriberCount = max(0, subscriberCount + changes.reduce(0, +))
        return changes
    }

    /// Has failed handshakes counted.
    func count(_ access: AccessControl) throws(ZeroMQError) {
        if let next = monitor { try access.count(next) }
    }

    /// Ends all connections and listens again, as soon as the port is free.
    ///
    /// - Returns: how many subscribers were lost.
    mutating func renew() throws(ZeroMQError) -> Int {
        number += 1
        let fresh = try Socket(.xpub, in: context, options: options)
        monitor = try SocketMonitor(fresh, in: context, name: "broadcast-\(number)")
        socket = fresh
        isBound = false
        bindIfNeeded()
        defer { subscriberCount = 0 }
        return subscriberCount
    }

    /// Listens again, if the port was not free yet: the thread that closes sockets takes its time.
    ///
    /// Should another program have taken it, workers get all features over the control socket.
    mutating func bindIfNeeded() {
        if !isBound { isBound = (try? socket.bind(endpoint)) != nil }
    }
}
