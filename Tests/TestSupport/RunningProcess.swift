package import Foundation
import Glibc
import Synchronization

/// A program that a test started, in a process group of its own.
///
/// Its output is read as it comes, so it never waits for the test. It is killed, together with
/// what it started, when the last reference goes.
package final class RunningProcess: Sendable {
    /// Which of the two outputs a line came from.
    package enum Stream: Hashable, Sendable {
        case standardOutput
        case standardError
    }

    /// One line of output, without its end.
    package struct Line: Hashable, Sendable {
        /// Where it was written.
        package let stream: Stream
        /// What it says.
        package let text: String
    }

    /// The process's number, which is its group's too.
    package let identifier: pid_t

    private let name: String
    private let input: Mutex<Int32?>
    private let record = ProcessRecord()

    /// Starts the program; its standard input stays open until ``closeInput()``.
    ///
    /// The environment is the test's own with `environment` laid over it.
    package init(
        _ executable: URL, _ arguments: [String] = [], environment: [String: String] = [:],
        directory: URL? = nil
    ) throws {
        name = ([executable.lastPathComponent] + arguments).joined(separator: " ")
        let child = try spawn(
            executable.path, arguments,
            environment: ProcessInfo.processInfo.environment.merging(environment) { $1 },
            directory: directory?.path)
        identifier = child.identifier
        input = Mutex(child.standardInput)
        // Threads, because reading and waiting block; they retain the record and not the process.
        let record = record
        Thread.detachNewThread {
            readToEnd(child.standardOutput) { record.received($0, from: .standardOutput) }
            record.ended(.standardOutput)
        }
        Thread.detachNewThread {
            readToEnd(child.standardError) { record.received($0, from: .standardError) }
            record.ended(.standardError)
        }
        Thread.detachNewThread {
            // Looked at first and reaped under the record's lock, so that no signal is ever sent
            // to a number that the system has given to somebody else.
            var information = unsafe siginfo_t()
            while unsafe waitid(P_PID, id_t(child.identifier), &information, WEXITED | WNOWAIT) < 0,
                errno == EINTR
            {}
            record.exited { reap(child.identifier) }
        }
    }

    deinit {
        closeInput()
        record.ifRunning { kill(-identifier, SIGKILL) }
    }

    /// The lines so far, in order of arrival.
    package var lines: [Line] { record.lines }

    /// What it wrote to standard output so far.
    package var standardOutput: String { record.text(of: .standardOutput) }

    /// What it wrote to standard error so far.
    package var standardError: String { record.text(of: .standardError) }

    /// Whether it has not ended yet.
    package var isRunning: Bool { record.status == nil }

    /// Waits for a line that satisfies the condition; lines that came before count.
    ///
    /// - Throws: ``ProcessFailure`` when the output ends without such a line, or the time is over.
    @discardableResult
    package func line(
        within limit: Duration = .seconds(90), where condition: @escaping @Sendable (Line) -> Bool
    ) async throws -> String {
        try await waiting(limit, "writes the awaited line") { [record] waiter in
            record.wait(waiter, .line(condition))
        }
    }

    /// Waits for a line that contains the text.
    @discardableResult
    package func line(
        containing text: String, within limit: Duration = .seconds(90)
    ) async throws -> String {
        try await line(within: limit) { $0.text.contains(text) }
    }

    /// Waits for its end.
    ///
    /// The end of its output is awaited too, unless `readingToEnd` is false: what it has started
    /// may hold its outputs open after it.
    ///
    /// - Returns: Its exit status; 128 and the signal's number when a signal ended it.
    @discardableResult
    package func exitStatus(
        within limit: Duration = .seconds(60), readingToEnd: Bool = true
    ) async throws -> Int32 {
        let status = try await waiting(limit, "ends") { [record] waiter in
            record.wait(waiter, .end(outputToo: readingToEnd))
        }
        return Int32(status) ?? -1
    }

    /// Sends it a signal, or its whole group as a terminal's Ctrl-C would; nothing if it has ended.
    package func send(_ signal: Int32, toGroup: Bool = false) {
        record.ifRunning { kill(toGroup ? -identifier : identifier, signal) }
    }

    /// Ends its standard input.
    package func closeInput() {
        if let descriptor = input.withLock({ $0.take() }) { close(descriptor) }
    }

    private func waiting(
        _ limit: Duration, _ what: String,
        _ begin: @escaping @Sendable (UUID) -> AsyncStream<String>
    ) async throws -> String {
        let waiter = UUID()
        let answer = begin(waiter)
        let record = record
        // Unstructured: it only ends the wait, and is cancelled as soon as the wait is over.
        let alarm = Task {
            try await Task.sleep(for: limit)
            record.stopWaiting(waiter)
        }
        defer { alarm.cancel() }
        for await found in answer { return found }
        let status = record.status.map { "ended with status \($0)" } ?? "still runs"
        let tail = record.lines.suffix(40).map(\.text).joined(separator: "\n")
        throw ProcessFailure(
            "\(name): not within \(limit) that it \(what); it \(status). Output:\n\(tail)")
    }
}

/// Runs a program to its end.
///
/// - Throws: ``ProcessFailure`` when it does not start, or not end in time: it is then killed.
package func run(
    _ executable: URL, _ arguments: [String] = [], environment: [String: String] = [:],
    directory: URL? = nil, within limit: Duration = .seconds(60)
) async throws -> (status: Int32, standardOutput: String, standardError: String) {
    let process = try RunningProcess(
        executable, arguments, environment: environment, directory: directory)
    process.closeInput()
    let status = try await process.exitStatus(within: limit)
    return (status, process.standardOutput, process.standardError)
}
