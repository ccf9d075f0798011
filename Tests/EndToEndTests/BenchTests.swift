import Foundation
import TestSupport
import Testing

extension EndToEndTests {
    /// The benches that need processes, on little data.
    @Suite(.timeLimit(.minutes(4))) struct BenchTests {
        private struct Broadcast: Decodable {
            let `case`: String
            let encryption: String
            let ratioToUnencrypted: Double?
            let subscribers: Int
            let stopped: Int
            let bytes: Int
            let bytesSent: Int
            let seconds: Double
            let bytesPerSecondPerSubscriber: Double
            let coordinatorPeakRssBytes: Int
            let plainSeconds: Double
            let ratio: Double
            let bytesReceived: Int
            let secondsWithoutStopped: Double?
            let digest: String
        }

        private struct Startup: Decodable {
            let bytes: Int
            let secondsToJoin: Double
            let secondsToFeatures: Double
            let secondsToFirstLease: Double
        }

        private struct Prediction: Decodable {
            let scheme: String
            let classes: Int
            let rows: Int
            let rowsPerSecond: Double
            let fractionOfPeak: Double
            let oneRowMicroseconds: Double
            let digest: String
        }

        private func output<Value: Decodable>(
            _ type: Value.Type, of arguments: [String]
        ) async throws -> Value {
            let run = try await TestSupport.run(
                Lab.bench, arguments + ["--json"], within: .seconds(120))
            try #require(run.status == 0, "\(run.standardError)")
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(type, from: Data(run.standardOutput.utf8))
        }

        @Test func predictionMeasuresEverySchemeAndIsTheSameTwice() async throws {
            let arguments = [
                "predict", "--cases", "3x5,12x20", "--rows", "150", "--repetitions", "2",
            ]
            let first = try await output([Prediction].self, of: arguments)
            let second = try await output([Prediction].self, of: arguments)
            let pairs = ["all_vs_all", "all_vs_all_hard_vote", "all_vs_all_coupling", "dag"]
            #expect(
                first.map(\.scheme)
                    == ["one_vs_all_refit"] + pairs + ["one_vs_rest", "one_vs_all_refit"] + pairs
                    + ["shortlist", "one_vs_rest"])
            #expect(first.map(\.classes) == [3, 3, 3, 3, 3, 3, 12, 12, 12, 12, 12, 12, 12])
            #expect(first.allSatisfy { $0.rows == 150 && $0.rowsPerSecond > 0 })
            #expect(first.allSatisfy { $0.fractionOfPeak > 0 && $0.oneRowMicroseconds > 0 })
            #expect(first.map(\.digest) == second.map(\.digest))
        }

        // 3 MB: some chunks for each compute thread.
        @Test func broadcastReachesEveryWorkerWholeAndStoppedOnesHarmNobody() async throws {
            let all = try await output(
                [Broadcast].self,
                of: [
                    "broadcast", "--rows", "3000", "--subscribers", "1,3", "--threads", "2",
                    "--trials", "1",
                ])
            let cases = Array(all.prefix(3))
            #expect(cases.map(\.case) == ["broadcast", "broadcast", "one_stopped"])
            #expect(cases.map(\.subscribers) == [1, 3, 1])
            #expect(cases.map(\.stopped) == [0, 0, 1])
            // Then the same once more, encrypted.
            #expect(
                all.map(\.encryption) == ["none", "none", "none", "curve", "curve"])
            for (found, plain) in zip(all.dropFirst(3), cases) {
                #expect(found.subscribers == plain.subscribers)
                let ratio = try #require(found.ratioToUnencrypted)
                #expect(abs(ratio / (plain.seconds / found.seconds) - 1) < 1e-6)
            }
            for found in all {
                #expect(found.bytes == 3_000 * 256 * 4)
                #expect(found.bytesReceived == found.bytesSent, "every byte comes once")
                // A bit for each number, and the .4 of them that are not zero.
                #expect(abs(Double(found.bytesSent) / Double(found.bytes) - 0.43125) < 0.01)
                #expect(found.seconds > 0)
                #expect(found.coordinatorPeakRssBytes > found.bytes)
                let rate = Double(found.bytes) / found.seconds
                #expect(abs(found.bytesPerSecondPerSubscriber / rate - 1) < 1e-6)
                #expect(abs(found.ratio / (found.plainSeconds / found.seconds) - 1) < 1e-6)
                // A worker that is given up after three seconds' silence would show here.
                #expect(found.seconds < 2.5)
            }
            #expect(cases[2].secondsWithoutStopped == cases[0].seconds)
            // What one head learns of what was received.
            #expect(cases[0].digest == cases[2].digest)
            #expect(cases[0].digest == all[3].digest)
        }

        @Test func aWorkerStartsJoinsAndIsLeased() async throws {
            let found = try await output(
                Startup.self, of: ["startup", "--rows", "600", "--threads", "1", "--trials", "2"])
            #expect(found.bytes == 600 * 256 * 4)
            #expect(found.secondsToJoin > 0)
            #expect(found.secondsToFeatures > found.secondsToJoin)
            #expect(found.secondsToFirstLease >= found.secondsToFeatures)
            // The goal is 0.1 on a quiet machine; waiting for a timer of ours somewhere costs 0.25.
            #expect(found.secondsToFirstLease < 1)
        }

        @Test(arguments: [
            ["broadcast", "--subscribers", "1,x"], ["broadcast", "--subscribers", "0"],
            ["broadcast", "--subscribers", ""], ["broadcast", "--rows", "1"],
            ["broadcast", "--rows", "10000000", "--features", "65536"],
            ["startup", "--threads", "0"], ["startup", "--trials", "0"],
            ["plain-receiver", "--port", "1", "--bytes", "0", "--mode", "keep"],
        ])
        func badOptionsAreUsageErrors(arguments: [String]) async throws {
            let run = try await TestSupport.run(Lab.bench, arguments, within: .seconds(120))
            #expect(run.status == 64)
            #expect(run.standardOutput.isEmpty)
            #expect(run.standardError.hasPrefix("bench: --"))
        }
    }
}
