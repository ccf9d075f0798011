import Foundation
import Programs
import System
import Testing

/// `coordinator simulate`, but for what it prints.
@Suite struct SimulateProgramTests {
    private let folder = FileManager.default.temporaryDirectory.appending(
        path: "simulate-\(UUID().uuidString)")

    private func options(_ change: (inout SimulationOptions) -> Void) -> SimulationOptions {
        var options = SimulationOptions()
        options.workerCounts = [1, 2]
        options.output = folder.path
        change(&options)
        return options
    }

    private static let bad: [@Sendable (inout SimulationOptions) -> Void] = [
        { $0.workerCounts = [] }, { $0.workerCounts = [0] }, { $0.workerCounts = [2, 2] },
        { $0.workerCounts = [1_000_000] }, { $0.bandwidth = .nan }, { $0.bandwidth = 0 },
        { $0.latency = -1 }, { $0.latency = .infinity }, { $0.spread = 3 },
        { $0.failuresPerHour = -1 }, { $0.rowCount = 0 }, { $0.rowCount = .max },
        { $0.classCount = 1 }, { $0.classCount = 21 }, { $0.featureCount = 0 },
        { $0.headEpochs = 0 }, { $0.minWorkers = 0 }, { $0.rowCount = 13 },
        {
            $0.rowCount = 1_000_000_000
            $0.headEpochs = 100_000
        },
    ]

    @Test(arguments: bad.indices)
    func refusesWhatCannotBe(index: Int) {
        let error = #expect(throws: RunError.self) {
            try SimulateProgram(options(Self.bad[index])).run()
        }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("\n") == false)
        #expect(!FileManager.default.fileExists(atPath: folder.path))
    }

    @Test(arguments: [
        "", "[]", "{}", "null", "{\"config\": 3}", "{\"config\": {\"head_epochs\": 20}}",
        "{\"config\": {\"head_epochs\": 1e300}}",
        "{\"config\": {\"head_epochs\": 20}, \"job\": {\"class_row_counts\": [1e8, -1]}}",
        "{\"config\": {\"head_epochs\": 20}, \"job\": {\"class_row_counts\": [5, 5], \"feature_count\": 1e18, \"nonzero_share\": 1}}",
        "{\"config\": {\"head_epochs\": 20}, \"job\": {\"class_row_counts\": [5, 5], \"feature_count\": 4, \"nonzero_share\": 1}, \"trials\": [7]}",
        "{\"config\": {\"head_epochs\": 20}, \"job\": {\"class_row_counts\": [5, 5], \"feature_count\": 4}, \"trials\": [{\"workers\": 1, \"seconds\": 2.5, \"idle_share\": 0.2}]}",
        "{\"config\": {\"head_epochs\": 20, \"head_mode\": \"scratch\"}, \"job\": {\"class_row_counts\": [5, 5], \"feature_count\": 4, \"nonzero_share\": 1}, \"trials\": [{\"workers\": 1, \"seconds\": 2.5, \"idle_share\": 0.2}]}",
    ])
    func refusesDamagedFiles(text: String) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "speedup.json")
        try Data(text.utf8).write(to: file)
        for run in [folder.path, file.path] {
            let error = #expect(throws: RunError.self) {
                try SimulateProgram(options { $0.run = run }).run()
            }
            #expect(error?.code == .data)
        }
    }

    @Test func takesCostsAndJobFromABenchmarkAndIgnoresWhatItDoesNotKnow() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let text = """
            {"config": {"head_epochs": 20, "heads": "subsets", "new": [1]}, "events": {},
             "job": {"class_row_counts": [600, 700, 500, 600, 600, 600], "feature_count": 64,
                     "nonzero_share": 1},
             "trials": [{"workers": 1, "seconds": 2.5, "idle_share": 0.2, "x": null},
                        {"workers": 2, "seconds": 9, "idle_share": 0.5}]}
            """
        try Data(text.utf8).write(to: folder.appending(path: "speedup.json"))
        try SimulateProgram(options { $0.run = folder.path }).run()
        let data = try Data(contentsOf: folder.appending(path: "simulate.json"))
        let json = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        let config = try #require(json["config"] as? [String: Any])
        #expect(config["rows"] as? Int == 3_600)
        #expect(config["head_count"] as? Int == 57)
        let points = try #require(json["points"] as? [[String: Any]])
        #expect(points.map { $0["workers"] as? Int } == [1, 2])
        // Fitted: 2 s busy, and half a second between bundles.
        let seconds = try #require(points[0]["head_seconds"] as? Double)
        #expect(abs(seconds - 2.5) < 0.1)
        #expect(FileManager.default.fileExists(atPath: folder.path + "/simulate.svg"))
    }
}
