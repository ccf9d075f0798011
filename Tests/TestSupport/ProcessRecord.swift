import Foundation
import Synchronization

/// What is known of a process, and who waits to know more.
final class ProcessRecord: Sendable {
    typealias Line = RunningProcess.Line
    typealias Stream = RunningProcess.Stream

    /// What a test waits for.
    enum Condition: Sendable {
        /// Called with the lock held: it looks at its argument and nothing else.
        case line(@Sendable (Line) -> Bool)
        case end(outputToo: Bool)
    }

    private struct Waiter {
        let condition: Condition
        let continuation: AsyncStream<String>.Continuation
    }

    private struct State {
        var bytes: [Stream: [UInt8]] = [:]
        var unfinished: [Stream: [UInt8]] = [:]
        var lines: [Line] = []
        var open: Set<Stream> = [.standardOutput, .standardError]
        var status: Int32?
        var waiters: [UUID: Waiter] = [:]
    }

    private let state = Mutex(State())

    var lines: [Line] { state.withLock { $0.lines } }
    var status: Int32? { state.withLock { $0.status } }

    func text(of stream: Stream) -> String {
        state.withLock { String(decoding: $0.bytes[stream, default: []], as: UTF8.self) }
    }

    // MARK: From the reading threads

    func received(_ block: [UInt8], from stream: Stream) {
        state.withLock { state in
            state.bytes[stream, default: []] += block
            var pieces = block.split(
                separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            // What follows the last line end is the beginning of a line.
            let beginning = pieces.removeLast()
            for piece in pieces {
                let line = state.unfinished[stream, default: []] + piece
                state.unfinished[stream] = []
                add(String(decoding: line, as: UTF8.self), from: stream, to: &state)
            }
            state.unfinished[stream, default: []] += beginning
        }
    }

    func ended(_ stream: Stream) {
        state.withLock { state in
            let rest = state.unfinished[stream, default: []]
            if !rest.isEmpty {
                add(String(decoding: rest, as: UTF8.self), from: stream, to: &state)
            }
            state.unfinished[stream] = nil
            state.open.remove(stream)
            finishWaiters(of: &state)
        }
    }

    func exited(reap: () -> Int32) {
        state.withLock { state in
            state.status = reap()
            finishWaiters(of: &state)
        }
    }

    // MARK: From the test

    func ifRunning(_ body: () -> Void) {
        state.withLock { if $0.status == nil { body() } }
    }

    func wait(_ waiter: UUID, _ condition: Condition) -> AsyncStream<String> {
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        state.withLock { state in
            if case .line(let matches) = condition, let line = state.lines.first(where: matches) {
                continuation.yield(line.text)
                continuation.finish()
            } else {
                state.waiters[waiter] = Waiter(condition: condition, continuation: continuation)
                finishWaiters(of: &state)
            }
        }
        return stream
    }

    func stopWaiting(_ waiter: UUID) {
        state.withLock { $0.waiters.removeValue(forKey: waiter)?.continuation.finish() }
    }

    private func add(_ text: String, from stream: Stream, to state: inout State) {
        let line = Line(stream: stream, text: text)
        state.lines.append(line)
        for (key, waiter) in state.waiters {
            guard case .line(let matches) = waiter.condition, matches(line) else { continue }
            waiter.continuation.yield(text)
            waiter.continuation.finish()
            state.waiters[key] = nil
        }
    }

    /// Tells those who wait what can no longer change.
    private func finishWaiters(of state: inout State) {
        for (key, waiter) in state.waiters {
            switch waiter.condition {
            case .line:
                guard state.open.isEmpty else { continue }
            case .end(let outputToo):
                guard let status = state.status, state.open.isEmpty || !outputToo else { continue }
                waiter.continuation.yield(String(status))
            }
            waiter.continuation.finish()
            state.waiters[key] = nil
        }
    }
}
