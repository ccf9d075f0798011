import Formats
import Foundation
import Journal
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// A finished run some of whose files are gone, cut, or in a place that cannot be written.
    @Suite(.timeLimit(.minutes(4))) struct FinishedRunTests {
        private let folder: TemporaryDirectory
        private let path: String

        init() async throws {
            folder = try TemporaryDirectory()
            path = folder.path("run")
            try await Lab.reference.copy(to: path)
        }

        private func file(_ artefact: RunDirectory.Artefact) -> URL {
            URL(filePath: RunDirectory.path(of: artefact, in: path))
        }

        private func remove(_ artefacts: RunDirectory.Artefact...) throws {
            for artefact in artefacts { try FileManager.default.removeItem(at: file(artefact)) }
        }

        private func cut(_ artefact: RunDirectory.Artefact) throws {
            try Data(contentsOf: file(artefact)).dropLast(99).write(to: file(artefact))
        }

        private func expectTheReferences(_ artefacts: [RunDirectory.Artefact]) async throws {
            let reference = try await Lab.reference.path
            for artefact in artefacts {
                let expected = try bytes(of: RunDirectory.path(of: artefact, in: reference))
                #expect(try bytes(of: file(artefact).path) == expected, "\(artefact)")
            }
        }

        private static let all: [RunDirectory.Artefact] = [
            .config, .results, .predictions, .model, .timeline, .trainFeatures, .trainLabels,
            .testFeatures, .testLabels,
        ]

        @Test func whatIsMissingOrDamagedIsMadeAgain() async throws {
            try remove(.predictions, .trainLabels)
            try cut(.model)
            try cut(.testFeatures)
            let job = try await Lab.reference.job
            // Workers are not needed, and not started.
            let again = try await job.run(in: path, ["--workers", "3", "--save-features"])
            #expect(again.status == 0, "\(again.standardError)")
            for text in [
                "predictions.csv is missing", "model.safetensors is damaged",
                "labels-train.npy is missing", "features-test.npy is damaged", "from the journal",
            ] {
                #expect(again.standardError.contains(text), "\(again.standardError)")
            }
            #expect(!again.standardError.contains("workers connect to"))
            // Even the times are those of the run, not of this start.
            try await expectTheReferences(Self.all)
            let third = try await job.run(in: path)
            #expect(third.standardError.contains("nothing is left to do"))
            #expect(third.standardOutput == again.standardOutput)
        }

        @Test func resultsAreMadeAgainToo() async throws {
            let reference = try await Lab.reference
            try cut(.results)
            try remove(.model, .config)
            let again = try await reference.job.run(in: path)
            #expect(again.status == 0, "\(again.standardError)")
            #expect(again.standardError.contains("results.json is damaged"))
            #expect(again.standardError.contains("57 of 57 heads were trained before"))
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == reference.results.digests)
            #expect(results.schemes == reference.results.schemes)
            #expect(results.heads.trained == 0)
            #expect(results.files == reference.results.files)
            // The time of both starts, in which the backbone was trained once.
            #expect(results.starts?.count == 2)
            #expect(results.timing.backbone >= reference.results.timing.backbone)
            #expect(results.timing.total > reference.results.timing.total)
            #expect(again.standardOutput.contains("starts 2, whose times are added up"))
            try await expectTheReferences([.predictions, .model])
        }

        @Test func withoutAJournalItSaysWhatIsMissing() async throws {
            try remove(.model, .journal)
            let again = try await Lab.reference.job.run(in: path)
            #expect(again.status == 65, "\(again.standardError)")
            #expect(again.standardError.contains("model.safetensors is missing"))
            #expect(again.standardError.contains("journal.sqlite"))
        }

        @Test func featuresMayBeAskedForLater() async throws {
            let job = try await Lab.reference.job
            let later = folder.path("later")
            let before = try await job.results(in: later, ["--workers", "1"])
            #expect(before.files?.keys.sorted() == ["model.safetensors", "predictions.csv"])
            let run = try await job.run(in: later, ["--save-features"])
            #expect(run.status == 0, "\(run.standardError)")
            for artefact in RunDirectory.savedFeatures {
                #expect(
                    try bytes(of: RunDirectory.path(of: artefact, in: later))
                        == bytes(of: file(artefact).path))
            }
            var after = try RunDirectory.readResults(in: later)
            #expect(after.files == (try await Lab.reference.results.files))
            after.files = before.files
            #expect(after == before)
        }

        // Any program can read it, from where nothing can be written.
        @Test func theJournalIsOneFile() async throws {
            let reference = try await Lab.reference.path
            let files = try names(in: reference).filter { $0.hasPrefix("journal") }
            #expect(files == ["journal.sqlite"])
            // The versions in its header: 2 would ask for a log beside it.
            let header = try bytes(of: RunDirectory.path(of: .journal, in: reference))
            #expect(header[18...19] == [1, 1])
        }

        /// In a mount namespace of its own: the folder, which nobody can write.
        private static let readOnly = """
            folder=$1
            mount --bind "$folder" "$folder" || exit 100
            mount -o remount,bind,ro "$folder" || exit 100
            if touch "$folder/x" 2>/dev/null; then exit 101; fi
            shift
            exec "$@"
            """

        private func runReadOnly(_ arguments: [String]) async throws -> (
            status: Int32, standardOutput: String, standardError: String
        ) {
            let script = try folder.write(Self.readOnly, to: "read-only")
            return try await run(
                URL(filePath: "/usr/bin/unshare"),
                ["--map-root-user", "--mount", "/bin/sh", script, path, Lab.coordinator.path]
                    + arguments)
        }

        @Test(.enabled(if: Namespaces.areThere, "needs a mount namespace: root, or unshare -r"))
        func onMediaThatCannotBeWritten() async throws {
            let reference = try await Lab.reference
            let files = try names(in: path)
            let printed = try await runReadOnly(reference.job.arguments(in: path))
            #expect(printed.status == 0, "\(printed.standardError)")
            #expect(printed.standardOutput == reference.output)
            #expect(try names(in: path) == files)
            let evaluated = try await runReadOnly(["evaluate", path, "--threads", "1"])
            #expect(evaluated.status == 0, "\(evaluated.standardError)")
            // The journal can be read there, also as a process that was killed left it.
            try remove(.config)
            let mode = try await run(
                URL(filePath: "/usr/bin/python3"),
                [
                    "-c",
                    "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode = WAL')",
                    file(.journal).path,
                ])
            #expect(mode.status == 0, "\(mode.standardError)")
            #expect(try bytes(of: file(.journal).path)[18...19] == [2, 2])
            let again = try await runReadOnly(["resume", path])
            #expect(again.status == 0, "\(again.standardError)")
            #expect(again.standardOutput == reference.output)
            // What is missing cannot be made there, which is said.
            try remove(.predictions)
            let refused = try await runReadOnly(reference.job.arguments(in: path))
            #expect(refused.status == 73, "\(refused.standardError)")
            #expect(refused.standardError.contains("predictions.csv is missing"))
            #expect(refused.standardError.contains("copy it"))
            try remove(.results)
            let unfinished = try await runReadOnly(reference.job.arguments(in: path))
            #expect(unfinished.status == 73, "\(unfinished.standardError)")
        }
    }
}
