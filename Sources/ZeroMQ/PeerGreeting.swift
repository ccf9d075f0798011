/// What the other end of a fresh TCP connection is, by what it says first (ZMTP 3, RFC 23).
///
/// libzmq does not tell: of some peers it reports that a handshake failed, of others nothing.
package enum PeerGreeting: Hashable, Sendable {
    /// It takes the connection and says nothing.
    case silent
    /// It is no ZeroMQ socket; the beginning of what it says, on one line of ASCII.
    case foreign(String)
    /// It is a ZeroMQ socket: its security mechanism, and its type if that can be seen, as in `ROUTER`.
    case zeroMQ(mechanism: String, socketType: String?)

    private static let signature: [UInt8] = [255, 0, 0, 0, 0, 0, 0, 0, 1, 127]
    private static let version: [UInt8] = [3, 0]
    private static let mechanismByteCount = 20
    /// Of the greeting, behind signature and version.
    private static let restByteCount = 52
    /// What makes a web server talk.
    private static let webRequest = Array("GET / HTTP/1.0\r\n\r\n".utf8)
    private static let shownByteCountMax = 60

    /// Talks to a peer as far as needed to tell what it is, and no further: a server that encrypts sees a
    /// connection that breaks, nobody whom it refuses.
    ///
    /// - Parameters:
    ///   - send: sends bytes.
    ///   - receive: as many bytes as asked for, or fewer where no more come.
    package static func exchange(
        send: ([UInt8]) -> Void, receive: (Int) -> [UInt8]
    ) -> PeerGreeting {
        var first = receive(signature.count)
        if first.isEmpty {
            send(webRequest)
            first = receive(1)
            if first.isEmpty { return .silent }
        }
        guard first.first == 255, first.count == signature.count, first.last == 127 else {
            return .foreign(shown(first + receive(shownByteCountMax)))
        }
        // It tells its mechanism to whoever tells his version.
        send(signature + version)
        let rest = receive(version.count + restByteCount).dropFirst(version.count)
        let mechanism = String(
            decoding: rest.prefix(mechanismByteCount).prefix { $0 != 0 }, as: UTF8.self)
        guard mechanism == "NULL" else {
            return .zeroMQ(mechanism: mechanism, socketType: nil)
        }
        send(Array("NULL".utf8) + [UInt8](repeating: 0, count: restByteCount - 4))
        let header = receive(2)
        guard header.count == 2 else { return .zeroMQ(mechanism: mechanism, socketType: nil) }
        return .zeroMQ(
            mechanism: mechanism, socketType: socketType(inReady: receive(Int(header[1]))))
    }

    /// The socket's type among the properties of a READY command.
    private static func socketType(inReady command: [UInt8]) -> String? {
        let ready: [UInt8] = [5] + Array("READY".utf8)
        guard command.starts(with: ready) else { return nil }
        var rest = command.dropFirst(ready.count)
        while let nameCount = rest.popFirst() {
            let name = rest.prefix(Int(nameCount))
            rest = rest.dropFirst(Int(nameCount))
            guard rest.count >= 4 else { return nil }
            let valueCount = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            let value = rest.dropFirst(4).prefix(valueCount)
            if String(decoding: name, as: UTF8.self).lowercased() == "socket-type" {
                return String(decoding: value, as: UTF8.self)
            }
            rest = rest.dropFirst(4).dropFirst(valueCount)
        }
        return nil
    }

    /// The first line, in characters that do nothing to a terminal.
    private static func shown(_ bytes: [UInt8]) -> String {
        let line = bytes.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        return String(
            line.prefix(shownByteCountMax).map {
                (32..<127).contains($0) ? Character(Unicode.Scalar($0)) : "?"
            })
    }
}
