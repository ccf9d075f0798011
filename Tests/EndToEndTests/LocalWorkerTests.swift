import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// Workers that a coordinator starts itself.
    @Suite(.timeLimit(.minutes(5))) struct LocalWorkerTests {
        /// A set of instructions that this processor has not, whichever it is.
        private static var foreignISA: String {
            #if arch(x86_64)
            return "neon"
            #else
            return "avx512"
            #endif
        }

        @Test(.enabled(if: hasIPv6, "this machine has no IPv6"))
        func aRunOverIPv6NeedsNoKeysOnThisMachine() async throws {
            let folder = try TemporaryDirectory()
            var job = try await Lab.reference.job
            job.bind = "tcp://[::1]:0"
            let results = try await job.results(in: folder.path("run"), ["--workers", "1"])
            #expect(results.digests == (try await Lab.reference).results.digests)
        }

        // Nobody else will come: the run would have waited for ever.
        @Test func workersThatCannotRunHereEndTheRunInTheirOwnWords() async throws {
            let folder = try TemporaryDirectory()
            var job = try Job()
            job.headEpochs = 2
            let run = try await TestSupport.run(
                Lab.coordinator, job.arguments(in: folder.path("run")) + ["--workers", "2"],
                environment: ["MANYHEADS_ISA": Self.foreignISA], within: .seconds(100))
            #expect(run.status == 69, "\(run.standardError)")
            #expect(run.standardOutput == "")
            let reason = "MANYHEADS_ISA is '\(Self.foreignISA)'"
            let lines = run.standardError.split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("worker: \(reason)") }, "\(run.standardError)")
            let last = try #require(lines.last)
            #expect(
                last.hasPrefix(
                    "coordinator: none of the workers started here can run: \(reason)"), "\(last)")
        }
    }
}
