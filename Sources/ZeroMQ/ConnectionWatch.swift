import CZeroMQ
import Glibc

/// How much of this process a socket's peers may take.
package struct ConnectionLimits: Sendable {
    /// Connections at one time; of more the newest are cut.
    package var countMax: Int
    /// Bytes that a peer has sent and that no whole message has brought, nothing else being left to
    /// read.
    package var unfinishedByteCountMax = 48 << 20
    /// The same while there are messages to read, whoever sent them.
    package var unreadByteCountMax = 320 << 20
    /// Bytes that a peer may send in all, and how many more in each second; nil: any number.
    package var total: (byteCountMax: Int, perSecond: Int)?

    /// Limits for a socket that takes messages.
    package init(countMax: Int) {
        self.countMax = countMax
    }
}

/// Bytes that moved over a socket's connections, whether or not they make up whole messages yet.
///
/// They move in steps, and the first ones of a connection do not count: neither a handshake nor what
/// a peer's ZeroMQ says by itself tells of the program behind it.
package struct Traffic: Sendable {
    /// Bytes that arrived.
    package var receivedByteCount = 0
    /// Bytes that arrived at the other end, as far as is known.
    package var sentByteCount = 0
    /// Of a router, the peers that bytes arrived from, by identity.
    package var senders: [[UInt8]] = []

    /// Nothing moved.
    package init() {}
}

/// Cuts connections that take too much memory or too many file descriptors.
///
/// libzmq bounds a part of a message and the whole messages in a queue, but not the parts of a message
/// whose last one never comes, the topics of a subscriber, or connections. The kernel knows what it
/// has received for each connection, and the socket what it gave out: the difference is what a peer
/// makes libzmq hold. A cut connection is one that broke: honest peers connect again.
package struct ConnectionWatch {
    fileprivate struct Connection {
        let inode: UInt
        let since: ContinuousClock.Instant
        /// As of the look before: what came since then may be whole and not read yet, however long
        /// this thread was kept from reading.
        var receivedBefore = 0
        var isCut = false
        /// What ``Traffic`` has told of.
        var toldReceived = ConnectionWatch.handshakeByteCount
        var toldSent = ConnectionWatch.handshakeByteCount
        /// Who sent the last message that was taken, on a router.
        var sender: Frame?
    }

    /// Bytes at the beginning of a connection that tell nothing.
    fileprivate static let handshakeByteCount = 512
    /// A connection's bytes are told of by so many or more.
    fileprivate static let stepByteCount = 256

    /// Between two looks, at least; a look takes microseconds a connection.
    private static let interval = Duration.milliseconds(100)

    private let core: SocketCore
    private let port: UInt16
    private let isRemote: Bool
    private let limits: ConnectionLimits
    private let descriptors = DescriptorList()
    private var connections: [Int32: Connection] = [:]
    private var traffic = Traffic()
    private var nextLook = ContinuousClock.now

    /// Watches the TCP connections of a bound socket, or of one that has connected to `remotePort`.
    ///
    /// - Parameter localPort: of a socket that will be bound to it.
    /// - Returns: nil for a socket of another transport.
    package init?(
        _ socket: borrowing Socket, localPort: UInt16? = nil, remotePort: UInt16? = nil,
        limits: ConnectionLimits
    ) {
        guard let port = remotePort ?? localPort ?? (try? socket.lastPort()) ?? nil else {
            return nil
        }
        core = socket.core
        core.takenByteCounts = [:]
        core.senders = [:]
        self.port = port
        isRemote = remotePort != nil
        self.limits = limits
    }

    /// Looks at the connections, now and then; to be called after reading.
    ///
    /// - Parameter isDrained: nothing was left to read at some moment since the last look.
    /// - Returns: how many connections were cut, and why the last one was.
    package mutating func look(isDrained: Bool) -> (count: Int, reason: String)? {
        let now = ContinuousClock.now
        guard now >= nextLook else { return nil }
        var open: [(descriptor: Int32, connection: Connection, received: Int, isNew: Bool)] = []
        for descriptor in descriptors.read() {
            guard let (inode, sent, received) = connection(descriptor) else { continue }
            // A descriptor is given out again; the number of the socket behind it is not, soon.
            let known = connections[descriptor].flatMap { $0.inode == inode ? $0 : nil }
            var found = known ?? Connection(inode: inode, since: now)
            found.sender = core.senders?[descriptor] ?? found.sender
            traffic.count(sent: sent, received: received, over: &found)
            open.append((descriptor, found, received, known == nil))
        }
        core.senders = [:]
        var room = limits.countMax - open.count { !$0.isNew }
        var found: [Int32: Connection] = [:]
        var cutCount = 0
        var lastReason = ""
        for (descriptor, connection, received, isNew) in open {
            let taken = min(core.takenByteCounts?[descriptor] ?? 0, received)
            if isNew {
                core.takenByteCounts?[descriptor] = taken
                room -= 1
            }
            found[descriptor] = connection
            found[descriptor]?.receivedBefore = received
            let counted = isDrained ? min(connection.receivedBefore, received) : received
            guard !connection.isCut,
                let reason = breach(
                    received: received, unread: counted - taken,
                    seconds: connection.since.duration(to: now) / .seconds(1),
                    isDrained: isDrained, isOneTooMany: isNew && room < 0)
            else { continue }
            // Its end is libzmq's to see and to clear up.
            shutdown(descriptor, Int32(SHUT_RDWR))
            found[descriptor]?.isCut = true
            cutCount += 1
            lastReason = reason
        }
        core.takenByteCounts = core.takenByteCounts?.filter { found[$0.key] != nil }
        connections = found
        // Where there are thousands, looking must not become the work.
        nextLook = now + max(Self.interval, now.duration(to: .now) * 20)
        return cutCount > 0 ? (cutCount, lastReason) : nil
    }

    /// What moved since the last call, as of the last look.
    package mutating func takeTraffic() -> Traffic {
        defer { traffic = Traffic() }
        return traffic
    }

    private func breach(
        received: Int, unread: Int, seconds: Double, isDrained: Bool, isOneTooMany: Bool
    ) -> String? {
        if isOneTooMany { return "more than \(limits.countMax) connections" }
        if let total = limits.total {
            let allowed = total.byteCountMax + Int(seconds) * total.perSecond
            return received > allowed ? "\(received) bytes from a peer that only listens" : nil
        }
        let allowed = isDrained ? limits.unfinishedByteCountMax : limits.unreadByteCountMax
        return unread > allowed ? "\(unread) bytes of a message without an end" : nil
    }

    /// The number of the socket and its bytes, if the descriptor is a connection of ours.
    private func connection(_ descriptor: Int32) -> (inode: UInt, sent: Int, received: Int)? {
        var found: UInt16 = 0
        var sent: UInt64 = 0
        var received: UInt64 = 0
        guard
            unsafe manyheads_connection(descriptor, isRemote ? 1 : 0, &found, &sent, &received)
                == 0, found == port
        else { return nil }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        return (UInt(status.st_ino), Int(clamping: sent), Int(clamping: received))
    }
}

extension Traffic {
    /// Adds what moved over a connection, if that is a step.
    fileprivate mutating func count(
        sent: Int, received: Int, over connection: inout ConnectionWatch.Connection
    ) {
        if received - connection.toldReceived >= ConnectionWatch.stepByteCount {
            receivedByteCount += received - connection.toldReceived
            connection.toldReceived = received
            if let sender = connection.sender { senders.append(sender.bytes) }
        }
        if sent - connection.toldSent >= ConnectionWatch.stepByteCount {
            sentByteCount += sent - connection.toldSent
            connection.toldSent = sent
        }
    }
}

/// The file descriptors of this process.
///
/// The folder that lists them stays open: when there is no descriptor left, looking matters most.
@safe
private final class DescriptorList {
    private let folder: OpaquePointer?

    init() { unsafe folder = unsafe opendir("/proc/self/fd") }

    deinit { if let folder = unsafe folder { unsafe closedir(folder) } }

    /// All of them now, ascending; none where the system does not tell.
    func read() -> [Int32] {
        guard let folder = unsafe folder else { return [] }
        unsafe rewinddir(folder)
        var result: [Int32] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let descriptor = Int32(name) { result.append(descriptor) }
        }
        return result
    }
}
