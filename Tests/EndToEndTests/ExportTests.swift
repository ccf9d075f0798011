import Decoding
import Formats
import Foundation
import Heads
import Model
import Numerics
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
            _ output: String, _ arguments: [String] = [], model: String = "run"
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            try await TestSupport.run(
                Lab.coordinator,
                ["export", files.folder.path(model), "--output", files.folder.path(output)]
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

        /// The blocks of Python on a page.
        private func blocks(of page: String) throws -> [String] {
            let text = try String(
                contentsOf: packageRoot.appending(path: "Sources/" + page), encoding: .utf8)
            return text.components(separatedBy: "```python\n").dropFirst()
                .map { $0.components(separatedBy: "```")[0] }
        }

        // Goal: the arrays are what scikit-learn's own objects predict with, as the page says.
        @Test func scikitLearnPredictsByTheArrays() async throws {
            for (file, scheme) in [("a.npz", "one_vs_all"), ("b.npz", "all_vs_all_hard_vote")] {
                let found = try await export(file, ["--scheme", scheme])
                try #require(found.status == 0, "\(found.standardError)")
            }
            let program =
                try blocks(of: "ONNX/ONNX.docc/ScikitLearn.md").joined() + """

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

        /// A model of heads of each animal against the rest, and of nothing else.
        private func writeRestModel(_ name: String) throws {
            let count = AnimalFiles.animals.count
            let heads = (0..<count).map { own -> Head in
                let weights = (0..<AnimalFiles.featureCount).map {
                    $0 % count == own ? Float(3) : -0.5
                }
                let rest = weights.map { -$0 }
                return Head(
                    key: .rest(own, of: .all(count)),
                    weights: Matrix(
                        rowCount: 2, columnCount: weights.count,
                        values: own == 0 ? weights + rest : rest + weights),
                    biases: own == 0 ? [-0.75, 0.75] : [0.75, -0.75])
            }
            let model = Model(
                classNames: AnimalFiles.animals, classKeys: (0..<UInt64(count)).map(\.self),
                heads: heads, backbone: nil)
            try AtomicFile.write(try model.file().encoded(), to: files.folder.path(name))
        }

        // Goal: a model that has nothing but heads against the rest is predicted, evaluated and exported,
        // and other tools say the same.
        @Test func headsAgainstTheRestAreAModel() async throws {
            try writeRestModel("rest.safetensors")
            func coordinator(_ arguments: String...) async throws -> (
                status: Int32, standardOutput: String, standardError: String
            ) {
                try await TestSupport.run(Lab.coordinator, arguments, within: .seconds(120))
            }
            let (model, rows) = (
                files.folder.path("rest.safetensors"), files.folder.path("test.npy")
            )
            let answers = files.folder.path("rest.npy")
            let usual = try await coordinator(
                "predict", model, rows, "--probabilities", "--output", answers)
            try #require(usual.status == 0, "\(usual.standardError)")
            let named = try await coordinator(
                "predict", model, rows, "--scheme", "one-vs-rest", "--probabilities", "--output",
                files.folder.path("named.npy"))
            try #require(named.status == 0, "\(named.standardError)")
            #expect(try bytes(of: answers) == bytes(of: files.folder.path("named.npy")))
            let score = try await coordinator(
                "evaluate", model, "--test", rows, "--test-labels", files.folder.path("test.txt"),
                "--json")
            guard case .object(let report)? = JSONValue(text: score.standardOutput) else {
                Issue.record("no report: \(score.standardError)")
                return
            }
            #expect(report["scheme"] == .string("one_vs_rest"))
            #expect((report["accuracy"]?.number ?? 0) > 0.6)
            let refused = try await coordinator("predict", model, rows, "--scheme", "tree")
            #expect(refused.status == 64)
            #expect(refused.standardError.contains("it has those for one_vs_rest"))
            let lacking = try await export("no.onnx", ["--scheme", "one_vs_rest"])
            #expect(lacking.status == 64)
            #expect(lacking.standardError.contains("no heads for --scheme one_vs_rest"))

            for file in ["rest.onnx", "rest.npz"] {
                let found = try await export(
                    file, ["--scheme", "one-vs-rest"], model: "rest.safetensors")
                try #require(found.status == 0, "\(found.standardError)")
            }
            let program =
                try blocks(of: "ONNX/ONNX.docc/ScikitLearn.md").joined() + """

                    import sys, onnxruntime as ort
                    rows, ours = np.load(sys.argv[1]), np.load(sys.argv[2])
                    label, _, p = ort.InferenceSession(sys.argv[3]).run(None, {"features": rows})
                    model = one_vs_rest(sys.argv[4])
                    assert np.load(sys.argv[4])["coef_"].shape == (6, 12)
                    assert np.abs(p - ours).max() < 1e-5
                    assert np.abs(model.predict_proba(rows) - ours).max() < 1e-5
                    best = np.sort(ours, 1)
                    sure = best[:, -1] - best[:, -2] > 1e-5
                    assert sure.sum() > 30
                    animals = model.classes_[ours.argmax(1)]
                    assert (label == animals)[sure].all() and (model.predict(rows) == animals)[sure].all()
                    print("equal")
                    """
            let paths = [rows, answers] + ["rest.onnx", "rest.npz"].map { files.folder.path($0) }
            if let found = try await python("numpy, onnxruntime, sklearn", program, paths) {
                #expect(found == "equal\n")
            }
            let page = try blocks(of: "Model/Model.docc/File.md")
            let reader = page[0].components(separatedBy: "pairs, names")[0] + page[1]
            if let found = try await python("numpy", reader, [model, rows]) {
                let lines = try await coordinator("predict", model, rows)
                let labels = lines.standardOutput.split(separator: "\n").dropFirst()
                    .map { $0.prefix { $0 != "," }.filter { $0 != "\"" } }
                #expect(labels == found.split(separator: "\n").map(String.init))
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
