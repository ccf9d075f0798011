import Formats
import Foundation
import Journal
import RunFolder
import TestSupport
import Testing
import Transfer

extension EndToEndTests {
    /// A coordinator that dies at any point and is started again: only what is missing is done, and
    /// the digests are those of a run that nobody disturbed.
    @Suite(.timeLimit(.minutes(5))) struct ResumeTests {
        /// Kills the coordinator once its journal has come so far; returns how far.
        private func killOnce(
            _ coordinator: RunningProcess, in path: String,
            _ isFarEnough: @escaping @Sendable (JournalProgress) -> Bool
        ) async throws -> JournalProgress {
            try await eventually("the journal is far enough") { isFarEnough(progress(in: path)) }
            try #require(coordinator.isRunning)
            coordinator.send(SIGKILL)
            try #require(
                try await coordinator.exitStatus(readingToEnd: false) == 128 + SIGKILL)
            return progress(in: path)
        }

        @Test func killedTwiceWhileTheBackboneTrains() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            var job = try Job()
            job.epochs = 4
            job.heads = "pairs"
            let undisturbed = try await job.run(in: folder.path("undisturbed"), ["--workers", "1"])
            try #require(undisturbed.status == 0, "\(undisturbed.standardError)")
            let expected = try RunDirectory.readResults(in: folder.path("undisturbed"))

            var kept = JournalProgress(epochCount: 0, headCount: 0)
            for _ in 0..<2 {
                let before = kept.epochCount
                kept = try await killOnce(job.start(in: path), in: path) {
                    $0.epochCount > before
                }
            }
            try #require(kept.epochCount < 4)
            let again = try await job.run(in: path, ["--workers", "1"])
            #expect(again.status == 0, "\(again.standardError)")
            #expect(
                again.standardError.contains(
                    "\(kept.epochCount) of 4 epochs of the backbone were trained before"))
            #expect(try RunDirectory.readResults(in: path).digests == expected.digests)
        }

        @Test func killedWhileHeadsTrain() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let expected = try await LongRun.results
            var job = try Job.long()
            job.bind = try freeEndpoint()
            try await job.beginWithBackbone(in: path)
            let workers = try ["one", "two"].map { try startWorker(job.bind, name: $0) }
            let kept = try await killOnce(job.start(in: path), in: path) { $0.headCount > 4 }
            try #require(kept.headCount < 57)
            let second = try job.start(in: path)
            #expect(try await second.exitStatus() == 0)
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == expected.digests)
            // Whatever was acknowledged was on disk, and what was on disk is not trained again.
            #expect(results.heads.resumed == kept.headCount)
            #expect(results.heads.trained == 57 - kept.headCount)
            #expect(results.workers.reduce(0) { $0 + $1.heads } == 57 - kept.headCount)
            for worker in workers {
                #expect(try await worker.exitStatus() == 0)
                // They knew the rows by their hashes and asked for none again.
                #expect(worker.lines.count { $0.text.contains("holding 1,200 rows") } == 1)
                #expect(worker.lines.count { $0.text.contains("joined run") } == 2)
            }
        }

        @Test func killedBeforeTheResultsWereWritten() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let reference = try await Lab.reference
            // What is left when the end comes while the model is being written.
            try reference.copy(to: path, without: [.results, .model])
            try Data([1, 2, 3]).write(to: URL(filePath: path + "/.partial-model.safetensors.1f"))
            // Nobody is needed for it: there are no workers.
            let again = try await reference.job.run(in: path)
            #expect(again.status == 0, "\(again.standardError)")
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == reference.results.digests)
            #expect(results.heads.resumed == 57)
            #expect(results.heads.trained == 0)
            #expect(results.workers.isEmpty)
            let model = RunDirectory.path(of: .model, in: reference.path)
            #expect(
                try bytes(of: RunDirectory.path(of: .model, in: path)) == bytes(of: model))
            let names = try FileManager.default.contentsOfDirectory(atPath: path)
            #expect(!names.contains { $0.hasPrefix(".partial-") })
        }

        @Test(arguments: [false, true])
        func featuresThatCameOutOtherwise(onlyKeysDiffer: Bool) async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let reference = try await Lab.reference
            try reference.copy(to: path, without: [.results])
            let file = RunDirectory.path(of: .journal, in: path)
            // As if the first start had been on another machine, or its classes had had other keys.
            do {
                let journal = try RunJournal(path: file)
                var entries = JournalEntries()
                entries.features = try journal.features()
                if onlyKeysDiffer {
                    let manifest = try #require(entries.features?.manifest)
                    var shape = try #require(manifest.features)
                    shape.classKeys.swapAt(0, 1)
                    entries.features?.manifest = ChunkManifest(
                        .features(shape), chunks: manifest.chunks)
                } else {
                    entries.features?.digest = String(repeating: "0", count: 64)
                }
                entries.features?.origin = "a processor of another kind"
                try journal.commit(entries)
                journal.close()
            }
            let again = try await reference.job.run(in: path)
            #expect(again.status == 65, "\(again.standardError)")
            #expect(again.standardError.contains("a processor of another kind"))
            #expect(again.standardError.contains("57 heads in \(file)"))
            #expect(again.standardError.contains("--run-dir"))
        }

        /// In a mount namespace of its own: a disk of its own, which fills up, and is made larger.
        private static let fullDisk = """
            disk=$2
            mount -t tmpfs -o size="$1" tmpfs "$disk" || exit 100
            cp -r "$3" "$disk/run" && cd "$disk" || exit 100
            shift 3
            "$@"
            first=$?
            mount -o remount,size=64m "$disk" || exit 100
            "$@"
            echo "first $first, second $?" >&2
            cp run/results.json ../results.json
            """

        @Test(.enabled(if: Namespaces.areThere, "needs a mount namespace: root, or unshare -r"))
        func aDiskThatFillsUp() async throws {
            let folder = try TemporaryDirectory()
            let disk = folder.path("disk")
            try FileManager.default.createDirectory(
                atPath: disk, withIntermediateDirectories: true)
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: folder.path("begun"))
            let size = try bytes(of: RunDirectory.path(of: .journal, in: folder.path("begun")))
                .count
            // Room for the log's index and some heads, not for all of them.
            let script = try folder.write(Self.fullDisk, to: "full")
            let process = try RunningProcess(
                URL(filePath: "/usr/bin/unshare"),
                ["--map-root-user", "--mount", "/bin/sh", script]
                    + ["\(size + 400_000)", disk, folder.path("begun"), Lab.coordinator.path]
                    + job.arguments(in: "run") + ["--workers", "1"])
            try await process.exitStatus()
            try await process.line(containing: "first 73, second 0")
            try await process.line(containing: "run/journal.sqlite: the disk is full")
            let resumed = try await process.line(containing: "of 57 heads were trained before")
            let results = try JSONFile.decode(
                RunResults.self, from: bytes(of: folder.path("results.json")))
            #expect(results.digests == expected.digests)
            #expect(results.heads.resumed > 0)
            #expect(resumed.contains("\(results.heads.resumed) of 57"))
        }
    }
}

/// Whether this user may have mounts of its own.
enum Namespaces {
    static let areThere: Bool = {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/timeout")
        process.arguments = [
            "30", "unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt",
        ]
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()
}
