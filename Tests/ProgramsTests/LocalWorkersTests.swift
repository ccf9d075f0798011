import CoordinatorNetwork
import Fleet
import Foundation
import Scheduling
import Sessions
import System
import TestSupport
import Testing

/// Processes that are started again or not, and what is said once none will be: shells in place of
/// workers.
@Suite(.timeLimit(.minutes(4))) struct LocalWorkersTests {
    /// Hands on what is logged.
    private struct Listener: SessionObserver {
        let lines: AsyncStream<String>.Continuation

        func log(_ level: LogLevel, _ text: String) { lines.yield(text) }
        func observe(_ progress: HeadsProgress) {}
    }

    /// A worker for each of these command lines, which find `folder` as their `$1`.
    private static func launches(
        _ commands: [String], in folder: TemporaryDirectory
    ) throws -> [WorkerLaunch] {
        let lines = try commands.enumerated().map { index, command in
            let script = try folder.write(command, to: "command-\(index)")
            return "sh \(script) \(folder.path) {endpoint}"
        }
        let file = try HostsFile(path: "hosts", text: lines.joined(separator: "\n"))
        return try file.entries.map {
            try WorkerLaunch($0, of: file, endpoint: "tcp://127.0.0.1:1", ssh: [])
        }
    }

    /// Waits for a file, then exits with a status.
    private static func exit(_ status: Int, after name: String) -> String {
        "while [ ! -e \"$1/\(name)\" ]; do sleep 0.02; done; exit \(status)"
    }

    // One ends for good, the other, which was asked to leave, in peace: nobody is left.
    @Test func aWorkerThatLeavesInPeaceMayBeTheLast() async throws {
        let folder = try TemporaryDirectory()
        let (lines, listener) = AsyncStream.makeStream(of: String.self)
        let (reports, report) = AsyncStream.makeStream(of: RunError.self)
        let workers = LocalWorkers(
            try Self.launches(
                [Self.exit(0, after: "leave"), "echo 'worker: no such thing' >&2; exit 69"],
                in: folder),
            onLoss: .startAgain { error, remaining in
                if remaining == 0 { report.yield(error) }
            }, observer: Listener(lines: listener))
        try workers.start()
        defer { workers.stop() }
        for await line in lines where line.hasSuffix("is not started again") { break }
        try folder.write("", to: "leave")
        for await error in reports {
            #expect(error.code == .unavailable)
            #expect(
                error.message
                    == "none of the workers started here can run: no such thing; what is trained is kept"
            )
            break
        }
    }

    // Each lives long enough to be started again, and dies all the same: a hundred times is enough.
    @Test func workersThatKeepDyingAreGivenUp() async throws {
        let folder = try TemporaryDirectory()
        let (reports, report) = AsyncStream.makeStream(of: RunError.self)
        let dying = "sleep 0.25; echo 'worker: the moon is full' >&2; exit 70"
        let workers = LocalWorkers(
            try Self.launches([String](repeating: dying, count: 20), in: folder),
            onLoss: .startAgain { error, remaining in
                if remaining == 0 { report.yield(error) }
            }, observer: Listener(lines: AsyncStream.makeStream(of: String.self).continuation))
        try workers.start()
        defer { workers.stop() }
        for await error in reports {
            #expect(
                error.message
                    == "none of the workers started here can run: the moon is full; what is trained is kept"
            )
            break
        }
    }

    // Two are needed, and one cannot run: the other, which could, is not enough.
    @Test func tooFewThatCanRunEndTheWork() async throws {
        let folder = try TemporaryDirectory()
        let (lines, listener) = AsyncStream.makeStream(of: String.self)
        var fleet = Fleet(bind: "tcp://127.0.0.1:0", observer: Listener(lines: listener)) {
            "\($0)"
        }
        // Should it not end by itself, it says so soon.
        fleet.waitLimit = WaitLimit(seconds: 20)
        let error = await #expect(throws: RunError.self) {
            try await fleet.run { _ in
                try Self.launches(
                    [Self.exit(0, after: "never"), "echo 'worker: no such thing' >&2; exit 64"],
                    in: folder)
            } _: { members in
                let sample = SampleTasks()
                return try await members.link.perform(
                    sample.job(minWorkerCount: 2), on: sample.chunks
                ) { _ in }
            }
        }
        #expect(error?.code == .unavailable)
        #expect(
            error?.message
                == "of 2 workers started here only 1 can run, fewer than --min-workers: no such thing; what is trained is kept"
        )
        listener.finish()
        var said: [String] = []
        for await line in lines { said.append(line) }
        #expect(said.contains { $0.hasSuffix("is not started again") }, "\(said)")
    }

    // The first one's place is empty for a moment, and the second one ends for good meanwhile.
    @Test func aWorkerThatIsBeingStartedAgainIsNotGone() async throws {
        let folder = try TemporaryDirectory()
        let (reports, report) = AsyncStream.makeStream(of: Bool.self)
        let second = folder.path("second")
        // What it leaves behind holds its standard error, whose end is waited for.
        let crashing = """
            if [ -e "$1/first" ]; then sleep 1; touch "$1/second"; exit 69; fi
            setsid sleep 1 &
            sleep 0.3
            touch "$1/first"
            exit 70
            """
        let workers = LocalWorkers(
            try Self.launches(
                [crashing, Self.exit(69, after: "first")], in: folder),
            onLoss: .startAgain { _, remaining in
                guard remaining == 0 else { return }
                report.yield(FileManager.default.fileExists(atPath: second))
            }, observer: Listener(lines: AsyncStream.makeStream(of: String.self).continuation))
        try workers.start()
        defer { workers.stop() }
        for await isLast in reports {
            #expect(isLast)
            break
        }
    }
}
