import Formats
import Heads
import Numerics
import RunFolder
import Testing

@Suite struct ResultsTests {
    // The keys of the contract, one by one; results of absent schemes have none.
    @Test func hasTheKeysOfTheContract() throws {
        let bytes = try JSONFile.encode(sampleResults)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasPrefix("{\n  \"config\" : {\n    \"dataset\" : \"mnist\",\n"))
        #expect(text.hasSuffix("}\n"))
        #expect(text.contains("T-shirt/top"))
        #expect(text.contains("\"learning_rate\" : 0.1\n"))
        guard case .object(let root) = try JSONFile.decode(JSONValue.self, from: bytes) else {
            Issue.record("results.json is not an object")
            return
        }
        func keys(_ path: String...) -> [String] {
            var value = JSONValue.object(root)
            for key in path {
                switch value {
                case .object(let members): value = members[key] ?? .null
                case .array(let elements): value = elements[Int(key) ?? 0]
                default: return []
                }
            }
            if case .object(let members) = value { return members.keys.sorted() }
            return []
        }
        #expect(
            keys() == [
                "config", "data", "digests", "heads", "schemes", "security", "timing", "versions",
                "workers",
            ])
        #expect(
            keys("data") == [
                "class_names", "classes", "feature_bytes", "feature_count", "sha256", "test_rows",
                "train_rows",
            ])
        #expect(keys("schemes") == ["all_vs_all", "one_vs_all"])
        #expect(
            keys("schemes", "one_vs_all") == [
                "accuracy", "brier", "bytes", "correct", "ece", "heads", "heads_per_prediction",
                "nll", "parameters", "top5_accuracy",
            ])
        #expect(keys("digests") == ["features", "heads", "predictions"])
        #expect(
            keys("timing") == [
                "backbone", "broadcast", "data", "evaluate", "features", "heads", "total",
            ])
        #expect(
            keys("heads") == [
                "duplicated", "gflops_per_second", "head_epochs_per_second", "rejected", "resumed",
                "trained", "wire_overhead_bytes_per_head",
            ])
        #expect(
            keys("workers", "0") == [
                "busy_seconds", "bytes_received", "heads", "host", "isa", "name", "peak_rss_bytes",
                "threads",
            ])
        var all = sampleResults
        all.schemes["one_vs_all_refit"] = all.schemes["one_vs_all"]
        all.schemes["tree"] = all.schemes["one_vs_all"]
        all.security = .init(
            encryption: "curve", refused: 3, refusedByReason: ["not_listed": 3])
        let again = String(decoding: try JSONFile.encode(all), as: UTF8.self)
        #expect(again.contains("\"one_vs_all_refit\" : {"))
        #expect(again.contains("\"tree\" : {"))
        #expect(again.contains("\"security\" : {\n    \"encryption\" : \"curve\",\n"))
        #expect(again.contains("\"refused_by_reason\" : {\n      \"not_listed\" : 3\n"))
    }

    @Test func hasKeysForOptimaAndFurtherSchemes() throws {
        var all = sampleResults
        all.schemes["one_vs_all"]?.nll = 0.5
        all.schemes["one_vs_all"]?.topFiveAccuracy = 0.75
        all.schemes["dag"] = all.schemes["one_vs_all"]
        all.heads.certified = 1
        all.optimum = .init(
            l2: 0.003, crossValidation: [.init(l2: 0.003, nll: 0.25, standardError: 0.125)],
            gradientTolerance: 0.0001, gradientMax: 0.00005)
        let again = String(decoding: try JSONFile.encode(all), as: UTF8.self)
        #expect(again.contains("\"dag\" : {"))
        #expect(again.contains("\"nll\" : 0.5"))
        #expect(again.contains("\"top5_accuracy\" : 0.75"))
        #expect(again.contains("\"certified\" : 1"))
        #expect(again.contains("\"gradient_tolerance\" : 0.0001"))
        #expect(again.contains("\"standard_error\" : 0.125"))
        #expect(try JSONFile.decode(RunResults.self, from: Array(again.utf8)) == all)
    }

    @Test func roundTripsAndRefusesNonsense() throws {
        let bytes = try JSONFile.encode(sampleResults)
        #expect(try JSONFile.decode(RunResults.self, from: bytes) == sampleResults)
        for count in stride(from: 0, to: bytes.count - 2, by: 7) {
            #expect(throws: FormatError.self) {
                try JSONFile.decode(RunResults.self, from: Array(bytes[..<count]))
            }
        }
        var infinite = sampleResults
        infinite.timing.total = .infinity
        #expect(throws: FormatError.self) { try JSONFile.encode(infinite) }
    }

    @Test func keepsValuesOfAConfiguration() throws {
        let values: [JSONValue] = [
            .null, true, 0, 1, -5, 0.1, 1e300, "1", .array([.null, 2]), .object(["a": false]),
            .unsigned(.max), .unsigned(7), .integer(.max),
        ]
        let bytes = try JSONFile.encode(values)
        #expect(try JSONFile.decode([JSONValue].self, from: bytes) == values)
        #expect(JSONValue.unsigned(.max) == "18446744073709551615")
        #expect(JSONValue.unsigned(7) == 7)
        #expect(
            JSONValue.object(["b": 1, "a": .array(["x", .null])]).description == "{a: x,none, b: 1}"
        )
    }

    @Test func writesPredictions() {
        let pairs = PredictionsCSV(
            labels: [3, 0],
            predictions: ["one_vs_all": [3, 1], "all_vs_all": [2, 10], "dag": [0, 0]])
        #expect(
            String(decoding: pairs.encoded(), as: UTF8.self)
                == "row,label,one_vs_all,one_vs_all_refit,all_vs_all,tree\n0,3,3,,2,\n1,0,1,,10,\n")
        let all = PredictionsCSV(
            labels: [1],
            predictions: [
                "one_vs_all": [2], "one_vs_all_refit": [3], "all_vs_all": [4], "tree": [5],
            ])
        #expect(String(decoding: all.encoded(), as: UTF8.self).hasSuffix("tree\n0,1,2,3,4,5\n"))
    }

    // sha256sum of the bytes that the contract describes, written with Python's struct module.
    @Test func digestsAreThoseOfTheDescribedBytes() {
        let heads = [
            countingHead([0, 1, 2], featureCount: 2, from: 5),
            countingHead([1, 2], featureCount: 2, from: 3),
            countingHead([0, 10], featureCount: 2, from: 2),
            countingHead([0, 2], featureCount: 2, from: 1),
        ]
        #expect(
            RunDigests.heads(heads)
                == "dfc4aa410b3e0a4aedc935ee140a21650b3b7b549e2aa4c6dcbf503b889dbd63")
        #expect(RunDigests.heads(heads.reversed()) == RunDigests.heads(heads))
        #expect(
            RunDigests.features(
                train: Matrix(rowCount: 1, columnCount: 2, values: [1, 2]),
                test: Matrix(rowCount: 2, columnCount: 2, values: [3, 4, 5, 6]))
                == "24ae2dfe8df57c1b80e54cef3d90ac3b417fd98973345a5f616bbc9a75dcc202")
        #expect(
            RunDigests.predictions(Array("abc".utf8))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
