import HTTP
import TestSupport
import Testing

/// Bytes to requests.
@Suite struct RequestReaderTests {
    static let samples: [String] = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /v2/models/m/infer?x=1 HTTP/1.1\r\nHOST: a\r\nContent-Length: 5\r\nX-Y:  a b \t\r\n\r\nhello",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: 1\r\n\r\n",
        "GET http://host:80/a/b?c HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n",
        "HEAD /h HTTP/1.0\r\n\r\n",
        "PUT /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n\0\r\n",
    ]

    /// Reads bytes given in pieces of a size; nil where a failure ends it.
    private func requests(_ bytes: [UInt8], pieces size: Int) -> (
        found: [HTTPRequest], HTTPFailure?
    ) {
        var reader = HTTPRequestReader(limits: HTTPLimits())
        var found: [HTTPRequest] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            reader.append(Array(bytes[start..<min(bytes.count, start + size)]))
            do throws(HTTPFailure) {
                while let request = try reader.next() { found.append(request) }
            } catch {
                return (found, error)
            }
        }
        return (found, nil)
    }

    @Test func requestsAreTheSameHoweverTheyAreCut() {
        let bytes = Array(Self.samples.joined().utf8)
        let whole = requests(bytes, pieces: bytes.count)
        #expect(whole.1 == nil)
        #expect(whole.found.map(\.method) == ["GET", "POST", "POST", "GET", "HEAD", "PUT"])
        #expect(
            whole.found.map(\.path) == ["/", "/v2/models/m/infer", "/a", "/a/b", "/h", "/p"])
        #expect(
            whole.found.map { String(decoding: $0.body, as: UTF8.self) }
                == ["", "hello", "hello!", "", "", "\0\r\n"])
        #expect(
            whole.found.map(\.keepsConnection) == [true, true, true, false, false, true])
        #expect(whole.found[1].header("x-y") == "a b")
        #expect(whole.found[1].header("host") == "a")
        for size in 1...40 { #expect(requests(bytes, pieces: size).found == whole.found) }
    }

    @Test(
        arguments: [
            ("", nil), ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n", nil), ("GET", nil),
            ("GET / HTTP/1.1\nHost: a\n\n\r\n\r\n", 400), ("GARBAGE\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 67108865\r\n\r\n", 413),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
                400
            ),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("POST / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n",
                413
            ),
        ] as [(String, Int?)])
    func malformedRequestsAreRefused(text: String, status: Int?) {
        let outcome = requests(Array(text.utf8), pieces: 1)
        #expect(outcome.1?.status == status)
        #expect(outcome.found == [])
    }

    @Test func aReaderThatFailedReadsNothingMore() throws {
        var reader = HTTPRequestReader(limits: HTTPLimits())
        reader.append(Array("GARBAGE\r\n\r\n".utf8))
        #expect(throws: HTTPFailure.self) { try reader.next() }
        reader.append(Array(Self.samples[0].utf8))
        #expect(try reader.next() == nil)
        #expect(reader.byteCount == 0)
    }

    @Test func headsHaveALimit() {
        let limit = HTTPLimits().headByteCountMax
        for text in [
            String(repeating: "A", count: limit + 1),
            "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "b", count: limit) + "\r\n\r\n",
        ] {
            for size in [1_000, text.utf8.count] {
                #expect(requests(Array(text.utf8), pieces: size).1?.status == 431)
            }
        }
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        for rest in [
            String(repeating: "1", count: 2_000),
            "0\r\n" + String(repeating: "a: b\r\n", count: limit / 6 + 1),
        ] {
            #expect(requests(Array((chunked + rest).utf8), pieces: 700).1 != nil)
        }
    }

    /// Lines and heads about as long as they may be: cut anywhere, they are taken or refused alike.
    @Test func howLongLinesAreCutDoesNotMatter() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        let limit = HTTPLimits().headByteCountMax
        for excess in -3...3 {
            let size = "0;" + String(repeating: "x", count: 1_022 + excess) + "\r\n\r\n"
            let trailer = "0\r\n" + String(repeating: "x", count: limit - 4 + excess) + "\r\n\r\n"
            let start = "GET / HTTP/1.1\r\nHost: a\r\nX: "
            let long = String(repeating: "b", count: limit + excess - start.utf8.count - 2)
            for text in [head + size, head + trailer, start + long + "\r\n\r\n"] {
                let bytes = Array(text.utf8)
                let whole = requests(bytes, pieces: bytes.count)
                for pieces in [1, 3, 1_000] {
                    let cut = requests(bytes, pieces: pieces)
                    #expect(whole.found == cut.found && whole.1 == cut.1, "\(excess), \(pieces)")
                }
            }
            let found = requests(Array((head + size).utf8), pieces: 5)
            #expect(found.found.isEmpty == (excess > 0))
        }
    }

    @Test func continueIsDueOnceForABodyThatIsAwaited() throws {
        var reader = HTTPRequestReader(limits: HTTPLimits())
        reader.append(Array(Self.samples[5].utf8.dropLast(2)))
        #expect(try reader.next() == nil)
        let isDue = reader.takeContinue()
        let isDueAgain = reader.takeContinue()
        #expect(isDue && !isDueAgain)
        reader.append(Array("\r\n".utf8))
        #expect(try reader.next()?.body.count == 3)
    }

    // Goal: no bytes trap the reader or make it keep more than its limits allow, and how they are cut
    // makes no difference. Method: a seeded mutator over valid requests.
    @Test(.timeLimit(.minutes(240))) func theReaderWithstandsAnything() {
        let count = fuzzCount(usual: 20_000)
        var mutator = Mutator(Self.samples.map { [Array($0.utf8)] }, seed: fuzzSeed)
        var tally: [Int: Int] = [:]
        for number in 0..<count {
            let bytes = Array(mutator.message().joined())
            let what: Comment = "request \(number) of MANYHEADS_FUZZ_SEED=\(fuzzSeed)"
            let whole = requests(bytes, pieces: max(1, bytes.count))
            let cut = requests(bytes, pieces: 1 + number % 13)
            #expect(whole.found == cut.found && whole.1 == cut.1, what)
            tally[whole.1?.status ?? (whole.found.isEmpty ? 0 : 200), default: 0] += 1
        }
        print("\(count) requests, \(tally.sorted { $0.key < $1.key })")
        #expect(tally[200, default: 0] > count / 50)
        #expect(tally.count >= 5)
    }
}
