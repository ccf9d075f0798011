import Foundation
import Glibc
import TestSupport
import Testing
import ZeroMQ

/// Keys, files of keys, and sockets that encrypt.
@Suite(.timeLimit(.minutes(4))) struct CurveTests {
    // RFC 32's example, and the test keys of libzmq's own documentation.
    private static let secret = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"
    private static let open = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

    @Test func keysAreThoseOfZ85() throws {
        #expect(Context.hasCurve)
        let key = try #require(CurvePublicKey(z85: Self.open))
        #expect(key.z85 == Self.open)
        #expect(key.bytes.count == 32)
        #expect(CurvePublicKey(bytes: key.bytes) == key)
        #expect(CurvePublicKey(bytes: Array(key.bytes.dropLast())) == nil)
        let pair = try CurveKeyPair.generate()
        #expect(try CurveKeyPair(secretKey: pair.secretKey).publicKey == pair.publicKey)
        #expect(try CurveKeyPair.generate().publicKey != pair.publicKey)
    }

    @Test(arguments: [
        "", "rq:rM", String(repeating: "a", count: 41), String(repeating: "#", count: 40),
        String(repeating: "\"", count: 40), String(repeating: " ", count: 40),
        String(repeating: "ä", count: 20), String(repeating: "\u{0}", count: 40),
    ])
    func whatIsNoKeyIsNone(text: String) {
        #expect(CurvePublicKey(z85: text) == nil)
        #expect(CurveSecretKey(z85: text) == nil)
    }

    @Test func aSecretShowsItselfToNobody() throws {
        let key = try #require(CurveSecretKey(z85: Self.secret))
        var dumped = ""
        dump(key, to: &dumped)
        let pair = try CurveKeyPair(secretKey: key)
        var pairDumped = ""
        dump(pair, to: &pairDumped)
        for text in ["\(key)", String(reflecting: key), dumped, "\(pair)", pairDumped] {
            #expect(!text.contains(Self.secret), "\(text)")
            // Nor as the array of numbers that it is, of which it would be the second in a pair.
            let arrays = text.split(separator: "32 elements", omittingEmptySubsequences: false)
            #expect(arrays.count <= 2, "\(text)")
        }
    }

    private func file(
        _ folder: TemporaryDirectory, _ text: String, mode: Int = 0o600
    ) throws -> String {
        let path = try folder.write(text, to: "a.key")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    @Test func filesKeepPairs() throws {
        let folder = try TemporaryDirectory()
        let pair = try CurveKeyPair.generate()
        let secret = try file(folder, KeyFile.text(pair, name: "node1"))
        #expect(try KeyFile.readPair(secret).publicKey == pair.publicKey)
        let open = try file(folder, KeyFile.text(pair.publicKey, name: "node1"), mode: 0o644)
        #expect(try KeyFile.readPublic(open) == pair.publicKey)
    }

    // As pyzmq's zmq.auth.create_certificates writes it.
    @Test func filesOfOthersAreRead() throws {
        let folder = try TemporaryDirectory()
        let pair = try CurveKeyPair.generate()
        let path = try file(
            folder,
            """
            #   ****  Generated on 2026-11-25 12:00:00 by pyzmq  ****
            #   ZeroMQ CURVE **Secret** Certificate
            #   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.

            metadata
            curve
                public-key = "\(pair.publicKey.z85)"
                secret-key = "\(pair.secretKey.z85)"

            """)
        #expect(try KeyFile.readPair(path).publicKey == pair.publicKey)
    }

    private func refusal(_ body: () throws -> Void) throws -> String {
        let error = try #require(throws: ZeroMQError.self) { try body() }
        #expect(error.code == .badKey)
        #expect(error.message.split(separator: "\n").count == 1)
        return error.message
    }

    @Test func filesThatCannotBeAreRefused() throws {
        let folder = try TemporaryDirectory()
        let pair = try CurveKeyPair.generate()
        let other = try CurveKeyPair.generate()
        let secret = KeyFile.text(pair, name: "n")
        let open = KeyFile.text(pair.publicKey, name: "n")
        func ofSecret(_ text: String, mode: Int = 0o600) throws -> String {
            try refusal { _ = try KeyFile.readPair(file(folder, text, mode: mode)) }
        }
        #expect(try ofSecret("").contains("is no key file"))
        #expect(try ofSecret("metadata\ncurve\n").contains("is no key file"))
        #expect(try ofSecret(open).contains("holds a public key only"))
        #expect(try ofSecret("secret-key = \"short\"").contains("not 40 characters"))
        #expect(
            try ofSecret(secret.replacing(pair.publicKey.z85, with: other.publicKey.z85))
                .contains("do not belong together"))
        for mode in [0o604, 0o660, 0o666, 0o620, 0o444] {
            let message = try ofSecret(secret, mode: mode)
            #expect(message.contains("(mode 0\(String(mode, radix: 8))); say: chmod 600 "))
        }
        #expect(try ofSecret(String(repeating: "#\n", count: 600_000)).contains("a megabyte"))
        let damaged = folder.path("binary")
        try Data([0xFF, 0xFE, 0]).write(to: URL(filePath: damaged))
        #expect(
            try refusal { _ = try KeyFile.readPublic(damaged) }.contains("not text in UTF-8"))
        #expect(
            try refusal { _ = try KeyFile.readPublic(file(folder, secret)) }
                .contains("holds a secret key"))
        #expect(
            try refusal {
                _ = try KeyFile.readPublic(
                    file(folder, open.replacing("key = \"", with: "key = \"x")))
            }.contains("not 40 characters"))
        for path in [folder.path("none"), folder.path] {
            #expect(try refusal { _ = try KeyFile.readPair(path) }.contains(path))
        }
        // None of it shows what it found.
        for text in [try ofSecret(secret, mode: 0o644), try ofSecret("secret-key = \"short\"")] {
            #expect(!text.contains(pair.secretKey.z85) && !text.contains("short"))
        }
    }

    /// A secret of Kubernetes belongs to root and, by `fsGroup`, may be read by a group.
    @Test(arguments: [0o440, 0o640]) func theGroupMayReadWhatIsRoots(mode: Int) throws {
        let folder = try TemporaryDirectory()
        let pair = try CurveKeyPair.generate()
        let path = try file(folder, KeyFile.text(pair, name: "n"), mode: mode)
        guard getuid() == 0 else {
            // A file of one's own is for oneself.
            #expect(try refusal { _ = try KeyFile.readPair(path) }.contains("chmod 600"))
            return
        }
        #expect(try KeyFile.readPair(path).publicKey == pair.publicKey)
        #expect(unsafe chown(path, 12_345, 12_345) == 0)
        #expect(try refusal { _ = try KeyFile.readPair(path) }.contains("chmod 600"))
    }

    /// Notepad and others write them so.
    @Test(arguments: ["\r\n", "\r"]) func filesMayHaveAnyLineEnds(end: String) throws {
        let folder = try TemporaryDirectory()
        let pair = try CurveKeyPair.generate()
        func text(_ text: String) -> String { "\u{FEFF}" + text.replacing("\n", with: end) }
        #expect(
            try KeyFile.readPair(file(folder, text(KeyFile.text(pair, name: "n")))).publicKey
                == pair.publicKey)
        #expect(
            try KeyFile.readPublic(file(folder, text(KeyFile.text(pair.publicKey, name: "n"))))
                == pair.publicKey)
    }

    /// A server and what it needs to answer handshakes.
    private struct Server: ~Copyable {
        let context: Context
        let desk: HandshakeDesk
        let router: Socket
        let monitor: SocketMonitor
        let endpoint: String
        let pair: CurveKeyPair

        init() throws {
            let context = try Context()
            let desk = try HandshakeDesk(in: context)
            let pair = try CurveKeyPair.generate()
            var options = SocketOptions()
            options.routerHandover = true
            options.security = .server(pair)
            let router = try Socket(.router, in: context, options: options)
            let monitor = try SocketMonitor(router, in: context, name: "server")
            try router.bind("inproc://back-door")
            let endpoint = try router.bind("tcp://127.0.0.1:0")
            self.context = context
            self.desk = desk
            self.router = router
            self.monitor = monitor
            self.endpoint = endpoint
            self.pair = pair
        }

        /// Answers handshakes until one has ended, and says how; letting in whom `isAdmitted` says.
        func handshake(_ isAdmitted: (CurvePublicKey) -> Bool) throws -> HandshakeEvent {
            while true {
                if let event = try monitor.next() { return event }
                _ = try poll([desk.pollTarget, monitor.pollTarget], timeoutMilliseconds: nil)
                try desk.answer {
                    #expect($0.address == "127.0.0.1")
                    return isAdmitted($0.key)
                }
            }
        }
    }

    private func client(
        _ server: borrowing Server, _ security: CurveSecurity?, identity: String = ""
    ) throws -> Socket {
        var options = SocketOptions()
        options.security = security
        options.identity = Array(identity.utf8)
        options.lingerMilliseconds = 0
        let dealer = try Socket(.dealer, in: try Context(), options: options)
        try dealer.connect(server.endpoint)
        let isSent = try dealer.send([Frame([1, 2, 3])])
        #expect(isSent)
        return dealer
    }

    @Test func messagesSayWhoseTheyAre() throws {
        let server = try Server()
        let pair = try CurveKeyPair.generate()
        let dealer = try client(server, .client(pair, server: server.pair.publicKey))
        #expect(try server.handshake { $0 == pair.publicKey } == .succeeded)
        let message = try #require(try server.router.receive(dontWait: false))
        #expect(message.count == 2)
        #expect(message.last?.userID == pair.publicKey.z85)
        #expect(message.last?.bytes == [1, 2, 3])
        #expect(Frame([1]).userID == nil)
        withExtendedLifetime(dealer.kind) {}
    }

    // Encrypted it is larger on the connection, and the connection was cut, again and again.
    @Test func aFrameOfTheLargestSizeArrives() throws {
        let server = try Server()
        let pair = try CurveKeyPair.generate()
        let dealer = try client(server, .client(pair, server: server.pair.publicKey))
        #expect(try server.handshake { $0 == pair.publicKey } == .succeeded)
        _ = try server.router.receive(dontWait: false)
        let byteCount = Int(SocketOptions().maxMessageSize)
        let isSent = try dealer.send([Frame([UInt8](repeating: 7, count: byteCount))])
        #expect(isSent)
        #expect(try server.router.receive(dontWait: false)?.last?.count == byteCount)
        withExtendedLifetime(dealer.kind) {}
    }

    @Test func strangersDoNotGetThrough() throws {
        let server = try Server()
        let pair = try CurveKeyPair.generate()
        let other = try CurveKeyPair.generate()
        // Each tries again and again; nobody is asked about those who prove no key.
        func fail(as events: HandshakeEvent...) throws {
            while true {
                let found = try server.handshake {
                    #expect(events == [.notAdmitted] && $0 == pair.publicKey)
                    return false
                }
                #expect(found != .succeeded)
                if events.contains(found) { return }
            }
        }
        do {
            let plain = try client(server, nil)
            // Whichever end sees it first hangs up, and libzmq does not try that again.
            try fail(as: .otherMechanism, .brokenOff)
            withExtendedLifetime(plain.kind) {}
        }
        do {
            let misled = try client(server, .client(pair, server: other.publicKey))
            try fail(as: .wrongKey)
            withExtendedLifetime(misled.kind) {}
        }
        let unlisted = try client(server, .client(pair, server: server.pair.publicKey))
        try fail(as: .notAdmitted)
        let none = try server.router.receive()
        #expect(none == nil)
        withExtendedLifetime(unlisted.kind) {}
    }

    // What cuts a revoked worker off: its name goes to somebody else.
    @Test func whoTakesAnIdentityOverCutsItOff() throws {
        let server = try Server()
        let pair = try CurveKeyPair.generate()
        let dealer = try client(
            server, .client(pair, server: server.pair.publicKey), identity: "worker")
        #expect(try server.handshake { _ in true } == .succeeded)
        #expect(try server.router.receive(dontWait: false)?.count == 2)
        do {
            var options = SocketOptions()
            options.identity = Array("worker".utf8)
            options.lingerMilliseconds = 0
            try Socket(.dealer, in: server.context, options: options)
                .connect("inproc://back-door")
        }
        // Once the router has looked at what was sent to it.
        _ = try poll([server.router.pollTarget(.readable)], timeoutMilliseconds: 50)
        let isRouted = (try? server.router.send([Frame(Array("worker".utf8)), Frame([4])])) == true
        #expect(!isRouted)
        let isSent = try dealer.send([Frame([5])])
        #expect(isSent)
        _ = try poll([server.router.pollTarget(.readable)], timeoutMilliseconds: 200)
        let heard = try server.router.receive()
        #expect(heard == nil)
        let answered = try dealer.receive()
        #expect(answered == nil)
    }

    @Test func aClientOfAnotherServerTrustsNobody() throws {
        // A server that claims to be the one the client knows, with another key.
        let impostor = try Server()
        let real = try CurveKeyPair.generate()
        let dealer = try client(
            impostor, .client(try CurveKeyPair.generate(), server: real.publicKey))
        #expect(try impostor.handshake { _ in true } == .wrongKey)
        let none = try impostor.router.receive()
        #expect(none == nil)
        withExtendedLifetime(dealer.kind) {}
    }
}
