import Formats
import Foundation
import Heads
import Model
import Numerics
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator run --train`: features of any other backbone.
    @Suite(.timeLimit(.minutes(4))) struct UserFilesTests {
        private static let animals = AnimalFiles.animals
        private let files: AnimalFiles
        private var folder: TemporaryDirectory { files.folder }

        init() throws { files = try AnimalFiles() }

        private func write(_ name: String, rowsPerClass: Int, of classes: [String]) throws {
            try files.write(name, rowsPerClass: rowsPerClass, of: classes)
        }

        private func run(
            _ name: String, train: String = "train", test: String? = "test", _ more: [String]
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            try await files.run(name, train: train, test: test, more)
        }

        private func results(_ name: String) throws -> RunResults {
            try RunDirectory.readResults(in: folder.path(name))
        }

        private func model(_ name: String) throws -> Model {
            let path = RunDirectory.path(of: .model, in: folder.path(name))
            return try Model(contentsOf: path)
        }

        @Test func featuresGoFromFilesToCertifiedHeadsAndBack() async throws {
            let first = try await run("one", ["--workers", "1"])
            try #require(first.status == 0, "\(first.standardError)")
            let one = try results("one")
            #expect(one.data.classNames == Self.animals)
            #expect(one.data.featureCount == 12)
            #expect(one.data.trainRows == 180)
            #expect(one.data.testRows == 60)
            #expect(one.heads.trained == 16)
            #expect(one.heads.certified == 16)
            #expect(one.timing.backbone == 0)
            #expect(
                one.schemes.keys.sorted() == [
                    "all_vs_all", "all_vs_all_coupling", "all_vs_all_hard_vote", "dag",
                    "one_vs_all",
                ])
            #expect((one.schemes.oneVsAll.accuracy ?? 0) > 0.6)
            let model = try model("one")
            #expect(model.classNames == Self.animals)
            #expect(model.backbone == nil)
            #expect(model.heads.count == 16)

            let second = try await run("two", ["--workers", "2", "--min-workers", "2"])
            #expect(second.status == 0, "\(second.standardError)")
            #expect(try results("two").digests == one.digests)

            let evaluated = try await TestSupport.run(
                Lab.coordinator, ["evaluate", folder.path("one")], within: .seconds(120))
            #expect(evaluated.status == 0, "\(evaluated.standardError)")
            #expect(evaluated.standardOutput.contains("60 test rows"))

            // Found finished, the same files are needed.
            let again = try await run("one", ["--workers", "1"])
            #expect(again.status == 0)
            #expect(again.standardOutput == first.standardOutput)
            let other = try await run("one", train: "test", ["--workers", "1"])
            #expect(other.status == 64)
            #expect(other.standardError.contains("other data"))
        }

        // A class is known by its label, not by its place among those that a run has.
        @Test(arguments: [["--l2", "0.01"], ["--head-epochs", "5"]])
        func fewerClassesChangeNoHeadOfThem(_ training: [String]) async throws {
            let kept = ["cat", "eel", "hen"]
            try write("some", rowsPerClass: 30, of: kept)
            try write("some-test", rowsPerClass: 10, of: kept)
            let all = try await run("all", training + ["--workers", "1", "--heads", "subsets"])
            try #require(all.status == 0, "\(all.standardError)")
            let some = try await run(
                "some", train: "some", test: "some-test",
                training + ["--workers", "1", "--heads", "subsets"])
            try #require(some.status == 0, "\(some.standardError)")
            let places = kept.map { Self.animals.firstIndex(of: $0) ?? 0 }
            let wide = try model("all")
            let narrow = try model("some")
            #expect(narrow.heads.count == 4)
            for head in narrow.heads {
                let classes = ClassSet(head.classes.members.map { places[$0] })
                let twin = try #require(wide.heads.first { $0.classes == classes })
                #expect(head.weights == twin.weights)
                #expect(head.biases == twin.biases)
            }
        }

        /// Weights travel to workers with the rows: whoever trains a head, its bits are the same.
        @Test func weightsGiveTheSameHeadsOnAnyNumberOfWorkers() async throws {
            let weights = (0..<180).map { ["1", "0.25", "3", "0"][$0 % 4] }
            try Data(weights.joined(separator: "\n").utf8).write(
                to: URL(filePath: folder.path("weights.txt")))
            let options = ["--sample-weight", folder.path("weights.txt"), "--l2", "0.01"]
            let one = try await run("one", options + ["--workers", "1"])
            try #require(one.status == 0, "\(one.standardError)")
            let three = try await run("three", options + ["--workers", "3", "--min-workers", "3"])
            try #require(three.status == 0, "\(three.standardError)")
            let plain = try await run("plain", ["--workers", "1", "--l2", "0.01"])
            try #require(plain.status == 0, "\(plain.standardError)")
            #expect(try results("three").digests == results("one").digests)
            #expect(try results("one").heads.certified == 16)
            #expect(try results("plain").digests.heads != results("one").digests.heads)
        }

        @Test func aClassThatWeighsNothingIsLeftOut() async throws {
            let weights = (0..<180).map { $0 % 6 == 5 ? "0" : "1" }
            try folder.write(weights.joined(separator: "\n"), to: "weights.txt")
            let options = ["--sample-weight", folder.path("weights.txt"), "--workers", "1"]
            let refused = try await run("run", options)
            #expect(refused.status == 65)
            #expect(
                refused.standardError.contains(
                    "class hen has no training rows left that weigh anything"))
            let run = try await run("run", options + ["--classes", "cat,dog", "--l2", "0.1"])
            #expect(run.status == 0, "\(run.standardError)")
        }

        @Test func withoutTestRowsThereAreNoFiguresOfThem() async throws {
            let run = try await run("run", test: nil, ["--workers", "1", "--l2", "0.1"])
            try #require(run.status == 0, "\(run.standardError)")
            let results = try results("run")
            #expect(results.data.testRows == 0)
            #expect(results.schemes.oneVsAll.accuracy == nil)
            #expect(results.schemes.oneVsAll.nll == nil)
            #expect(results.schemes.oneVsAll.parameters == 6 * 13)
            #expect(!run.standardOutput.contains("0/0"))
            let evaluated = try await TestSupport.run(
                Lab.coordinator, ["evaluate", folder.path("run")], within: .seconds(120))
            #expect(evaluated.status == 65)
            #expect(evaluated.standardError.contains("without test rows"))
        }

        @Test func featuresThatStayInTheirFileGiveTheSameRun() async throws {
            let held = try await run("held", ["--workers", "1", "--l2", "0.01"])
            try #require(held.status == 0, "\(held.standardError)")
            let large = try await run(
                "large",
                ["--workers", "1", "--l2", "0.01", "--feature-memory", "0", "--save-features"])
            try #require(large.status == 0, "\(large.standardError)")
            #expect(
                large.standardError.contains("train.npy has 0 MiB of features, which stay there"))
            let (one, two) = (try results("held"), try results("large"))
            #expect(two.digests == one.digests)
            #expect(two.schemes == one.schemes)
            #expect(two.heads.certified == one.heads.certified)
            let (norm, other) = (one.optimum?.gradientMax ?? 0, two.optimum?.gradientMax ?? 1)
            // Both sum terms of order 1 and cancel them down to the norm, each in its own order.
            #expect(abs(norm - other) <= 1e-14)
            for (saved, own) in [("features-train.npy", "train"), ("features-test.npy", "test")] {
                #expect(
                    try bytes(of: folder.path("large/\(saved)"))
                        == bytes(of: folder.path("\(own).npy")))
            }
            // All rows fit the sample that the penalty is chosen on; the whole run is resumable.
            let chosen = try await run("chosen", ["--workers", "1", "--feature-memory", "0"])
            try #require(chosen.status == 0, "\(chosen.standardError)")
            #expect(try results("chosen").optimum?.crossValidationRows == nil)
            #expect(try results("chosen").digests.features == one.digests.features)
        }

        @Test func aFileThatChangesUnderTheRunEndsIt() async throws {
            let coordinator = try RunningProcess(
                Lab.coordinator,
                [
                    "run", "--bind", "tcp://127.0.0.1:0", "--threads", "1", "--run-dir",
                    folder.path("run"), "--feature-memory", "0", "--train",
                    folder.path("train.npy"), "--train-labels", folder.path("train.txt"),
                ])
            let address = try await endpoint(of: coordinator)
            try await coordinator.line(containing: "chosen by cross-validation")
            let file = try FileHandle(forUpdating: URL(filePath: folder.path("train.npy")))
            try file.seekToEnd()
            try file.seek(toOffset: file.offset() - 2)
            try file.write(contentsOf: Data([1]))
            try file.close()
            let worker = try startWorker(address, name: "w")
            #expect(try await coordinator.exitStatus() == 65)
            #expect(
                coordinator.standardError.contains("train.npy holds other values than when"),
                "\(coordinator.standardError)")
            #expect(coordinator.standardError.contains("start over in another --run-dir"))
            worker.send(SIGTERM)
            try await worker.exitStatus(readingToEnd: false)
        }

        @Test func wrongFilesAreRefusedBeforeAnythingIsWritten() async throws {
            try Data("cat\ndog\n".utf8).write(to: URL(filePath: folder.path("short.txt")))
            let known = try Data(contentsOf: URL(filePath: folder.path("test.txt")))
            try (Data("yak\n".utf8) + known.dropFirst(4)).write(
                to: URL(filePath: folder.path("strange.txt")))
            let train = ["--train", folder.path("train.npy"), "--train-labels"]
            let whole = train + [folder.path("train.txt")]
            let test = ["--test", folder.path("test.npy"), "--test-labels"]
            for (arguments, status, part) in [
                (train + [folder.path("short.txt")], 65, "180 rows"),
                (whole + test + [folder.path("strange.txt")], 65, "row 0"),
                (Array(whole.prefix(2)), 65, "--train-labels"),
                (whole + Array(test.prefix(2)), 65, "--test-labels"),
                (whole + ["--test-labels", folder.path("test.txt")], 64, "--test"),
                (whole + ["--dataset", "mnist"], 64, "--dataset"),
                (whole + ["--head-epochs", "5", "--head-init", "derived"], 64, "backbone"),
                (["--as", "features"], 64, "--train"),
            ] as [([String], Int32, String)] {
                let run = try await TestSupport.run(
                    Lab.coordinator,
                    ["run", "--workers", "1", "--run-dir", folder.path("refused")] + arguments,
                    within: .seconds(120))
                #expect(run.status == status, "\(arguments): \(run.standardError)")
                #expect(run.standardError.contains(part), "\(arguments): \(run.standardError)")
                #expect(!FileManager.default.fileExists(atPath: folder.path("refused")))
            }
        }
    }
}
