import HeadTraining
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// A head's bits depend on features, labels, classes, hyperparameters and seed: on nothing else.
    @Suite(.timeLimit(.minutes(4))) struct DigestTests {
        @Test(arguments: [2, 3]) func anyNumberOfLocalWorkersGivesTheSameHeads(
            count: Int
        ) async throws {
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            let results = try await reference.job.results(
                in: folder.path("run"), ["--workers", "\(count)", "--min-workers", "\(count)"])
            #expect(results.digests == reference.results.digests)
            #expect(results.workers.count == count)
            #expect(results.workers.reduce(0) { $0 + $1.heads } == 57)
            #expect(results.workers.map(\.name).sorted() == (0..<count).map { "local-\($0)" })
        }

        @Test(arguments: KernelVariant.supported.map(\.name), [1, 2])
        func anyInstructionSetAndThreadCountGivesTheSameHeads(
            isa: String, threadCount: Int
        ) async throws {
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            let path = folder.path("run")
            try await reference.job.beginWithBackbone(in: path)
            let coordinator = try reference.job.start(in: path)
            let worker = try startWorker(
                try await endpoint(of: coordinator), name: "w",
                ["--threads", "\(threadCount)"], environment: ["MANYHEADS_ISA": isa])
            #expect(try await coordinator.exitStatus() == 0)
            #expect(try await worker.exitStatus() == 0)
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == reference.results.digests)
            #expect(results.workers.map(\.isa) == [isa])
            #expect(results.workers.map(\.threads) == [threadCount])
        }

        @Test func workersMayBeThereBeforeTheCoordinator() async throws {
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            var job = reference.job
            job.bind = try freeEndpoint()
            let workers = try ["early-0", "early-1"].map { try startWorker(job.bind, name: $0) }
            let results = try await job.results(in: folder.path("run"), ["--min-workers", "2"])
            #expect(results.digests == reference.results.digests)
            #expect(results.workers.map(\.name).sorted() == ["early-0", "early-1"])
            for worker in workers { #expect(try await worker.exitStatus() == 0) }
        }

        @Test func aWorkerMayComeInTheMiddle() async throws {
            let folder = try TemporaryDirectory()
            let long = try await LongRun.results
            let path = folder.path("run")
            let job = try Job.long()
            try await job.beginWithBackbone(in: path)
            let coordinator = try job.start(in: path)
            let address = try await endpoint(of: coordinator)
            let first = try startWorker(address, name: "first")
            try await first.line(containing: "holding 1,200 rows")
            try await hasComputed(first.identifier, seconds: 0.5)
            let second = try startWorker(address, name: "second")
            #expect(try await coordinator.exitStatus() == 0)
            for worker in [first, second] { #expect(try await worker.exitStatus() == 0) }
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == long.digests)
            #expect(results.workers.map(\.name) == ["first", "second"])
            #expect(results.workers.allSatisfy { $0.heads > 0 })
        }
    }
}

/// The results of the long job, run once.
enum LongRun {
    private static let run = Task {
        try await Job.long().results(in: Lab.folder + "/long", ["--workers", "1"])
    }

    static var results: RunResults {
        get async throws { try await run.value }
    }
}
