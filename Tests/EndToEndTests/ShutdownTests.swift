import Foundation
import Journal
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// SIGTERM and SIGINT, once and twice, in the middle of something long.
    @Suite(.timeLimit(.minutes(4))) struct ShutdownTests {
        /// "At once", on a machine that is busy with something else.
        private static let atOnce = Duration.seconds(2)

        /// A run whose heads take a worker many seconds each, with a worker that trains them.
        private func training(
            _ name: String, in folder: TemporaryDirectory
        ) async throws -> (coordinator: RunningProcess, worker: RunningProcess) {
            var job = try Job()
            job.headEpochs = 100_000
            try await job.beginWithBackbone(in: folder.path("run"))
            let coordinator = try job.start(in: folder.path("run"))
            let worker = try startWorker(try await endpoint(of: coordinator), name: name)
            try await worker.line(containing: "holding 1,200 rows")
            try await hasComputed(worker.identifier, seconds: 0.3)
            return (coordinator, worker)
        }

        @Test(arguments: [SIGTERM, SIGINT]) func aSecondSignalStopsAWorkerInItsBundle(
            signal: Int32
        ) async throws {
            let folder = try TemporaryDirectory()
            let (coordinator, worker) = try await training("hasty", in: folder)
            worker.send(SIGTERM)
            try await worker.line(containing: "a second signal stops at once")
            // It goes on with what it has.
            try await hasComputed(worker.identifier, seconds: 0.3)
            try #require(worker.isRunning)
            worker.send(signal)
            #expect(try await worker.exitStatus(within: Self.atOnce) == 128 + signal)
            // It said so: nothing of what it ran is suspect.
            try await coordinator.line(containing: "worker hasty left", within: Self.atOnce)
            coordinator.send(SIGTERM)
            #expect(try await coordinator.exitStatus() == 128 + SIGTERM)
        }

        @Test func aWorkerWithNothingToDoLeavesAtOnce() async throws {
            let alone = try startWorker(try freeEndpoint(), name: "alone")
            try await alone.line(containing: "connecting to")
            let folder = try TemporaryDirectory()
            var job = try Job()
            job.epochs = 10_000
            let coordinator = try job.start(in: folder.path("run"))
            let early = try startWorker(try await endpoint(of: coordinator), name: "early")
            try await coordinator.line(containing: "worker early joined")
            for worker in [alone, early] {
                worker.send(SIGTERM)
                #expect(try await worker.exitStatus(within: Self.atOnce) == 0)
            }
            try await coordinator.line(containing: "worker early left", within: Self.atOnce)
        }

        @Test func aSignalDoesNotCutTheLastWordsShort() async throws {
            // Its hello has nobody to go to, and has a second to leave in all the same.
            let worker = try startWorker(
                try freeEndpoint(), name: "orphan", ["--threads", "1", "--end-with-stdin"])
            try await worker.line(containing: "connecting to")
            worker.closeInput()
            await #expect(throws: ProcessFailure.self, "there is no time for a signal") {
                try await worker.exitStatus(within: .milliseconds(300))
            }
            worker.send(SIGTERM)
            #expect(try await worker.exitStatus(within: Self.atOnce) == 0)
        }

        @Test func aWorkerLeavesThoughItsCoordinatorIsDead() async throws {
            let folder = try TemporaryDirectory()
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: folder.path("run"))
            let coordinator = try job.start(in: folder.path("run"))
            let worker = try startWorker(try await endpoint(of: coordinator), name: "orphan")
            try await worker.line(containing: "holding 1,200 rows")
            try await hasComputed(worker.identifier, seconds: 0.3)
            coordinator.send(SIGKILL)
            #expect(try await coordinator.exitStatus() == 128 + SIGKILL)
            worker.send(SIGTERM)
            // Its bundle, then the time it waits for an acknowledgement.
            #expect(try await worker.exitStatus(within: .seconds(120)) == 0)
            let again = try await job.run(in: folder.path("run"), ["--workers", "2"])
            #expect(again.status == 0, "\(again.standardError)")
            #expect(
                try RunDirectory.readResults(in: folder.path("run")).digests == expected.digests)
        }

        /// A coordinator told to end waits a while for its workers; here for one that is frozen.
        private func stopTwice(
            _ coordinator: RunningProcess, waitingFor worker: Int32, _ second: Int32
        ) async throws {
            kill(worker, SIGSTOP)
            defer { kill(worker, SIGCONT) }
            coordinator.send(SIGTERM)
            await #expect(throws: ProcessFailure.self, "one signal is not enough for this test") {
                try await coordinator.exitStatus(within: .milliseconds(300), readingToEnd: false)
            }
            coordinator.send(second)
            let status = try await coordinator.exitStatus(
                within: .milliseconds(1_500), readingToEnd: false)
            #expect(status == 128 + second)
        }

        @Test(arguments: [SIGTERM, SIGINT]) func aSecondSignalStopsTheCoordinatorInTheBackbone(
            second: Int32
        ) async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            var job = try Job()
            job.epochs = 10_000
            let coordinator = try job.start(in: path, ["--workers", "1"])
            try await eventually("an epoch is kept") { progress(in: path).epochCount > 0 }
            try await coordinator.line(containing: "worker local-0 joined")
            let worker = try #require(children(of: coordinator).first)
            try await stopTwice(coordinator, waitingFor: worker, second)
            try await eventually("the worker is gone") { ProcessEntry(worker) == nil }
            // What was committed is whole, and nobody holds the folder.
            let kept = progress(in: path).epochCount
            let again = try job.start(in: path)
            try await again.line(containing: "\(kept) of 10000 epochs of the backbone were trained")
            again.send(SIGTERM)
            #expect(try await again.exitStatus() == 128 + SIGTERM)
        }

        @Test func aSecondSignalStopsTheCoordinatorWhileHeadsTrain() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            let expected = try await LongRun.results
            let job = try Job.long()
            try await job.beginWithBackbone(in: path)
            let coordinator = try job.start(in: path, ["--workers", "2"])
            try await eventually("heads are kept") { progress(in: path).headCount > 0 }
            let workers = children(of: coordinator)
            try await stopTwice(coordinator, waitingFor: try #require(workers.first), SIGINT)
            try await eventually("the workers are gone") {
                workers.allSatisfy { ProcessEntry($0) == nil }
            }
            let kept = progress(in: path).headCount
            let again = try await job.run(in: path, ["--workers", "2"])
            #expect(again.status == 0, "\(again.standardError)")
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == expected.digests)
            #expect(results.heads.resumed == kept)
        }
    }
}
