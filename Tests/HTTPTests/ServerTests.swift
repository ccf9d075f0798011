import Dispatch
import HTTP
import System
import TestSupport
import Testing

/// The server over real sockets, asked by hand.
@Suite(.timeLimit(.minutes(5))) struct ServerTests {
    /// Says what it was asked.
    private struct Echo: HTTPService {
        static let largeByteCount = 4 << 20
        /// Whether another request than one for long work was answered.
        let others = CancellationFlag()
        /// Signalled when long work has begun.
        let begun = DispatchSemaphore(value: 0)

        func answers(to requests: [HTTPRequest]) -> [HTTPAnswer] {
            requests.map { request in
                switch request.path {
                case "/missing": return .response(Self.text(404, "no"))
                case "/large":
                    return .response(
                        Self.text(200, String(repeating: "x", count: Self.largeByteCount)))
                case "/parts":
                    // Ten seconds, unless another request gets through.
                    return .work(
                        HTTPWork(partCount: 10_000) { part in
                            if part == 0 { begun.signal() }
                            let end = ContinuousClock.now + .milliseconds(1)
                            while !others.isCancelled, ContinuousClock.now < end {}
                        } finish: {
                            Self.text(200, others.isCancelled ? "done" : "alone")
                        })
                default:
                    others.cancel()
                    return .response(
                        Self.text(
                            200,
                            "\(request.method) \(request.path) \(String(decoding: request.body.prefix(100), as: UTF8.self))"
                        ))
                }
            }
        }

        func answer(to failure: HTTPFailure) -> HTTPResponse {
            Self.text(failure.status, failure.message)
        }

        private static func text(_ status: Int, _ text: String) -> HTTPResponse {
            HTTPResponse(status: status, contentType: "text/plain", body: Array(text.utf8))
        }
    }

    /// Runs a server while a body asks it, and stops it in order.
    private func serving(
        _ service: Echo = Echo(), _ limits: HTTPLimits = HTTPLimits(), threadCount: Int = 2,
        _ body: @Sendable @escaping (UInt16, HTTPServer) throws -> Void
    ) async throws {
        let listener = try TCPListener(TCPEndpoint(host: "127.0.0.1", port: 0))
        let server = try HTTPServer(listener, limits: limits, threadCount: threadCount)
        // Where bodies may block; and neither waits for a turn among all other tests.
        let asking = try ThreadExecutor(name: "asking")
        let serving = try ThreadExecutor(name: "serving")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: serving) { await server.run(service) }
            defer { server.stop() }
            try await asking.run { try body(listener.endpoint.port, server) }
        }
        #expect(server.connectionCount == 0)
    }

    @Test func aConnectionIsKeptThroughErrors() async throws {
        try await serving { port, _ in
            let connection = try #require(RawConnection(port: port))
            for (path, status) in [("/a", 200), ("/missing", 404), ("/b", 200), ("/missing", 404)] {
                let answer = try #require(connection.ask("POST", path, body: Array("hi".utf8)))
                #expect(answer.status == status)
                #expect(answer.header("connection") == nil)
            }
            let head = try #require(connection.ask("HEAD", "/large"))
            #expect(head.header("content-length") == "\(Echo.largeByteCount)")
            #expect(connection.ask("GET", "/c")?.text == "GET /c ")
        }
    }

    @Test func headAndBodyLeaveInOneWrite() async throws {
        try await serving { port, _ in
            let connection = try #require(RawConnection(port: port))
            _ = connection.ask("GET", "/a")
            let clock = ContinuousClock()
            let times = (0..<25).map { _ in
                clock.measure { #expect(connection.ask("GET", "/a")?.status == 200) }
            }
            // With two writes and Nagle's algorithm most calls take 40 ms.
            #expect(times.sorted()[12] < .milliseconds(30))
        }
    }

    @Test func requestsMayFollowOneAnother() async throws {
        try await serving { port, _ in
            let connection = try #require(RawConnection(port: port))
            let request = Array("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
            #expect(connection.send([UInt8](repeatElement(request, count: 100).joined())))
            for _ in 0..<100 { #expect(connection.answer()?.text == "GET /a ") }
        }
    }

    @Test func aConnectionEndsWhereItIsAskedTo() async throws {
        try await serving { port, _ in
            for (request, _) in [
                ("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 1),
                ("GET /a HTTP/1.0\r\n\r\n", 2),
            ] {
                let connection = try #require(RawConnection(port: port))
                #expect(connection.send(Array(request.utf8)))
                let answer = try #require(connection.answer())
                #expect(answer.header("connection") == "close")
                #expect(connection.waitForHangUp())
            }
        }
    }

    @Test func aSenderIsToldToContinue() async throws {
        try await serving { port, _ in
            let connection = try #require(RawConnection(port: port))
            #expect(connection.send(Array(RequestReaderTests.samples[5].utf8.dropLast(3))))
            #expect(connection.answer()?.status == 100)
            #expect(connection.send(Array("abc".utf8)))
            #expect(connection.answer()?.text == "PUT /p abc")
        }
    }

    @Test func whatIsMalformedIsAnsweredBeforeTheConnectionEnds() async throws {
        try await serving { port, _ in
            for (text, status) in [
                ("GARBAGE\r\n\r\n", 400), ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
                // Whoever sends on must get the answer all the same.
                (
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n"
                        + String(repeating: "x", count: 1 << 20), 413
                ),
                (String(repeating: "y", count: 1 << 20), 431),
            ] {
                let connection = try #require(RawConnection(port: port))
                connection.send(Array(text.utf8))
                let answer = try #require(connection.answer())
                #expect(answer.status == status)
                #expect(answer.header("connection") == "close")
                #expect(connection.waitForHangUp())
            }
            #expect(RawConnection(port: port)?.ask("GET", "/a")?.status == 200)
        }
    }

    @Test func requestsThatTakeTooLongEnd() async throws {
        var limits = HTTPLimits()
        limits.requestSeconds = 0
        try await serving(Echo(), limits) { port, _ in
            let connection = try #require(RawConnection(port: port))
            connection.send(Array("GET /a HT".utf8))
            #expect(connection.answer()?.status == 408)
            #expect(connection.waitForHangUp())
        }
    }

    @Test func idleConnectionsEnd() async throws {
        var limits = HTTPLimits()
        limits.idleSeconds = 0
        try await serving(Echo(), limits) { port, _ in
            let connection = try #require(RawConnection(port: port))
            #expect(connection.waitForHangUp())
        }
    }

    @Test func thereAreNotMoreConnectionsThanAllowed() async throws {
        var limits = HTTPLimits()
        limits.connectionCountMax = 3
        try await serving(Echo(), limits) { port, _ in
            let kept = try (0..<3).map { _ in try #require(RawConnection(port: port)) }
            for connection in kept { #expect(connection.ask("GET", "/a")?.status == 200) }
            let other = try #require(RawConnection(port: port))
            #expect(other.answer()?.status == 503)
            #expect(other.waitForHangUp())
            #expect(kept[0].ask("GET", "/a")?.status == 200)
        }
    }

    @Test func allRequestsTogetherHaveALimit() async throws {
        var limits = HTTPLimits()
        limits.totalByteCountMax = 1 << 20
        try await serving(Echo(), limits) { port, _ in
            let start = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000000\r\n\r\n"
            let connection = try #require(RawConnection(port: port))
            connection.send(Array(start.utf8) + [UInt8](repeating: 0, count: 3 << 20))
            #expect(connection.answer()?.status == 503)
            #expect(connection.waitForHangUp())
            #expect(RawConnection(port: port)?.ask("GET", "/a")?.status == 200)
        }
    }

    @Test func anAnswerMayTakeSeveralWrites() async throws {
        try await serving { port, _ in
            let connection = try #require(RawConnection(port: port, receiveByteCount: 4_096))
            for _ in 0..<2 {
                #expect(connection.ask("GET", "/large")?.body.count == Echo.largeByteCount)
            }
        }
    }

    @Test func longWorkLetsOthersThrough() async throws {
        try await serving(threadCount: 1) { port, _ in
            let slow = try #require(RawConnection(port: port))
            #expect(slow.send(Array("GET /parts HTTP/1.1\r\nHost: a\r\n\r\n".utf8)))
            let other = try #require(RawConnection(port: port))
            #expect(other.ask("GET", "/a")?.status == 200)
            #expect(slow.answer()?.text == "done")
        }
    }

    @Test func requestsInFlightAreAnsweredWhenTheServerStops() async throws {
        let service = Echo()
        try await serving(service) { port, server in
            let idle = try #require(RawConnection(port: port))
            #expect(idle.ask("GET", "/missing")?.status == 404)
            let busy = try #require(RawConnection(port: port))
            #expect(busy.send(Array("GET /parts HTTP/1.1\r\nHost: a\r\n\r\n".utf8)))
            #expect(service.begun.wait(timeout: .now() + 30) == .success)
            server.stop()
            #expect(idle.waitForHangUp())
            service.others.cancel()
            let answer = try #require(busy.answer())
            #expect(answer.text == "done")
            #expect(answer.header("connection") == "close")
            #expect(busy.waitForHangUp())
            #expect(RawConnection(port: port) == nil)
        }
    }

    // Goal: nothing that is sent ends the server, or keeps others from it. Method: a seeded mutator
    // over valid requests, on connections that are left open, half closed or dropped.
    @Test(.timeLimit(.minutes(240))) func theServerWithstandsAnything() async throws {
        let count = fuzzCount(usual: 20_000)
        try await serving { port, _ in
            var mutator = Mutator(
                RequestReaderTests.samples.map { [Array($0.utf8)] }, seed: fuzzSeed)
            var open: [RawConnection] = []
            for number in 0..<count {
                let connection = try #require(
                    RawConnection(port: port, endsByReset: true),
                    "after \(number) of seed \(fuzzSeed)")
                connection.send(Array(mutator.message().joined()))
                open.append(connection)
                if open.count >= 100 { open.removeFirst(mutator.draw(100)) }
            }
            open = []
            #expect(RawConnection(port: port)?.ask("GET", "/a")?.status == 200)
        }
    }
}
