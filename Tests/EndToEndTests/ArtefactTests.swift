import Formats
import Foundation
import Hashing
import Heads
import Numerics
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// What a run leaves, against the contract; digests are computed anew from the files.
    @Suite(.timeLimit(.minutes(4))) struct ArtefactTests {
        private static let schemeKeys = [
            "one_vs_all", "one_vs_all_refit", "all_vs_all", "tree", "all_vs_all_hard_vote",
            "all_vs_all_coupling", "dag",
        ]

        private func object(_ value: Any?) throws -> [String: Any] {
            try #require(value as? [String: Any])
        }

        private func results() async throws -> [String: Any] {
            let path = RunDirectory.path(of: .results, in: try await Lab.reference.path)
            return try object(JSONSerialization.jsonObject(with: Data(try bytes(of: path))))
        }

        /// Keys and the kind of each: i(nteger), n(umber), s(tring), b(oolean), a(rray), o(bject).
        private func expectShape(
            _ value: [String: Any], _ shape: [String: Character],
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(Set(value.keys) == Set(shape.keys), sourceLocation: sourceLocation)
            for (key, kind) in shape {
                let found = value[key]
                let isRight =
                    switch kind {
                    case "i": (found as? NSNumber).map { $0.doubleValue == floor($0.doubleValue) }
                    case "n": found.map { $0 is NSNumber }
                    case "b": found.map { $0 is Bool }
                    case "s": found.map { $0 is String }
                    case "a": found.map { $0 is [Any] }
                    default: found.map { $0 is [String: Any] }
                    }
                #expect(isRight == true, "\(key)", sourceLocation: sourceLocation)
            }
        }

        @Test func everyKeyOfTheResultsIsThereWithItsType() async throws {
            let results = try await results()
            expectShape(
                results,
                [
                    "config": "o", "data": "o", "schemes": "o", "digests": "o", "timing": "o",
                    "heads": "o", "workers": "a", "security": "o", "versions": "o",
                    "starts": "a", "coordinator": "o", "files": "o",
                ])
            let coordinator = try object(results["coordinator"])
            #expect(
                Set(coordinator.keys).subtracting(["processor"]) == ["host", "isa", "threads"])
            #expect(
                try object(results["files"]).keys.sorted() == [
                    "features-test.npy", "features-train.npy", "labels-test.npy",
                    "labels-train.npy", "model.safetensors", "predictions.csv",
                ])
            expectShape(
                try object(results["security"]),
                ["encryption": "s", "refused": "i", "refused_by_reason": "o"])
            expectShape(
                try object(results["data"]),
                [
                    "train_rows": "i", "test_rows": "i", "classes": "i", "class_names": "a",
                    "sha256": "s", "feature_bytes": "i", "feature_count": "i",
                ])
            let schemes = try object(results["schemes"])
            #expect(schemes.keys.sorted() == Self.schemeKeys.sorted())
            for key in Self.schemeKeys {
                expectShape(
                    try object(schemes[key]),
                    [
                        "accuracy": "n", "correct": "i", "heads": "i", "heads_per_prediction": "i",
                        "parameters": "i", "bytes": "i", "nll": "n", "brier": "n", "ece": "n",
                        "top5_accuracy": "n", "recall": "a",
                    ])
            }
            expectShape(
                try object(results["digests"]), ["features": "s", "heads": "s", "predictions": "s"])
            let phases = [
                "data", "backbone", "features", "broadcast", "heads", "evaluate", "total",
            ]
            expectShape(
                try object(results["timing"]),
                Dictionary(uniqueKeysWithValues: phases.map { ($0, "n") }))
            expectShape(
                try object(results["heads"]),
                [
                    "trained": "i", "resumed": "i", "duplicated": "i", "rejected": "i",
                    "head_epochs_per_second": "n", "gflops_per_second": "n",
                    "wire_overhead_bytes_per_head": "n", "idle_share": "n",
                    "finish_spread_seconds": "n", "finish_spread_bundles": "n",
                ])
            expectShape(
                try object(results["versions"]),
                ["manyheads": "s", "commit": "s", "libzmq": "s", "onednn": "s"])
            let workers = try #require(results["workers"] as? [Any])
            #expect(workers.count == 1)
            expectShape(
                try object(workers.first),
                [
                    "name": "s", "host": "s", "isa": "s", "threads": "i", "heads": "i",
                    "busy_seconds": "n", "peak_rss_bytes": "i", "bytes_received": "i",
                ])
        }

        @Test func theConfigurationHoldsEveryOptionInForce() async throws {
            let results = try await Lab.reference.results
            let help = try await run(Lab.coordinator, ["run", "--help"])
            #expect(help.status == 0)
            // "  --head-epochs <head-epochs>" or "  --json": each line of an option begins so.
            let options = help.standardOutput.split(separator: "\n").compactMap { line in
                line.firstMatch(of: /^  --([a-z0-9-]+)/).map {
                    String($0.1).replacing("-", with: "_")
                }
            }
            #expect(options.count >= 24)
            #expect(Set(options).subtracting(["version"]) == Set(results.config.keys))
            #expect(results.config["head_epochs"] == .integer(10))
            #expect(results.config["classes"] == .string("0,1,2,3,4,5"))
        }

        @Test func figuresAgreeWithEachOther() async throws {
            let results = try await Lab.reference.results
            #expect(results.data.trainRows == 1_200)
            #expect(results.data.testRows == 300)
            #expect(results.data.classes == 6)
            #expect(results.data.classNames == ["0", "1", "2", "3", "4", "5"])
            #expect(results.data.sha256.count == 64)
            let refit = try #require(results.schemes.oneVsAllRefit)
            let pairs = try #require(results.schemes.allVsAll)
            let tree = try #require(results.schemes.tree)
            let others = try [
                #require(results.schemes.allVsAllHardVote),
                #require(results.schemes.allVsAllCoupling), #require(results.schemes.dag),
            ]
            let all = [results.schemes.oneVsAll, refit, pairs, tree] + others
            #expect(all.map(\.heads) == [1, 1, 15, 57, 15, 15, 15])
            #expect(all.map(\.headsPerPrediction) == [1, 1, 15, 5, 15, 15, 5])
            // Sums of |S| over the heads, each with 256 weights and a bias.
            #expect(all.map(\.parameters) == [6, 6, 30, 186, 30, 30, 30].map { $0 * 257 })
            for scheme in all {
                #expect(scheme.bytes == scheme.parameters * 4)
                #expect(scheme.accuracy == Double(scheme.correct ?? 0) / 300)
                // Fifty rows of every class: recalls are shares of them, and their mean is the accuracy.
                let recall = try #require(scheme.recall).compactMap(\.self)
                #expect(recall.count == 6)
                #expect(
                    recall.reduce(0) { $0 + ($1 * 50).rounded() } == Double(scheme.correct ?? 0))
                // Chance is 0.17: something was learned.
                #expect((scheme.accuracy ?? 0) > 0.4)
                // Better than equal shares for all classes.
                let nll = try #require(scheme.nll)
                let brier = try #require(scheme.brier)
                #expect(nll > 0 && nll < log(6.0))
                #expect(brier > 0 && brier < 5 / 6.0)
                #expect((0..<1).contains(try #require(scheme.ece)))
            }
            let timing = results.timing
            let sum =
                timing.data + timing.backbone + timing.features + timing.broadcast + timing.heads
                + timing.evaluate
            #expect(sum > 0.5 * timing.total && sum <= timing.total + 0.001)
            #expect(results.heads.trained == 57)
            #expect(results.heads.resumed == 0)
            #expect(results.heads.rejected == 0)
            #expect(results.heads.gflopsPerSecond > 0)
            // A lease, its result's envelope and some heartbeats, shared by the heads of a bundle.
            #expect((10...2_000).contains(results.heads.wireOverheadBytesPerHead))
            // One worker, which was there: every byte of the features came once.
            let featureByteCount = try #require(results.data.featureBytes)
            #expect(results.workers.map(\.bytesReceived) == [featureByteCount])
            // Zeros are not sent, and ReLU leaves many.
            #expect(featureByteCount < results.data.trainRows * 256 * 3)
            #expect(results.heads.headEpochsPerSecond > 0)
            let worker = try #require(results.workers.first)
            #expect(worker.heads == 57)
            #expect(worker.busySeconds > 0)
        }

        @Test func predictionsAgreeWithTheResults() async throws {
            let reference = try await Lab.reference
            let csv = try bytes(of: RunDirectory.path(of: .predictions, in: reference.path))
            let lines = String(decoding: csv, as: UTF8.self).split(
                separator: "\n", omittingEmptySubsequences: false)
            // Over the columns that every release has, as a file of their own.
            var hash = SHA256()
            for line in lines.dropLast() {
                let fields = line.split(separator: ",", omittingEmptySubsequences: false).prefix(6)
                hash.update(Array((fields.joined(separator: ",") + "\n").utf8))
            }
            #expect(hexadecimal(hash.finalize()) == reference.results.digests.predictions)
            var file = SHA256()
            file.update(csv)
            #expect(
                reference.results.files?["predictions.csv"] == hexadecimal(file.finalize()))
            let header = try #require(lines.first).split(separator: ",").map(String.init)
            #expect(
                header.prefix(10).joined(separator: ",")
                    == "row,label,one_vs_all,one_vs_all_refit,all_vs_all,tree,"
                    + "all_vs_all_hard_vote,all_vs_all_coupling,dag,label_name")
            #expect(lines.last == "")
            let rows = lines.dropFirst().dropLast().map {
                $0.split(separator: ",").map(String.init)
            }
            #expect(rows.map { Int($0[0]) } == Array(0..<300))
            #expect(rows.allSatisfy { $0.count == header.count })
            for (key, scheme) in reference.results.schemes {
                let column = try #require(header.firstIndex(of: key))
                #expect(rows.count { $0[column] == $0[1] } == scheme.correct, "\(key)")
                // The classes are called by their digits.
                let name = try #require(header.firstIndex(of: key + "_name"))
                #expect(rows.allSatisfy { $0[name] == $0[column] && $0[9] == $0[1] }, "\(key)")
                // One of six classes is at least so probable, if it is the most probable one.
                let probability = try #require(header.firstIndex(of: key + "_probability"))
                let values = rows.compactMap { Double($0[probability]) }
                #expect(values.count == 300)
                #expect(values.allSatisfy { (0.16...1).contains($0) }, "\(key)")
            }
        }

        @Test func theModelHasTheContractsTensors() async throws {
            let reference = try await Lab.reference
            let model = try Safetensors(
                contentsOf: RunDirectory.path(of: .model, in: reference.path))
            var shapes: [String: [Int]] = [
                "backbone.conv1.weight": [32, 1, 3, 3], "backbone.conv1.bias": [32],
                "backbone.conv2.weight": [64, 32, 3, 3], "backbone.conv2.bias": [64],
                // 10x10 images: 8x8, 6x6, pooled to 3x3.
                "backbone.fc1.weight": [256, 64 * 3 * 3], "backbone.fc1.bias": [256],
                "backbone.fc2.weight": [6, 256], "backbone.fc2.bias": [6],
            ]
            for (size, count) in [(2, 15), (3, 20), (4, 15), (5, 6), (6, 1)] {
                shapes["heads.k\(size).classes"] = [count, size]
                shapes["heads.k\(size).weight"] = [count, size, 256]
                shapes["heads.k\(size).bias"] = [count, size]
            }
            let found = Dictionary(uniqueKeysWithValues: model.tensors.map { ($0.name, $0.shape) })
            #expect(found == shapes)
            #expect(model["heads.k2.classes"]?.integers?.prefix(4) == [0, 1, 0, 2])
            let digests = reference.results.digests
            #expect(model.metadata["dataset"] == "mnist")
            #expect(model.metadata["classes"] == "0,1,2,3,4,5")
            #expect(model.metadata["seed"] == "0")
            #expect(model.metadata["digest.heads"] == digests.heads)
            #expect(model.metadata["digest.features"] == digests.features)
            #expect(model.metadata["digest.predictions"] == digests.predictions)
        }

        @Test func theHeadsDigestIsThatOfTheModelsHeads() async throws {
            let reference = try await Lab.reference
            let model = try Safetensors(
                contentsOf: RunDirectory.path(of: .model, in: reference.path))
            var hash = SHA256()
            for size in 2...6 {
                // Stored in the digest's order: by size, then by class list.
                let weights = try #require(model["heads.k\(size).weight"]?.floats)
                let biases = try #require(model["heads.k\(size).bias"]?.floats)
                for index in 0..<biases.count / size {
                    let width = size * 256
                    hash.update(weights[index * width..<(index + 1) * width])
                    hash.update(biases[index * size..<(index + 1) * size])
                }
            }
            #expect(hexadecimal(hash.finalize()) == reference.results.digests.heads)
        }

        @Test func theFeaturesDigestIsThatOfTheSavedFeatures() async throws {
            let reference = try await Lab.reference
            let path = { RunDirectory.path(of: $0, in: reference.path) }
            let train = try NPY.readMatrix(ByteSource(path(.trainFeatures)))
            let test = try NPY.readMatrix(ByteSource(path(.testFeatures)))
            #expect(train.rowCount == 1_200 && train.columnCount == 256)
            #expect(test.rowCount == 300 && test.columnCount == 256)
            #expect(train.values.allSatisfy { $0 >= 0 && $0.isFinite })
            var hash = SHA256()
            hash.update(train.values[...])
            hash.update(test.values[...])
            #expect(hexadecimal(hash.finalize()) == reference.results.digests.features)
            // The labels of the data set, in its order: 0 to 5 of every ten.
            #expect(
                try NPY.readLabels(ByteSource(path(.trainLabels))) == (0..<1_200).map { $0 % 6 })
            #expect(try NPY.readLabels(ByteSource(path(.testLabels))) == (0..<300).map { $0 % 6 })
        }

        @Test func theTableIsAllThatStandardOutputGets() async throws {
            let reference = try await Lab.reference
            let lines = reference.output.split(separator: "\n").map(String.init)
            #expect(lines.first?.hasPrefix("scheme") == true)
            let schemes = reference.results.schemes
            let all = [
                schemes.oneVsAll, schemes.oneVsAllRefit, schemes.allVsAll, schemes.tree,
                schemes.allVsAllHardVote, schemes.allVsAllCoupling, schemes.dag,
            ].compactMap(\.self)
            for (line, scheme) in zip(lines.dropFirst(2), all) {
                #expect(line.contains("\(scheme.correct ?? 0)/300"), "\(line)")
            }
            for digest in [
                reference.results.digests.features, reference.results.digests.heads,
                reference.results.digests.predictions,
            ] {
                #expect(reference.output.contains(digest))
            }
            #expect(reference.output.utf8.allSatisfy { $0 == 10 || (32..<127).contains($0) })
            #expect(lines.allSatisfy { $0.utf8.count <= 120 })
            // A pipe gets lines, no escape sequences.
            #expect(!reference.log.contains("\u{1B}"))
            #expect(reference.log.contains("workers connect to tcp://127.0.0.1:"))
        }

        @Test func aFinishedRunPrintsItsFormerResults() async throws {
            let reference = try await Lab.reference
            let path = RunDirectory.path(of: .results, in: reference.path)
            let file = try bytes(of: path)
            let table = try await reference.job.run(in: reference.path)
            #expect(table.status == 0)
            #expect(table.standardOutput == reference.output)
            #expect(table.standardError.contains("holds the finished run"))
            let json = try await reference.job.run(in: reference.path, ["--json", "--quiet"])
            #expect(json.status == 0)
            #expect(Array(json.standardOutput.utf8) == file)
            #expect(json.standardError == "")
            #expect(try bytes(of: path) == file)
        }

        @Test func jsonOnStandardOutputIsTheFile() async throws {
            let folder = try TemporaryDirectory()
            let job = try await Lab.reference.job
            try await job.beginWithBackbone(in: folder.path("run"))
            let run = try await job.run(
                in: folder.path("run"), ["--workers", "1", "--json", "--quiet"])
            #expect(run.status == 0)
            #expect(run.standardError == "")
            let file = try bytes(of: RunDirectory.path(of: .results, in: folder.path("run")))
            #expect(Array(run.standardOutput.utf8) == file)
        }
    }
}
