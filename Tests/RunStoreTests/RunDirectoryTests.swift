import Foundation
import Heads
import Numerics
import RunStore
import Testing

@Suite struct AtomicFileTests {
    @Test func replacesWholeFiles() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/file"
            try AtomicFile.write(Array("first".utf8), to: path)
            try AtomicFile.write(Array("second".utf8), to: path)
            #expect(try bytes(of: path) == Array("second".utf8))
            #expect(try names(in: folder) == ["file"])
        }
    }

    @Test func failureLeavesTheOldFileAndNoOther() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/file"
            try AtomicFile.write(Array("old".utf8), to: path)
            let elsewhere = #expect(throws: RunStoreError.self) {
                try AtomicFile.write(to: path) { (output) throws(RunStoreError) in
                    try output.append(Array("new".utf8))
                    _ = try RunDirectory.readConfig(in: folder + "/missing")
                }
            }
            #expect(elsewhere?.code == .cannotRead)
            #expect(try bytes(of: path) == Array("old".utf8))
            #expect(try names(in: folder) == ["file"])
            // A file cannot replace a folder: the rename itself fails.
            try FileManager.default.createDirectory(
                atPath: folder + "/sub/inner", withIntermediateDirectories: true)
            #expect(throws: RunStoreError.self) {
                try AtomicFile.write([1], to: folder + "/sub")
            }
            #expect(try names(in: folder) == ["file", "sub"])
        }
    }

    // Under a regular file nothing can be made, not even by root.
    @Test func namesThePathAndTheReason() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write([], to: folder + "/file")
            let path = folder + "/file/below"
            let error = #expect(throws: RunStoreError.self) { try AtomicFile.write([1], to: path) }
            #expect(error?.code == .cannotWrite)
            #expect(
                error?.message == "cannot write \(path): Not a directory; "
                    + "choose a folder that can be written")
        }
    }
}

@Suite struct RunDirectoryTests {
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
            let error = #expect(throws: RunStoreError.self) {
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

    /// An unfinished run of the version before, which did not know an option, goes on.
    @Test func anOptionThatIsNoneMayBeMissing() throws {
        try withTemporaryFolder { folder in
            _ = try RunDirectory(path: folder, config: config)
            var later = config
            later["l2"] = .null
            #expect(try RunDirectory(path: folder, config: later).state == .unfinished)
            // Before it could be chosen, the backbone's precision was this one.
            later["precision"] = "fp32"
            #expect(try RunDirectory(path: folder, config: later).state == .unfinished)
            later["precision"] = "bf16"
            #expect(throws: RunStoreError.self) {
                try RunDirectory(path: folder, config: later)
            }
            later["precision"] = nil
            later["l2"] = 0.1
            #expect(throws: RunStoreError.self) {
                try RunDirectory(path: folder, config: later)
            }
        }
    }

    @Test func locksOutASecondCoordinator() throws {
        try withTemporaryFolder { folder in
            let first = try RunDirectory(path: folder, config: config)
            let error = #expect(throws: RunStoreError.self) {
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
                let error = #expect(throws: RunStoreError.self) {
                    try RunDirectory(path: path, config: config)
                }
                #expect(error?.code == .cannotWrite, "\(path): \(error?.message ?? "")")
            }
        }
    }

    @Test func refusesFoldersOfOthers() throws {
        try withTemporaryFolder { folder in
            try AtomicFile.write([1], to: folder + "/model.safetensors")
            let error = #expect(throws: RunStoreError.self) {
                try RunDirectory(path: folder, config: config)
            }
            #expect(error?.message.contains("holds model.safetensors but no config.json") == true)
        }
        try withTemporaryFolder { folder in
            try AtomicFile.write(Array("{\"epochs\":".utf8), to: folder + "/config.json")
            let error = #expect(throws: RunStoreError.self) {
                try RunDirectory(path: folder, config: config)
            }
            #expect(error?.code == .malformed)
            #expect(error?.message.hasPrefix(folder + "/config.json: ") == true)
        }
    }

    @Test func goesOnWithWhatIsThere() throws {
        try withTemporaryFolder { folder in
            do {
                let run = try RunDirectory(path: folder, config: config)
                try run.journal?.commit(Journals.epoch(2))
            }
            do {
                let run = try RunDirectory(path: folder, config: config)
                #expect(try run.journal?.backbone() == Journals.epoch(2).backbone)
            }
            // A coordinator that ended between the one file and the other.
            try FileManager.default.removeItem(atPath: folder + "/config.json")
            var other = config
            other["epochs"] = 3
            let error = #expect(throws: RunStoreError.self) {
                try RunDirectory(path: folder, config: other)
            }
            #expect(error?.code == .otherConfiguration)
            #expect(error?.message.contains("epochs is 12 there and 3 here") == true)
            #expect(try RunDirectory(path: folder, config: config).state == .unfinished)
            #expect(try RunDirectory.readConfig(in: folder)["epochs"] == 12)
        }
    }

    @Test func doesNotGoOnWithoutAJournal() throws {
        try withTemporaryFolder { folder in
            _ = try RunDirectory(path: folder, config: config)
            try FileManager.default.removeItem(atPath: folder + "/journal.sqlite")
            let error = #expect(throws: RunStoreError.self) {
                try RunDirectory(path: folder, config: config)
            }
            #expect(error?.code == .malformed)
            #expect(error?.message.contains("no journal.sqlite") == true)
        }
    }

    @Test func namesFoldersByTime() {
        #expect(
            RunDirectory.defaultPath(dataset: "mnist", at: 1_709_210_096)
                == "runs/20240229-123456-mnist")
    }
}
