import CoordinatorNetwork
import Glibc
import Programs
import System
import TestSupport
import Testing
import ZeroMQ

/// How people are told to join, and who can.
@Suite struct InvitationTests {
    @Test func anUnencryptedRunTakesAnAddress() {
        let invitation = Invitation("tcp://[::1]:5555", nil)
        #expect(invitation.endpoint == "tcp://[::1]:5555")
        #expect(invitation.command == "worker --connect tcp://[::1]:5555")
    }

    @Test(arguments: ["tcp://0.0.0.0:41234", "tcp://[::]:41234"])
    func nobodyIsToldToConnectToAWildcard(bound: String) throws {
        let invitation = Invitation(bound, nil)
        let endpoint = try #require(TCPEndpoint(invitation.endpoint))
        #expect(!endpoint.isWildcard)
        #expect(endpoint.port == 41_234)
        #expect(invitation.command == "worker --connect \(endpoint)")
    }

    @Test func anEncryptedRunTakesKeys() throws {
        let folder = try TemporaryDirectory()
        let pair = try CurveKeyPair.generate()
        for name in ["server", "head-office"] {
            let file = try folder.write(
                KeyFile.text(pair, name: name), to: name + KeyFile.secretSuffix)
            try #require(unsafe chmod(file, 0o600) == 0)
            let admission = try Admission(
                keyPath: file, listPath: try folder.write("", to: "list"))
            #expect(
                Invitation("tcp://10.0.0.1:5", admission).command
                    == "worker --connect tcp://10.0.0.1:5 --key NAME.key_secret --server-key \(name).key"
            )
        }
        // Workers of its own are told their keys otherwise.
        #expect(
            Invitation("tcp://10.0.0.1:5", try Admission()).command
                == "worker --connect tcp://10.0.0.1:5")
    }

    @Test(arguments: [
        ("tcp://127.0.0.1:0", true), ("tcp://[::1]:0", true), ("tcp://localhost:5", true),
        ("tcp://[0:0::1]:5", true), ("tcp://127.3.2.1:5", true), ("tcp://0.0.0.0:5", false),
        ("tcp://*:5", false), ("tcp://[::]:5", false), ("tcp://[fe80::1]:5", false),
        ("tcp://lo:5", false), ("tcp://some-name:5", false),
    ])
    func withoutKeysOnlyLoopbackIsListenedAt(bind: String, isLoopback: Bool) throws {
        var options = RunOptions(threads: 1)
        options.bind = bind
        #expect(options.isLoopback == isLoopback)
        if isLoopback {
            try options.check()
        } else {
            let error = try #require(throws: RunError.self) { try options.check() }
            #expect(error.code == .usage)
            #expect(error.message.contains("--insecure"))
        }
        options.insecure = true
        try options.check()
    }

    @Test(arguments: ["tcp://300.1.1.1:5", "tcp://[::zz]:5", "tcp://x:65535", "tcp://::1:5", "x"])
    func whatCannotBeListenedAtIsRefused(bind: String) throws {
        var options = RunOptions(threads: 1)
        options.bind = bind
        options.insecure = true
        let error = try #require(throws: RunError.self) { try options.check() }
        #expect(error.code == .usage)
        #expect(error.message.hasPrefix("--bind "))
    }
}
