package import Formats
import Foundation
import Glibc
package import Journal

/// The folder of one run, locked for one coordinator.
///
/// The lock is an flock on `.lock`, so the system frees it with the process, however that ends.
/// It is held until the last reference to this object is gone.
package final class RunDirectory: Sendable {
    /// How far the run in the folder has come.
    package enum State: Sendable, Equatable {
        /// The folder was empty, or missing.
        case new
        /// A run of the same configuration was begun and has no results yet, or lacks heads.
        case unfinished
        /// A run of the same configuration has its results.
        case finished
    }

    /// The files of a run.
    package enum Artefact: String, Sendable, CaseIterable {
        case config = "config.json"
        case results = "results.json"
        case predictions = "predictions.csv"
        case model = "model.safetensors"
        case journal = "journal.sqlite"
        case timeline = "timeline.jsonl"
        case trainFeatures = "features-train.npy"
        case trainLabels = "labels-train.npy"
        case testFeatures = "features-test.npy"
        case testLabels = "labels-test.npy"
    }

    /// The folder, as it was given.
    package let path: String
    /// As the folder was found.
    package let state: State
    /// What the run has so far; nil where a finished run's, which needs it no more, cannot be read.
    package let journal: RunJournal?
    private let lock: Int32

    /// Makes or opens the folder, locks it, and makes the journal and config.json or compares with
    /// them.
    ///
    /// Temporary files of a killed process are removed. config.json is there only once the journal
    /// is whole.
    ///
    /// - Parameters:
    ///   - config: every option in force.
    ///   - incidental: options by which two starts of one run may differ, such as how many
    ///     workers to start; the first start's are kept in config.json.
    ///   - kind: whose folder it is: a run's or a benchmark's.
    /// - Throws: `FormatError` when the folder cannot be made or written, or holds a damaged journal,
    ///   which is left as it is; ``RunFolderError`` when it is in use, or holds another configuration
    ///   (every difference is named). A finished run is not an error.
    package init(
        path: String, config: [String: JSONValue], incidental: Set<String> = [],
        kind: FolderKind = .run
    ) throws {
        try kind.refuseOthers(in: path)
        try FileSystem.makeFolder(path)
        let lock = try Self.lock(path)
        self.path = path
        self.lock = lock
        // From here on a throw runs deinit's close by hand: a class that is not whole has no
        // deinit.
        do {
            (state, journal) = try Self.settle(path, config: config, incidental: incidental)
        } catch {
            Glibc.close(lock)
            throw error
        }
    }

    deinit {
        // While the lock is still held.
        journal?.close()
        Glibc.close(lock)
    }

    /// `runs/<UTC time>-<data set>`, the default folder.
    ///
    /// - Parameter time: seconds since 1970 began.
    package static func defaultPath(dataset: String, at time: Int) -> String {
        var seconds = time_t(time)
        var parts = unsafe tm()
        _ = unsafe gmtime_r(&seconds, &parts)
        let fields = unsafe [
            parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
            parts.tm_sec,
        ].map { ($0 < 10 ? "0" : "") + String($0) }
        return "runs/" + fields[..<3].joined() + "-" + fields[3...].joined() + "-" + dataset
    }

    /// Where a file of the run is.
    package func path(of artefact: Artefact) -> String {
        Self.path(of: artefact, in: path)
    }

    /// Where a file of the run in `folder` is.
    package static func path(of artefact: Artefact, in folder: String) -> String {
        folder + "/" + artefact.rawValue
    }

    /// Writes a file of the run, whole or not at all.
    package func write(_ bytes: [UInt8], as artefact: Artefact) throws(FormatError) {
        try AtomicFile.write(bytes, to: path(of: artefact))
    }

    /// Writes a file that is no part of a run itself, such as a benchmark's, whole or not at all.
    package func write(_ bytes: [UInt8], named name: String) throws(FormatError) {
        try AtomicFile.write(bytes, to: path + "/" + name)
    }

    /// Writes results.json, which finishes the run, and returns its bytes.
    @discardableResult
    package func write(_ results: RunResults) throws(FormatError) -> [UInt8] {
        let bytes = try JSONFile.encode(results)
        try write(bytes, as: .results)
        return bytes
    }
}

extension RunDirectory {
    /// The configuration of the run in a folder, without locking it.
    package static func readConfig(in folder: String) throws(FormatError) -> [String: JSONValue] {
        try FileSystem.readJSON([String: JSONValue].self, at: path(of: .config, in: folder))
    }

    /// The results of the run in a folder, without locking it.
    package static func readResults(in folder: String) throws(FormatError) -> RunResults {
        try FileSystem.readJSON(RunResults.self, at: path(of: .results, in: folder))
    }

    /// The results of a finished run, if it was on these data.
    ///
    /// - Throws: ``RunFolderError`` of code `otherConfiguration` when it was not, and `FormatError`.
    package func finishedResults(dataDigest: String) throws -> RunResults {
        let results = try Self.readResults(in: path)
        guard results.data.sha256 == dataDigest else { throw RunFolderError.otherData(path) }
        return results
    }

    /// Compares the data that the run is on with the data that it was begun with, if it was.
    ///
    /// - Throws: ``RunFolderError`` of code `otherConfiguration` when they differ, and `FormatError`.
    package func settle(_ journal: RunJournal, dataDigest: String) throws {
        guard try journal.settle(dataDigest: dataDigest) else {
            throw RunFolderError.otherData(journal.path)
        }
    }

    private static let lockName = ".lock"

    /// Locks a folder for this process.
    ///
    /// - Returns: a descriptor that holds the lock until it is closed.
    static func lock(_ path: String) throws -> Int32 {
        let file = path + "/" + lockName
        // Not inherited: workers started by the coordinator must not hold its lock.
        let descriptor = unsafe open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FormatError.cannotWrite(path, errno: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else {
                throw FormatError.cannotWrite(file, errno: code)
            }
            let owner = (try? FileSystem.read(file, byteCountMax: 64)) ?? []
            let process = String(decoding: owner, as: UTF8.self).filter { $0.isNumber }
            throw RunFolderError.inUse(path, by: process.isEmpty ? "" : " (process \(process))")
        }
        // Only a courtesy to whoever finds the folder locked, so a failure is no matter.
        let owner = Array("\(getpid())\n".utf8)
        ftruncate(descriptor, 0)
        _ = unsafe Glibc.write(descriptor, owner, owner.count)
        return descriptor
    }

    /// Removes temporary files of a killed process.
    static func removeDrafts(_ path: String) {
        let names = try? FileManager.default.contentsOfDirectory(atPath: path)
        for name in names ?? [] where name.hasPrefix(AtomicFile.temporaryPrefix) {
            unsafe unlink(path + "/" + name)
        }
    }

    private static func settle(
        _ path: String, config: [String: JSONValue], incidental: Set<String>
    ) throws -> (State, RunJournal?) {
        removeDrafts(path)
        func compare(_ found: [String: JSONValue]) throws {
            let differences = differences(from: found, to: config, incidental: incidental)
            guard differences.isEmpty else {
                throw RunFolderError.otherConfiguration(path, differences: differences)
            }
        }
        let configPath = self.path(of: .config, in: path)
        let journalPath = self.path(of: .journal, in: path)
        let isKnown = FileSystem.exists(configPath)
        if isKnown {
            try compare(try readConfig(in: path))
            // With heads missing there are results, and something to go on with.
            if FileSystem.exists(self.path(of: .results, in: path)),
                try readResults(in: path).quarantine?.heads.isEmpty != false
            {
                return (.finished, try? RunJournal(path: journalPath))
            }
        } else {
            for artefact in Artefact.allCases where artefact != .journal {
                if FileSystem.exists(self.path(of: artefact, in: path)) {
                    throw RunFolderError.foreignFile(path, artefact.rawValue)
                }
            }
        }
        guard isKnown || FileSystem.exists(journalPath) else {
            let journal = try RunJournal.create(path: journalPath, config: config)
            try AtomicFile.write(JSONFile.encode(config), to: configPath)
            return (.new, journal)
        }
        guard FileSystem.exists(journalPath) else {
            throw FormatError.malformed(
                path,
                "it holds config.json but no journal.sqlite, so the run cannot go on; restore it "
                    + "from a copy, or use another --run-dir")
        }
        let journal = try RunJournal(path: journalPath)
        try compare(try journal.config())
        if !isKnown { try AtomicFile.write(JSONFile.encode(config), to: configPath) }
        return (.unfinished, journal)
    }

    /// One clause per option that differs, by name.
    static func differences(
        from found: [String: JSONValue], to wanted: [String: JSONValue], incidental: Set<String>
    ) -> [String] {
        Set(found.keys).union(wanted.keys).subtracting(incidental).sorted().compactMap { key in
            let left = found[key]?.normalised
            let right = wanted[key]?.normalised
            guard left != right else { return nil }
            return "\(key) is \(left.map { "\($0)" } ?? "not set") there and "
                + "\(right.map { "\($0)" } ?? "not set") here"
        }
    }
}
