import Formats
import Foundation
import Journal
import RunFolder
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4))) struct RunDirectoryTests {
    private let config: [String: JSONValue] = [
        "dataset": "fashion-mnist", "epochs": 12, "learning_rate": 1.0, "workers": 2,
        "classes": .array([0, 3]), "heads": "subsets",
    ]

    @Test func goesFromNewToFinished() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/runs/one"
            do {
                let run = try RunDirectory(path: path, config: config)
                #expect(run.state == .new)
                #expect(run.path(of: .model) == path + "/model.safetensors")
                #expect(try RunDirectory.readConfig(in: path)["epochs"] == 12)
            }
            try Data().write(to: URL(fileURLWithPath: path + "/.partial-x.1"))
            do {
                let run = try RunDirectory(path: path, config: config)
                #expect(run.state == .unfinished)
                run.journal?.close()
                #expect(try names(in: path) == [".lock", "config.json", "journal.sqlite"])
                try run.write(sampleResults)
            }
            let run = try RunDirectory(path: path, config: config)
            #expect(run.state == .finished)
            #expect(try RunDirectory.readResults(in: path) == sampleResults)
        }
    }

    @Test func namesEveryDifference() throws {
        try withTemporaryFolder { folder in
            _ = try RunDirectory(path: folder, config: config)
            var other = config
            other["epochs"] = 3
            other["classes"] = .array([0, 3, 7])
            other["heads"] = nil
            other["seed"] = 5
            other["workers"] = 9
            let error = #expect(throws: RunFolderError.self) {
                try RunDirectory(path: folder, config: other, incidental: ["workers"])
            }
            #expect(error?.code == .otherConfiguration)
            #expect(
                error?.message == "\(folder) holds a run of another configuration: "
                    + "classes is 0,3 there and 0,3,7 here; epochs is 12 there and 3 here; "
                    + "heads is subsets there and not set here; seed is not set there and 5 here; "
                    + "use the same options to go on with it, or another --run-dir")
            // A refusal frees the lock, and the run is as it was.
            #expect(try RunDirectory(path: folder, config: config).state == .unfinished)
        }
    }

    // A file may be somewhere else, but one that was not there before is named.
    @Test func optionalFilesDifferByBeingThere() throws {
        try withTemporaryFolder { folder in
            var first = config
            (first["val"], first["sample_weight"]) = ("/a/x.npy", .null)
            _ = try RunDirectory(path: folder, config: first)
            func open(_ config: [String: JSONValue]) throws -> RunDirectory {
                try RunDirectory(
                    path: folder, config: config, optionalFiles: ["val", "sample_weight"])
            }
            var moved = first
            moved["val"] = "/b/x.npy"
            #expect(try open(moved).state == .unfinished)
            for (key, value, clause) in [
                ("val", JSONValue.null, "val is /a/x.npy there and none here"),
                ("sample_weight", "w.npy", "sample_weight is none there and w.npy here"),
            ] {
                var other = first
                other[key] = value
                let error = #expect(throws: RunFolderError.self) { try open(other) }
                #expect(error?.message.contains(clause) == true, "\(error?.message ?? "")")
            }
            #expect(throws: RunFolderError.self) {
                try RunDirectory(path: folder, config: moved)
            }
        }
    }

    @Test func locksOutASecondCoordinator() throws {
        try withTemporaryFolder { folder in
            let first = try RunDirectory(path: folder, config: config)
            let error = #expect(throws: RunFolderError.self) {
                try RunDirectory(path: folder, config: config)
            }
            #expect(error?.code == .inUse)
            #expect(
                error?.message == "\(folder) is in use by another coordinator "
                    + "(process \(ProcessInfo.processInfo.processIdentifier)); stop it, "
                    + "or use another --run-dir")
            #expect(first.state == .new)
        }
    }

    @Test func refusesFoldersThatCannotBeWritten() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write([], to: folder + "/file")
            for path in [folder + "/file", folder + "/file/run", "/proc/manyheads", "/proc", ""] {
                let error = #expect(throws: FormatError.self) {
                    try RunDirectory(path: path, config: config)
                }
                #expect(error?.code == .cannotWrite, "\(path): \(error?.message ?? "")")
            }
        }
    }

    @Test func refusesFoldersOfOthers() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write([1], to: folder + "/model.safetensors")
            let error = #expect(throws: RunFolderError.self) {
                try RunDirectory(path: folder, config: config)
            }
            #expect(error?.message.contains("holds model.safetensors but no config.json") == true)
        }
        try withTemporaryFolder { folder in
            try AtomicFile.write(Array("{\"epochs\":".utf8), to: folder + "/config.json")
            let error = #expect(throws: FormatError.self) {
                try RunDirectory(path: folder, config: config)
            }
            #expect(error?.code == .malformed)
            #expect(error?.message.hasPrefix(folder + "/config.json: ") == true)
        }
    }

    /// A run that went on in a benchmark's folder would write over what was measured.
    @Test func eachProgramHasAFolderOfItsOwn() throws {
        try withTemporaryFolder { folder in
            let benchmark = config.merging(FolderKind.benchmarkConfig) { own, _ in own }
            do { _ = try RunDirectory(path: folder + "/run", config: config) }
            do {
                _ = try RunDirectory(
                    path: folder + "/benchmark", config: benchmark, kind: .benchmark)
            }
            do { _ = try StudyDirectory(path: folder + "/study", config: config) }
            do {
                _ = try StudyDirectory(path: folder + "/probe", kind: .probe, config: config)
            }
            // As earlier versions left it: no program is noted.
            do { _ = try RunDirectory(path: folder + "/old", config: config) }
            try AtomicFile.write([], to: folder + "/old/speedup.json")
            func refusal(_ name: String, _ kind: FolderKind) -> String? {
                let path = folder + "/" + name
                do {
                    switch kind {
                    case .run: _ = try RunDirectory(path: path, config: config)
                    case .benchmark:
                        _ = try RunDirectory(
                            path: path, config: benchmark, incidental: [FolderKind.configKey],
                            kind: .benchmark)
                    case .study, .probe:
                        _ = try StudyDirectory(path: path, kind: kind, config: config)
                    }
                    return nil
                } catch {
                    return "\(error)"
                }
            }
            for (name, kind) in [
                ("run", FolderKind.run), ("benchmark", .benchmark), ("study", .study),
                ("probe", .probe),
                ("old", .benchmark),
            ] {
                for other in [FolderKind.run, .benchmark, .study, .probe] where other != kind {
                    #expect(
                        refusal(name, other)
                            == "\(folder)/\(name) holds a \(kind), and a \(other) needs a folder of its own; use another --run-dir"
                    )
                }
                #expect(refusal(name, kind) == nil)
            }
        }
    }

    @Test func goesOnWithWhatIsThere() throws {
        let backbone = BackboneRecord(
            epochCount: 2, tensors: [NamedTensor("weights", [2], [3, 4])])
        try withTemporaryFolder { folder in
            do {
                let run = try RunDirectory(path: folder, config: config)
                var entries = JournalEntries()
                entries.backbone = backbone
                try run.journal?.commit(entries)
            }
            do {
                let run = try RunDirectory(path: folder, config: config)
                #expect(try run.journal?.backbone() == backbone)
            }
            // A coordinator that ended between the one file and the other.
            try FileManager.default.removeItem(atPath: folder + "/config.json")
            var other = config
            other["epochs"] = 3
            let error = #expect(throws: RunFolderError.self) {
                try RunDirectory(path: folder, config: other)
            }
            #expect(error?.code == .otherConfiguration)
            #expect(error?.message.contains("epochs is 12 there and 3 here") == true)
            #expect(try RunDirectory(path: folder, config: config).state == .unfinished)
            #expect(try RunDirectory.readConfig(in: folder)["epochs"] == 12)
        }
    }

    @Test func isOfOneDataSet() throws {
        try withTemporaryFolder { folder in
            let run = try RunDirectory(path: folder, config: config)
            let journal = try #require(run.journal)
            try run.settle(journal, dataDigest: "aa")
            try run.settle(journal, dataDigest: "aa")
            let error = #expect(throws: RunFolderError.self) {
                try run.settle(journal, dataDigest: "bb")
            }
            #expect(error?.code == .otherConfiguration)
            #expect(error?.message.contains("other data") == true)
        }
    }

    @Test func doesNotGoOnWithoutAJournal() throws {
        try withTemporaryFolder { folder in
            _ = try RunDirectory(path: folder, config: config)
            try FileManager.default.removeItem(atPath: folder + "/journal.sqlite")
            let error = #expect(throws: FormatError.self) {
                try RunDirectory(path: folder, config: config)
            }
            #expect(error?.code == .malformed)
            #expect(error?.message.contains("no journal.sqlite") == true)
        }
    }

    @Test func runsOfOneSecondHaveFoldersOfTheirOwn() async throws {
        let folder = try TemporaryDirectory()
        let parent = folder.path("some/runs")
        let paths = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<12 {
                group.addTask {
                    try RunDirectory.makeDefault(
                        dataset: "mnist", at: 1_709_210_096, in: parent)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let first = parent + "/20240229-123456-mnist"
        #expect(Set(paths) == Set([first] + (2...12).map { "\(first)-\($0)" }))
        let runs = try paths.map { try RunDirectory(path: $0, config: config) }
        #expect(runs.allSatisfy { $0.state == .new })
        let error = #expect(throws: FormatError.self) {
            try RunDirectory.makeDefault(dataset: "mnist", at: 0, in: "/proc/runs")
        }
        #expect(error?.code == .cannotWrite)
    }

    @Test func damagedResultsAreNone() throws {
        try withTemporaryFolder { folder in
            do {
                let run = try RunDirectory(path: folder, config: config)
                try run.write(sampleResults)
            }
            let path = RunDirectory.path(of: .results, in: folder)
            for bytes in [[], Array(try bytes(of: path).dropLast(40))] {
                try Data(bytes).write(to: URL(filePath: path))
                let run = try RunDirectory(path: folder, config: config)
                #expect(run.state == .unfinished)
                #expect(run.hasDamagedResults)
                #expect(run.results == nil)
                #expect(run.journal != nil)
            }
        }
    }

    @Test(arguments: [nil, "", "{\"epochs\":"]) func theJournalHasTheConfigurationToo(
        text: String?
    ) throws {
        try withTemporaryFolder { folder in
            do {
                let run = try RunDirectory(path: folder, config: config)
                try run.write(sampleResults)
            }
            let path = RunDirectory.path(of: .config, in: folder)
            try FileManager.default.removeItem(atPath: path)
            if let text { try Data(text.utf8).write(to: URL(filePath: path)) }
            #expect(try RunDirectory.keptConfig(in: folder)?["epochs"] == 12)
            var other = config
            other["epochs"] = 13
            #expect(throws: RunFolderError.self) {
                try RunDirectory(path: folder, config: other)
            }
            #expect(try RunDirectory(path: folder, config: config).state == .finished)
            #expect(try RunDirectory.readConfig(in: folder)["epochs"] == 12)
        }
        try withTemporaryFolder { folder in
            let none = try RunDirectory.keptConfig(in: folder)
            #expect(none == nil)
        }
    }

    @Test func saysWhichFilesAreNotTheRuns() throws {
        try withTemporaryFolder { folder in
            var results = sampleResults
            do {
                let run = try RunDirectory(path: folder, config: config)
                try run.write([1, 2], as: .predictions)
                try run.write([3], as: .model)
                try run.write([4], as: .testLabels)
                results.files = try run.fileDigests()
                #expect(
                    results.files?.keys.sorted()
                        == ["labels-test.npy", "model.safetensors", "predictions.csv"])
                try run.write(results)
                #expect(try run.flaws(needsFeatures: true) == [])
            }
            let run = try RunDirectory(path: folder, config: config)
            #expect(try run.flaws(needsFeatures: false) == [])
            #expect(
                try run.flaws(needsFeatures: true) == [
                    "features-train.npy is missing", "labels-train.npy is missing",
                    "features-test.npy is missing",
                ])
            try RunDirectory.verify(.model, in: folder, results)
            try run.write([3, 0], as: .model)
            try run.write([], as: .testLabels)
            // One that the run never wrote.
            try run.write([5], as: .testFeatures)
            try FileManager.default.removeItem(atPath: run.path(of: .predictions))
            #expect(
                try run.flaws(needsFeatures: false) == [
                    "predictions.csv is missing", "model.safetensors is damaged",
                    "labels-test.npy is damaged",
                ])
            for artefact in [RunDirectory.Artefact.model, .testFeatures, .predictions] {
                let error = #expect(throws: FormatError.self) {
                    try RunDirectory.verify(artefact, in: folder, results)
                }
                #expect(error?.message.contains(artefact.rawValue) == true)
            }
        }
    }
}
