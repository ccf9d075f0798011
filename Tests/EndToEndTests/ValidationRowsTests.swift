import Decoding
import Formats
import Foundation
import Model
import Numerics
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// Rows to choose by, and what is done to rows: `--val`, `--holdout`, `--normalize`, `--classes`.
    @Suite(.timeLimit(.minutes(4))) struct ValidationRowsTests {
        private static let featureCount = 10
        private static let animals = ["cat", "dog, black", "eel", "fox"]
        private let folder: TemporaryDirectory

        init() throws {
            folder = try TemporaryDirectory()
            try write("train", rowsPerClass: 40, from: 0)
            try write("val", rowsPerClass: 25, from: 1_000)
            try write("test", rowsPerClass: 25, from: 2_000)
        }

        /// Rows of all classes in turn, each with noise around its class's own point, features of very
        /// different sizes; labels are lines of text.
        private func write(_ name: String, rowsPerClass: Int, from first: Int) throws {
            var rows = Matrix(
                rowCount: rowsPerClass * Self.animals.count, columnCount: Self.featureCount)
            var labels = ""
            for row in 0..<rows.rowCount {
                let label = row % Self.animals.count
                for feature in 0..<Self.featureCount {
                    let word = Philox.block(
                        seed: 11, UInt32(first + row), UInt32(feature), 0, 0
                    ).x
                    let value =
                        Philox.uniform(word) + (feature % Self.animals.count == label ? 0.5 : 0)
                    rows[row, feature] = value * Float(feature * feature + 1) - 3
                }
                labels += Self.animals[label] + "\n"
            }
            try save(rows, name)
            try folder.write(labels, to: name + ".txt")
        }

        private func save(_ rows: Matrix, _ name: String) throws {
            try NPY.write(rows, to: folder.path(name + ".npy"))
        }

        private func files(_ option: String, _ name: String, rows: String? = nil) -> [String] {
            [
                "--" + option, folder.path((rows ?? name) + ".npy"), "--\(option)-labels",
                folder.path(name + ".txt"),
            ]
        }

        private func run(
            _ name: String, _ more: [String]
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            try await TestSupport.run(
                Lab.coordinator,
                ["run", "--bind", "tcp://127.0.0.1:0", "--threads", "1", "--workers", "1"]
                    + ["--run-dir", folder.path(name)] + more, within: .seconds(120))
        }

        private func results(_ name: String, _ more: [String]) async throws -> RunResults {
            let run = try await run(name, more)
            try #require(run.status == 0, "\(run.standardError)")
            return try RunDirectory.readResults(in: folder.path(name))
        }

        private func model(_ name: String) throws -> Model {
            try Model(contentsOf: RunDirectory.path(of: .model, in: folder.path(name)))
        }

        private struct Report: Decodable {
            struct Figures: Decodable {
                var accuracy: Double
                var nll: Double
                var ece: Double
            }
            var schemes: [String: Figures]
        }

        /// `coordinator evaluate` has the figures of the run, to the last digit.
        private func checkEvaluation(_ name: String, _ results: RunResults) async throws {
            let run = try await TestSupport.run(
                Lab.coordinator, ["evaluate", folder.path(name), "--json", "--threads", "1"],
                within: .seconds(120))
            try #require(run.status == 0, "\(run.standardError)")
            let report = try JSONDecoder().decode(
                Report.self, from: Data(run.standardOutput.utf8))
            for (key, scheme) in results.schemes where key != "tree" {
                #expect(report.schemes[key]?.accuracy == scheme.accuracy, "\(key)")
                #expect(report.schemes[key]?.nll == scheme.nll, "\(key)")
                #expect(report.schemes[key]?.ece == scheme.ece, "\(key)")
            }
        }

        /// What every run with validation rows says of its schemes.
        private func checkChoice(_ results: RunResults, _ model: Model) throws {
            var least: (key: String, nll: Double)?
            for scheme in Scheme.allCases {
                guard let summary = results.schemes[scheme.rawValue] else { continue }
                let validation = try #require(summary.validation, "\(scheme)")
                #expect(summary.temperature == model.calibrations[scheme]?.temperature)
                #expect((summary.temperature ?? 0) > 0)
                #expect(summary.uncalibratedNLL != nil && summary.uncalibratedECE != nil)
                if validation.nll < least?.nll ?? .infinity {
                    least = (scheme.rawValue, validation.nll)
                }
            }
            #expect(results.chosenScheme == least?.key)
            #expect(model.chosenScheme?.rawValue == least?.key)
        }

        private static let options = ["--normalize", "standardize", "--classes", "fox,cat,eel"]

        // What is selected, held out and normalised on its way from a file is what is in memory.
        @Test(arguments: [false, true])
        func featuresThatStayInTheirFileGiveTheSameRun(isHeldOut: Bool) async throws {
            let options =
                files("train", "train") + files("test", "test")
                + (isHeldOut ? ["--holdout", "0.25"] : files("val", "val"))
                + ["--normalize", isHeldOut ? "standardize" : "l2", "--classes", "fox,cat,eel"]
            let held = try await results("held", options)
            let large = try await results("large", options + ["--feature-memory", "0"])
            #expect(large.data.trainRows == held.data.trainRows)
            #expect(large.data.validationRows == held.data.validationRows)
            #expect(large.optimum?.l2 == held.optimum?.l2)
            #expect(large.optimum?.crossValidationRows == nil)
            #expect(large.digests == held.digests)
            #expect(large.schemes == held.schemes)
            #expect(large.chosenScheme == held.chosenScheme)
            #expect(try model("large").normalization == model("held").normalization)
            #expect(try model("large").calibrations == model("held").calibrations)
            try await checkEvaluation("large", large)
        }

        @Test func validationRowsChooseAndRowsAreNormalised() async throws {
            let rows = files("train", "train") + files("val", "val") + files("test", "test")
            let first = try await run("one", rows + Self.options)
            try #require(first.status == 0, "\(first.standardError)")
            let one = try RunDirectory.readResults(in: folder.path("one"))
            #expect(one.data.classNames == ["fox", "cat", "eel"])
            #expect(one.data.trainRows == 120)
            #expect(one.data.validationRows == 75)
            #expect(one.data.testRows == 75)
            #expect(one.config["classes"] == "fox,cat,eel")
            #expect(one.config["normalize"] == "standardize")
            #expect(one.config["val"] == .string(folder.path("val.npy")))
            #expect(one.heads.certified == 4)
            // The penalty has the least loss on the validation rows, and cross-validation had no say.
            let curve = try #require(one.optimum?.validation)
            #expect(one.optimum?.crossValidation == nil)
            #expect(one.optimum?.l2 == curve.min { $0.nll < $1.nll }?.l2)
            #expect(first.standardError.contains("chosen on the validation rows"))
            #expect(first.standardOutput.contains("by validation rows"))
            let model = try model("one")
            try checkChoice(one, model)
            #expect(model.normalization.kind == .standardize)
            try await checkEvaluation("one", one)

            // Whoever had standardised his rows by the same formula would have the same heads.
            let train = try NPY.readMatrix(ByteSource(folder.path("train.npy")))
            let kept = train.selecting((0..<train.rowCount).filter { $0 % 4 != 1 })
            let formula = try Normalization(.standardize, fittedTo: kept)
            for name in ["train", "val", "test"] {
                var rows = try NPY.readMatrix(ByteSource(folder.path(name + ".npy")))
                formula.apply(to: &rows)
                try save(rows, name + "-own")
            }
            let two = try await results(
                "two",
                files("train", "train", rows: "train-own") + files("val", "val", rows: "val-own")
                    + files("test", "test", rows: "test-own") + ["--classes", "fox,cat,eel"])
            #expect(two.digests == one.digests)
            #expect(two.schemes == one.schemes)
            #expect(two.data.sha256 != one.data.sha256)

            try await checkRefusals(rows, first.standardOutput)
        }

        /// Another start of a run may not be of other rows or options; a finished one is only read.
        private func checkRefusals(_ rows: [String], _ output: String) async throws {
            let path = folder.path("one")
            let again = try await TestSupport.run(
                Lab.coordinator, ["resume", path], within: .seconds(120))
            #expect(again.status == 0, "\(again.standardError)")
            #expect(again.standardOutput == output)
            for (more, part) in [
                (["--normalize", "l2"], "normalize is standardize there and l2 here"),
                (
                    ["--classes", "cat,fox,eel"],
                    "classes is fox,cat,eel there and cat,fox,eel here"
                ),
                (["--class-weight", "balanced"], "class_weight is none there and balanced here"),
                (["--every", "2"], "every is 1 there and 2 here"),
                (["--sample-weight", folder.path("weights.txt")], "sample_weight is none there"),
                (["--val", folder.path("test.npy")], "other data"),
            ] {
                try folder.write(String(repeating: "1\n", count: 160), to: "weights.txt")
                let other = try await TestSupport.run(
                    Lab.coordinator, ["resume", path] + more, within: .seconds(120))
                #expect(other.status == 64, "\(more): \(other.standardError)")
                #expect(other.standardError.contains(part), "\(more): \(other.standardError)")
            }
            let without = try await run(
                "one", files("train", "train") + files("test", "test") + Self.options)
            #expect(without.status == 64)
            #expect(
                without.standardError.contains(
                    "val is \(folder.path("val.npy")) there and none here"),
                "\(without.standardError)")
        }

        @Test func rowsAreHeldOutOfFilesAndOfDataSets() async throws {
            let rows = files("train", "train") + files("test", "test")
            let held = try await results(
                "held", rows + ["--holdout", "0.2", "--normalize", "l2", "--every", "3"])
            // Of 14, 13, 13 and 14 rows three each.
            #expect(held.data.classNames == ["cat", "dog, black", "eel", "fox"])
            #expect(held.data.trainRows == 42)
            #expect(held.data.validationRows == 12)
            let model = try model("held")
            try checkChoice(held, model)
            #expect(model.normalization == .l2)
            try await checkEvaluation("held", held)

            // Images: the backbone does not see the rows held out either.
            var job = try Job()
            job.heads = "pairs"
            let path = folder.path("images")
            let run = try await job.run(
                in: path, ["--holdout", "0.25", "--workers", "1", "--class-weight", "balanced"])
            try #require(run.status == 0, "\(run.standardError)")
            let images = try RunDirectory.readResults(in: path)
            let validation = try #require(images.data.validationRows)
            #expect(images.data.trainRows + validation == 1_200)
            #expect((300...305).contains(validation))
            #expect(images.config["class_weight"] == "balanced")
            try checkChoice(
                images, Model(contentsOf: RunDirectory.path(of: .model, in: path)))
            try await checkEvaluation("images", images)
        }

        @Test func wrongRowsAreRefusedBeforeAnythingIsWritten() async throws {
            let train = files("train", "train")
            try folder.write("1\n0\n-1\n", to: "weights.txt")
            for (more, status, part) in [
                (train + ["--classes", "cat,yak"], 64, "no class yak"),
                (train + ["--classes", "\"cat"], 64, "cannot read the classes"),
                (train + ["--classes", "dog, black"], 64, "no class dog"),
                (train + ["--holdout", "1"], 64, "--holdout must be"),
                (train + files("val", "val") + ["--holdout", "0.1"], 64, "--val has some already"),
                (train + ["--val-labels", folder.path("val.txt")], 64, "give them by --val"),
                (train + ["--every", "159"], 65, "no training rows left"),
                (train + ["--svmlight-base", "2"], 64, "must be 0 or 1"),
                (train + ["--dtype", "f8"], 64, "'f8' is invalid"),
                (train + ["--sample-weight", folder.path("weights.txt")], 65, "weight"),
                (["--val", folder.path("val.npy")], 64, "without --train"),
                (["--normalize", "l2"], 64, "features in files"),
            ] as [([String], Int32, String)] {
                let run = try await run("refused", more)
                #expect(run.status == status, "\(more): \(run.standardError)")
                #expect(run.standardError.contains(part), "\(more): \(run.standardError)")
                #expect(!FileManager.default.fileExists(atPath: folder.path("refused")))
            }
        }
    }
}
