import Foundation
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// Memory on a job whose features are large beside the programs themselves.
    @Suite(.timeLimit(.minutes(5))) struct MemoryTests {
        @Test func neitherProgramHoldsMoreThanItNeeds() async throws {
            let folder = try TemporaryDirectory()
            let data = SyntheticData(trainCount: 60_000, testCount: 1_000, side: 8)
            try data.write(to: folder.path("data"))
            var job = try Job()
            job.dataDirectory = folder.path("data")
            job.classes = "all"
            job.heads = "pairs"
            job.headEpochs = 1
            let coordinator = try job.start(in: folder.path("run"))
            let worker = try startWorker(
                try await endpoint(of: coordinator), name: "w", ["--threads", "1", "--stay"])
            var coordinatorPeak = 0
            try await eventually("the run is over", within: .seconds(90)) {
                // Read again and again, since nothing can be read of a process that has ended.
                let peak = ProcessEntry.peakRSSByteCount(of: coordinator.identifier)
                coordinatorPeak = max(coordinatorPeak, peak ?? 0)
                return !coordinator.isRunning
            }
            #expect(try await coordinator.exitStatus() == 0, "\(coordinator.standardError)")
            try await worker.line(containing: "waiting for the next")
            let workerPeak = try #require(ProcessEntry.peakRSSByteCount(of: worker.identifier))

            let featureByteCount = 60_000 * 256 * 4
            let dataByteCount = 61_000 * (64 + 1)
            let results = try RunDirectory.readResults(in: folder.path("run"))
            let report = try #require(results.workers.first)
            #expect(workerPeak > featureByteCount)
            #expect(workerPeak <= featureByteCount + 64 << 20, "\(workerPeak >> 20) MiB")
            #expect(report.peakRSSBytes <= featureByteCount + 64 << 20)
            #expect(coordinatorPeak > 0)
            #expect(
                coordinatorPeak <= dataByteCount + 400 << 20, "\(coordinatorPeak >> 20) MiB")
            // Broadcast or pulled, every byte came once.
            #expect(report.bytesReceived == results.data.featureBytes)
        }
    }
}
