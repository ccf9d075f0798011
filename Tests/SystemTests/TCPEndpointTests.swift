import System
import Testing

/// Endpoints as people give them, and as others are told them.
@Suite struct TCPEndpointTests {
    @Test(arguments: [
        ("tcp://127.0.0.1:5555", "127.0.0.1", 5_555), ("tcp://node1:0", "node1", 0),
        ("tcp://[::1]:65535", "::1", 65_535), ("tcp://*:1", "*", 1),
    ])
    func isReadAndWritten(text: String, host: String, port: UInt16) throws {
        let endpoint = try #require(TCPEndpoint(text))
        #expect(endpoint == TCPEndpoint(host: host, port: port))
        #expect("\(endpoint)" == text)
    }

    @Test(arguments: [
        "", "tcp://", "tcp://:5", "5555", "127.0.0.1:5", "ipc://x:5", "tcp://a", "tcp://a:",
        "tcp://a:b",
        "tcp://a:65536", "tcp://a:-1", "tcp://a:+1", "tcp://::1:5", "tcp://[a]:5", "tcp://[]:5",
        "tcp://a b:5", "tcp://a/b:5",
    ])
    func whatIsNoneIsRefused(text: String) throws {
        #expect(TCPEndpoint(text) == nil)
        let error = try #require(throws: RunError.self) {
            try TCPEndpoint(text, option: "--bind", example: "tcp://127.0.0.1:5555")
        }
        #expect(error.code == .usage)
        #expect(error.message == "--bind must look like tcp://127.0.0.1:5555, not '\(text)'")
    }

    @Test(arguments: [
        ("tcp://300.1.1.1:5", "four numbers, each from 0 to 255"),
        ("tcp://1.2.3.4.5:5", "four numbers"), ("tcp://[::zz]:5", "::zz is no IPv6 address"),
    ])
    func whatLooksLikeAnAddressMustBeOne(text: String, expected: String) throws {
        let error = try #require(throws: RunError.self) {
            try TCPEndpoint(text, option: "--connect", example: "tcp://HOST:5555")
        }
        #expect(error.code == .usage)
        #expect(error.message.hasPrefix("--connect \(text): "))
        #expect(error.message.contains(expected), "\(error.message)")
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.1.2.3", true), ("localhost", true), ("::1", true),
        ("0:0:0:0:0:0:0:1", true), ("::ffff:127.0.0.1", true), ("0.0.0.0", false), ("*", false),
        ("::", false), ("128.0.0.1", false), ("::2", false), ("node1", false), ("lo", false),
    ])
    func whoCanReachIt(host: String, isLoopback: Bool) {
        #expect(TCPEndpoint(host: host, port: 1).isLoopback == isLoopback)
    }

    // Nobody is ever told to connect to an address that only stands for all.
    @Test(arguments: ["*", "0.0.0.0", "::", "0:0::0"]) func aWildcardIsNowhere(host: String) {
        let bound = TCPEndpoint(host: host, port: 7)
        #expect(bound.isWildcard)
        #expect(bound.fromHere == TCPEndpoint(host: "127.0.0.1", port: 7))
        let reached = bound.fromElsewhere
        #expect(!reached.isWildcard)
        #expect(!reached.host.isEmpty)
        #expect(reached.port == 7)
    }

    @Test(arguments: ["127.0.0.1", "node1", "::1"]) func anAddressStaysWhatItIs(host: String) {
        let endpoint = TCPEndpoint(host: host, port: 7)
        #expect(!endpoint.isWildcard)
        #expect(endpoint.fromHere == endpoint)
        #expect(endpoint.fromElsewhere == endpoint)
    }

    @Test func whatIsListenedAtIsAnAddress() throws {
        let local = try TCPEndpoint(host: "localhost", port: 7).toListenAt()
        #expect(local.address?.isLoopback == true)
        for host in ["*", "::1", "10.0.0.1", "lo"] {
            let endpoint = TCPEndpoint(host: host, port: 7)
            #expect(try endpoint.toListenAt() == endpoint)
        }
        // No resolver asks anybody for a name with an empty part.
        let error = try #require(throws: RunError.self) {
            try TCPEndpoint(host: "a..b", port: 7).toListenAt()
        }
        #expect(error.code == .unavailable)
        #expect(error.message.hasPrefix("cannot listen at tcp://a..b:7: a..b cannot be resolved ("))
    }
}
