import Foundation
import Glibc
import TestSupport
import Testing

/// What other tests stand on.
@Suite(.timeLimit(.minutes(4))) struct TestSupportTests {
    private let shell = URL(filePath: "/bin/sh")

    @Test func placesExist() {
        let manager = FileManager.default
        #expect(manager.fileExists(atPath: packageRoot.appending(path: "Package.swift").path))
        #expect(manager.fileExists(atPath: productsDirectory.path))
    }

    @Test func aTemporaryDirectoryGoesAway() throws {
        var folder: TemporaryDirectory? = try TemporaryDirectory()
        let path = try #require(try folder?.write("a", to: "file"))
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "a")
        folder = nil
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func runTellsStatusAndBothOutputs() async throws {
        let folder = try TemporaryDirectory()
        let outcome = try await run(
            shell, ["-c", "echo out; echo err >&2; echo \"$MARK\"; pwd; exit 7"],
            environment: ["MARK": "x y"], directory: folder.url)
        #expect(outcome.status == 7)
        let last = folder.url.resolvingSymlinksInPath().path
        #expect(outcome.standardOutput == "out\nx y\n\(last)\n")
        #expect(outcome.standardError == "err\n")
        let killed = try await run(shell, ["-c", "kill -KILL $$"])
        #expect(killed.status == 128 + SIGKILL)
        await #expect(throws: ProcessFailure.self) { try await run(URL(filePath: "/nowhere")) }
    }

    @Test func muchOutputBlocksNobody() async throws {
        let outcome = try await run(
            shell, ["-c", "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2"])
        #expect(outcome.standardOutput.utf8.count == 3_000_000)
        #expect(outcome.standardError.utf8.count == 3_000_000)
    }

    @Test func linesAreAwaitedAndTimeIsLimited() async throws {
        let process = try RunningProcess(
            shell, ["-c", "echo one; echo two >&2; read line; exit 3"])
        #expect(try await process.line(containing: "tw") == "two")
        #expect(try await process.line { $0.stream == .standardOutput } == "one")
        #expect(process.isRunning)
        await #expect(throws: ProcessFailure.self) {
            try await process.line(containing: "never", within: .milliseconds(10))
        }
        await #expect(throws: ProcessFailure.self) {
            try await process.exitStatus(within: .milliseconds(10))
        }
        process.closeInput()
        #expect(try await process.exitStatus() == 3)
        process.send(SIGTERM)
        // Nothing more can come, so this does not wait.
        await #expect(throws: ProcessFailure.self) { try await process.line(containing: "never") }
    }

    @Test func whatAProgramStartedEndsWithTheLastReference() async throws {
        let folder = try TemporaryDirectory()
        let pipe = folder.path("pipe")
        let made = unsafe mkfifo(pipe, 0o600)
        #expect(made == 0)
        let reader = try RunningProcess(URL(filePath: "/bin/cat"), [pipe])
        do {
            // The grandchild holds the pipe open until it is killed.
            let program = try RunningProcess(
                shell, ["-c", "(echo up; exec tail -f /dev/null) > '\(pipe)' & wait"])
            try await reader.line(containing: "up")
            #expect(program.isRunning)
        }
        #expect(try await reader.exitStatus() == 0)
    }

    @Test func aSignalReachesTheProgramOnly() async throws {
        let process = try RunningProcess(
            shell,
            ["-c", "trap 'echo told; exit 0' TERM; tail -f /dev/null & echo up; wait"])
        try await process.line(containing: "up")
        process.send(SIGTERM)
        // The tail lives on and holds the outputs open.
        #expect(try await process.exitStatus(readingToEnd: false) == 0)
        try await process.line(containing: "told")
    }
}
