import Formats
import Foundation
import RunFolder
import TestSupport
import Testing
import WireProtocol

extension EndToEndTests {
    /// What another release left or sends is refused with the sentence that Deploy/README.md quotes.
    @Suite(.timeLimit(.minutes(4))) struct UpgradeTests {
        /// The instructions as one line.
        private static let instructions = Result {
            try String(
                contentsOf: packageRoot.appending(path: "Deploy/README.md"), encoding: .utf8
            ).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }

        @Test func aJournalOfAnotherVersionIsRefusedAndLeftAlone() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let reference = try await Lab.reference
            try reference.copy(to: path, without: [.results])
            let journal = RunDirectory.path(of: .journal, in: path)
            // SQLite's header has the user version in its bytes 60 to 63, most significant first.
            let former = try bytes(of: journal)[63] - 1
            let file = try FileHandle(forUpdating: URL(filePath: journal))
            try file.seek(toOffset: 63)
            try file.write(contentsOf: Data([former]))
            try file.close()
            let before = try bytes(of: journal)
            let run = try await reference.job.run(in: path, ["--workers", "1"])
            #expect(run.status == 65, "\(run.standardError)")
            #expect(try bytes(of: journal) == before)
            let sentence = try #require(
                run.standardError.firstMatch(of: /it is a journal of version \d+, [^\n]*/)?.0)
            #expect(try Self.instructions.get().contains(sentence), "\(sentence)")
        }

        @Test func aRunOfAReleaseThatLackedAnOptionIsNamed() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let reference = try await Lab.reference
            try await reference.job.beginWithBackbone(in: path)
            var config = try RunDirectory.readConfig(in: path)
            config["head_init"] = nil
            try Data(try JSONFile.encode(config)).write(
                to: URL(filePath: RunDirectory.path(of: .config, in: path)))
            let run = try await reference.job.run(in: path, ["--workers", "1"])
            #expect(run.status == 64, "\(run.standardError)")
            #expect(run.standardError.contains("head_init is not set there"))
            #expect(try Self.instructions.get().contains("is not set there"))
        }

        @Test func aWorkerOfTheReleaseBeforeIsToldWhatToDo() async throws {
            let folder = try TemporaryDirectory()
            let coordinator = try Job().start(in: folder.path("run"))
            let former = WireProtocol.version - 1
            let refusal = try await FakeWorker.play(try await endpoint(of: coordinator)) { worker in
                let hello = WorkerMessage.hello(FakeWorker.hello(name: "former"))
                try worker.send(frames: hello.encode().ofVersion(UInt8(former)))
                return try worker.refusal()
            }
            #expect(refusal.code == .versionMismatch)
            #expect(
                try Self.instructions.get().contains(refusal.message), "\(refusal.message)")
            #expect(coordinator.isRunning)
        }
    }
}
