/// The first line and the headers of a request.
struct HTTPHead {
    /// How long the body is, and how that is known.
    enum Framing: Equatable {
        case length(Int)
        case chunked
    }

    let method: String
    let path: String
    let headers: [HTTPRequest.Header]
    let framing: Framing
    let keepsConnection: Bool
    /// Whether the other side waits to be told before it sends the body.
    let expectsContinue: Bool

    /// Understands a head.
    ///
    /// - Parameter bytes: up to the empty line, without it: lines, each with its end.
    /// - Throws: a failure for what HTTP/1.1 does not allow (RFC 9112), and for what leaves the body's
    ///   length in doubt.
    init(_ bytes: Span<UInt8>, _ limits: HTTPLimits) throws(HTTPFailure) {
        let lines = try Self.lines(bytes)
        guard let first = lines.first else { throw Self.noRequest }
        let version: UInt8
        (method, path, version) = try Self.requestLine(bytes, first)
        let headers = try lines.dropFirst().map { (line) throws(HTTPFailure) in
            try Self.header(bytes, line)
        }
        func values(_ name: String) -> [String] {
            headers.filter { $0.name == name }.map(\.value)
        }
        if version == 1, values("host").count != 1 {
            throw HTTPFailure(400, "the request has not exactly one Host header")
        }
        framing = try Self.framing(values("content-length"), values("transfer-encoding"), limits)
        let options = values("connection").joined(separator: ",").lowercased()
            .split(separator: ",").map { $0.trimming }
        keepsConnection = version == 1 && !options.contains("close")
        let expectations = values("expect").map { $0.lowercased() }
        guard expectations.allSatisfy({ $0 == "100-continue" }) else {
            throw HTTPFailure(417, "the request's Expect header is not 100-continue")
        }
        expectsContinue = !expectations.isEmpty && version == 1
        self.headers = headers
    }

    /// The lines of a head without their ends, each CR LF.
    private static func lines(_ bytes: Span<UInt8>) throws(HTTPFailure) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for index in bytes.indices where bytes[index] == 0x0A {
            guard index > start, bytes[index - 1] == 0x0D else { break }
            lines.append(start..<index - 1)
            start = index + 1
        }
        guard start == bytes.count else {
            throw HTTPFailure(400, "a line of the request does not end in CR LF")
        }
        return lines
    }

    private static let noRequest = HTTPFailure(
        400, "this is not a request of HTTP/1.1: METHOD PATH HTTP/1.1")

    private static func requestLine(
        _ bytes: Span<UInt8>, _ line: Range<Int>
    ) throws(HTTPFailure) -> (method: String, path: String, version: UInt8) {
        var spaces: [Int] = []
        for index in line {
            let byte = bytes[index]
            if byte == UInt8(ascii: " ") {
                spaces.append(index)
            } else if byte <= 0x20 || byte >= 0x7F {
                throw noRequest
            }
        }
        guard spaces.count == 2 else { throw noRequest }
        let method = text(bytes, line.lowerBound..<spaces[0])
        let target = spaces[0] + 1..<spaces[1]
        let version = text(bytes, spaces[1] + 1..<line.upperBound)
        guard !method.isEmpty, method.utf8.allSatisfy(isToken), !target.isEmpty else {
            throw noRequest
        }
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else {
            throw version.hasPrefix("HTTP/")
                ? HTTPFailure(505, "the request is not of HTTP/1.1 or HTTP/1.0") : noRequest
        }
        return (method, try path(text(bytes, target)), version.hasSuffix("1") ? 1 : 0)
    }

    private static func path(_ target: String) throws(HTTPFailure) -> String {
        var rest = target[...]
        if !rest.hasPrefix("/") {
            // As proxies are asked.
            guard let scheme = rest.firstRange(of: "://") else {
                throw HTTPFailure(400, "the request's path does not begin with /")
            }
            rest = rest[scheme.upperBound...]
            rest = rest.firstIndex(of: "/").map { rest[$0...] } ?? "/"
        }
        return String(rest.prefix { $0 != "?" && $0 != "#" })
    }

    private static func header(
        _ bytes: Span<UInt8>, _ line: Range<Int>
    ) throws(HTTPFailure) -> HTTPRequest.Header {
        guard let colon = line.first(where: { bytes[$0] == UInt8(ascii: ":") }),
            colon > line.lowerBound
        else { throw HTTPFailure(400, "a header of the request is not NAME: VALUE") }
        var name: [UInt8] = []
        name.reserveCapacity(colon - line.lowerBound)
        for index in line.lowerBound..<colon {
            let byte = bytes[index]
            guard isToken(byte) else {
                throw HTTPFailure(400, "the name of a header of the request is not a word")
            }
            name.append(byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
        }
        var (start, end) = (colon + 1, line.upperBound)
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        while start < end, isBlank(bytes[start]) { start += 1 }
        while end > start, isBlank(bytes[end - 1]) { end -= 1 }
        for index in start..<end
        where bytes[index] < 0x20 && bytes[index] != 0x09
            || bytes[index] == 0x7F
        {
            throw HTTPFailure(400, "a header of the request holds control characters")
        }
        return HTTPRequest.Header(
            name: String(decoding: name, as: UTF8.self), value: text(bytes, start..<end))
    }

    private static func framing(
        _ lengths: [String], _ encodings: [String], _ limits: HTTPLimits
    ) throws(HTTPFailure) -> Framing {
        guard encodings.isEmpty else {
            guard lengths.isEmpty else {
                throw HTTPFailure(
                    400, "the request has both Content-Length and Transfer-Encoding")
            }
            guard encodings.count == 1, encodings[0].lowercased() == "chunked" else {
                throw HTTPFailure(501, "the request's Transfer-Encoding is not chunked")
            }
            return .chunked
        }
        guard let length = lengths.first else { return .length(0) }
        guard !length.isEmpty, length.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            lengths.allSatisfy({ $0 == length })
        else { throw HTTPFailure(400, "the request's Content-Length is not a number") }
        guard let count = Int(length), count <= limits.bodyByteCountMax else {
            throw tooLarge(limits)
        }
        return .length(count)
    }

    static func tooLarge(_ limits: HTTPLimits) -> HTTPFailure {
        HTTPFailure(
            413,
            "the request's body is larger than \(limits.bodyByteCountMax) bytes; send fewer rows at a time"
        )
    }

    private static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
        unsafe bytes.extracting(range).withUnsafeBufferPointer {
            unsafe String(decoding: $0, as: UTF8.self)
        }
    }

    /// Whether a byte may be in a method or the name of a header.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
        default: false
        }
    }
}

extension StringProtocol {
    /// The text without spaces around it.
    var trimming: String {
        var rest = self[...]
        while rest.first == " " || rest.first == "\t" { rest.removeFirst() }
        while rest.last == " " || rest.last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
