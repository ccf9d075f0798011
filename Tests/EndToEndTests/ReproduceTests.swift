import Foundation
import TestSupport
import Testing

extension EndToEndTests {
    /// `coordinator reproduce` on the small data set.
    @Suite(.timeLimit(.minutes(5))) struct ReproduceTests {
        /// Of results.json, what does not depend on who computed when.
        private struct Report: Decodable, Equatable {
            struct Dataset: Decodable, Equatable {
                var name: String
                var trainRowCount: Int
                var cells: [Cell]
                var comparisons: [Comparison]
            }
            struct Cell: Decodable, Equatable {
                var fraction: Double
                var arm: String
                var scheme: String
                var accuracies: [Double]
                var headDigests: [String]
            }
            struct Comparison: Decodable, Equatable {
                var arm: String
                var scheme: String
                var against: String
                var meanDifference: Double
                var mcNemarPValues: [Double]
            }
            var protocolName: String
            var datasets: [Dataset]
            var missing: [String]
        }

        private let folder: TemporaryDirectory

        init() throws { folder = try TemporaryDirectory() }

        private func arguments(_ name: String, _ more: [String]) throws -> [String] {
            [
                "reproduce", "--datasets", "mnist", "--data-dir", try Lab.data.get(), "--epochs",
                "2",
                "--head-epochs", "2", "--batch-size", "32", "--classes", "0-3", "--every", "3",
                "--run-dir", folder.path(name),
                "--bind", "tcp://127.0.0.1:0",
            ] + more
        }

        private func reproduce(
            _ name: String, _ more: [String]
        ) async throws -> (status: Int32, standardOutput: String, standardError: String) {
            try await run(Lab.coordinator, try arguments(name, more), within: .seconds(90))
        }

        private func results<Part: Decodable>(_ name: String) throws -> Part {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(
                Part.self,
                from: Data(contentsOf: URL(filePath: folder.path(name) + "/results.json")))
        }

        private func report(_ name: String) throws -> Report { try results(name) }

        private func computingCommands(_ name: String) throws -> [String] {
            struct Origin: Decodable {
                var computingCommands: [String]
            }
            let origin: Origin = try results(name)
            return origin.computingCommands
        }

        private static let grid = [
            "--fractions", "0.3,1", "--trials", "2", "--head-modes", "frozen,converged,scratch",
        ]

        @Test func theGridGrowsAndIsTheSameWhoeverComputesIt() async throws {
            let once = try await reproduce("once", Self.grid + ["--workers", "1"])
            try #require(once.status == 0, "\(once.standardError)")
            // Begun small, killed in the middle, gone on with two workers.
            let small = try await reproduce(
                "grown",
                ["--fractions", "1", "--trials", "1", "--head-modes", "frozen", "--workers", "2"])
            try #require(small.status == 0, "\(small.standardError)")
            let killed = try RunningProcess(
                Lab.coordinator, try arguments("grown", Self.grid + ["--workers", "2"]))
            try await killed.line(containing: "joined")
            killed.send(SIGKILL)
            #expect(try await killed.exitStatus() == 128 + SIGKILL)
            let grown = try await reproduce("grown", Self.grid + ["--workers", "2"])
            try #require(grown.status == 0, "\(grown.standardError)")
            let report = try report("once")
            #expect(try self.report("grown") == report)
            #expect(report.protocolName == "post")
            #expect(report.missing == [])
            let cells = try #require(report.datasets.first).cells
            // Two of the backbone and six of each arm, for both fractions.
            #expect(cells.count == 2 * (2 + 3 * 6))
            #expect(cells.allSatisfy { $0.accuracies.count == 2 && $0.headDigests.count == 2 })
            #expect(Set(cells.flatMap(\.headDigests)).count == 2 * 2 * 4)
            // Of what was killed it may or may not be said: it has the words of what went on.
            let commands = try computingCommands("grown")
            #expect(commands.count == 2)
            #expect(commands.first?.contains("--trials 1 --head-modes frozen") == true)
            let alone = try computingCommands("once")
            #expect(alone.count == 1)
            #expect(alone.first?.hasPrefix("# manyheads ") == true)
            #expect(alone.first?.contains("\ncoordinator reproduce --datasets mnist") == true)
            // Nothing is left to do: no worker is needed.
            let again = try await reproduce("grown", Self.grid)
            #expect(again.status == 0)
            #expect(again.standardOutput == grown.standardOutput)
            // Nor are its options.
            let resumed = try await run(Lab.coordinator, ["resume", folder.path("grown")])
            #expect(resumed.status == 0, "\(resumed.standardError)")
            #expect(resumed.standardOutput == grown.standardOutput)
            #expect(try computingCommands("grown") == commands)
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path("grown"))
            #expect(
                Set(files).isSuperset(of: [
                    "results.json", "results.csv", "report.html", "study.sqlite",
                ]))
            // Closed, it needs no log beside it.
            #expect(!files.contains { $0.hasPrefix("study.sqlite-") })
        }

        @Test func aSignalEndsItAndSaysWhatIsKept() async throws {
            let process = try RunningProcess(
                Lab.coordinator,
                try arguments("kept", ["--fractions", "1", "--head-modes", "scratch"]))
            try await process.line(containing: "workers connect to")
            process.send(SIGINT)
            #expect(try await process.exitStatus() == 130)
            #expect(process.standardError.contains("nothing is kept yet"))
            // There is nothing to look at, and that is said; nor is there a study where none was begun.
            for (name, said) in [
                ("kept", "holds nothing of this grid"), ("none", "holds no study"),
            ] {
                let report = try await reproduce(
                    name, ["--fractions", "1", "--head-modes", "scratch", "--report-only"])
                #expect(report.status == 65, "\(report.standardError)")
                #expect(report.standardOutput == "")
                #expect(report.standardError.contains(said), "\(report.standardError)")
            }
            #expect(!FileManager.default.fileExists(atPath: folder.path("none")))
            #expect(!FileManager.default.fileExists(atPath: folder.path("kept/report.html")))
        }

        @Test func otherSettingsAreRefusedByName() async throws {
            let begun = try await reproduce(
                "other",
                ["--fractions", "1", "--trials", "1", "--head-modes", "zero", "--workers", "1"])
            try #require(begun.status == 0, "\(begun.standardError)")
            let other = try await reproduce(
                "other", ["--seed", "1", "--fractions", "1", "--balance", "weights"])
            #expect(other.status == 64)
            #expect(other.standardError.contains("seed is 0 there and 1 here"))
            #expect(other.standardError.contains("balance is none there and weights here"))
        }

        @Test(arguments: [
            (["--fractions", "0"], "--fractions cannot take '0'"),
            (["--fractions", "0.1,0.1"], "--fractions has 0.1 twice"),
            (["--fractions", "half"], "--fractions cannot take 'half'"),
            (["--datasets", "imagenet"], "'imagenet'; it takes fashion-mnist, mnist, cifar10"),
            (["--head-modes", "thawed"], "--head-modes cannot take 'thawed'"),
            (["--trials", "0"], "--trials must be"),
            (["--l2", "0"], "--l2 must be above 0 and at most 1e6"),
            (["--classes", "1"], "fewer than two"),
            (["--every", "0"], "--every must be at least 1"),
            (["--imbalance", "0.5"], "--imbalance must be a number from 1 on"),
            (["--balance", "weight"], "one of 'none', 'weights' or 'resample'"),
            (["--bind", "tcp://0.0.0.0:5555"], "lets any machine"),
        ])
        func wrongInputIsRefused(_ options: [String], _ message: String) async throws {
            let run = try await reproduce("wrong", options)
            #expect(run.status == 64)
            #expect(run.standardError.contains(message), "\(run.standardError)")
            #expect(!FileManager.default.fileExists(atPath: folder.path("wrong")))
        }

        @Test func aDryRunComputesNothing() async throws {
            let run = try await reproduce("dry", Self.grid + ["--dry-run"])
            #expect(run.status == 0)
            #expect(run.standardOutput.contains("hours"))
            // 4 trials, and 11 networks for each: all but the heads on features are units.
            let line = run.standardOutput.split(separator: "\n").first { $0.hasPrefix("mnist") }
            let words = try #require(line).split(separator: " ").map(String.init)
            #expect(words[1...3] == ["4", "48", "132"])
            #expect(!FileManager.default.fileExists(atPath: folder.path("dry")))
        }
    }
}
