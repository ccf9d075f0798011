import Foundation
import Synchronization
import TestSupport
import Testing
import ZeroMQ

/// What libzmq does not bound, and the watch does.
///
/// One at a time: they block their threads.
@Suite(.serialized, .timeLimit(.minutes(4))) struct ConnectionWatchTests {
    /// A bound socket, watched.
    private struct Listener: ~Copyable {
        let socket: Socket
        let port: UInt16
        var watch: ConnectionWatch

        init(_ kind: Socket.Kind = .router, _ limits: ConnectionLimits) throws {
            let socket = try Socket(kind, in: try Context())
            try socket.bind("tcp://127.0.0.1:0")
            let port = try socket.lastPort() ?? 0
            let made = ConnectionWatch(socket, limits: limits)
            let watch = try #require(made)
            // Last: from here on nothing throws.
            self.socket = socket
            self.port = port
            self.watch = watch
        }

        /// Reads everything and looks, until something is cut or the time is over.
        mutating func reason(within limit: Duration) throws -> String? {
            let deadline = ContinuousClock.now + limit
            while ContinuousClock.now < deadline {
                _ = try poll([socket.pollTarget(.readable)], timeoutMilliseconds: 20)
                while (try? socket.receive()) != nil {}
                if let cut = watch.look(isDrained: true) { return cut.reason }
            }
            return nil
        }

        /// Looks without reading, until so many bytes have moved or the time is over.
        mutating func traffic(
            within limit: Duration, until received: Int = .max, sent: Int = .max
        ) throws -> Traffic {
            let deadline = ContinuousClock.now + limit
            var sum = Traffic()
            while ContinuousClock.now < deadline, sum.receivedByteCount < received,
                sum.sentByteCount < sent
            {
                _ = try poll([], timeoutMilliseconds: 20)
                #expect(watch.look(isDrained: true) == nil)
                let found = watch.takeTraffic()
                sum.receivedByteCount += found.receivedByteCount
                sum.sentByteCount += found.sentByteCount
                sum.senders += found.senders
            }
            return sum
        }
    }

    @Test func aMessageWithoutAnEndIsCut() throws {
        var limits = ConnectionLimits(countMax: 10)
        limits.unfinishedByteCountMax = 8 << 20
        var listener = try Listener(.router, limits)
        let port = listener.port
        let peer = try #require(RawConnection(port: port))
        #expect(peer.greet(as: "DEALER"))
        // A thread, which blocks in sending until it is cut.
        let sentCount = Mutex(0)
        Thread.detachNewThread {
            let part = RawConnection.frame([UInt8](repeating: 7, count: 1 << 20), isLast: false)
            while sentCount.withLock({ $0 < 4_096 }), peer.send(part) {
                sentCount.withLock { $0 += 1 }
            }
        }
        let reason = try listener.reason(within: .seconds(20))
        #expect(reason?.hasSuffix("bytes of a message without an end") == true)
        #expect(sentCount.withLock { $0 } < 4_096)
        #expect(peer.waitForHangUp())
    }

    // Ten times the limit in whole messages, of one part and of several, and none of it counts.
    @Test func wholeMessagesAreNotCut() throws {
        var limits = ConnectionLimits(countMax: 10)
        limits.unfinishedByteCountMax = 8 << 20
        var listener = try Listener(.router, limits)
        let port = listener.port
        let sentCount = Mutex(0)
        Thread.detachNewThread {
            guard let peer = RawConnection(port: port), peer.greet(as: "DEALER") else { return }
            let part = [UInt8](repeating: 7, count: 1 << 20)
            let message =
                RawConnection.frame([1, 2], isLast: false)
                + RawConnection.frame(part, isLast: false) + RawConnection.frame(part)
            while sentCount.withLock({ $0 < 40 }), peer.send(message) {
                sentCount.withLock { $0 += 1 }
            }
        }
        let deadline = ContinuousClock.now + .seconds(20)
        while sentCount.withLock({ $0 < 40 }), ContinuousClock.now < deadline {
            #expect(try listener.reason(within: .milliseconds(100)) == nil)
        }
        #expect(sentCount.withLock { $0 } == 40)
    }

    @Test func aSubscriberThatTalksIsCut() throws {
        var limits = ConnectionLimits(countMax: 10)
        limits.total = (byteCountMax: 64 << 10, perSecond: 0)
        var listener = try Listener(.xpub, limits)
        let port = listener.port
        let quiet = try #require(RawConnection(port: port))
        #expect(quiet.greet(as: "SUB"))
        #expect(quiet.send(RawConnection.frame([1] + Array("topic".utf8))))
        #expect(try listener.reason(within: .milliseconds(300)) == nil)
        let loud = try #require(RawConnection(port: port))
        #expect(loud.greet(as: "SUB"))
        for number in 0..<1_000 as Range<Int> {
            let topic =
                [1, UInt8(number & 0xFF), UInt8(number >> 8)] + [UInt8](repeating: 0, count: 90)
            _ = loud.send(RawConnection.frame(topic))
        }
        let reason = try listener.reason(within: .seconds(10))
        #expect(reason?.hasSuffix("from a peer that only listens") == true)
        #expect(loud.waitForHangUp())
        #expect(quiet.send(RawConnection.frame([1, 2])))
    }

    @Test func oneConnectionTooManyIsCutAndTheOthersStay() throws {
        var listener = try Listener(.router, ConnectionLimits(countMax: 3))
        let port = listener.port
        let welcome = (0..<3).compactMap { _ in RawConnection(port: port) }
        for peer in welcome { #expect(peer.greet(as: "DEALER")) }
        #expect(try listener.reason(within: .milliseconds(300)) == nil)
        let fourth = try #require(RawConnection(port: port))
        #expect(try listener.reason(within: .seconds(10)) == "more than 3 connections")
        #expect(fourth.waitForHangUp())
        for peer in welcome { #expect(peer.send(RawConnection.frame([1]))) }
    }

    // The side that connects has a watch as well.
    @Test func theOtherSideIsWatchedToo() throws {
        let server = try Listener(.router, ConnectionLimits(countMax: 3))
        var options = SocketOptions()
        options.identity = [7]
        let client = try Socket(.dealer, in: try Context(), options: options)
        try client.connect("tcp://127.0.0.1:\(server.port)")
        var limits = ConnectionLimits(countMax: 3)
        limits.unfinishedByteCountMax = 1 << 20
        let made = ConnectionWatch(client, remotePort: server.port, limits: limits)
        var watch = try #require(made)
        #expect(try client.send([Frame([1])], dontWait: false))
        _ = try server.socket.receive(dontWait: false)
        let frame = Frame([UInt8](repeating: 1, count: 1 << 18))
        // Whether or not they are read.
        var cuts: [String?] = []
        for isRead in [true, false] {
            for _ in 0..<40 { #expect(try server.socket.send([Frame([7]), frame])) }
            var cut: String?
            for _ in 0..<50 where cut == nil {
                if isRead { while try client.receive() != nil {} }
                cut = watch.look(isDrained: true)?.reason
                _ = try poll([], timeoutMilliseconds: 20)
            }
            cuts.append(cut)
        }
        #expect(cuts[0] == nil)
        #expect(cuts[1]?.hasSuffix("bytes of a message without an end") == true)
    }

    // A message of a megabyte takes a minute over a slow link, and is seen only when it is complete.
    @Test func bytesAreSeenBeforeTheirMessageIs() throws {
        var listener = try Listener(.router, ConnectionLimits(countMax: 3))
        let peer = try #require(RawConnection(port: listener.port))
        #expect(peer.greet(as: "DEALER"))
        #expect(peer.send(RawConnection.frame([1])))
        let name = try #require(try listener.socket.receive(dontWait: false)?.first).bytes
        // A handshake and a short message tell nothing of their own.
        #expect(try listener.traffic(within: .milliseconds(300), until: 1).senders.isEmpty)
        let message = RawConnection.frame([UInt8](repeating: 7, count: 100_000))
        #expect(peer.send(Array(message[..<50_000])))
        let half = try listener.traffic(within: .seconds(10), until: 49_000)
        #expect(half.receivedByteCount >= 49_000)
        #expect(half.senders.allSatisfy { $0 == name } && !half.senders.isEmpty)
        #expect(try listener.socket.receive() == nil)
        // Twice is not told.
        #expect(try listener.traffic(within: .milliseconds(300), until: 1).receivedByteCount == 0)
        #expect(peer.send(Array(message[50_000...])))
        #expect(try listener.socket.receive(dontWait: false)?.last?.count == 100_000)
        // What leaves is counted too.
        let answer = Frame([UInt8](repeating: 1, count: 5_000))
        #expect(try listener.socket.send([Frame(name), answer]))
        #expect(peer.receive(5_000) != nil)
        #expect(try listener.traffic(within: .seconds(10), sent: 4_000).sentByteCount >= 4_000)
    }
}
