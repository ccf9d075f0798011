import Formats
import Heads
import Journal
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
        all.schemes["dag"]?.recall = [0.5, nil]
        all.starts = [all.timing]
        all.coordinator = .init(host: "h", processor: nil, isa: "avx2", threads: 2)
        all.files = ["model.safetensors": "00ff"]
        let more = String(decoding: try JSONFile.encode(all), as: UTF8.self)
        #expect(more.contains("\"model.safetensors\" : \"00ff\""))
        #expect(try JSONFile.decode(RunResults.self, from: Array(more.utf8)) == all)
    }

    @Test func hasKeysForWhatValidationRowsSay() throws {
        var all = sampleResults
        all.data.validationRows = 500
        all.chosenScheme = "all_vs_all"
        all.schemes["all_vs_all"] = .init(
            accuracy: 0.5, correct: 1, nll: 0.5, brier: 0.25, ece: 0.125, topFiveAccuracy: 1,
            temperature: 0.75, uncalibrated: (0.625, 0.375, 0.0625),
            validation: .init(accuracy: 0.5, nll: 0.25, ece: 0.125), heads: 1,
            headsPerPrediction: 1, parameters: 2, bytes: 8)
        all.optimum = .init(
            l2: 0.5, crossValidation: nil, validation: [.init(l2: 0.5, nll: 1, standardError: 0)],
            gradientTolerance: 1, gradientMax: 0)
        let text = String(decoding: try JSONFile.encode(all), as: UTF8.self)
        for key in [
            "\"validation_rows\" : 500", "\"chosen_scheme\" : \"all_vs_all\"",
            "\"temperature\" : 0.75", "\"uncalibrated_nll\" : 0.625",
            "\"uncalibrated_brier\" : 0.375", "\"uncalibrated_ece\" : 0.0625",
            "\"validation\" : {\n        \"accuracy\" : 0.5,", "\"validation\" : [",
        ] {
            #expect(text.contains(key), "\(key)")
        }
        #expect(!text.contains("cross_validation"))
        #expect(try JSONFile.decode(RunResults.self, from: Array(text.utf8)) == all)
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
        func text(_ labels: [Int], _ columns: [PredictionsCSV.Column]) -> [String] {
            let names = ["a", "b,c", "say \"d\"", "T-shirt/top"]
            let bytes = PredictionsCSV(labels: labels, classNames: names, columns: columns)
                .encoded()
            return String(decoding: bytes, as: UTF8.self).split(
                separator: "\n", omittingEmptySubsequences: false
            ).map(String.init)
        }
        #expect(
            text(
                [3, 0],
                [
                    .init(key: "one_vs_all", predictions: [3, 1], probabilities: [1, 0.25]),
                    .init(key: "dag", predictions: [2, 0], probabilities: [0.999_999_7, .nan]),
                ]) == [
                    "row,label,one_vs_all,one_vs_all_refit,all_vs_all,tree,dag,label_name,"
                        + "one_vs_all_name,one_vs_all_probability,dag_name,dag_probability",
                    "0,3,3,,,,2,T-shirt/top,T-shirt/top,1.000000,\"say \"\"d\"\"\",1.000000",
                    "1,0,1,,,,0,a,\"b,c\",0.250000,a,", "",
                ])
        let all = text(
            [1],
            ["tree", "all_vs_all", "one_vs_all_refit", "one_vs_all"].enumerated().map {
                .init(key: $1, predictions: [$0], probabilities: [0.000_001_4])
            })
        // The order of the contract, whatever theirs is.
        #expect(all[1].hasPrefix("0,1,3,2,1,0,\"b,c\",a,0.000001,"))
    }

    @Test func timesOfAllStartsAreAddedUp() throws {
        var timing = RunResults.Timing(data: 1, backbone: 20, total: 22)
        let event = timing.journalEvent
        #expect(event.seconds == 22)
        #expect(event.payload["backbone"]?.number == 20)
        // Ended with its last phase, in the middle of the backbone, of the heads, and after them.
        #expect(
            RunResults.Timing(JournalStart(timing: event, seconds: 22)) == timing)
        let early = RunResults.Timing(data: 2, total: 2).journalEvent
        let first = RunResults.Timing(JournalStart(timing: early, seconds: 12))
        #expect(first == RunResults.Timing(data: 2, backbone: 10, total: 12))
        let late = RunResults.Timing(data: 2, features: 3, total: 6).journalEvent
        let second = RunResults.Timing(JournalStart(timing: late, seconds: 10))
        #expect(second == RunResults.Timing(data: 2, features: 3, heads: 4, total: 10))
        let last = RunResults.Timing(data: 1, features: 1, heads: 5, total: 8).journalEvent
        #expect(RunResults.Timing(JournalStart(timing: last, seconds: 9)).evaluate == 1)
        #expect(RunResults.Timing(JournalStart(seconds: 0)) == RunResults.Timing())
        timing += first
        timing += second
        #expect(
            timing
                == RunResults.Timing(data: 5, backbone: 30, features: 3, heads: 4, total: 44))
    }

    // sha256sum of the bytes that the contract describes, written with Python's struct module.
    @Test func digestsAreThoseOfTheDescribedBytes() throws {
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
            try RunDigests.features(
                train: Matrix(rowCount: 1, columnCount: 2, values: [1, 2]),
                test: Matrix(rowCount: 2, columnCount: 2, values: [3, 4, 5, 6]))
                == "24ae2dfe8df57c1b80e54cef3d90ac3b417fd98973345a5f616bbc9a75dcc202")
        #expect(
            RunDigests.predictions(Array("abc".utf8))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
