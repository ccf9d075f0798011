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
    /// The results of a finished run; nil of any other.
    package let results: RunResults?
    /// Whether there was a results.json that cannot be read, so that the run counts as unfinished.
    package let hasDamagedResults: Bool
    /// What the run has so far; nil where a finished run's, which needs it no more, cannot be read.
    package let journal: RunJournal?
    /// Nil for a finished run in a folder that cannot be written: nobody else writes it either.
    private let lock: Int32?

    /// Makes or opens the folder, locks it, and makes the journal and config.json or compares with
    /// them.
    ///
    /// Temporary files of a killed process are removed. config.json is there only once the journal
    /// is whole; it is made again from the journal if it is missing or damaged. A finished run may be in
    /// a folder that cannot be written.
    ///
    /// - Parameters:
    ///   - config: every option in force.
    ///   - incidental: options by which two starts of one run may differ, such as how many
    ///     workers to start; the first start's are kept in config.json.
    ///   - optionalFiles: options that name files, whose names may differ but not whether there are any.
    ///   - kind: whose folder it is: a run's or a benchmark's.
    /// - Throws: `FormatError` when the folder cannot be made or written, or holds a damaged journal,
    ///   which is left as it is; ``RunFolderError`` when it is in use, or holds another configuration
    ///   (every difference is named). A finished run is not an error.
    package init(
        path: String, config: [String: JSONValue], incidental: Set<String> = [],
        optionalFiles: Set<String> = [], kind: FolderKind = .run
    ) throws {
        try kind.refuseOthers(in: path)
        try FileSystem.makeFolder(path)
        let isReadOnly =
            Self.cannotBeWritten(path) && FileSystem.exists(Self.path(of: .results, in: path))
        let lock = isReadOnly ? nil : try Self.lock(path)
        self.path = path
        self.lock = lock
        // From here on a throw runs deinit's close by hand: a class that is not whole has no
        // deinit.
        do {
            let found = try Self.settle(path, config: config, isReadOnly: isReadOnly) {
                Self.differences(
                    from: $0, to: config, incidental: incidental, optionalFiles: optionalFiles)
            }
            (state, results, journal) = (found.state, found.results, found.journal)
            hasDamagedResults = found.hasDamagedResults
        } catch {
            if let lock { Glibc.close(lock) }
            throw error
        }
    }

    /// Whether the run is finished and its folder cannot be written.
    package var isReadOnly: Bool { lock == nil }

    deinit {
        // While the lock is still held.
        journal?.close()
        // Explicitly: a process that is just being started has a copy of the descriptor for a moment.
        if let lock {
            flock(lock, LOCK_UN)
            Glibc.close(lock)
        }
    }

    /// Makes the default folder, `runs/<UTC time>-<data set>`; where another run of the same second has
    /// that, one with `-2` behind it, and so on.
    ///
    /// - Parameters:
    ///   - time: seconds since 1970 began.
    ///   - parent: where it is made; made itself if it is missing.
    /// - Returns: the folder, which nobody else has been given.
    /// - Throws: `FormatError` when it cannot be made.
    package static func makeDefault(
        dataset: String, at time: Int, in parent: String = "runs"
    ) throws(FormatError) -> String {
        try FileSystem.makeFolder(parent)
        let first = parent + "/" + defaultName(dataset: dataset, at: time)
        var path = first
        var number = 1
        while unsafe mkdir(path, 0o755) != 0 {
            let code = errno
            guard code == EEXIST else { throw .cannotWrite(path, errno: code) }
            number += 1
            path = "\(first)-\(number)"
        }
        return path
    }

    /// `<UTC time>-<data set>`.
    static func defaultName(dataset: String, at time: Int) -> String {
        var seconds = time_t(time)
        var parts = unsafe tm()
        _ = unsafe gmtime_r(&seconds, &parts)
        let fields = unsafe [
            parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
            parts.tm_sec,
        ].map { ($0 < 10 ? "0" : "") + String($0) }
        return fields[..<3].joined() + "-" + fields[3...].joined() + "-" + dataset
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

    /// The configuration that the run in a folder was begun with, without locking it, or its journal's
    /// where the file is gone or damaged; nil in a folder without either.
    ///
    /// - Throws: `FormatError` when neither can be read.
    package static func keptConfig(in folder: String) throws(FormatError) -> [String: JSONValue]? {
        let journalPath = path(of: .journal, in: folder)
        let hasFile = FileSystem.exists(path(of: .config, in: folder))
        guard FileSystem.exists(journalPath) else {
            return hasFile ? try readConfig(in: folder) : nil
        }
        if let config = try? readConfig(in: folder) { return config }
        let journal = try RunJournal(path: journalPath)
        defer { journal.close() }
        return try journal.config()
    }

    /// The results of the run in a folder, without locking it.
    package static func readResults(in folder: String) throws(FormatError) -> RunResults {
        try FileSystem.readJSON(RunResults.self, at: path(of: .results, in: folder))
    }

    /// The results of a finished run, if it was on these data; nil of any other.
    ///
    /// - Throws: ``RunFolderError`` of code `otherConfiguration` when it was on others.
    package func finishedResults(dataDigest: String) throws(RunFolderError) -> RunResults? {
        if let results, results.data.sha256 != dataDigest { throw .otherData(path) }
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

    /// Whether this process may not write in a folder, or its file system cannot be written.
    private static func cannotBeWritten(_ path: String) -> Bool { unsafe access(path, W_OK) != 0 }

    /// Removes temporary files of a killed process.
    static func removeDrafts(_ path: String) {
        let names = try? FileManager.default.contentsOfDirectory(atPath: path)
        for name in names ?? [] where name.hasPrefix(AtomicFile.temporaryPrefix) {
            unsafe unlink(path + "/" + name)
        }
    }

    /// What is in a folder.
    private struct Content {
        var state = State.unfinished
        var results: RunResults?
        var hasDamagedResults = false
        var journal: RunJournal?
    }

    private static func settle(
        _ path: String, config: [String: JSONValue], isReadOnly: Bool,
        differences: ([String: JSONValue]) -> [String]
    ) throws -> Content {
        if !isReadOnly { removeDrafts(path) }
        let configPath = self.path(of: .config, in: path)
        let journalPath = self.path(of: .journal, in: path)
        let hasJournal = FileSystem.exists(journalPath)
        if !hasJournal && !FileSystem.exists(configPath) { return try begin(path, config) }
        var content = try finishedContent(of: path)
        if content.state == .finished {
            content.journal = try? RunJournal(path: journalPath)
        } else {
            // What is to go on needs a folder that can be written: this says why it cannot be.
            if isReadOnly { close(try lock(path)) }
            guard hasJournal else {
                _ = try readConfig(in: path)
                throw FormatError.malformed(
                    path,
                    "it holds config.json but no journal.sqlite, so the run cannot go on; restore "
                        + "it from a copy, or use another --run-dir")
            }
            content.journal = try RunJournal(path: journalPath)
        }
        do {
            // The journal has the configuration too, if the file is gone or damaged.
            let kept = try content.journal?.config()
            let file = kept == nil ? try readConfig(in: path) : try? readConfig(in: path)
            for found in [file, kept].compactMap(\.self) {
                let differences = differences(found)
                guard differences.isEmpty else {
                    throw RunFolderError.otherConfiguration(path, differences: differences)
                }
            }
            if let kept, file == nil, !isReadOnly {
                try AtomicFile.write(JSONFile.encode(kept), to: configPath)
            }
            return content
        } catch {
            content.journal?.close()
            throw error
        }
    }

    /// A new run in a folder without one.
    private static func begin(_ path: String, _ config: [String: JSONValue]) throws -> Content {
        for artefact in Artefact.allCases where FileSystem.exists(self.path(of: artefact, in: path))
        {
            throw RunFolderError.foreignFile(path, artefact.rawValue)
        }
        let journal = try RunJournal.create(path: self.path(of: .journal, in: path), config: config)
        try AtomicFile.write(JSONFile.encode(config), to: self.path(of: .config, in: path))
        return Content(state: .new, journal: journal)
    }

    /// What results.json says; with heads missing there is something to go on with, and results that
    /// are damaged are made again.
    private static func finishedContent(of path: String) throws(FormatError) -> Content {
        guard FileSystem.exists(self.path(of: .results, in: path)) else { return Content() }
        do throws(FormatError) {
            let results = try readResults(in: path)
            return results.quarantine?.heads.isEmpty == false
                ? Content() : Content(state: .finished, results: results)
        } catch {
            guard error.code == .malformed else { throw error }
            return Content(hasDamagedResults: true)
        }
    }

    /// One clause per option that differs, by name.
    static func differences(
        from found: [String: JSONValue], to wanted: [String: JSONValue], incidental: Set<String>,
        optionalFiles: Set<String> = []
    ) -> [String] {
        Set(found.keys).union(wanted.keys).subtracting(incidental).sorted().compactMap { key in
            let left = found[key]?.normalised
            let right = wanted[key]?.normalised
            guard left != right else { return nil }
            if optionalFiles.contains(key), (left ?? .null) != .null, (right ?? .null) != .null {
                return nil
            }
            return "\(key) is \(left.map { "\($0)" } ?? "not set") there and "
                + "\(right.map { "\($0)" } ?? "not set") here"
        }
    }
}
