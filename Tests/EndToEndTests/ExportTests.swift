import Decoding
import Formats
import Foundation
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator export`: a model in other tools.
    @Suite(.timeLimit(.minutes(5))) struct ExportTests {
        private let files: AnimalFiles

        init() async throws {
            files = try AnimalFiles()
            let run = try await files.run("run", ["--workers", "1", "--l2", "0.01"])
            try #require(run.status == 0, "\(run.standardError)")
        }

        private func export(
            _ output: String, _ arguments: [String] = []
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            try await TestSupport.run(
                Lab.coordinator,
                ["export", files.folder.path("run"), "--output", files.folder.path(output)]
                    + arguments, within: .seconds(120))
        }

        /// Runs Python, unless a package is missing; then nil.
        private func python(
            _ packages: String, _ program: String, _ arguments: [String]
        ) async throws -> String? {
            let python = URL(filePath: "/usr/bin/env")
            let found = try await TestSupport.run(
                python, ["python3", "-c", "import \(packages)"], within: .seconds(120))
            guard found.status == 0 else {
                print("python3 lacks one of \(packages) here: the file is not opened")
                return nil
            }
            let outcome = try await TestSupport.run(
                python, ["python3", "-c", program] + arguments, within: .seconds(120))
            try #require(outcome.status == 0, "\(outcome.standardError)")
            return outcome.standardOutput
        }

        // Goal: a graph says of all rows what predict says, by every scheme that the model has.
        @Test func graphsSayWhatPredictSays() async throws {
            var arguments = [files.folder.path("test.npy")]
            for scheme in [
                Scheme.oneVsAll, .softVote, .hardVote, .pairwiseCoupling, .eliminationGraph,
            ] {
                let name = scheme.rawValue
                let graph = try await export("\(name).onnx", ["--scheme", name])
                try #require(graph.status == 0, "\(graph.standardError)")
                #expect(graph.standardOutput.contains("opset 21"))
                let answers = files.folder.path("\(name).npy")
                let predicted = try await TestSupport.run(
                    Lab.coordinator,
                    [
                        "predict", files.folder.path("run"), files.folder.path("test.npy"),
                        "--scheme", name, "--probabilities", "--output", answers,
                    ], within: .seconds(120))
                try #require(predicted.status == 0, "\(predicted.standardError)")
                arguments += [files.folder.path("\(name).onnx"), answers]
            }
            let program = """
                import sys, numpy as np, onnx, onnxruntime as ort
                animals = np.array(["cat", "dog", "eel", "fox", "gnu", "hen"])
                rows = np.load(sys.argv[1])
                for graph, answers in zip(sys.argv[2::2], sys.argv[3::2]):
                    onnx.checker.check_model(onnx.load(graph), full_check=True)
                    ours = np.load(answers)
                    label, index, p = ort.InferenceSession(graph).run(None, {"features": rows})
                    best = np.sort(ours, 1)
                    sure = best[:, -1] - best[:, -2] > 1e-5
                    assert sure.sum() > 30, graph
                    assert np.abs(p - ours).max() < 1e-5, graph
                    assert (index == ours.argmax(1))[sure].all(), graph
                    assert (label == animals[index]).all(), graph
                print("equal")
                """
            if let found = try await python("numpy, onnx, onnxruntime", program, arguments) {
                #expect(found == "equal\n")
            }
        }

        // Goal: the arrays are what scikit-learn's own objects predict with, as the page says.
        @Test func scikitLearnPredictsByTheArrays() async throws {
            for (file, scheme) in [("a.npz", "one_vs_all"), ("b.npz", "all_vs_all_hard_vote")] {
                let found = try await export(file, ["--scheme", scheme])
                try #require(found.status == 0, "\(found.standardError)")
            }
            let page = try String(
                contentsOf: packageRoot.appending(path: "Sources/ONNX/ONNX.docc/ScikitLearn.md"),
                encoding: .utf8)
            let code = page.components(separatedBy: "```python\n").dropFirst()
                .map { $0.components(separatedBy: "```")[0] }.joined()
            let program =
                code + """

                    import sys
                    rows = np.load(sys.argv[3])
                    print(" ".join(one_vs_all(sys.argv[1]).predict(rows)))
                    print(" ".join(all_vs_all(sys.argv[2]).predict(rows)))
                    """
            let arguments = ["a.npz", "b.npz", "test.npy"].map { files.folder.path($0) }
            guard let found = try await python("numpy, sklearn", program, arguments) else { return }
            let lines = found.split(separator: "\n").map {
                $0.split(separator: " ").map(String.init)
            }
            for (line, scheme) in zip(lines, ["one_vs_all", "all_vs_all_hard_vote"]) {
                let ours = try await TestSupport.run(
                    Lab.coordinator,
                    [
                        "predict", files.folder.path("run"), files.folder.path("test.npy"),
                        "--scheme", scheme, "--top", "2", "--output", files.folder.path("p.jsonl"),
                    ], within: .seconds(120))
                try #require(ours.status == 0, "\(ours.standardError)")
                let answers = String(
                    decoding: try bytes(of: files.folder.path("p.jsonl")), as: UTF8.self
                ).split(separator: "\n").compactMap { JSONValue(text: String($0)) }
                #expect(answers.count == line.count)
                for (label, answer) in zip(line, answers) {
                    guard case .object(let object) = answer, case .array(let top)? = object["top"],
                        case .object(let first)? = top.first, case .object(let second)? = top.last
                    else {
                        Issue.record("no list")
                        return
                    }
                    // scikit-learn has an order of its own for equal votes.
                    if first["probability"] != second["probability"] {
                        #expect(object["label"] == .string(label))
                    }
                }
            }
        }

        @Test func saysWhatItWroteForAScript() async throws {
            let found = try await export(
                "a.onnx", ["--scheme", "one_vs_all", "--outputs", "label,score", "--json"])
            #expect(found.status == 0, "\(found.standardError)")
            guard case .object(let report)? = JSONValue(text: found.standardOutput),
                case .array(let outputs)? = report["outputs"]
            else {
                Issue.record("no report: \(found.standardOutput)")
                return
            }
            #expect(report["opset"] == .integer(21))
            #expect(report["ir_version"] == .integer(10))
            #expect(
                report["bytes"]
                    == .integer(Int64(try bytes(of: files.folder.path("a.onnx")).count)))
            #expect(
                outputs == [
                    .object([
                        "name": .string("label"), "type": .string("string"),
                        "shape": .array([.string("N")]),
                    ]),
                    .object([
                        "name": .string("score"), "type": .string("float32"),
                        "shape": .array([.string("N")]),
                    ]),
                ])
        }

        @Test func oneSentenceForWhatCannotBeExported() async throws {
            for (output, arguments, status, words) in [
                ("a.onnx", ["--scheme", "tree"], 64, "no heads for --scheme tree"),
                ("a.txt", [], 64, "neither .onnx nor .npz"),
                ("a.npz", ["--outputs", "label"], 64, "--outputs is of graphs"),
                ("a.onnx", ["--outputs", "label,label"], 64, "at most once"),
                ("a.onnx", ["--format", "pmml"], 64, "onnx"),
                ("no/a.onnx", [], 73, "cannot write"),
            ] as [(String, [String], Int32, String)] {
                let found = try await export(output, arguments)
                #expect(found.status == status)
                #expect(found.standardError.contains(words), "\(found.standardError)")
                #expect(found.standardOutput == "")
                #expect(!FileSystem.exists(files.folder.path(output)))
            }
        }
    }
}
