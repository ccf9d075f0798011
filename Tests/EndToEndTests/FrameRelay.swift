import Foundation
import Glibc
import Synchronization
import System
import TestSupport

/// A switch between hosts that loses, delays and reorders Ethernet frames by a seed.
///
/// Stands in for the kernel's network emulator, which not every kernel has: every port is a TAP
/// interface, and what its host sends is read here, frame by frame.
final class FrameRelay: Sendable {
    /// What became of the frames.
    struct Traffic: Hashable, Sendable {
        var forwardedCount = 0
        var lostCount = 0
        /// Overtook others by design; jitter reorders more.
        var hurriedCount = 0
    }

    /// The interfaces, to be moved to where they are wanted.
    let interfaces: [String]

    private let flag = CancellationFlag()
    private let counts = Mutex(Traffic())

    /// Whether this user may have such interfaces.
    static let isPermitted: Bool = {
        guard let port = try? openPort() else { return false }
        close(port.descriptor)
        return true
    }()

    /// Makes the interfaces and begins to read them.
    init(portCount: Int, _ conditions: WireConditions, seed: UInt64) throws {
        let ports = try (0..<portCount).map { _ in try Self.openPort() }
        interfaces = ports.map(\.name)
        let descriptors = ports.map(\.descriptor)
        Thread.detachNewThread { [self] in
            var loop = RelayLoop(descriptors, conditions, seed: seed)
            while !flag.isCancelled {
                loop.turn()
                counts.withLock { $0 = loop.traffic }
            }
            for descriptor in descriptors { close(descriptor) }
        }
    }

    /// What became of the frames so far.
    var traffic: Traffic { counts.withLock { $0 } }

    /// Ends it; the interfaces go away.
    func stop() { flag.cancel() }

    private static func openPort() throws -> (descriptor: Int32, name: String) {
        let descriptor = unsafe open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw VirtualNetwork.Failure(description: "/dev/net/tun: errno \(errno)")
        }
        // struct ifreq: a name of 16 bytes, which the system fills in, then the flags.
        var request = Array("mhtap%d".utf8) + [UInt8](repeating: 0, count: 33)
        // IFF_TAP | IFF_NO_PI: whole Ethernet frames and nothing before them.
        request[16] = 0x02
        request[17] = 0x10
        let setInterface: UInt = 0x4004_54CA  // TUNSETIFF, a macro that Swift cannot import.
        let status = unsafe request.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return Int32(-1) }
            return unsafe ioctl(descriptor, setInterface, base)
        }
        guard status == 0 else {
            let code = errno
            close(descriptor)
            throw VirtualNetwork.Failure(description: "no TAP interface: errno \(code)")
        }
        return (descriptor, String(decoding: request.prefix { $0 != 0 }, as: UTF8.self))
    }
}

/// The relay's thread.
private struct RelayLoop {
    private struct Due {
        let port: Int
        let frame: [UInt8]
    }

    private static let frameByteCountMax = 2_048
    /// A full queue drops what comes: so long does a frame wait for its turn at most.
    private static let queueMicroseconds: Int64 = 200_000

    private let descriptors: [Int32]
    private let conditions: WireConditions
    private var chance: SeededGenerator
    private var timeline = Timeline<Due>()
    private var next: (time: Int64, entry: Due)?
    private var places: [[UInt8]: Int] = [:]
    private var freeAt: [Int64]
    private let start = ContinuousClock.now
    private var buffer = [UInt8](repeating: 0, count: frameByteCountMax)
    private(set) var traffic = FrameRelay.Traffic()

    init(_ descriptors: [Int32], _ conditions: WireConditions, seed: UInt64) {
        self.descriptors = descriptors
        self.conditions = conditions
        chance = SeededGenerator(seed: seed)
        freeAt = [Int64](repeating: 0, count: descriptors.count)
    }

    private var now: Int64 { Int64(start.duration(to: .now) / .microseconds(1)) }

    /// Waits for a frame or until one is due, and moves what there is.
    mutating func turn() {
        let wait = next.map { min(20, max(0, ($0.time - now + 999) / 1_000)) } ?? 20
        var targets = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        _ = unsafe poll(&targets, nfds_t(targets.count), Int32(wait))
        for (port, target) in targets.enumerated() where target.revents & Int16(POLLIN) != 0 {
            for _ in 0..<64 {
                guard let frame = read(descriptors[port]) else { break }
                take(frame, from: port)
            }
        }
        deliver()
    }

    private mutating func read(_ descriptor: Int32) -> [UInt8]? {
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
        }
        return count >= 14 ? Array(buffer[..<count]) : nil
    }

    private mutating func take(_ frame: [UInt8], from port: Int) {
        places[Array(frame[6..<12])] = port
        let sent = max(now, freeAt[port])
        guard sent - now < Self.queueMicroseconds, !chance.chance(conditions.loss) else {
            traffic.lostCount += 1
            return
        }
        freeAt[port] = sent + Int64(Double(frame.count * 8) / conditions.bitsPerSecond * 1e6)
        var due = freeAt[port]
        if chance.chance(conditions.reordering) {
            traffic.hurriedCount += 1
        } else {
            let jitter = conditions.jitterMilliseconds
            let delay =
                conditions.delayMilliseconds
                + (jitter > 0 ? Double.random(in: -jitter...jitter, using: &chance) : 0)
            due += Int64(max(0, delay) * 1_000)
        }
        // To whom it is for; to all when nobody knows where that is.
        let known = places[Array(frame[..<6])]
        for other in descriptors.indices where other != port && (known ?? other) == other {
            timeline.insert(Due(port: other, frame: frame), at: due)
        }
    }

    private mutating func deliver() {
        if let waiting = next { timeline.insert(waiting.entry, at: waiting.time) }
        next = timeline.popFirst()
        while let due = next, due.time <= now {
            traffic.forwardedCount += 1
            // A host whose link is down takes nothing.
            _ = unsafe write(descriptors[due.entry.port], due.entry.frame, due.entry.frame.count)
            next = timeline.popFirst()
        }
    }
}
