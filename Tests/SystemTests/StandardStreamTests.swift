import Glibc
import System
import TestSupport
import Testing

/// Streams whose reader leaves, or does not read; each in a process of its own.
@Suite(.timeLimit(.minutes(4))) struct StandardStreamTests {
    /// Puts a pipe in a stream's place, and returns the end to read it from.
    private static func redirect(_ stream: Int32) -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0, dup2(ends[1], stream) == stream else { exit(2) }
        close(ends[1])
        return ends[0]
    }

    @Test func aReaderOfTheLogWhoLeavesEndsNothing() async {
        await #expect(processExitsWith: .exitCode(0)) {
            endInTime()
            ProgramStart.prepare("test")
            let reader = Self.redirect(STDERR_FILENO)
            guard StandardStream.isErrorRead else { exit(3) }
            StandardStream.error("somebody reads\n")
            close(reader)
            for _ in 0..<3 { StandardStream.error("nobody reads\n") }
            exit(StandardStream.isErrorRead ? 4 : 0)
        }
    }

    @Test func aReaderOfTheResultsWhoLeavesIsNoError() async {
        await #expect(processExitsWith: .exitCode(0)) {
            endInTime()
            ProgramStart.prepare("test")
            close(Self.redirect(STDOUT_FILENO))
            try StandardStream.output(String(repeating: "result\n", count: 100_000))
            exit(0)
        }
    }

    @Test func resultsThatCannotBeWrittenAreAnError() async {
        await #expect(processExitsWith: .exitCode(73)) {
            endInTime()
            let full = unsafe open("/dev/full", O_WRONLY)
            guard full >= 0, dup2(full, STDOUT_FILENO) >= 0 else { exit(2) }
            do throws(RunError) {
                try StandardStream.output("result\n")
            } catch {
                exit(error.code.exitStatus)
            }
        }
    }

    // The pipe fills up, the run goes on, and the reader is told what it missed.
    @Test func aReaderWhoDoesNotReadKeepsNobodyWaiting() async {
        await #expect(processExitsWith: .exitCode(0)) {
            endInTime()
            let reader = Self.redirect(STDERR_FILENO)
            let line = String(repeating: "x", count: 1_023) + "\n"
            let start = ContinuousClock.now
            for _ in 0..<200 { StandardStream.error(line) }
            guard !StandardStream.isErrorRead else { exit(3) }
            guard start.duration(to: .now) < .seconds(20) else { exit(4) }
            var block = [UInt8](repeating: 0, count: 1 << 20)
            let count = unsafe read(reader, &block, block.count)
            guard count > 0, count < 200 * line.utf8.count else { exit(5) }
            StandardStream.error("last\n")
            let rest = unsafe read(reader, &block, block.count)
            let text = String(decoding: block.prefix(max(0, rest)), as: UTF8.self)
            exit(text.hasPrefix("(lines that nobody read") && text.hasSuffix("last\n") ? 0 : 6)
        }
    }

    // The next file that a program opens would otherwise get what is meant for them.
    @Test func closedStreamsAreOpenedOnNothing() async {
        await #expect(processExitsWith: .exitCode(0)) {
            endInTime()
            for stream in 0...2 { close(Int32(stream)) }
            ProgramStart.prepare("test")
            for stream in 0...2 where fcntl(Int32(stream), F_GETFD) < 0 { exit(3) }
            exit(0)
        }
    }
}
