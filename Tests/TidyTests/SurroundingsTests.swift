import Foundation
import TestSupport
import Testing

private let python = URL(filePath: "/usr/bin/python3")
private let hasPython = FileManager.default.isExecutableFile(atPath: python.path)

/// `Scripts/try-surroundings`, apart from its cases: what it finds, and that it leaves nothing behind.
@Suite(.enabled(if: hasPython, "needs python3"), .timeLimit(.minutes(4)))
struct SurroundingsTests {
    private let script = packageRoot.appending(path: "Scripts/try-surroundings").path

    /// Runs one case with a shell script in the place of all three programs.
    private func trying(
        _ name: String, _ program: String
    ) async throws -> (status: Int32, line: String) {
        let folder = try TemporaryDirectory()
        for name in ["coordinator", "worker", "bench"] {
            try folder.write("#!/bin/sh\n\(program)\n", to: name, executable: true)
        }
        let outcome = try await run(
            python, [script, "--bin", folder.path, "--only", name],
            environment: ["TMPDIR": folder.path])
        let left = try names(in: folder.path)
        #expect(left.count == 3, "\(left)")
        let lines = outcome.standardOutput.split(separator: "\n")
        #expect(lines.count == 2, "\(outcome.standardOutput) \(outcome.standardError)")
        return (outcome.status, lines.first.map(String.init) ?? "")
    }

    @Test func listsItsCases() async throws {
        let outcome = try await run(python, [script, "--list"])
        #expect(outcome.status == 0, "\(outcome.standardError)")
        let names = outcome.standardOutput.split(separator: "\n")
        #expect(names.count >= 60)
        #expect(Set(names).count == names.count)
        #expect(try await run(python, [script, "--only", "none-such"]).status == 64)
        #expect(try await run(python, [script, "--bin", "/nonexistent"]).status == 69)
    }

    @Test func whatIsRightIsRight() async throws {
        let (status, line) = try await trying("texts: versions", "echo '1.2.3 (commit unknown)'")
        #expect(status == 0)
        #expect(line.hasPrefix("ok "))
    }

    @Test(arguments: [
        ("exit 3", "status 3, not 0"), ("kill -SEGV $$", "signal 11"),
        ("echo 'Error Domain=X' >&2", "a raw error"),
        ("sleep 60 & echo 1", "still holds its output"),
        ("sleep 60 >/dev/null 2>&1 & echo '1.2.3 (commit unknown)'", "left running: sleep 60"),
    ])
    func whatIsWrongIsFound(program: String, finding: String) async throws {
        let (status, line) = try await trying("texts: versions", program)
        #expect(status == 1)
        #expect(line.hasPrefix("FAIL"))
        #expect(line.contains(finding), "\(line)")
    }
}
