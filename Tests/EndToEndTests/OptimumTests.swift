import Formats
import Foundation
import Heads
import Journal
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator run --head-epochs converge`.
    @Suite(.timeLimit(.minutes(4))) struct OptimumTests {
        private let folder: TemporaryDirectory
        private let job: Job

        init() throws {
            folder = try TemporaryDirectory()
            var job = try Job()
            job.converges = true
            self.job = job
        }

        private func finished(_ name: String) throws -> RunResults {
            try RunDirectory.readResults(in: folder.path(name))
        }

        @Test func theOptimumIsTheSameWhoeverFindsIt() async throws {
            let reference = try await Lab.reference
            try await job.beginWithBackbone(in: folder.path("one"))
            let run = try await job.run(in: folder.path("one"), ["--workers", "1"])
            try #require(run.status == 0, "\(run.standardError)")
            let one = try finished("one")
            #expect(one.digests.features == reference.results.digests.features)
            #expect(one.digests.heads != reference.results.digests.heads)
            #expect(one.heads.trained == 57)
            #expect(one.heads.certified == 57)
            #expect(one.config["head_epochs"] == "converge")
            #expect(one.config["head_dropout"]?.number == 0)
            let optimum = try #require(one.optimum)
            #expect(one.config["l2"]?.number == optimum.l2)
            #expect(optimum.gradientMax > 0 && optimum.gradientMax <= optimum.gradientTolerance)
            // Within a standard error of the least loss that was tried, and no stronger one is.
            let curve = try #require(optimum.crossValidation)
            let best = try #require(curve.min { $0.nll < $1.nll })
            let good = curve.filter { $0.nll <= best.nll + best.standardError }
            #expect(good.map(\.l2).max() == optimum.l2)
            #expect(run.standardOutput.contains("57 of 57 certified at their optimum"))
            #expect(run.standardOutput.contains("by cross-validation"))
            // The reference has had 10 epochs and half of its features at a time.
            let (least, most) = (reference.results.schemes.oneVsAllRefit, one.schemes.oneVsAllRefit)
            #expect((most?.nll ?? 9) < (least?.nll ?? 0))

            // Two workers, checks by a second process, and the penalty said.
            var job = job
            job.l2 = optimum.l2
            let two = try await job.results(
                in: folder.path("two"), ["--workers", "2", "--min-workers", "2", "--verify", "0.3"])
            #expect(two.digests == one.digests)
            #expect(two.heads.certified == 57)
            #expect(two.verification?.checked == 18)
            #expect(two.verification?.differing == 0)
            #expect(two.optimum?.crossValidation == nil)
            #expect(two.optimum?.gradientMax == optimum.gradientMax)
        }

        @Test func aWrongHeadIsFoundByItsGradient() async throws {
            // As if a worker had sent something else: what is in the journal is not believed.
            var job = job
            job.l2 = 0.01
            _ = try await job.results(in: folder.path("run"), ["--workers", "1"])
            let path = folder.path("run")
            for artefact in [RunDirectory.Artefact.results, .model] {
                try FileManager.default.removeItem(
                    atPath: RunDirectory.path(of: artefact, in: path))
            }
            let journal = try RunJournal(path: RunDirectory.path(of: .journal, in: path))
            let records = try journal.heads().flatMap(\.single)
            var entries = JournalEntries()
            entries.withdrawn = [HeadKey(records[3].head.classes)]
            var other = records[3]
            other.block = records[4].head.moved(to: other.head.classes).block
            entries.heads = [other]
            try journal.commit(entries)
            journal.close()
            let again = try await job.run(in: path)
            #expect(again.status == 0, "\(again.standardError)")
            let results = try finished("run")
            #expect(results.heads.resumed == 57)
            #expect(results.heads.certified == 56)
            #expect((results.optimum?.gradientMax ?? 0) > 1e-4)
            #expect(again.standardOutput.contains("56 of 57 certified"))
        }

        @Test func killedBetweenTheChoiceAndTheHeads() async throws {
            let path = folder.path("run")
            try await job.beginWithBackbone(in: path)
            let first = try job.start(in: path)
            let line = try await first.line(containing: "chosen by cross-validation")
            first.send(SIGKILL)
            #expect(try await first.exitStatus() == 128 + SIGKILL)
            let again = try await job.run(in: path, ["--workers", "2"])
            #expect(again.status == 0, "\(again.standardError)")
            let results = try finished("run")
            let l2 = try #require(results.optimum?.l2)
            #expect(line.contains("l2 \(l2), chosen"))
            #expect(again.standardError.contains("l2 \(l2), as chosen before"))
            #expect(results.optimum?.crossValidation?.isEmpty == false)
            #expect(results.heads.certified == 57)
        }

        @Test func killedWhileHeadsTrain() async throws {
            // So weak a penalty takes many passes.
            var job = job
            job.l2 = 1e-7
            job.classes = "0-3"
            job.every = 3
            let expected = try await job.fresh(in: folder.path("whole"))
            let path = folder.path("run")
            let first = try job.start(in: path, ["--workers", "1"])
            try await eventually("a head is kept") { progress(in: path).headCount > 0 }
            first.send(SIGKILL)
            try await first.exitStatus(readingToEnd: false)
            let kept = progress(in: path).headCount
            let again = try await job.run(in: path, ["--workers", "2"])
            #expect(again.status == 0, "\(again.standardError)")
            let results = try finished("run")
            #expect(results.digests == expected.digests)
            #expect(results.heads.resumed == kept)
            #expect(results.heads.trained == 11 - kept)
            #expect(results.heads.certified == expected.heads.certified)
            #expect(results.optimum?.gradientMax == expected.optimum?.gradientMax)
        }
    }
}

extension Head {
    /// The same numbers for as many other classes.
    fileprivate func moved(to other: ClassSet) -> Head {
        Head(classes: other, weights: weights, biases: biases)
    }
}
