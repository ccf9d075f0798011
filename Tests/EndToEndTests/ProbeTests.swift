import Formats
import Foundation
import Numerics
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator probe`.
    @Suite(.timeLimit(.minutes(4))) struct ProbeTests {
        private let files: AnimalFiles
        private var folder: TemporaryDirectory { files.folder }

        init() throws {
            files = try AnimalFiles()
            try files.write("val", rowsPerClass: 8)
        }

        private func arguments(_ name: String, _ more: [String]) -> [String] {
            ["probe", "--bind", "tcp://127.0.0.1:0", "--threads", "1", "--run-dir"]
                + [folder.path(name)] + files.options("train") + files.options("test") + more
        }

        private func probe(
            _ name: String, _ more: [String]
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            try await TestSupport.run(
                Lab.coordinator, arguments(name, more), within: .seconds(120))
        }

        private func results(_ name: String) throws -> [String: JSONValue] {
            try JSONFile.decode(
                [String: JSONValue].self,
                from: Array(Data(contentsOf: URL(filePath: folder.path(name + "/results.json")))),
                path: name)
        }

        private static let all = ["--schemes", "one-vs-all,one-vs-rest,all-vs-all"]

        @Test func theSameBitsForAnyNumberOfWorkers() async throws {
            let one = try await probe(
                "one", Self.all + files.options("val") + ["--C", "0.01,1,0.1,10", "--workers", "1"])
            try #require(one.status == 0, "\(one.standardError)")
            let three = try await probe(
                "three",
                Self.all + files.options("val") + [
                    "--C", "10,0.01,0.1,1", "--workers", "3", "--min-workers", "3",
                ])
            try #require(three.status == 0, "\(three.standardError)")
            #expect(try results("one")["digests"] == results("three")["digests"])
            for name in ["results.csv", "probe.svg", "model.safetensors", "predictions.csv"] {
                #expect(FileManager.default.fileExists(atPath: folder.path("one/\(name)")))
            }
            // The model goes on by itself.
            let predicted = try await TestSupport.run(
                Lab.coordinator,
                ["predict", folder.path("one/model.safetensors"), folder.path("test.npy")],
                within: .seconds(60))
            #expect(predicted.status == 0, "\(predicted.standardError)")
        }

        @Test func whatIsTrainedIsKept() async throws {
            let more = Self.all + ["--folds", "3", "--C", "1e-3..1e3:9"]
            let whole = try await probe("whole", more + ["--workers", "1"])
            try #require(whole.status == 0, "\(whole.standardError)")
            let killed = try RunningProcess(
                Lab.coordinator, arguments("killed", more + ["--workers", "2"]))
            try await killed.line(containing: "of the held-out rows")
            killed.send(SIGKILL)
            #expect(try await killed.exitStatus() == 128 + SIGKILL)
            let resumed = try await TestSupport.run(
                Lab.coordinator, ["resume", folder.path("killed"), "--workers", "1"],
                within: .seconds(120))
            try #require(resumed.status == 0, "\(resumed.standardError)")
            #expect(try results("killed")["digests"] == results("whole")["digests"])
            // Finished, nothing is trained and nobody needed.
            let again = try await TestSupport.run(
                Lab.coordinator, ["resume", folder.path("killed"), "--workers", "0"],
                within: .seconds(60))
            #expect(again.status == 0, "\(again.standardError)")
        }

        @Test func whatIsWrongWithTheRowsIsSaid() async throws {
            let copies = try await probe(
                "copies", files.options("val") + ["--C", "1", "--workers", "1"])
            #expect(copies.status == 0, "\(copies.standardError)")
            for sentence in [
                "48 validation rows equal a training row: C is chosen by what heads have seen",
                "60 test rows equal a training or validation row",
            ] {
                #expect(copies.standardError.contains(sentence), "\(copies.standardError)")
            }
            guard case .array(let notes)? = try results("copies")["notes"] else {
                Issue.record("no notes")
                return
            }
            #expect(notes.count == 2)
            // Columns that differ in scale, one that does not differ at all, and a row of nothing.
            let count = AnimalFiles.featureCount
            for (name, scale) in [("scales", 1e6 as Float), ("tiny", 1e-25)] {
                var values = [Float](repeating: 0, count: 180 * count)
                for index in 5 * count..<values.count {
                    let isFirst = index % count == 0
                    values[index] = index % count == 1 ? 0 : Float(index % 23) * 0.1
                    if name == "tiny" || isFirst { values[index] *= scale }
                }
                try NPY.write(
                    Matrix(rowCount: 180, columnCount: count, values: values),
                    to: folder.path("train.npy"))
                let run = try await probe(
                    name, ["--holdout", "0.2", "--C", "1", "--workers", "1"])
                #expect(run.status == (name == "tiny" ? 65 : 0), "\(run.standardError)")
                for sentence in name == "tiny"
                    ? ["counts as 0: multiply them"]
                    : [
                        "1 feature of 12 is the same in all training rows",
                        "features reach over ranges from",
                        "--normalize standardize makes them alike",
                        "no feature but 0",
                    ]
                {
                    #expect(run.standardError.contains(sentence), "\(run.standardError)")
                }
            }
        }

        @Test(arguments: [
            (["--C", "0.1,x"], "--C cannot take"), (["--C", "1,1"], "--C has 1 twice"),
            (["--C", "1..0.1:3"], "--C cannot take"),
            (["--schemes", "tree"], "--schemes cannot take 'tree'"),
            (["--folds", "1"], "--folds must be 2 to 254"),
            (["--folds", "3", "--holdout", "0.2"], "give one of them"),
            (["--gap", "0"], "--gap must be above 0"),
        ]) func wrongOptionsAreRefused(more: [String], words: String) async throws {
            let run = try await probe("wrong", more)
            #expect(run.status == 64)
            #expect(run.standardError.contains(words), "\(run.standardError)")
        }
    }
}
