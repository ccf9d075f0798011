/// An answer of an HTTP server, read byte by byte as it comes.
package struct ServerAnswer: Sendable {
    /// As in 200.
    package let status: Int
    /// The lines of the head, the first one among them, names as they were sent.
    package let head: [String]
    /// The body.
    package let body: [UInt8]

    /// The body as text.
    package var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of a header, whose name is in small letters.
    package func header(_ name: String) -> String? {
        for line in head.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name else {
                continue
            }
            return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        return nil
    }
}

extension RawConnection {
    /// The next answer; nil if the other side hangs up before its end, or is silent for long.
    ///
    /// - Parameter hasBody: false for the answer to HEAD.
    package func answer(hasBody: Bool = true) -> ServerAnswer? {
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]) {
            guard head.count < 65_536, let byte = receive(1) else { return nil }
            head += byte
        }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n").map(String.init)
        let words = lines[0].split(separator: " ")
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            return nil
        }
        let bare = ServerAnswer(status: status, head: lines, body: [])
        guard hasBody, let length = bare.header("content-length").flatMap({ Int($0) }), length > 0
        else { return bare }
        return receive(length).map { ServerAnswer(status: status, head: lines, body: $0) }
    }

    /// Asks, and returns the answer.
    package func ask(
        _ method: String, _ path: String, headers: [String] = [], body: [UInt8]? = nil
    ) -> ServerAnswer? {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: test"] + headers
        if let body { lines.append("Content-Length: \(body.count)") }
        let text = lines.joined(separator: "\r\n") + "\r\n\r\n"
        guard send(Array(text.utf8) + (body ?? [])) else { return nil }
        return answer(hasBody: method != "HEAD")
    }
}
