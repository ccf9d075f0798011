import Foundation
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// What somebody who comes back in the morning finds: times in the log, events in the timeline.
    @Suite(.timeLimit(.minutes(4))) struct LogTests {
        @Test func aLogInAFileSaysWhenAndAPipeDoesNot() async throws {
            let folder = try TemporaryDirectory()
            let arguments = [
                "run", "--dataset", "cifar10", "--data-dir", folder.path("nothing"),
                "--run-dir", folder.path("run"),
            ]
            let piped = try await run(Lab.coordinator, arguments)
            let log = folder.path("log")
            let filed = try await run(
                URL(filePath: "/bin/sh"),
                ["-c", "exec \"$0\" \"$@\" 2>\"$LOG\"", Lab.coordinator.path] + arguments,
                environment: ["LOG": log])
            #expect(filed.status == piped.status)
            let lines = try String(contentsOf: URL(filePath: log), encoding: .utf8)
                .split(separator: "\n")
            #expect(lines.count >= 2)
            let time = /20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\ /
            #expect(lines.allSatisfy { $0.prefixMatch(of: time) != nil }, "\(lines)")
            // Apart from the time they say the same.
            #expect(
                lines.map { $0.drop { $0 != " " }.dropFirst() }
                    == piped.standardError.split(separator: "\n"))
        }

        @Test func theTimelineIsThereBeforeTheEnd() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            var job = try Job()
            job.headEpochs = 100_000
            try await job.beginWithBackbone(in: path)
            let coordinator = try job.start(in: path, ["--workers", "1"])
            let timeline = RunDirectory.path(of: .timeline, in: path)
            func lines() -> [Substring] {
                let text = (try? String(contentsOfFile: timeline, encoding: .utf8)) ?? ""
                return text.split(separator: "\n")
            }
            try await eventually("a lease is in the timeline") {
                lines().contains { $0.contains("\"kind\":\"bundle_leased\"") }
            }
            try #require(coordinator.isRunning)
            coordinator.send(SIGKILL)
            try await coordinator.exitStatus(readingToEnd: false)
            #expect(lines().contains { $0.contains("\"detail\":\"data\"") })
            for line in lines() {
                #expect(throws: Never.self) {
                    try JSONSerialization.jsonObject(with: Data(line.utf8))
                }
            }
        }
    }
}
