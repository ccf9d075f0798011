import TestSupport
import Testing
import ZeroMQ

/// What is at a port, by what it says first.
@Suite(.timeLimit(.minutes(4))) struct PeerGreetingTests {
    /// Talks to a listening socket of libzmq.
    private func greeting(of kind: Socket.Kind, _ security: CurveSecurity? = nil) throws
        -> PeerGreeting
    {
        var options = SocketOptions()
        options.security = security
        let context = try Context()
        let socket = try Socket(kind, in: context, options: options)
        try socket.bind("tcp://127.0.0.1:0")
        let port = try #require(try socket.lastPort())
        let connection = try #require(RawConnection(port: port))
        let found = PeerGreeting.exchange {
            connection.send($0)
        } receive: {
            connection.receive($0) ?? []
        }
        // It listens until here.
        _ = try socket.lastPort()
        return found
    }

    @Test func aSocketTellsItsType() throws {
        let router = try greeting(of: .router)
        #expect(router == .zeroMQ(mechanism: "NULL", socketType: "ROUTER"))
        let broadcast = try greeting(of: .xpub)
        #expect(broadcast == .zeroMQ(mechanism: "NULL", socketType: "XPUB"))
    }

    @Test func anEncryptedOneTellsOnlyThatItIs() throws {
        let pair = try CurveKeyPair.generate()
        let found = try greeting(of: .router, .server(pair))
        #expect(found == .zeroMQ(mechanism: "CURVE", socketType: nil))
    }

    /// Plays a peer that answers each message with the next bytes.
    private func play(_ answers: [[UInt8]]) -> (found: PeerGreeting, sent: [[UInt8]]) {
        var pending = answers[0]
        var next = 1
        var sent: [[UInt8]] = []
        let found = PeerGreeting.exchange { bytes in
            sent.append(bytes)
            if next < answers.count { pending += answers[next] }
            next += 1
        } receive: { count in
            defer { pending = Array(pending.dropFirst(count)) }
            return Array(pending.prefix(count))
        }
        return (found, sent)
    }

    @Test func othersAreNamedByTheirWords() {
        let web = play([[], Array("HTTP/1.0 400 Bad request\r\nServer: x\r\n".utf8)])
        #expect(web.found == .foreign("HTTP/1.0 400 Bad request"))
        #expect(web.sent.count == 1)
        let shell = play([Array("SSH-2.0-OpenSSH_9.2\r\n".utf8)])
        #expect(shell.found == .foreign("SSH-2.0-OpenSSH_9.2"))
        #expect(shell.sent.isEmpty)
        #expect(play([[], []]).found == .silent)
        // Nothing that moves a terminal's cursor, and not too much.
        let wild = play([[27, 91, 50, 74, 7] + [UInt8](repeating: 65, count: 500)])
        guard case .foreign(let words) = wild.found else {
            Issue.record("\(wild.found)")
            return
        }
        #expect(words.hasPrefix("?[2J?AAA"))
        #expect(words.count == 60)
    }

    @Test func aGreetingCutAtAnyByteIsUnderstoodAsFar() {
        let ready: [UInt8] =
            [5] + Array("READY".utf8) + [11] + Array("Socket-Type".utf8) + [0, 0, 0, 4]
            + Array("XPUB".utf8)
        let greeting = RawConnection.greeting + [4, UInt8(ready.count)] + ready
        for count in 0...greeting.count {
            let found = play([Array(greeting.prefix(count)), [], []]).found
            switch count {
            case 0: #expect(found == .silent)
            case 1..<10: #expect(found == .foreign(String(repeating: "?", count: count)))
            case greeting.count:
                #expect(found == .zeroMQ(mechanism: "NULL", socketType: "XPUB"))
            default:
                guard case .zeroMQ(_, let type) = found else {
                    Issue.record("\(count): \(found)")
                    return
                }
                #expect(type == nil || "XPUB".hasPrefix(type ?? ""), "\(count)")
            }
        }
    }
}
