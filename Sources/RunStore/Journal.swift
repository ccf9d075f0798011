import Foundation
import GRDB
import Glibc

/// What a run has so far, on disk: SQLite in WAL mode, in which a transaction is whole or not there.
///
/// A commit returns once the system says that it is on the disk (`synchronous = FULL`). Whoever is
/// killed at any point, or loses power, finds what was committed and nothing of what was not. Rows
/// carry hashes, since SQLite does not see a bit that changed in a value. Used by one process at a
/// time, which holds the lock of the run's directory; other programs may read.
package final class Journal: Sendable {
    /// The file, beside which SQLite keeps two more with the endings -wal and -shm.
    package let path: String

    private let queue: DatabaseQueue

    /// Opens the journal of a run.
    ///
    /// Looks at everything first, without changing a byte.
    ///
    /// - Parameter pageCountMax: pages to which the file may grow, as if the disk ended there; a
    ///   seam for tests.
    /// - Throws: ``RunStoreError`` when the file is missing, damaged, of another version or cannot
    ///   be read or written.
    package init(path: String, pageCountMax: Int? = nil) throws(RunStoreError) {
        self.path = path
        queue = try Self.reporting(path) {
            try Self.check(path)
            return try DatabaseQueue(
                path: path, configuration: Self.configuration(pageCountMax: pageCountMax))
        }
    }

    /// Makes the journal of a new run, and opens it.
    ///
    /// Made under a temporary name and put in its place whole: an unfinished one is never found.
    ///
    /// - Parameter config: every option in force.
    package static func create(
        path: String, config: [String: JSONValue], pageCountMax: Int? = nil
    ) throws(RunStoreError) -> Journal {
        let text = String(decoding: try JSONFile.encode(config), as: UTF8.self)
        try make(path, settings: JournalSchema.fileSettings) { db in
            try db.execute(sql: JournalSchema.tables)
            try db.execute(
                sql: "INSERT INTO run (key, value) VALUES ('config', ?)", arguments: [text])
        }
        return try Journal(path: path, pageCountMax: pageCountMax)
    }

    /// Closes the file; using it afterwards is an error.
    package func close() {
        // What cannot be moved from the log into the file now is found in the log the next time.
        try? queue.close()
    }

    /// Writes everything in one transaction, and returns when it is on the disk.
    ///
    /// - Throws: ``RunStoreError`` of code `cannotWrite` when it cannot, say because the disk is
    ///   full: nothing of it is written then, and all that was committed before is kept.
    package func commit(_ entries: JournalEntries) throws(RunStoreError) {
        if entries.isEmpty { return }
        try Self.reporting(path) {
            try queue.write { db in try JournalSchema.insert(entries, into: db) }
        }
    }

    /// Notes which data the run is on, the first time; compares after that.
    ///
    /// - Throws: ``RunStoreError`` of code `otherConfiguration` when the run is on other data.
    package func settle(dataDigest: String) throws(RunStoreError) {
        try Self.reporting(path) {
            try queue.write { db in
                let found = try JournalSchema.value(of: "data_sha256", in: db)
                guard let found else {
                    return try db.execute(
                        sql: "INSERT INTO run (key, value) VALUES ('data_sha256', ?)",
                        arguments: [dataDigest])
                }
                guard found == dataDigest else { throw RunStoreError.otherData(self.path) }
            }
        }
    }

    /// Every option in force when the run began.
    package func config() throws(RunStoreError) -> [String: JSONValue] {
        let text = try reading { db in try JournalSchema.value(of: "config", in: db) }
        guard let text else { throw .damaged(path, "it has no configuration") }
        do throws(RunStoreError) {
            return try JSONFile.decode([String: JSONValue].self, from: Array(text.utf8))
        } catch {
            throw .damaged(path, "its configuration cannot be read")
        }
    }

    /// The backbone after the last epoch that was committed; nil before the first.
    package func backbone() throws(RunStoreError) -> BackboneRecord? {
        try reading { db in try JournalSchema.backbone(in: db) }
    }

    /// The features; nil before they were committed.
    package func features() throws(RunStoreError) -> FeatureRecord? {
        try reading { db in try JournalSchema.features(in: db) }
    }

    /// All heads, by number.
    package func heads() throws(RunStoreError) -> [HeadRecord] {
        try reading { db in try JournalSchema.heads(in: db) }
    }

    /// Calls `body` with every outcome of a run of whole networks, by unit.
    ///
    /// - Throws: ``RunStoreError`` for a record that is not what was written, and what `body` throws.
    package func forEachOutcome(_ body: (StudyRecord) throws -> Void) throws {
        do {
            try queue.read { db in
                guard try OutcomeTable.exists(in: db) else { return }
                try OutcomeTable.forEach(in: db) { record in
                    guard let record else {
                        throw RunStoreError.damaged(path, "the outcome of a network changed")
                    }
                    try body(record)
                }
            }
        } catch let error as DatabaseError {
            throw RunStoreError.damaged(path, error.message ?? "the outcomes cannot be read")
        }
    }

    /// All events, or those of one kind, in the order of their commits.
    package func events(kind: String? = nil) throws(RunStoreError) -> [JournalEvent] {
        try reading { db in try JournalSchema.events(of: kind, in: db) }
    }

    /// How far the run has come: epochs of the backbone, and heads.
    package func progress() throws(RunStoreError) -> JournalProgress {
        try reading { db in
            let outcomeCount =
                try OutcomeTable.exists(in: db)
                ? try JournalSchema.count("SELECT count(*) FROM outcome", in: db) : 0
            return JournalProgress(
                epochCount: try JournalSchema.count(
                    "SELECT max(epoch_count) FROM backbone", in: db),
                headCount: try JournalSchema.count("SELECT count(*) FROM head", in: db)
                    + outcomeCount)
        }
    }

    /// What SQLite says about how commits reach the disk: `wal, synchronous 2`, which is FULL.
    package func durability() throws(RunStoreError) -> String {
        try reading { db in
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? ""
            return "\(mode), synchronous \(try JournalSchema.count("PRAGMA synchronous", in: db))"
        }
    }
}

extension Journal {
    /// Makes a database file whole, or not at all.
    static func make(
        _ path: String, settings: String, _ fill: (Database) throws -> Void
    ) throws(RunStoreError) {
        let (folder, name) = AtomicFile.split(path)
        let draft =
            folder + "/" + AtomicFile.temporaryPrefix + name + "."
            + String(UInt64.random(in: 0...UInt64.max), radix: 16)
        do throws(RunStoreError) {
            try reporting(path) {
                let queue = try DatabaseQueue(path: draft, configuration: configuration())
                try queue.writeWithoutTransaction { db in
                    try db.execute(sql: settings)
                    try db.inTransaction {
                        try fill(db)
                        return .commit
                    }
                }
                // Brings all into the one file, synchronised, and removes the others.
                try queue.close()
                guard unsafe rename(draft, path) == 0 else {
                    throw RunStoreError.cannotWrite(path, reason(errno))
                }
                try AtomicFile.synchronise(folder: folder)
            }
        } catch {
            for ending in ["", "-wal", "-shm", "-journal"] { unsafe unlink(draft + ending) }
            throw error
        }
    }

    private func reading<Result>(
        _ body: (Database) throws -> Result
    ) throws(RunStoreError) -> Result {
        try Self.reporting(path) { try queue.read(body) }
    }

    static func configuration(
        isReadOnly: Bool = false, pageCountMax: Int? = nil
    ) -> Configuration {
        var configuration = Configuration()
        configuration.label = "journal"
        configuration.readonly = isReadOnly
        // Somebody may look at the file with a program that writes.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            // A damaged file must not make SQLite do anything but say so.
            try db.execute(
                sql: """
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA synchronous = FULL;
                    """)
            if let pageCountMax {
                try db.execute(sql: "PRAGMA max_page_count = \(pageCountMax)")
            }
        }
        return configuration
    }

    /// Looks through the file without changing it.
    ///
    /// - Throws: `damaged` for anything but a whole journal of this version and kind.
    static func check(
        _ path: String, applicationID: Int = JournalSchema.applicationID,
        version wanted: Int = JournalSchema.version
    ) throws {
        // SQLite takes an empty file for a new database, and would make one where there is none.
        guard try byteCount(ofFile: path) > 0 else {
            throw RunStoreError.damaged(path, "it is empty")
        }
        let queue = try DatabaseQueue(
            path: path, configuration: configuration(isReadOnly: true))
        try queue.read { db in
            let application = try JournalSchema.count("PRAGMA application_id", in: db)
            guard application == applicationID else {
                throw RunStoreError.damaged(path, "it is not marked as a journal")
            }
            let version = try JournalSchema.count("PRAGMA user_version", in: db)
            guard version == wanted else {
                throw RunStoreError.malformed(
                    path,
                    "it is a journal of version \(version), and this program writes version "
                        + "\(wanted); go on with the program that made it")
            }
            let finding = try String.fetchOne(db, sql: "PRAGMA integrity_check(1)")
            guard finding == "ok" else {
                throw RunStoreError.damaged(path, finding ?? "it cannot be checked")
            }
        }
        try queue.close()
    }

    /// Says SQLite's errors as ours.
    static func reporting<Result>(
        _ path: String, _ body: () throws -> Result
    ) throws(RunStoreError) -> Result {
        do {
            return try body()
        } catch let error as RunStoreError {
            throw error
        } catch let error as JournalSchema.Damage {
            throw .damaged(path, error.finding)
        } catch let error as DatabaseError {
            throw .database(path, error)
        } catch {
            throw .damaged(path, "\(error)")
        }
    }
}

extension RunStoreError {
    static func damaged(_ path: String, _ finding: String) -> RunStoreError {
        malformed(
            path,
            "the journal is damaged (\(finding)) and left as it is; restore it from a copy, or use "
                + "another --run-dir")
    }

    static func otherData(_ path: String) -> RunStoreError {
        RunStoreError(
            code: .otherConfiguration,
            message: "\(path) is the journal of a run on other data; use the data it was begun "
                + "with, or another --run-dir")
    }

    /// An error of SQLite's while it reads or writes the file.
    fileprivate static func database(_ path: String, _ error: DatabaseError) -> RunStoreError {
        let said = error.message ?? "SQLite says \(error.resultCode)"
        switch error.resultCode {
        case .SQLITE_FULL:
            return RunStoreError(
                code: .cannotWrite,
                message: "cannot write \(path): the disk is full; what was accepted is kept: free "
                    + "some space, and start the same run again")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT, .SQLITE_SCHEMA, .SQLITE_MISMATCH,
            .SQLITE_ERROR:
            // A table that is not there, say: nothing of ours makes errors in healthy files.
            return damaged(path, said)
        default:
            return RunStoreError(
                code: .cannotWrite,
                message: "cannot write \(path): \(said) (\(error.extendedResultCode.rawValue)); "
                    + "what was accepted is kept: start the same run again when it can be written")
        }
    }
}
