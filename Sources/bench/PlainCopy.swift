import ArgumentParser
import Foundation
import Synchronization

/// The same bytes over plain TCP sockets of loopback, to as many receiving processes.
///
/// What the broadcast is compared with: nothing is framed, checked or repaired. Each receiver is this
/// program again, a thread sends to each, and a copy ends when the last receiver has said that it has
/// everything.
enum PlainCopy {
    /// What a receiver does with the bytes.
    enum Mode: String, ExpressibleByArgument {
        /// Keeps them in memory of their size, as a worker does.
        case keep
        /// Reads them into one small buffer again and again: the socket's own limit.
        case discard
    }

    /// Bytes a call sends or takes at most.
    static let blockByteCount = 1 << 20

    /// Seconds of one copy to `receiverCount` processes.
    static func measure(_ bytes: [UInt8], receiverCount: Int, _ mode: Mode) throws -> Double {
        let listener = try StreamSocket.listening(backlog: receiverCount)
        let port = try listener.port()
        let executable = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        let receivers = try (0..<receiverCount).map { _ in
            try Process.run(
                executable,
                arguments: [
                    "plain-receiver", "--port", "\(port)", "--bytes", "\(bytes.count)", "--mode",
                    mode.rawValue,
                ])
        }
        defer { for receiver in receivers { receiver.waitUntilExit() } }
        let connections = try receivers.map { _ in try listener.accepted() }
        let failure = Mutex<(any Error)?>(nil)
        let start = ContinuousClock.now
        DispatchQueue.concurrentPerform(iterations: receiverCount) { index in
            do {
                try connections[index].send(bytes, blockByteCount: blockByteCount)
                try connections[index].awaitByte()
            } catch {
                failure.withLock { $0 = error }
            }
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        if let error = failure.withLock({ $0 }) { throw error }
        return seconds
    }
}

/// The other end of ``PlainCopy``, in a process of its own.
struct PlainReceiver: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plain-receiver", abstract: "Receives bytes for bench broadcast.",
        shouldDisplay: false)

    @Option var port: UInt16
    @Option var bytes: Int
    @Option var mode: PlainCopy.Mode

    func validate() throws {
        guard bytes > 0 else { throw ValidationError("--bytes must be at least 1") }
    }

    func run() throws {
        let connection = try StreamSocket.connected(toPort: port)
        try connection.receive(
            bytes, into: mode == .keep ? bytes : min(bytes, PlainCopy.blockByteCount / 2),
            blockByteCount: PlainCopy.blockByteCount)
        try connection.send([1], blockByteCount: 1)
    }
}
