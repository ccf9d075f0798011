import Decoding
import Formats
import Foundation
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator predict`: answers for rows without labels.
    @Suite(.timeLimit(.minutes(4))) struct PredictTests {
        private let files: AnimalFiles

        init() async throws {
            files = try AnimalFiles()
            let run = try await files.run("run", ["--workers", "1", "--l2", "0.01"])
            try #require(run.status == 0, "\(run.standardError)")
        }

        private func predict(
            _ arguments: [String], model: String = "run", rows: String = "test.npy"
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            try await TestSupport.run(
                Lab.coordinator,
                ["predict", files.folder.path(model), files.folder.path(rows)] + arguments,
                within: .seconds(120))
        }

        // Goal: what a run says of its test rows, predict says of the same rows, by every scheme; and
        // what is printed is the argmax of what is printed.
        @Test func saysWhatTheRunSays() async throws {
            let csv = String(
                decoding: try bytes(
                    of: RunDirectory.path(of: .predictions, in: files.folder.path("run"))),
                as: UTF8.self)
            let table = csv.split(separator: "\n").map {
                $0.split(separator: ",", omittingEmptySubsequences: false)
            }
            for (scheme, name) in [
                (Scheme.oneVsAll, "one_vs_all"), (.softVote, "all_vs_all"),
                (.hardVote, "all_vs_all_hard_vote"), (.pairwiseCoupling, "all_vs_all_coupling"),
                (.eliminationGraph, "dag"),
            ] {
                let column = try #require(table[0].firstIndex(of: Substring(name)))
                let found = try await predict(["--scheme", scheme.rawValue, "--probabilities"])
                try #require(found.status == 0, "\(found.standardError)")
                let lines = found.standardOutput.split(separator: "\n")
                #expect(
                    lines[0]
                        == "\"label\",\"label_index\",\"probability\",\"p_cat\",\"p_dog\",\"p_eel\",\"p_fox\",\"p_gnu\",\"p_hen\""
                )
                #expect(lines.count == 61)
                for (line, row) in zip(lines.dropFirst(), table.dropFirst()) {
                    let fields = line.split(separator: ",")
                    #expect(fields[1] == row[column])
                    let index = try #require(Int(fields[1]))
                    #expect(fields[0] == "\"\(AnimalFiles.animals[index])\"")
                    let probabilities = fields[3...].compactMap { Double($0) }
                    #expect(probabilities.count == 6)
                    #expect(abs(probabilities.reduce(0, +) - 1) < 1e-9)
                    let greatest = try #require(probabilities.max())
                    #expect(probabilities.firstIndex(of: greatest) == index)
                    #expect(Double(fields[2]) == greatest)
                    #expect(fields[2...].allSatisfy { $0.contains(".") || $0.contains("e") })
                }
            }
        }

        // Goal: the page's own lines of Python read the file and give the same labels.
        @Test func thePagesReaderGivesTheSameLabels() async throws {
            let python = try await TestSupport.run(
                URL(filePath: "/usr/bin/env"), ["python3", "-c", "import numpy"],
                within: .seconds(120))
            guard python.status == 0 else {
                print("python3 has no numpy here: the reader is not tried")
                return
            }
            let page = try String(
                contentsOf: packageRoot.appending(path: "Sources/Model/Model.docc/File.md"),
                encoding: .utf8)
            let code = try #require(
                page.components(separatedBy: "```python\n").dropFirst().first?
                    .components(separatedBy: "```").first)
            let reader = files.folder.path("reader.py")
            try Data(code.utf8).write(to: URL(filePath: reader))
            let model = RunDirectory.path(of: .model, in: files.folder.path("run"))
            let read = try await TestSupport.run(
                URL(filePath: "/usr/bin/env"),
                ["python3", reader, model, files.folder.path("test.npy")],
                within: .seconds(120))
            try #require(read.status == 0, "\(read.standardError)")
            let ours = try await predict(["--scheme", "all_vs_all_hard_vote"])
            let labels = ours.standardOutput.split(separator: "\n").dropFirst()
                .map { $0.prefix { $0 != "," }.filter { $0 != "\"" } }
            #expect(labels == read.standardOutput.split(separator: "\n").map(String.init))
            #expect(labels.count == 60)
        }

        @Test func writesFilesByTheirNames() async throws {
            let (lines, labels, matrix) = (
                files.folder.path("a.jsonl"), files.folder.path("a.npy"), files.folder.path("p.npy")
            )
            let model = RunDirectory.path(of: .model, in: files.folder.path("run"))
            for arguments in [
                ["--output", lines, "--top", "2", "--probabilities"], ["--output", labels],
                ["--output", matrix, "--probabilities"],
            ] {
                let found = try await TestSupport.run(
                    Lab.coordinator,
                    ["predict", model, files.folder.path("test.npy")] + arguments,
                    within: .seconds(120))
                #expect(found.status == 0, "\(found.standardError)")
                #expect(found.standardOutput == "")
            }
            let objects = String(decoding: try bytes(of: lines), as: UTF8.self)
                .split(separator: "\n").compactMap { JSONValue(text: String($0)) }
            #expect(objects.count == 60)
            for case .object(let object) in objects {
                guard case .array(let top)? = object["top"],
                    case .array(let all)? = object["probabilities"]
                else {
                    Issue.record("no lists")
                    return
                }
                #expect(top.count == 2)
                #expect(all.count == 6)
                #expect(
                    top[0] == .object(object.filter { !["top", "probabilities"].contains($0.key) }))
            }
            // 60 labels of three letters, and 60 rows of six numbers.
            #expect(try bytes(of: labels).count == 128 + 60 * 3 * 4)
            #expect(try bytes(of: matrix).count == 128 + 60 * 6 * 8)
        }

        @Test func saysWhatWasAskedAndAnswered() async throws {
            let found = try await predict(["--explain", "--scheme", "dag"])
            try #require(found.status == 0, "\(found.standardError)")
            let lines = found.standardOutput.split(separator: "\n")
            // A line for the row, the classes behind, the question, and a line for each of five pairs.
            #expect(lines.count == 60 * 8)
            #expect(lines[0].hasPrefix("row 0: "))
            #expect(lines[0].contains("by DAG elimination over pairs"))
            #expect(lines[8].hasPrefix("row 1: "))
            let file = files.folder.path("explained.jsonl")
            let written = try await predict(["--explain", "--output", file])
            try #require(written.status == 0, "\(written.standardError)")
            let objects = String(decoding: try bytes(of: file), as: UTF8.self)
                .split(separator: "\n").compactMap { JSONValue(text: String($0)) }
            #expect(objects.count == 60)
            for case .object(let object) in objects {
                guard case .object(let explanation)? = object["explanation"] else {
                    Issue.record("no explanation")
                    return
                }
                #expect(explanation["label"] == object["label"])
                #expect(explanation["probability"] == object["probability"])
                #expect(explanation["scheme"] == .string("all_vs_all_coupling"))
            }
        }

        @Test func oneSentenceForWhatCannotBeAsked() async throws {
            for (arguments, status, words) in [
                (["--scheme", "tree"], 64, "no heads for --scheme tree"),
                (["--scheme", "forest"], 64, "one_vs_all"),
                (["--top", "0"], 64, "--top must be at least 1"),
                (["--explain", "--probabilities"], 64, "add --output FILE.jsonl"),
                (["--explain", "--output", "answers.csv"], 64, "--explain writes lines"),
                (["--output", "answers.txt"], 64, ".csv, .jsonl or .npy"),
                (["--reject", "0.05"], 64, "validation rows"),
            ] as [([String], Int32, String)] {
                let found = try await predict(arguments)
                #expect(found.status == status)
                #expect(found.standardError.contains(words), "\(found.standardError)")
                #expect(found.standardOutput == "")
            }
            let nowhere = try await predict([], model: "elsewhere")
            #expect(nowhere.status == 65)
            #expect(nowhere.standardError.contains("is not there"))
            let noModel = try await predict([], model: ".")
            #expect(noModel.status == 65)
            #expect(noModel.standardError.contains("holds no model.safetensors"))
            let noRows = try await predict([], rows: "test.txt")
            #expect(noRows.status == 65)
        }

        // Goal: nothing that is read is replaced by what is written.
        @Test func anOutputThatIsReadIsRefused() async throws {
            let model = RunDirectory.path(of: .model, in: files.folder.path("run"))
            try FileManager.default.createSymbolicLink(
                atPath: files.folder.path("model.csv"), withDestinationPath: model)
            for (output, words) in [
                ("./test.npy", "is the input itself"), ("model.csv", "is the model itself"),
            ] {
                let before = try bytes(of: files.folder.path(output))
                let found = try await predict(["--output", files.folder.path(output)])
                #expect(found.status == 64)
                #expect(found.standardError.contains(words), "\(found.standardError)")
                #expect(try bytes(of: files.folder.path(output)) == before)
            }
            let before = try bytes(of: model)
            let export = try await TestSupport.run(
                Lab.coordinator,
                ["export", files.folder.path("run"), "--format", "npz", "--output", model],
                within: .seconds(120))
            #expect(export.status == 64)
            #expect(export.standardError.contains("is the model itself"))
            #expect(try bytes(of: model) == before)
        }

        // Goal: the option that a refusal names is one of the command that refuses.
        @Test func valuesOfTwoBytesAreNamed() async throws {
            let rows = try bytes(of: files.folder.path("test.npy"))
            let header = NPY.header(
                "|V2", shape: [60, AnimalFiles.featureCount], byteCountMin: 128)
            // The upper half of a float32 is its bfloat16.
            let values = rows.suffix(60 * AnimalFiles.featureCount * 4).enumerated()
                .filter { $0.offset % 4 >= 2 }.map(\.element)
            try AtomicFile.write(header + values, to: files.folder.path("half.npy"))
            let refused = try await predict([], rows: "half.npy")
            #expect(refused.status == 65)
            #expect(refused.standardError.contains("--dtype bf16"))
            let found = try await predict(["--dtype", "bf16"], rows: "half.npy")
            #expect(found.status == 0, "\(found.standardError)")
            #expect(found.standardOutput.split(separator: "\n").count == 61)
            let tested = try await TestSupport.run(
                Lab.coordinator,
                [
                    "evaluate", files.folder.path("run"), "--dtype", "bf16", "--test",
                    files.folder.path("half.npy"), "--test-labels", files.folder.path("test.txt"),
                ], within: .seconds(120))
            #expect(tested.status == 0, "\(tested.standardError)")
        }
    }
}
