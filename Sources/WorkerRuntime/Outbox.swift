import ZeroMQ

/// Messages that a control socket would not take yet.
struct Outbox {
    /// Messages kept for a coordinator that cannot be reached; more are dropped, oldest first.
    private static let countMax = 1_024
    /// Bytes of those messages; the last one is kept whatever its size.
    private static let byteCountMax = 256 << 20

    private var messages: [[Frame]] = []
    private var byteCount = 0

    var isEmpty: Bool { messages.isEmpty }

    mutating func append(_ frames: [Frame]) {
        messages.append(frames)
        byteCount += Self.byteCount(frames)
        while messages.count > Self.countMax || byteCount > Self.byteCountMax && messages.count > 1
        {
            byteCount -= Self.byteCount(messages.removeFirst())
        }
    }

    /// Hands over as many messages as the socket takes.
    mutating func flush(to socket: borrowing Socket) throws(ZeroMQError) {
        while let first = messages.first, try socket.send(first) {
            byteCount -= Self.byteCount(messages.removeFirst())
        }
    }

    private static func byteCount(_ frames: [Frame]) -> Int { frames.reduce(0) { $0 + $1.count } }
}
