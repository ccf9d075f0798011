import Formats
import Foundation
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator evaluate MODEL --test FILE`: how well a model predicts the rows of any file.
    @Suite(.timeLimit(.minutes(4))) struct EvaluateFileTests {
        private let files: AnimalFiles

        init() async throws {
            files = try AnimalFiles()
            let run = try await files.run("run", ["--workers", "1", "--l2", "0.01"])
            try #require(run.status == 0, "\(run.standardError)")
        }

        private func evaluate(
            _ model: String, labels: String = "test.txt", _ more: [String] = []
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            try await TestSupport.run(
                Lab.coordinator,
                [
                    "evaluate", model, "--test", files.folder.path("test.npy"), "--test-labels",
                    files.folder.path(labels),
                ] + more, within: .seconds(120))
        }

        private func object(_ text: String) throws -> [String: JSONValue] {
            guard case .object(let object)? = JSONValue(text: text) else {
                Issue.record("no object: \(text.prefix(100))")
                return [:]
            }
            return object
        }

        private func sum(_ value: JSONValue?, _ key: String) -> Double {
            guard case .array(let items)? = value else { return -1 }
            return items.reduce(0) {
                guard case .object(let item) = $1 else { return $0 }
                return $0 + (item[key]?.number ?? 0)
            }
        }

        /// Labels of the test rows, the first six of them of a class that nobody trained.
        private func writeForeignLabels() throws {
            var labels = String(
                decoding: try bytes(of: files.folder.path("test.txt")), as: UTF8.self
            )
            .split(separator: "\n")
            for row in 0..<6 { labels[row] = "yak" }
            try Data(labels.map { $0 + "\n" }.joined().utf8).write(
                to: URL(filePath: files.folder.path("foreign.txt")))
        }

        // Goal: the figures of a run's own test rows, from its folder and from its model's file alone.
        @Test func saysOfAFileWhatTheRunSaysOfItsTestRows() async throws {
            let folder = files.folder.path("run")
            let results = try RunDirectory.readResults(in: folder)
            let own = try #require(results.schemes.allVsAll)
            let correct = try #require(own.correct)
            let found = try await evaluate(folder, ["--scheme", "all_vs_all", "--json"])
            try #require(found.status == 0, "\(found.standardError)")
            let report = try object(found.standardOutput)
            #expect(report["correct"] == .integer(Int64(correct)))
            #expect(report["accuracy"]?.number == own.accuracy)
            #expect(report["nll"]?.number == own.nll)
            #expect(report["brier"]?.number == own.brier)
            #expect(report["ece"]?.number == own.ece)
            #expect(report["top5_accuracy"]?.number == own.topFiveAccuracy)
            #expect(report["test_rows"] == .integer(60))
            #expect(sum(report["recall"], "correct") == Double(correct))
            #expect(sum(report["recall"], "rows") == 60)
            #expect(sum(report["confusions"], "rows") == Double(60 - correct))
            guard case .array(let matrix)? = report["confusion"] else {
                Issue.record("no matrix")
                return
            }
            let diagonal = matrix.enumerated().map { index, row -> Double in
                guard case .array(let cells) = row else { return -1 }
                return cells[index].number ?? -1
            }
            #expect(diagonal.reduce(0, +) == Double(correct))
            let model = RunDirectory.path(of: .model, in: folder)
            let alone = try await evaluate(model, ["--scheme", "all_vs_all", "--json"])
            var other = try object(alone.standardOutput)
            other["model"] = report["model"]
            #expect(other == report)
            let table = try await evaluate(folder, ["--confusions", "1"])
            #expect(table.standardOutput.contains("all-vs-all, pairwise coupling"))
            #expect(table.standardOutput.contains("taken for"))
            for animal in AnimalFiles.animals { #expect(table.standardOutput.contains(animal)) }
        }

        @Test func rejectedRowsAreThoseThatPredictRejects() async throws {
            try writeForeignLabels()
            var model = try Safetensors(
                contentsOf: RunDirectory.path(of: .model, in: files.folder.path("run")))
            model.metadata["calibration"] =
                #"{"all_vs_all_coupling":{"temperature":0.8,"confidence_quantiles":[0,0.7,1]}}"#
            let path = files.folder.path("calibrated.safetensors")
            try Data(model.encoded()).write(to: URL(filePath: path))
            let predicted = try await TestSupport.run(
                Lab.coordinator,
                ["predict", path, files.folder.path("test.npy"), "--reject", "0.5"],
                within: .seconds(120))
            try #require(predicted.status == 0, "\(predicted.standardError)")
            let isRejected = predicted.standardOutput.split(separator: "\n").dropFirst()
                .map { $0.contains(",-1,") }
            try #require(isRejected.count == 60)
            let found = try await evaluate(
                path, labels: "foreign.txt", ["--reject", "0.5", "--json"])
            try #require(found.status == 0, "\(found.standardError)")
            guard case .object(let reject)? = try object(found.standardOutput)["reject"] else {
                Issue.record("no reject")
                return
            }
            #expect(reject["threshold"] == .number(0.7))
            #expect(reject["outside_rows"] == .integer(6))
            #expect(reject["inside_rows"] == .integer(54))
            let (outside, inside) = (isRejected.prefix(6), isRejected.dropFirst(6))
            #expect(reject["outside_rejected"] == .integer(Int64(outside.count { $0 })))
            #expect(reject["inside_kept"] == .integer(Int64(inside.count { !$0 })))
            #expect(isRejected.contains(true) && isRejected.contains(false))
        }

        @Test func oneSentenceForWhatCannotBeEvaluated() async throws {
            try writeForeignLabels()
            let folder = files.folder.path("run")
            let unknown = try await evaluate(folder, labels: "foreign.txt")
            #expect(unknown.status == 65)
            #expect(unknown.standardError.contains("row 0 (counted from 0) has the label yak"))
            let uncalibrated = try await evaluate(folder, ["--reject", "0.1"])
            #expect(uncalibrated.status == 64)
            #expect(uncalibrated.standardError.contains("validation rows"))
            let few = files.folder.path("few.txt")
            try Data("cat\ndog\n".utf8).write(to: URL(filePath: few))
            let mismatch = try await evaluate(folder, labels: "few.txt")
            #expect(mismatch.status == 65)
            #expect(mismatch.standardError.contains("60 rows"))
            for (arguments, words) in [
                ([folder, "--scheme", "all_vs_all"], "--scheme is about a file of rows"),
                ([folder, "--test", "x.npy", "--drop", "1"], "--drop is about a run's own"),
                ([folder, "x.npy", "--test", "x.npy"], "give one file"),
                ([folder, "x.npy", "--confusions=-1"], "--confusions must be"),
                ([folder, "x.npy", "--reject", "1"], "--reject must be"),
            ] {
                let found = try await TestSupport.run(
                    Lab.coordinator, ["evaluate"] + arguments, within: .seconds(120))
                #expect(found.status == 64)
                #expect(found.standardError.contains(words), "\(found.standardError)")
            }
        }
    }
}
