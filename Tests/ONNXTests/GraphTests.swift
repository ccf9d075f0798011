import Formats
import Foundation
import Numerics
import ONNX
import TestSupport
import Testing

/// Graphs as other tools see them.
@Suite(.timeLimit(.minutes(5))) struct GraphTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
    }

    /// What has to be installed for graphs to be run.
    private static func hasRuntime() async throws -> Bool {
        let found = try await run(
            URL(filePath: "/usr/bin/env"), ["python3", "-c", "import numpy, onnx, onnxruntime"],
            within: .seconds(120))
        if found.status != 0 {
            print("python3 has no numpy, onnx and onnxruntime here: graphs are not run")
        }
        return found.status == 0
    }

    private func graph(
        _ fixture: Fixture, _ rule: String, _ input: String, temperature: Double = 0,
        names: [String] = ["10", "20", "30", "-4", "500"]
    ) throws -> ClassifierGraph {
        let smoothing = rule == "soft" ? 0x1p-12 : rule == "hard" ? 0.5 : 0
        return ClassifierGraph(
            labels: .init(names), input: fixture.input(input), rule: try fixture.rule(rule),
            calibration: temperature == 0
                ? nil : .init(temperature: temperature, smoothing: smoothing))
    }

    private func write(
        _ graph: ClassifierGraph, _ name: String,
        _ outputs: [ClassifierGraph.Output] = [.label, .labelIndex, .probabilities]
    ) throws -> GraphFile {
        let file = try graph.file(outputs: outputs, version: "1", metadata: [("key", "value")])
        try file.write(to: folder.path(name))
        return file
    }

    // Goal: what a graph says is what the scheme is, by a second implementation. Method: random heads
    // of five classes, every rule with every input and calibration, by a program in Python.
    @Test func sayWhatTheSchemesAre() async throws {
        guard try await Self.hasRuntime() else { return }
        let fixture = Fixture(seed: 12)
        try NPZ.write(fixture.arrays, to: folder.path("arrays.npz"))
        var arguments = [folder.url.path]
        for rule in [
            "whole", "rest", "far", "soft", "hard", "coupling", "dag", "shortlist", "tree",
        ] {
            for (index, input) in ["none", "l2", "standardize", "images1", "images2"].enumerated() {
                let temperature = [0, 0.5, 1.5, 0, 0.7][index]
                let file = "\(rule)-\(input).onnx"
                let names =
                    index.isMultiple(of: 2)
                    ? ["10", "20", "30", "-4", "500"] : ["a,b", "", "\u{e4}\u{9b5a}", "10", "e"]
                let found = try write(
                    graph(fixture, rule, input, temperature: temperature, names: names), file)
                #expect(try bytes(of: folder.path(file)).count == found.byteCount)
                arguments += [file, rule, input, "\(temperature)"]
            }
        }
        let found = try await run(
            URL(filePath: "/usr/bin/env"), ["python3", "-c", referenceProgram] + arguments,
            within: .seconds(90))
        #expect(found.status == 0, "\(found.standardError)")
        #expect(found.standardOutput == "done\n")
    }

    @Test func namesInputsAndOutputs() throws {
        let fixture = Fixture(seed: 1)
        let numbers = try write(
            graph(fixture, "whole", "none"), "a.onnx", [.label, .score, .probabilities])
        #expect(numbers.inputs.map(\.name) == ["features"])
        #expect(numbers.inputs.map(\.shape) == [["N", "7"]])
        #expect(numbers.outputs.map(\.name) == ["label", "score", "probabilities"])
        #expect(numbers.outputs.map(\.type) == ["int64", "float32", "float32"])
        #expect(numbers.outputs.map(\.shape) == [["N"], ["N"], ["N", "5"]])
        let texts = try write(
            graph(fixture, "soft", "images2", names: ["a", "b", "c", "d", "e"]), "b.onnx",
            [.labelIndex, .label])
        #expect(texts.inputs.map(\.type) == ["uint8"])
        #expect(texts.inputs.map(\.shape) == [["N", "8", "9", "2"]])
        #expect(texts.outputs.map(\.type) == ["int64", "string"])
    }

    @Test(arguments: [
        (["1", "2"], true), (["-1", "0"], true), (["01", "2"], false), (["1", "+2"], false),
        (["1", "1.0"], false), (["9223372036854775808", "1"], false), (["", "1"], false),
    ])
    func labelsAreIntegersWhereAllNamesAre(names: [String], areIntegers: Bool) {
        if case .integers = ClassifierGraph.Labels(names) {
            #expect(areIntegers)
        } else {
            #expect(!areIntegers)
        }
    }

    @Test func whatAFileCannotHoldIsRefused() throws {
        // 4 GiB, of which no row is made.
        let rows = FloatRows(rowCount: 1 << 20, columnCount: 1 << 10) { _ in
            Issue.record("a row was made")
            return []
        }
        let large = ClassifierGraph(
            labels: .integers(Array(0..<1 << 20)), input: .features(count: 1 << 10, .none),
            rule: .whole(
                LinearLayer(weights: rows, biases: [Float](repeating: 0, count: 1 << 20))))
        let error = #expect(throws: FormatError.self) {
            try large.file(outputs: [.label], version: "1", metadata: [])
        }
        #expect(error?.message.contains("less than 2 GiB") == true)
    }

    @Test(arguments: [ClassifierGraph.PairRule.coupling, .elimination])
    func roundsOfTooManyClassesAreRefused(rule: ClassifierGraph.PairRule) throws {
        let count = ClassifierGraph.roundClassCountMax + 1
        let pairCount = count * (count - 1) / 2
        let graph = ClassifierGraph(
            labels: .integers((0..<count).map { Int64($0) }), input: .features(count: 1, .none),
            rule: .pairs(
                rule,
                LinearLayer(
                    weights: FloatRows(rowCount: pairCount, columnCount: 1) { _ in [0] },
                    biases: [Float](repeating: 0, count: pairCount))))
        let error = #expect(throws: FormatError.self) {
            try graph.file(outputs: [.label], version: "1", metadata: [])
        }
        #expect(error?.message.contains("too many") == true)
    }
}
