import Formats
import Foundation
import Numerics
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator evaluate` on the files of the reference run.
    @Suite(.timeLimit(.minutes(4))) struct EvaluateTests {
        private struct Report: Decodable {
            struct Figures: Decodable, Equatable {
                var accuracy: Double
                var correct: Int
                var nll: Double
                var brier: Double
                var ece: Double
                var top5Accuracy: Double
                var headsPerRow: Double
                var flopsPerRow: Double
                var topNeverChanged: Double?
                var policy: String?
                var value: Double?
            }
            var testRows: Int
            var classes: Int
            var features: String
            var digests: [String: String]
            var schemes: [String: Figures]
            var policies: [Figures]
        }

        private func report(_ folder: String, _ more: [String] = []) async throws -> Report {
            let run = try await run(
                Lab.coordinator, ["evaluate", folder, "--json", "--threads", "1"] + more)
            try #require(run.status == 0, "\(run.standardError)")
            #expect(run.standardError == "")
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(Report.self, from: Data(run.standardOutput.utf8))
        }

        /// The reference's files, some left out.
        private func copy(
            without names: [RunDirectory.Artefact], to folder: TemporaryDirectory
        ) async throws -> String {
            let path = folder.path("copy")
            try await Lab.reference.copy(to: path, without: names)
            return path
        }

        @Test func schemesAndPoliciesAgreeWithTheRun() async throws {
            let reference = try await Lab.reference
            let report = try await report(
                reference.path, ["--drop", "1,2,5", "--threshold", "0.01", "--margin", "0,0.9"])
            let schemes = reference.results.schemes
            #expect(report.testRows == reference.results.data.testRows)
            #expect(report.classes == 6)
            #expect(report.features == "saved")
            #expect(report.digests["heads"] == reference.results.digests.heads)
            #expect(report.schemes["one_vs_all"]?.correct == schemes.oneVsAll.correct)
            #expect(report.schemes["one_vs_all_refit"]?.correct == schemes.oneVsAllRefit?.correct)
            #expect(report.schemes["all_vs_all"]?.correct == schemes.allVsAll?.correct)
            #expect(report.policies.first?.correct == schemes.tree?.correct)
            // A run's own figures, to the last digit.
            for (key, scheme) in [
                ("one_vs_all", schemes.oneVsAll), ("one_vs_all_refit", schemes.oneVsAllRefit),
                ("all_vs_all", schemes.allVsAll), ("dag", schemes.dag),
                ("all_vs_all_hard_vote", schemes.allVsAllHardVote),
                ("all_vs_all_coupling", schemes.allVsAllCoupling),
            ] {
                let figures = try #require(report.schemes[key])
                #expect(scheme?.accuracy == figures.accuracy, "\(key)")
                #expect(scheme?.nll == figures.nll, "\(key)")
                #expect(scheme?.brier == figures.brier, "\(key)")
                #expect(scheme?.ece == figures.ece, "\(key)")
                #expect(scheme?.topFiveAccuracy == figures.top5Accuracy, "\(key)")
            }
            #expect(report.policies.first?.nll == schemes.tree?.nll)
            #expect(
                report.schemes.keys.sorted() == [
                    "all_vs_all", "all_vs_all_coupling", "all_vs_all_hard_vote", "dag",
                    "one_vs_all", "one_vs_all_refit",
                ])
            let policies = report.policies
            #expect(
                policies.map(\.policy) == ["drop", "drop", "drop", "threshold", "margin", "margin"])
            #expect(policies.map(\.value) == [1, 2, 5, 0.01, 0, 0.9])
            #expect(policies[0].headsPerRow == 5)
            // Two operations a weight, 256 weights an output, 6 + 5 + 4 + 3 + 2 outputs.
            #expect(policies[0].flopsPerRow == 10_240)
            // Dropping all but one, or being certain at once, is the refitted head.
            for index in [2, 4] {
                #expect(policies[index].headsPerRow == 1)
                #expect(policies[index].topNeverChanged == 1)
                #expect(policies[index].correct == schemes.oneVsAllRefit?.correct)
                #expect(
                    policies[index].brier == report.schemes["one_vs_all_refit"]?.brier)
            }
            for figures in policies + report.schemes.values {
                #expect(figures.accuracy == Double(figures.correct) / Double(report.testRows))
                #expect(figures.nll > 0)
                #expect((0...2).contains(figures.brier))
                #expect((0...1).contains(figures.ece))
                #expect((figures.accuracy...1).contains(figures.top5Accuracy))
                #expect((1...15).contains(figures.headsPerRow))
            }
        }

        @Test func featuresAreComputedWhereNoneAreSaved() async throws {
            let folder = try TemporaryDirectory()
            let path = try await copy(without: [.testFeatures], to: folder)
            let computed = try await report(path, ["--drop", "1"])
            #expect(computed.features == "computed")
            let saved = try await report(try await Lab.reference.path, ["--drop", "1"])
            #expect(computed.policies == saved.policies)
            #expect(computed.schemes == saved.schemes)
        }

        @Test func theTableNamesEveryScheme() async throws {
            let reference = try await Lab.reference
            let run = try await run(Lab.coordinator, ["evaluate", reference.path])
            #expect(run.status == 0, "\(run.standardError)")
            for text in [
                "one-vs-all refit", "all-vs-all, hard vote", "DAG elimination over pairs",
                "tree elimination, drop 2", "stop at margin 0.9", "heads/row", "top never changed",
            ] {
                #expect(run.standardOutput.contains(text), "\(run.standardOutput)")
            }
        }

        /// Files of the right kind and shape, and with plausible content, that the run did not write.
        @Test(arguments: ["rows in another order", "labels", "nan", "heads", "backbone"])
        func filesThatAreNotTheRuns(kind: String) async throws {
            let folder = try TemporaryDirectory()
            let path = try await copy(without: [], to: folder)
            let (features, labels, model) = (
                RunDirectory.path(of: .testFeatures, in: path),
                RunDirectory.path(of: .testLabels, in: path),
                RunDirectory.path(of: .model, in: path)
            )
            let rows = try NPY.readMatrix(ByteSource(features))
            func write(_ values: [Float]) throws {
                try NPY.write(
                    Matrix(
                        rowCount: rows.rowCount, columnCount: rows.columnCount, values: values),
                    to: features)
            }
            func zero(_ name: String) throws {
                var file = try Safetensors(contentsOf: model)
                let index = try #require(file.tensors.firstIndex { $0.name == name })
                let tensor = file.tensors[index]
                let count = try #require(tensor.floats).count
                file.tensors[index] = NamedTensor(
                    name, tensor.shape, [Float](repeating: 0, count: count))
                try Data(file.encoded()).write(to: URL(filePath: model))
            }
            let culprit: String
            switch kind {
            case "labels":
                culprit = labels
                let reversed = try NPY.readLabels(ByteSource(labels)).map { 5 - $0 }
                try NPY.write(labels: reversed, to: labels)
            case "nan":
                culprit = features
                try write([Float](repeating: .nan, count: rows.values.count))
            case "heads":
                culprit = model
                try zero("heads.k2.weight")
            case "backbone":
                // It would make other features, where none are saved.
                culprit = model
                try FileManager.default.removeItem(atPath: features)
                try zero("backbone.conv1.weight")
            default:
                culprit = features
                let width = rows.columnCount
                try write(Array(rows.values[width...] + rows.values[..<width]))
            }
            let run = try await run(Lab.coordinator, ["evaluate", path])
            #expect(run.status == 65, "\(run.standardError)")
            #expect(run.standardOutput == "")
            #expect(
                run.standardError.hasPrefix("coordinator: \(culprit): "), "\(run.standardError)")
            // The cure that is said is one.
            #expect(run.standardError.contains("coordinator resume \(path)"))
            let cure = try await TestSupport.run(Lab.coordinator, ["resume", path])
            #expect(cure.status == 0, "\(cure.standardError)")
            let cured = try await report(path, ["--drop", "1"])
            let expected = try await report(try await Lab.reference.path, ["--drop", "1"])
            #expect(cured.schemes == expected.schemes)
        }

        @Test func wrongInputIsRefusedInOneSentence() async throws {
            let reference = try await Lab.reference.path
            let folder = try TemporaryDirectory()
            let damaged = try await copy(without: [.testFeatures], to: folder)
            let model = RunDirectory.path(of: .model, in: damaged)
            try Data(try bytes(of: model).dropLast(9)).write(to: URL(filePath: model))
            let cases: [([String], Int32, String)] = [
                ([reference, "--drop", "0"], 64, "--drop takes whole numbers"),
                ([reference, "--drop", "1,,2"], 64, "not ''"),
                ([reference, "--threshold", "1.5"], 64, "--threshold takes numbers from 0 to 1"),
                ([reference, "--threshold", "nan"], 64, "'nan'"),
                ([reference, "--margin", "much"], 64, "'much'"),
                ([reference, "--threads", "0"], 64, "--threads"),
                ([], 64, "<model>"),
                ([folder.path("nothing")], 65, "give the folder of a finished run"),
                ([damaged], 65, "model.safetensors"),
            ]
            for (arguments, status, text) in cases {
                let run = try await run(Lab.coordinator, ["evaluate"] + arguments)
                #expect(run.status == status, "\(arguments): \(run.standardError)")
                #expect(run.standardOutput == "")
                #expect(run.standardError.contains(text), "\(run.standardError)")
                #expect(!run.standardError.contains("Fatal error"))
            }
            let second = try TemporaryDirectory()
            let other = try await copy(without: [.testFeatures], to: second)
            let elsewhere = try await run(
                Lab.coordinator, ["evaluate", other, "--data-dir", folder.path])
            #expect(elsewhere.status == 65, "\(elsewhere.standardError)")
        }
    }
}
