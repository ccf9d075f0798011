import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// A slow link carries a run, and nothing twice.
    @Suite(.timeLimit(.minutes(4))) struct SlowLinkTests {
        /// Bytes a second, such that the features of the small job take some seconds.
        private static let bytesPerSecond = 100e3

        /// The run of one worker behind the link, or of two, the second of which comes when the
        /// broadcast is over and asks for its chunks.
        @Test(arguments: [1, 2]) func carriesTheFeaturesOnce(_ workerCount: Int) async throws {
            let folder = try TemporaryDirectory()
            let reference = try await Lab.reference
            let link = try SlowLink(bytesPerSecond: Self.bytesPerSecond)
            defer { link.stop() }
            var job = reference.job
            job.bind = link.coordinatorEndpoint
            try await job.beginWithBackbone(in: folder.path("run"))
            let process = try job.start(
                in: folder.path("run"), ["--min-workers", "\(workerCount)"])
            var workers = [try startWorker(link.endpoint, name: "first")]
            if workerCount == 2 {
                try await process.line(containing: "worker first joined")
                try await workers[0].line(containing: "holding 1,200 rows")
                workers.append(try startWorker(link.endpoint, name: "second"))
            }
            #expect(try await process.exitStatus(within: .seconds(50)) == 0)
            for worker in workers { #expect(try await worker.exitStatus() == 0) }
            let results = try RunDirectory.readResults(in: folder.path("run"))
            #expect(results.digests == reference.results.digests)
            let sent = try #require(reference.results.workers.first).bytesReceived
            for worker in results.workers { #expect(worker.bytesReceived == sent) }
            // Some leases, acknowledgements and signs of life come on top.
            let features = sent * workerCount
            #expect(link.downByteCount <= features + features / 10 + 20_000)
            #expect(link.connectionCount == 2 * workerCount)
            let log = process.standardError
            #expect(!log.contains("fell silent") && !log.contains("cannot be reached"))
        }
    }
}
