/// Makes requests out of the bytes of a connection, as they come.
///
/// A value without sockets or time: the same bytes give the same requests, however they are cut.
package struct HTTPRequestReader: Sendable {
    /// What is read next.
    private enum Phase {
        case head
        case body(HTTPHead, byteCount: Int)
        case chunks(HTTPHead, ChunkedBody)
        /// After a failure nothing can be read: where the next request begins is not known.
        case failed
    }

    private let limits: HTTPLimits
    private var phase = Phase.head
    private var buffer: [UInt8] = []
    /// How far the buffer was searched for the end of a head.
    private var searchedCount = 0
    /// Whether a body is awaited whose sender waits to be told.
    private var isContinueDue = false

    /// A reader of a new connection.
    package init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Whether no request has begun.
    package var isIdle: Bool {
        if case .head = phase { buffer.isEmpty } else { false }
    }

    /// Bytes that are kept.
    package var byteCount: Int {
        if case .chunks(_, let body) = phase {
            buffer.count + body.bytes.count
        } else {
            buffer.count
        }
    }

    /// Adds bytes that arrived.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if case .failed = phase { return }
        unsafe buffer.append(contentsOf: bytes)
    }

    /// Adds bytes that arrived.
    package mutating func append(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe append($0) }
    }

    /// Whether `100 Continue` is to be sent now, once for a request.
    package mutating func takeContinue() -> Bool {
        defer { isContinueDue = false }
        return isContinueDue
    }

    /// The next request; nil until it is complete.
    ///
    /// - Throws: a failure after which the connection cannot be used.
    package mutating func next() throws(HTTPFailure) -> HTTPRequest? {
        do throws(HTTPFailure) {
            if case .head = phase { try readHead() }
            return try readBody()
        } catch {
            phase = .failed
            buffer = []
            throw error
        }
    }

    private mutating func readHead() throws(HTTPFailure) {
        // Empty lines before a request are allowed (RFC 9112, 2.2).
        var start = 0
        while start + 1 < buffer.count, buffer[start] == 0x0D, buffer[start + 1] == 0x0A {
            start += 2
        }
        if start > 0 {
            buffer.removeFirst(start)
            searchedCount = 0
        }
        guard let end = headEnd() else {
            guard buffer.byteCountBeforeLineEnd <= limits.headByteCountMax else {
                throw headTooLarge
            }
            return
        }
        guard end <= limits.headByteCountMax else { throw headTooLarge }
        let head = try HTTPHead(buffer.span.extracting(0..<end), limits)
        buffer.removeFirst(end + 2)
        searchedCount = 0
        switch head.framing {
        case .length(let count): phase = .body(head, byteCount: count)
        case .chunked: phase = .chunks(head, ChunkedBody(limits))
        }
        isContinueDue = head.expectsContinue
    }

    private var headTooLarge: HTTPFailure {
        HTTPFailure(431, "the request's headers are larger than \(limits.headByteCountMax) bytes")
    }

    /// Where the empty line begins that ends the head.
    private mutating func headEnd() -> Int? {
        let start = max(searchedCount, 3)
        searchedCount = buffer.count
        let bytes = buffer.span
        for index in start..<max(start, bytes.count)
        where bytes[index] == 0x0A && bytes[index - 1] == 0x0D && bytes[index - 2] == 0x0A {
            return index - 1
        }
        return nil
    }

    private mutating func readBody() throws(HTTPFailure) -> HTTPRequest? {
        switch phase {
        case .head, .failed: return nil
        case .body(let head, let count):
            guard buffer.count >= count else { return nil }
            var body: [UInt8]
            if buffer.count == count {
                // Not copied: it may be large.
                body = buffer
                buffer = []
            } else {
                body = Array(buffer[..<count])
                buffer.removeFirst(count)
            }
            return finish(head, body)
        case .chunks(let head, var body):
            // The only copy: not one more for each piece that arrives.
            phase = .head
            let isComplete = try body.read(&buffer)
            guard isComplete else {
                phase = .chunks(head, body)
                return nil
            }
            return finish(head, body.bytes)
        }
    }

    private mutating func finish(_ head: HTTPHead, _ body: [UInt8]) -> HTTPRequest {
        phase = .head
        isContinueDue = false
        return HTTPRequest(
            method: head.method, path: head.path, headers: head.headers, body: body,
            keepsConnection: head.keepsConnection)
    }
}

/// A body that comes in chunks (RFC 9112, 7.1).
struct ChunkedBody: Sendable {
    private enum Phase {
        case size
        case data(remaining: Int)
        case dataEnd
        case trailer
    }

    /// A line of digits and, rarely, extensions.
    private static let sizeLineByteCountMax = 1_024

    private(set) var bytes: [UInt8] = []
    private let limits: HTTPLimits
    private var phase = Phase.size
    private var trailerByteCount = 0

    init(_ limits: HTTPLimits) {
        self.limits = limits
    }

    /// Takes what it can out of a buffer, and says whether the body is complete.
    mutating func read(_ buffer: inout [UInt8]) throws(HTTPFailure) -> Bool {
        var start = 0
        defer { buffer.removeFirst(start) }
        while true {
            switch phase {
            case .data(let remaining):
                let count = min(remaining, buffer.count - start)
                bytes += buffer[start..<start + count]
                start += count
                guard count == remaining else {
                    phase = .data(remaining: remaining - count)
                    return false
                }
                phase = .dataEnd
            case .size, .dataEnd, .trailer:
                guard let end = Self.lineEnd(buffer, start) else {
                    try checkLine(byteCount: buffer.byteCountBeforeLineEnd - start)
                    return false
                }
                try checkLine(byteCount: end - start)
                let line = buffer[start..<end]
                start = end + 2
                if try read(line) { return true }
            }
        }
    }

    /// Refuses a line that is too long, complete or not, so that it does not matter how it was cut.
    private func checkLine(byteCount: Int) throws(HTTPFailure) {
        if case .trailer = phase {
            guard byteCount <= limits.headByteCountMax else { throw Self.trailersTooLarge }
        } else {
            guard byteCount <= Self.sizeLineByteCountMax else { throw Self.withoutSize }
        }
    }

    private static let withoutSize = HTTPFailure(
        400, "a chunk of the request does not say its size")
    private static let trailersTooLarge = HTTPFailure(431, "the request's trailers are too large")

    /// Understands a line between chunks, and says whether it is the last.
    private mutating func read(_ line: ArraySlice<UInt8>) throws(HTTPFailure) -> Bool {
        switch phase {
        case .size:
            let digits = line.prefix { $0 != UInt8(ascii: ";") }
            guard let text = String(validating: digits, as: UTF8.self)?.trimming,
                (1...15).contains(text.utf8.count),
                let count = Int(text, radix: 16), !text.hasPrefix("+"), !text.hasPrefix("-")
            else { throw Self.withoutSize }
            guard bytes.count + count <= limits.bodyByteCountMax else {
                throw HTTPHead.tooLarge(limits)
            }
            phase = count == 0 ? .trailer : .data(remaining: count)
        case .dataEnd:
            guard line.isEmpty else {
                throw HTTPFailure(400, "a chunk of the request is longer than its size")
            }
            phase = .size
        case .trailer:
            // Trailers say nothing here.
            trailerByteCount += line.count + 2
            guard trailerByteCount <= limits.headByteCountMax else {
                throw Self.trailersTooLarge
            }
            return line.isEmpty
        case .data: break
        }
        return false
    }

    private static func lineEnd(_ buffer: [UInt8], _ start: Int) -> Int? {
        var index = start
        while index + 1 < buffer.count {
            if buffer[index] == 0x0D, buffer[index + 1] == 0x0A { return index }
            index += 1
        }
        return nil
    }
}

extension [UInt8] {
    /// Bytes without a last one that may be the first of the two that end a line.
    fileprivate var byteCountBeforeLineEnd: Int { count - (last == 0x0D ? 1 : 0) }
}
