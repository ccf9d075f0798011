import Foundation
import Glibc
import Synchronization
import System
import TestSupport

/// A slow link to a coordinator on this machine: workers connect to its address in the place of the
/// coordinator's, and all their connections share its rate, each way by itself.
final class SlowLink: Sendable {
    /// The link's end, where workers connect to.
    let endpoint: String
    /// Where the coordinator is to be bound: the broadcast takes the port behind it.
    let coordinatorEndpoint: String

    private let flag = CancellationFlag()
    private let carried = Mutex((down: 0, connections: 0))

    /// Listens, and carries what comes to a coordinator that may come later.
    init(bytesPerSecond: Double) throws {
        let (listeners, port) = try Self.listeners()
        endpoint = "tcp://127.0.0.2:\(port)"
        coordinatorEndpoint = "tcp://127.0.0.1:\(port)"
        Thread.detachNewThread { [self] in
            var loop = LinkLoop(listeners, port: port, bytesPerSecond: bytesPerSecond)
            while !flag.isCancelled {
                loop.turn()
                carried.withLock { $0 = (loop.downByteCount, loop.connectionCount) }
            }
            loop.end()
        }
    }

    /// Bytes that came from the coordinator.
    var downByteCount: Int { carried.withLock { $0.down } }
    /// Connections that workers made; each needs two.
    var connectionCount: Int { carried.withLock { $0.connections } }

    /// Breaks all connections.
    func stop() { flag.cancel() }

    /// Two listening sockets, on ports one behind the other.
    private static func listeners() throws -> ([Int32], UInt16) {
        for _ in 0..<50 {
            guard let first = Wire.socket(), let port = Wire.bind(first, port: 0) else { break }
            if port < UInt16.max, let second = Wire.socket() {
                if Wire.bind(second, port: port + 1) != nil { return ([first, second], port) }
                close(second)
            }
            close(first)
        }
        throw VirtualNetwork.Failure(description: "no two ports for a link: errno \(errno)")
    }
}

/// The link's thread.
private struct LinkLoop {
    /// One way of a connection.
    private struct Way {
        let source: Int32
        let target: Int32
        let isDown: Bool
        var bytes: ArraySlice<UInt8> = []
        var hasEnded = false
    }

    /// What a connection may send in its turn.
    private static let turnByteCount = 1_024

    private let listeners: [Int32]
    private let port: UInt16
    private let bytesPerSecond: Double
    private var ways: [Way] = []
    private var first = 0
    private var credit = (down: 0.0, up: 0.0)
    private var creditAt = ContinuousClock.now
    private(set) var downByteCount = 0
    private(set) var connectionCount = 0

    init(_ listeners: [Int32], port: UInt16, bytesPerSecond: Double) {
        self.listeners = listeners
        self.port = port
        self.bytesPerSecond = bytesPerSecond
    }

    /// Waits a moment for something to carry, and carries what the rate allows.
    mutating func turn() {
        var targets = listeners.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        targets += ways.map { way in
            pollfd(
                fd: way.bytes.isEmpty ? way.source : -1, events: Int16(POLLIN), revents: 0)
        }
        let isBusy = ways.contains { !$0.bytes.isEmpty }
        _ = unsafe poll(&targets, nfds_t(targets.count), isBusy ? 2 : 20)
        let now = ContinuousClock.now
        let grant = creditAt.duration(to: now) / .seconds(1) * bytesPerSecond
        let most = max(Double(2 * Self.turnByteCount), bytesPerSecond / 20)
        credit = (min(most, credit.down + grant), min(most, credit.up + grant))
        creditAt = now
        for index in ways.indices where targets[listeners.count + index].revents != 0 {
            fill(index)
        }
        for offset in ways.indices { carry((first + offset) % ways.count) }
        first = ways.isEmpty ? 0 : (first + 1) % ways.count
        closeEnded()
        for (index, listener) in listeners.enumerated() where targets[index].revents != 0 {
            accept(listener, port: port + UInt16(index))
        }
    }

    func end() {
        for descriptor in listeners { close(descriptor) }
        for way in ways where way.isDown {
            close(way.source)
            close(way.target)
        }
    }

    private mutating func accept(_ listener: Int32, port: UInt16) {
        let worker = Glibc.accept(listener, nil, nil)
        guard worker >= 0 else { return }
        guard let coordinator = Wire.socket(), Wire.connect(coordinator, port: port) else {
            close(worker)
            return
        }
        connectionCount += 1
        Wire.prepare(worker)
        Wire.prepare(coordinator)
        ways.append(Way(source: coordinator, target: worker, isDown: true))
        ways.append(Way(source: worker, target: coordinator, isDown: false))
    }

    private mutating func fill(_ index: Int) {
        var buffer = [UInt8](repeating: 0, count: Self.turnByteCount)
        let count = unsafe read(ways[index].source, &buffer, buffer.count)
        if count > 0 {
            ways[index].bytes = buffer[..<count]
        } else if count == 0 || errno != EAGAIN {
            ways[index].hasEnded = true
        }
    }

    private mutating func carry(_ index: Int) {
        let way = ways[index]
        let count = way.bytes.count
        guard count > 0, (way.isDown ? credit.down : credit.up) >= Double(count) else { return }
        let sent = unsafe way.bytes.withUnsafeBytes {
            unsafe send(way.target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard sent > 0 else {
            if errno != EAGAIN { ways[index].hasEnded = true }
            return
        }
        ways[index].bytes = way.bytes.dropFirst(sent)
        if way.isDown {
            credit.down -= Double(sent)
            downByteCount += sent
        } else {
            credit.up -= Double(sent)
        }
    }

    /// A connection that one side has ended, with all that came before, ends at the other side too.
    private mutating func closeEnded() {
        for index in ways.indices.reversed() where ways[index].isDown {
            let pair = ways[index...index + 1]
            guard pair.contains(where: { $0.hasEnded && $0.bytes.isEmpty }) else { continue }
            close(ways[index].source)
            close(ways[index].target)
            ways.removeSubrange(index...index + 1)
        }
    }
}

/// Sockets with buffers so small that the link is what holds bytes back.
private enum Wire {
    static func socket() -> Int32? {
        let descriptor = Glibc.socket(
            AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var size: Int32 = 8_192
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, 4)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, 4)
        return descriptor
    }

    /// Listens on the link's address; the port that it got.
    static func bind(_ descriptor: Int32, port: UInt16) -> UInt16? {
        var address = address(last: 2, port: port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.bind(descriptor, $0, size) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        return isBound ? UInt16(bigEndian: address.sin_port) : nil
    }

    static func connect(_ descriptor: Int32, port: UInt16) -> Bool {
        var address = address(last: 1, port: port)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, size) == 0
            }
        }
    }

    static func prepare(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    private static func address(last: UInt32, port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = (UInt32(0x7F00_0000) | last).bigEndian
        return address
    }
}
