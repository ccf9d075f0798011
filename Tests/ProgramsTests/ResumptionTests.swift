import FeatureSource
import Formats
import Foundation
import ImageData
import Numerics
import Programs
import RunFolder
import System
import TestSupport
import Testing

/// The command line that a folder's configuration amounts to.
@Suite struct ResumptionTests {
    private func words(_ config: [String: JSONValue], _ more: [String] = []) throws -> [String] {
        try withTemporaryFolder { folder in
            try Data(JSONFile.encode(config)).write(to: URL(filePath: folder + "/config.json"))
            return try Resumption(folder: folder, more: more).words.map {
                $0.replacing(folder, with: "FOLDER")
            }
        }
    }

    @Test func everyOptionThatIsSetIsSaidAgain() throws {
        #expect(
            try words(
                [
                    "head_epochs": "converge", "l2": "cross-validated", "dataset": .null,
                    "train": "/a b/x's.npy", "json": false, "insecure": true, "verify": 0.25,
                    "seed": .unsigned(.max), "head_dropout": 0, "bind": "tcp://[::1]:0",
                ], ["--workers", "2"]) == [
                    "run", "--bind=tcp://[::1]:0", "--head-dropout=0", "--head-epochs=converge",
                    "--insecure", "--seed=18446744073709551615", "--train=/a b/x's.npy",
                    "--verify=0.25", "--workers", "2", "--run-dir=FOLDER",
                ])
        // An l2 that was given is.
        #expect(try words(["l2": 0.003]) == ["run", "--l2=0.003", "--run-dir=FOLDER"])
    }

    // What config.json says of the defaults is what they are.
    @Test func theDefaultsComeBack() throws {
        var options = RunOptions(threads: 3)
        options.learningRate = 0.1
        options.dataDirectory = "here"
        let words = try words(options.config)
        #expect(words.contains("--dataset=fashion-mnist"))
        #expect(words.contains("--threads=3"))
        #expect(words.contains("--data-dir=\(FileManager.default.currentDirectoryPath)/here"))
        let rate = try #require(words.first { $0.hasPrefix("--learning-rate=") })
        #expect(Float(rate.dropFirst("--learning-rate=".count)) == 0.1)
        #expect(!words.contains { $0.hasPrefix("--l2") || $0.hasPrefix("--train") })
    }

    @Test func optionsOfTheUsersOwnRowsComeBack() throws {
        var options = RunOptions(threads: 1)
        options.userData = UserDataRequest(
            train: "/a/x.npy,/a/y.npy", sampleWeights: "/w.txt", val: "/v", valLabels: "/l",
            svmlightBase: 0, readsBfloat16: true)
        options.classes = .named(["a, b", "c"])
        (options.normalization, options.classWeight) = (.standardize, .balanced)
        options.every = 3
        let words = try words(options.config)
        for word in [
            "--train=/a/x.npy,/a/y.npy", "--sample-weight=/w.txt", "--val=/v", "--val-labels=/l",
            "--svmlight-base=0", "--dtype=bf16", "--classes=\"a, b\",c",
            "--normalize=standardize", "--class-weight=balanced", "--every=3",
        ] {
            #expect(words.contains(word), "\(word)")
        }
        // The penalty is chosen again, by whatever chose it.
        #expect(options.config["l2"] == "by validation rows")
        #expect(!words.contains { $0.hasPrefix("--l2") || $0.hasPrefix("--holdout") })
        options.userData = nil
        #expect(options.config["l2"] == .null)
        options.givenHeadEpochs = .converge
        #expect(options.config["l2"] == "cross-validated")
        options.holdout = 0.25
        #expect(try self.words(options.config).contains("--holdout=0.25"))
        #expect(options.config["l2"] == "by validation rows")
    }

    @Test func aStudysCommandIsReadBack() throws {
        let folder = try TemporaryDirectory()
        do {
            let study = try StudyDirectory(path: folder.path, config: [:])
            try study.note(command: "coordinator reproduce --trials 1")
            try study.note(
                command: """
                    # manyheads 0.1.0
                    MANYHEADS_DATA='/a b/it'\\''s' coordinator reproduce --datasets mnist,cifar10 \
                    --run-dir 'the old one' --trials 3 --classes ''
                    """)
        }
        let found = try Resumption(folder: folder.path, more: ["--workers", "4"])
        #expect(
            found.words == [
                "reproduce", "--datasets", "mnist,cifar10", "--trials", "3", "--classes", "",
                "--workers", "4", "--run-dir=\(folder.path)",
            ])
        #expect(found.variables.map(\.name) == ["MANYHEADS_DATA"])
        #expect(found.variables.map(\.value) == ["/a b/it's"])
        let empty = folder.path("empty")
        _ = try StudyDirectory(path: empty, config: [:])
        #expect(throws: RunError.self) { try Resumption(folder: empty, more: []) }
    }

    @Test func aBenchmarkIsNone() throws {
        #expect(throws: RunError.self) { try words(["program": "benchmark"]) }
    }
}
