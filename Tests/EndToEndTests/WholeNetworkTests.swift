import Formats
import Foundation
import Journal
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator run --head-mode scratch` and `warm`.
    @Suite(.timeLimit(.minutes(4))) struct WholeNetworkTests {
        private let folder: TemporaryDirectory
        private let job: Job

        init() throws {
            folder = try TemporaryDirectory()
            var job = try Job()
            job.classes = "0-2"
            job.epochs = 2
            job.headEpochs = 8
            job.headMode = "scratch"
            self.job = job
        }

        private func run(
            _ name: String, _ job: Job, _ more: [String] = ["--workers", "1"]
        ) async throws -> String {
            let run = try await job.run(in: folder.path(name), more)
            #expect(run.status == 0, "\(run.standardError)")
            return run.standardOutput
        }

        private func results(_ name: String) throws -> RunResults {
            try RunDirectory.readResults(in: folder.path(name))
        }

        @Test func networksAreTheSameWhoeverTrainsThem() async throws {
            let table = try await run("one", job)
            let one = try results("one")
            #expect(one.heads.trained == 4)
            #expect(one.config["head_mode"] == "scratch")
            #expect(one.config["head_dropout"] == JSONValue.null)
            let schemes = one.schemes
            let all = try [
                #require(schemes.oneVsAllRefit), #require(schemes.allVsAll),
                #require(schemes.tree), #require(schemes.dag),
                #require(schemes.allVsAllCoupling), #require(schemes.allVsAllHardVote),
            ]
            // Chance is 0.33, and stripes are easy for convolutions.
            #expect(all.allSatisfy { ($0.accuracy ?? 0) > 0.6 })
            #expect(all.map(\.heads) == [1, 3, 4, 3, 3, 3])
            // Every network has the layers below its outputs to itself.
            let body = 32 * 9 + 32 + 64 * 32 * 9 + 64 + 256 * 64 * 9 + 256
            #expect(all[0].parameters == body + 3 * 257)
            #expect(all[2].parameters == 4 * body + 9 * 257)
            #expect(schemes.oneVsAll.parameters == 3 * 257)
            #expect(table.contains("whole networks, scratch"))
            let model = try Safetensors(
                contentsOf: RunDirectory.path(of: .model, in: folder.path("one")))
            #expect(model.tensors.allSatisfy { $0.name.hasPrefix("backbone.") })
            #expect(model.metadata["heads.networks"] == "scratch")
            let csv = String(
                decoding: try bytes(of: folder.path("one") + "/predictions.csv"), as: UTF8.self)
            let rows = csv.split(separator: "\n").dropFirst().map {
                $0.split(separator: ",").map { Int($0) }
            }
            #expect(rows.count == 150)
            #expect(rows.count { $0[1] == $0[4] } == all[1].correct)
            #expect(rows.count { $0[1] == $0[5] } == all[2].correct)

            _ = try await run(
                "two", job, ["--workers", "2", "--min-workers", "2", "--verify", "0.5"])
            let two = try results("two")
            #expect(two.digests == one.digests)
            #expect(two.schemes == one.schemes)
            #expect(two.verification?.checked == 2)
            #expect(two.verification?.differing == 0)

            // Its heads are nowhere, which is said.
            let evaluation = try await TestSupport.run(
                Lab.coordinator, ["evaluate", folder.path("one")])
            #expect(evaluation.status == 65)
            #expect(evaluation.standardError.contains("whole networks (--head-mode scratch)"))
        }

        @Test func killedWhileNetworksTrain() async throws {
            var job = job
            job.headEpochs = 40
            _ = try await run("whole", job, ["--workers", "2"])
            let path = folder.path("run")
            let first = try job.start(in: path, ["--workers", "1"])
            try await eventually("a network is kept") { progress(in: path).headCount > 0 }
            first.send(SIGKILL)
            try await first.exitStatus(readingToEnd: false)
            let kept = progress(in: path).headCount
            try #require(kept < 4)
            _ = try await run("run", job)
            let results = try results("run")
            let expected = try self.results("whole")
            #expect(results.digests == expected.digests)
            #expect(results.schemes == expected.schemes)
            #expect(results.heads.resumed == kept)
            #expect(results.heads.trained == 4 - kept)
        }

        @Test func warmNetworksStartFromTheBackbone() async throws {
            var job = job
            job.headEpochs = 1
            _ = try await run("scratch", job)
            job.headMode = "warm"
            _ = try await run("warm", job)
            let (scratch, warm) = (try results("scratch"), try results("warm"))
            #expect(warm.digests.features == scratch.digests.features)
            #expect(warm.digests.heads != scratch.digests.heads)
            // One epoch on top of the backbone's two, against one.
            let (after, before) = (warm.schemes.oneVsAllRefit, scratch.schemes.oneVsAllRefit)
            #expect((after?.nll ?? 9) < (before?.nll ?? 0))
            // Another mode is another run.
            let other = try await job.run(in: folder.path("scratch"))
            #expect(other.status == 64)
            #expect(other.standardError.contains("head_mode is scratch there and warm here"))
        }
    }
}
