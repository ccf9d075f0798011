import Formats
import Foundation
import Heads
import Model
import Numerics
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator classes`: a run with other classes.
    @Suite(.timeLimit(.minutes(4))) struct ClassesTests {
        private let files: AnimalFiles
        private static let work = [
            "--workers", "1", "--bind", "tcp://127.0.0.1:0", "--threads", "1",
        ]

        init() throws { files = try AnimalFiles() }

        private func change(
            _ run: String, _ change: [String], _ new: String
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            try await TestSupport.run(
                Lab.coordinator,
                ["classes", files.folder.path(run)] + change
                    + ["--run-dir", files.folder.path(new), "--"] + Self.work,
                within: .seconds(120))
        }

        private func model(_ run: String) throws -> Model {
            try Model(contentsOf: RunDirectory.path(of: .model, in: files.folder.path(run)))
        }

        private func results(_ run: String) throws -> RunResults {
            try RunDirectory.readResults(in: files.folder.path(run))
        }

        /// Heads of both models over the same classes: how many, and how many have the same bits.
        private func twins(_ one: Model, _ other: Model) -> (count: Int, same: Int) {
            var (count, same) = (0, 0)
            for head in one.heads {
                let names = head.classes.members.map { one.classNames[$0] }
                let places = names.compactMap { other.classNames.firstIndex(of: $0) }
                guard places.count == names.count,
                    let twin = other.heads.first(where: { $0.classes == ClassSet(places) })
                else { continue }
                count += 1
                // Names are in one order in both.
                if twin.weights == head.weights, twin.biases == head.biases { same += 1 }
            }
            return (count, same)
        }

        @Test(arguments: [["--l2", "0.01"], ["--l2", "0.01", "--normalize", "standardize"]])
        func aClassIsAddedAndDropped(_ training: [String]) async throws {
            try files.write("five", rowsPerClass: 30, of: ["cat", "dog", "eel", "gnu", "hen"])
            try files.write("fox", rowsPerClass: 30, of: ["fox"])
            let five = try await files.run(
                "five-run", train: "five", test: nil, training + ["--workers", "1"])
            try #require(five.status == 0, "\(five.standardError)")
            #expect(try results("five-run").heads.trained == 11)

            let six = try await change(
                "five-run",
                [
                    "--add", files.folder.path("fox.npy"), "--add-labels",
                    files.folder.path("fox.txt"),
                ],
                "six-run")
            try #require(six.status == 0, "\(six.standardError)")
            #expect(six.standardError.contains("10 of 16 heads kept their bits"))
            #expect(try results("six-run").heads.trained == 6)
            #expect(try results("six-run").heads.certified == 16)
            let (before, after) = (try model("five-run"), try model("six-run"))
            #expect(after.classNames == AnimalFiles.animals)
            #expect(after.normalization == before.normalization)
            let pairs = twins(before, after)
            #expect(pairs.count == 10)
            #expect(pairs.same == 10)
            let lines = String(
                decoding: try bytes(of: files.folder.path("six-run/heads.csv")), as: UTF8.self
            ).split(separator: "\n")
            #expect(lines.count == 17)
            #expect(lines.count { $0.hasSuffix(",true") } == 10)

            // Whoever resumes an interrupted change gets the file as well.
            try FileManager.default.removeItem(atPath: files.folder.path("six-run/heads.csv"))
            let resumed = try await TestSupport.run(
                Lab.coordinator, ["resume", files.folder.path("six-run")], within: .seconds(120))
            #expect(resumed.status == 0, "\(resumed.standardError)")
            #expect(FileSystem.exists(files.folder.path("six-run/heads.csv")))

            let four = try await change("five-run", ["--drop", "gnu"], "four-run")
            try #require(four.status == 0, "\(four.standardError)")
            let dropped = try model("four-run")
            #expect(dropped.classNames == ["cat", "dog", "eel", "hen"])
            #expect(try results("four-run").heads.trained == 1)
            #expect(twins(dropped, before).same == 6)
        }

        @Test func oneSentenceForWhatCannotBeChanged() async throws {
            let run = try await files.run("run", ["--workers", "1", "--l2", "0.01"])
            try #require(run.status == 0, "\(run.standardError)")
            try files.write("a,b", rowsPerClass: 1)
            for (arguments, words) in [
                (["--drop", "cow"], "there is no class cow"),
                (["--drop", "cat,dog,eel,fox,gnu"], "one class is left"),
                (["--add", files.folder.path("test.npy")], "--add-labels"),
                ([], "--add FILE or --drop NAME"),
                (["--add", files.folder.path("a,b.npy")], "has a comma in its name"),
            ] {
                let found = try await change("run", arguments, "new")
                #expect(found.status == 64)
                #expect(found.standardError.contains(words), "\(found.standardError)")
            }
        }

        /// A run on rows of three features and labels of numbers, 8 rows of each of 0, 1, 2.
        private func runOnNumbers(_ name: String, _ more: [String]) async throws {
            let values = (0..<72).map { place -> Float in
                let isOwn = place / 3 % 3 == place % 3
                return Float(place * 37 % 19) + (isOwn ? 9 : 0)
            }
            try NPY.write(
                Matrix(rowCount: 24, columnCount: 3, values: values),
                to: files.folder.path("numbers.npy"))
            let labels = (0..<24).map { "\($0 % 3)\n" }.joined()
            try AtomicFile.write(Array(labels.utf8), to: files.folder.path("numbers.txt"))
            let run = try await files.run(
                name, train: "numbers", test: nil, ["--workers", "1", "--l2", "0.1"] + more)
            try #require(run.status == 0, "\(run.standardError)")
        }

        private func add(_ run: String, labels: [String], _ new: String) async throws -> (
            status: Int32, standardOutput: String, standardError: String
        ) {
            let values = labels.indices.flatMap { row -> [Float] in [Float(row), 20, 3] }
            try NPY.write(
                Matrix(rowCount: labels.count, columnCount: 3, values: values),
                to: files.folder.path("more.npy"))
            try AtomicFile.write(
                Array(labels.map { $0 + "\n" }.joined().utf8), to: files.folder.path("more.txt"))
            return try await change(
                run,
                [
                    "--add", files.folder.path("more.npy"), "--add-labels",
                    files.folder.path("more.txt"),
                ], new)
        }

        // Goal: a change that would train every head again is refused; its cure is said.
        @Test func changesThatChangeEveryHeadAreRefused() async throws {
            try await runOnNumbers("thin", ["--every", "2"])
            let dropped = try await change("thin", ["--drop", "1"], "no-one")
            #expect(dropped.status == 64)
            #expect(dropped.standardError.contains("(--every 2), so without a class all rows"))
            let text = try await add(
                "thin", labels: ["7", "7", "cat", "cat", "dog", "dog"], "texts")
            #expect(text.status == 64)
            #expect(text.standardError.contains("whole numbers and cat is a text"))
            let weights = files.folder.path("weights.txt")
            try AtomicFile.write(
                [UInt8](repeating: 0x31, count: 24).flatMap { [$0, 0x0A] }, to: weights)
            try await runOnNumbers("weighed", ["--sample-weight", weights])
            let unweighed = try await add("weighed", labels: ["7", "7"], "unweighed")
            #expect(unweighed.status == 64)
            #expect(unweighed.standardError.contains("behind --: -- --sample-weight FILE"))
            for name in ["no-one", "texts", "unweighed"] {
                #expect(!FileSystem.exists(files.folder.path(name + "/results.json")))
            }
        }

        @Test func aClassThatComesBackIsSaid() async throws {
            try await runOnNumbers("two", ["--classes", "0,1"])
            let back = try await add("two", labels: ["2", "2", "2"], "three")
            #expect(back.status == 0, "\(back.standardError)")
            #expect(
                back.standardError.contains(
                    "left out class 2, which comes back: it is trained on its 8 former rows and its 3 new rows"
                ))
            #expect(back.standardError.contains("1 of 4 heads kept"))
        }
    }
}
