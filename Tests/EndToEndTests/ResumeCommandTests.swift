import Formats
import Foundation
import Journal
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator resume`: what a run was begun with is not repeated.
    @Suite(.timeLimit(.minutes(4))) struct ResumeCommandTests {
        private let folder: TemporaryDirectory
        private let path: String

        init() throws {
            folder = try TemporaryDirectory()
            path = folder.path("run")
        }

        @Test func aRunGoesOnAndItsTimesAreAddedUp() async throws {
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: path)
            let first = try job.start(in: path, ["--workers", "1"])
            try await eventually("some heads are kept") { progress(in: path).headCount > 4 }
            first.send(SIGKILL)
            try await first.exitStatus(readingToEnd: false)
            let kept = progress(in: path).headCount
            try #require(kept < 57)
            // From another folder, too.
            let again = try await run(
                Lab.coordinator, ["resume", "run", "--workers", "2", "--json"],
                directory: folder.url)
            #expect(again.status == 0, "\(again.standardError)")
            #expect(again.standardError.contains("\(kept) of 57 heads were trained before"))
            #expect(!again.standardError.contains("no command was given"))
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == expected.digests)
            #expect(results.heads.resumed == kept)
            #expect(results.workers.reduce(0) { $0 + $1.heads } == 57 - kept)
            #expect(results.config["head_epochs"] == 2_000)
            #expect(results.config["run_dir"] == "run")
            #expect(again.standardOutput.hasPrefix("{"))
            // The killed one was training heads, and its time for them counts.
            let starts = try #require(results.starts)
            try #require(starts.count == 2)
            #expect(starts.allSatisfy { $0.heads > 0 && $0.total >= $0.heads })
            for phase in RunResults.Timing.phases {
                let sum = starts[0][keyPath: phase.path] + starts[1][keyPath: phase.path]
                #expect(abs(results.timing[keyPath: phase.path] - sum) < 1e-9, "\(phase.name)")
            }
        }

        @Test func whatCannotBeResumedIsRefused() async throws {
            let reference = try await Lab.reference.path
            let cases: [([String], Int32, String)] = [
                ([folder.path], 65, "holds neither a run nor a study"),
                ([path], 65, "does not exist; give the folder"),
                ([], 64, "<folder>"),
                ([reference, "--no-such-option"], 64, "Unknown option '--no-such-option'"),
                ([reference, "--epochs", "7"], 64, "epochs is 1 there and 7 here"),
            ]
            for (arguments, status, text) in cases {
                let run = try await run(Lab.coordinator, ["resume"] + arguments)
                #expect(run.status == status, "\(arguments): \(run.standardError)")
                #expect(run.standardOutput == "")
                #expect(run.standardError.contains(text), "\(run.standardError)")
            }
            for arguments in [["resume", "--help"], ["resume", reference, "--help"]] {
                let help = try await run(Lab.coordinator, arguments)
                #expect(help.status == 0)
                #expect(help.standardOutput.contains("Example: coordinator resume"))
            }
        }
    }
}
