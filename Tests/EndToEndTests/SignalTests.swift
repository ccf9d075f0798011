import Foundation
import Journal
import Numerics
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// Ctrl-C and SIGTERM in every phase, and the coordinator's sudden death.
    @Suite(.timeLimit(.minutes(4))) struct SignalTests {
        /// How long anything may live on.
        private static let grace = Duration.seconds(3)

        /// Sends the signal and expects the end of the coordinator and of all it started.
        private func interrupt(
            _ coordinator: RunningProcess, _ signal: Int32,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws -> String {
            let workers = children(of: coordinator)
            try #require(coordinator.isRunning, sourceLocation: sourceLocation)
            coordinator.send(signal)
            let status = try await coordinator.exitStatus(within: Self.grace)
            #expect(status == 128 + signal, sourceLocation: sourceLocation)
            try await expectGone(workers)
            #expect(coordinator.standardOutput == "", sourceLocation: sourceLocation)
            let last = coordinator.lines.last?.text ?? ""
            #expect(last.hasPrefix("coordinator: interrupted; "), "\(last)")
            return last
        }

        private func expectGone(_ workers: [Int32]) async throws {
            try await eventually("no worker is left", within: Self.grace) {
                workers.allSatisfy { ProcessEntry($0) == nil }
            }
        }

        /// A job whose data and test features take seconds, as the small data set's do not.
        private func fashion() throws -> Job {
            var job = try Job()
            job.dataset = "fashion-mnist"
            job.dataDirectory = nil
            job.classes = "all"
            job.every = 1_000
            return job
        }

        @Test(
            .enabled(if: Fashion.isThere, "needs: apt install dataset-fashion-mnist"),
            arguments: [SIGINT, SIGTERM])
        func whileDataIsRead(signal: Int32) async throws {
            let folder = try TemporaryDirectory()
            let coordinator = try fashion().start(in: folder.path("run"), ["--workers", "2"])
            try await coordinator.line(containing: "reading fashion-mnist")
            let last = try await interrupt(coordinator, signal)
            #expect(last.hasSuffix("nothing is kept yet"))
        }

        @Test(arguments: [SIGINT, SIGTERM]) func whileTheBackboneTrains(
            signal: Int32
        ) async throws {
            let folder = try TemporaryDirectory()
            var job = try Job()
            job.epochs = 10_000
            let coordinator = try job.start(in: folder.path("run"), ["--workers", "2"])
            try await coordinator.line(containing: "backbone: epoch 1/10000")
            try await eventually("both workers are there") { children(of: coordinator).count == 2 }
            try await eventually("an epoch is kept") {
                progress(in: folder.path("run")).epochCount > 0
            }
            let last = try await interrupt(coordinator, signal)
            let kept = progress(in: folder.path("run"))
            #expect(last.contains("the backbone after \(kept.epochCount.counted("epoch")) is kept"))
        }

        // Slurm, Grid Engine and LSF, some time before they kill.
        @Test(arguments: [SIGUSR1, SIGUSR2, SIGXCPU, SIGHUP]) func whatABatchSystemSends(
            signal: Int32
        ) async throws {
            let folder = try TemporaryDirectory()
            var job = try Job()
            job.epochs = 10_000
            let coordinator = try job.start(in: folder.path("run"), ["--workers", "1"])
            try await eventually("an epoch is kept") {
                progress(in: folder.path("run")).epochCount > 0
            }
            // A batch system wakes what it has suspended, and then asks.
            coordinator.send(SIGCONT)
            let last = try await interrupt(coordinator, signal)
            let kept = progress(in: folder.path("run"))
            #expect(last.contains("the backbone after \(kept.epochCount.counted("epoch")) is kept"))
        }

        @Test(arguments: [SIGUSR1, SIGUSR2, SIGXCPU, SIGHUP]) func aWorkerDrainsAtThemToo(
            signal: Int32
        ) async throws {
            let alone = try startWorker(try freeEndpoint(), name: "alone")
            try await alone.line(containing: "connecting to")
            alone.send(signal)
            #expect(try await alone.exitStatus(within: Self.grace) == 0)
        }

        /// Runs a command line of the shell with a coordinator in it, as `"$@"`.
        private func shell(
            _ line: String, _ job: Job, in path: String
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            try await TestSupport.run(
                URL(filePath: "/bin/sh"),
                ["-c", line, Lab.coordinator.path, Lab.coordinator.path] + job.arguments(in: path)
                    + ["--workers", "1"])
        }

        @Test func aReaderOfTheLogWhoLeaves() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let run = try await shell(
                "{ \"$@\" 2>&1 >/dev/null; echo \"status $?\" >&3; } 3>&2 | head -n 1",
                try Job(), in: path)
            #expect(run.standardError == "status 0\n")
            #expect(run.standardOutput.hasPrefix("reading mnist"))
            let reference = try await Lab.reference
            #expect(try RunDirectory.readResults(in: path).digests == reference.results.digests)
        }

        @Test(arguments: ["head -n 1", "true"]) func aReaderOfTheResultsWhoLeaves(
            reader: String
        ) async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let run = try await shell(
                "{ \"$@\" --quiet; echo \"status $?\" >&2; } | \(reader)", try Job(), in: path)
            #expect(run.standardError == "status 0\n")
            _ = try RunDirectory.readResults(in: path)
        }

        @Test(
            .enabled(if: Fashion.isThere, "needs: apt install dataset-fashion-mnist"),
            arguments: [SIGINT, SIGTERM])
        func whileFeaturesAreExtracted(signal: Int32) async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let coordinator = try fashion().start(in: path, ["--workers", "2"])
            try await coordinator.line(containing: "extracting features")
            let last = try await interrupt(coordinator, signal)
            #expect(last.contains("the trained backbone is kept"))
            #expect(last.contains(path))
        }

        @Test(arguments: [SIGINT, SIGTERM]) func whileItWaitsForWorkers(
            signal: Int32
        ) async throws {
            let folder = try TemporaryDirectory()
            let coordinator = try Job().start(in: folder.path("run"))
            try await coordinator.line(containing: "waiting for workers at")
            let last = try await interrupt(coordinator, signal)
            #expect(last.contains("the trained backbone is kept"))
        }

        @Test(arguments: [SIGINT, SIGTERM]) func whileHeadsTrainAndThenGoOn(
            signal: Int32
        ) async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: path)
            let coordinator = try job.start(in: path, ["--workers", "2"])
            try await coordinator.line { $0.text.hasPrefix("heads: ") }
            let workers = children(of: coordinator)
            #expect(workers.count == 2)
            try await eventually("heads are kept") { progress(in: path).headCount > 0 }
            let last = try await interrupt(coordinator, signal)
            let kept = progress(in: path).headCount
            #expect(last.contains("the trained backbone and \(kept) heads are kept"))
            #expect(last.hasSuffix("coordinator resume \(path) goes on from there"))

            let again = try await job.run(in: path, ["--workers", "2"])
            #expect(again.status == 0, "\(again.standardError)")
            #expect(again.standardError.contains("the backbone was trained before"))
            #expect(again.standardError.contains("\(kept) of 57 heads were trained before"))
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == expected.digests)
            #expect(results.heads.resumed == kept)
            #expect(results.heads.trained == 57 - kept)
        }

        @Test func anExternalWorkerWaitsForTheRunToGoOn() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let expected = try await LongRun.results
            var job = try Job.long()
            job.bind = try freeEndpoint()
            try await job.beginWithBackbone(in: path)
            let first = try job.start(in: path)
            let worker = try startWorker(job.bind, name: "patient")
            try await worker.line(containing: "holding 1,200 rows")
            try await hasComputed(worker.identifier, seconds: 0.3)
            _ = try await interrupt(first, SIGINT)
            try await worker.line(containing: "the run was given up")
            let second = try job.start(in: path)
            #expect(try await second.exitStatus() == 0)
            #expect(try await worker.exitStatus() == 0)
            #expect(try RunDirectory.readResults(in: path).digests == expected.digests)
        }

        @Test func aKilledCoordinatorLeavesNoWorkerBehind() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: path)
            let coordinator = try job.start(in: path, ["--workers", "2"])
            try await coordinator.line { $0.text.hasPrefix("heads: ") }
            let workers = children(of: coordinator)
            #expect(workers.count == 2)
            for worker in workers { try await hasComputed(worker, seconds: 0.3) }
            coordinator.send(SIGKILL)
            #expect(
                try await coordinator.exitStatus(readingToEnd: false) == 128 + SIGKILL)
            try await expectGone(workers)

            // The lock went with the process.
            let again = try await job.run(in: path, ["--workers", "1"])
            #expect(again.status == 0, "\(again.standardError)")
            #expect(try RunDirectory.readResults(in: path).digests == expected.digests)
        }

        @Test func anExternalWorkerSurvivesTheCoordinatorsDeath() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let expected = try await LongRun.results
            var job = try Job.long()
            job.bind = try freeEndpoint()
            try await job.beginWithBackbone(in: path)
            let first = try job.start(in: path)
            let worker = try startWorker(job.bind, name: "survivor")
            try await worker.line(containing: "holding 1,200 rows")
            try await hasComputed(worker.identifier, seconds: 0.3)
            first.send(SIGKILL)
            #expect(try await first.exitStatus() == 128 + SIGKILL)
            let second = try job.start(in: path)
            #expect(try await second.exitStatus() == 0)
            #expect(try await worker.exitStatus() == 0)
            #expect(try RunDirectory.readResults(in: path).digests == expected.digests)
        }
    }
}
