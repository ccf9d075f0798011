import Foundation
import GRDB
import Glibc

/// The folder of a study, locked for one coordinator; what was computed is in `study.sqlite`.
///
/// Unlike a run a study never is finished: more trials, fractions, data sets and arms may be asked for
/// later, and only what is new is computed. What its numbers depend on must stay the same.
package final class StudyDirectory: Sendable {
    /// The folder, as it was given.
    package let path: String
    private let queue: DatabaseQueue
    private let lock: Int32

    /// Marks the file as ours, in its header: "MHST".
    private static let applicationID = 0x4D48_5354
    private static let version = 1
    private static let fileName = "study.sqlite"

    private static let fileSettings = """
        PRAGMA page_size = 16384;
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        PRAGMA journal_mode = WAL;
        """
    private static let tables = """
        CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL);
        \(OutcomeTable.definition)
        """

    /// Whether a folder holds a study.
    package static func exists(in path: String) -> Bool { fileExists(path + "/" + fileName) }

    /// Makes or opens the folder, locks it, and compares what the numbers depend on.
    ///
    /// - Parameter config: all that every trial depends on, data digests among them. A key that is new
    ///   is added; one that is there must be equal.
    /// - Throws: ``RunStoreError`` when the folder cannot be made or written, is in use, holds a study
    ///   of another configuration (every difference is named) or a run, or a damaged file.
    package init(path: String, config: [String: JSONValue]) throws(RunStoreError) {
        try RunDirectory.makeFolder(path)
        let lock = try RunDirectory.lock(path)
        do throws(RunStoreError) {
            queue = try Self.open(path, config)
        } catch {
            Glibc.close(lock)
            throw error
        }
        self.path = path
        self.lock = lock
    }

    deinit {
        try? queue.close()
        Glibc.close(lock)
    }

    private static func open(
        _ path: String, _ config: [String: JSONValue]
    ) throws(RunStoreError) -> DatabaseQueue {
        RunDirectory.removeDrafts(path)
        let file = path + "/" + fileName
        if !fileExists(file) {
            for artefact in RunDirectory.Artefact.allCases
            where fileExists(RunDirectory.path(of: artefact, in: path)) {
                throw .foreignFile(path, artefact.rawValue)
            }
            try Journal.make(file, settings: fileSettings) { db in try db.execute(sql: tables) }
        }
        let queue = try Journal.reporting(file) {
            try Journal.check(file, applicationID: applicationID, version: version)
            return try DatabaseQueue(path: file, configuration: Journal.configuration())
        }
        let found = try readConfig(queue, file)
        let shared = config.filter { found[$0.key] != nil }
        let differences = RunDirectory.differences(
            from: found.filter { config[$0.key] != nil }, to: shared, incidental: [])
        guard differences.isEmpty else {
            throw .otherConfiguration(path, differences: differences)
        }
        let text = String(
            decoding: try JSONFile.encode(found.merging(config) { known, _ in known }),
            as: UTF8.self)
        try writeValue(text, of: "config", to: queue, file)
        return queue
    }

    private static func readConfig(
        _ queue: DatabaseQueue, _ file: String
    ) throws(RunStoreError) -> [String: JSONValue] {
        guard let text = try readValue(of: "config", from: queue, file) else { return [:] }
        return try JSONFile.decode([String: JSONValue].self, from: Array(text.utf8))
    }

    private static func readValue(
        of key: String, from queue: DatabaseQueue, _ file: String
    ) throws(RunStoreError) -> String? {
        try Journal.reporting(file) {
            try queue.read { db in
                try String.fetchOne(
                    db, sql: "SELECT value FROM study WHERE key = ?", arguments: [key])
            }
        }
    }

    private static func writeValue(
        _ value: String, of key: String, to queue: DatabaseQueue, _ file: String
    ) throws(RunStoreError) {
        try Journal.reporting(file) {
            try queue.write { db in
                try db.execute(
                    sql: "INSERT OR REPLACE INTO study (key, value) VALUES (?, ?)",
                    arguments: [key, value])
            }
        }
    }

    /// Keeps outcomes in one transaction, and returns when they are on the disk.
    ///
    /// - Throws: ``RunStoreError`` of code `cannotWrite`; nothing of it is written then.
    package func commit(_ records: [StudyRecord]) throws(RunStoreError) {
        if records.isEmpty { return }
        try Journal.reporting(path + "/" + Self.fileName) {
            try queue.write { db in
                for record in records { try OutcomeTable.insert(record, into: db) }
            }
        }
    }

    /// Keeps a command line that computed something; one that is known already, once.
    ///
    /// - Throws: ``RunStoreError`` of code `cannotWrite`.
    package func note(command: String) throws(RunStoreError) {
        var known = try commands()
        if known.contains(command) { return }
        known.append(command)
        let text = String(decoding: try JSONFile.encode(known), as: UTF8.self)
        try Self.writeValue(text, of: "commands", to: queue, path + "/" + Self.fileName)
    }

    /// The command lines that computed what is kept, in turn; those of versions that kept none are
    /// not known.
    package func commands() throws(RunStoreError) -> [String] {
        let file = path + "/" + Self.fileName
        guard let text = try Self.readValue(of: "commands", from: queue, file) else { return [] }
        return try JSONFile.decode([String].self, from: Array(text.utf8))
    }

    /// Forgets the outcome of a unit.
    ///
    /// - Throws: ``RunStoreError`` of code `cannotWrite`.
    package func remove(_ unit: String) throws(RunStoreError) {
        try Journal.reporting(path + "/" + Self.fileName) {
            try queue.write { db in try OutcomeTable.delete(unit, from: db) }
        }
    }

    /// How many outcomes there are.
    package func recordCount() throws(RunStoreError) -> Int {
        try Journal.reporting(path + "/" + Self.fileName) {
            try queue.read { db in
                try Int.fetchOne(db, sql: "SELECT count(*) FROM outcome") ?? 0
            }
        }
    }

    /// Calls `body` with every outcome, by unit; they are not all held at once.
    ///
    /// - Throws: ``RunStoreError`` for a record that is not what was written, and what `body` throws.
    package func forEachRecord(_ body: (StudyRecord) throws -> Void) throws {
        let file = path + "/" + Self.fileName
        try queue.read { db in
            try OutcomeTable.forEach(in: db) { record in
                guard let record else {
                    throw RunStoreError.damaged(file, "the outcome of a unit changed")
                }
                try body(record)
            }
        }
    }

    /// Writes a file of the study, whole or not at all.
    package func write(_ bytes: [UInt8], named name: String) throws(RunStoreError) {
        try AtomicFile.write(bytes, to: path + "/" + name)
    }
}
