/// An answer.
package struct HTTPResponse: Sendable, Hashable {
    /// As in 200.
    package var status: Int
    /// As in `application/json`.
    package var contentType: String
    /// Headers besides the body's type and length.
    package var headers: [HTTPRequest.Header]
    /// The body.
    package var body: [UInt8]

    /// An answer of these parts.
    package init(
        status: Int = 200, contentType: String, headers: [HTTPRequest.Header] = [], body: [UInt8]
    ) {
        self.status = status
        self.contentType = contentType
        self.headers = headers
        self.body = body
    }

    /// The answer as it is sent, head and body in one piece.
    ///
    /// - Parameters:
    ///   - closes: whether the connection ends after it, which the other side is told.
    ///   - hasBody: false for the answer to HEAD, which only says how long the body would be.
    package func bytes(closes: Bool, hasBody: Bool = true) -> [UInt8] {
        var head = "HTTP/1.1 \(status) \(Self.phrase(status))\r\nContent-Type: \(contentType)\r\n"
        head += "Content-Length: \(body.count)\r\n"
        for header in headers { head += "\(header.name): \(header.value)\r\n" }
        head += closes ? "Connection: close\r\n\r\n" : "\r\n"
        var bytes: [UInt8] = []
        bytes.reserveCapacity(head.utf8.count + body.count)
        bytes += head.utf8
        if hasBody { bytes += body }
        return bytes
    }

    private static func phrase(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status \(status)"
        }
    }
}
