package import Formats
import GRDB

/// What a run has so far, on disk: SQLite, in which a transaction is whole or not there; in WAL mode
/// while it is written.
///
/// A commit returns once the system says that it is on the disk (`synchronous = FULL`). Whoever is
/// killed at any point, or loses power, finds what was committed and nothing of what was not. Rows
/// carry hashes, since SQLite does not see a bit that changed in a value. Used by one process at a
/// time, which holds the lock of the run's directory; other programs may read.
package struct RunJournal: Sendable {
    private let file: DatabaseFile

    /// The file, beside which SQLite keeps two more, with the endings -wal and -shm, from the first
    /// commit until it is closed.
    package var path: String { file.path }

    /// Opens the journal of a run.
    ///
    /// Looks at everything first, without changing a byte.
    ///
    /// - Parameter pageCountMax: pages to which the file may grow, as if the disk ended there; a
    ///   seam for tests.
    /// - Throws: `FormatError` when the file is missing, damaged, of another version or cannot
    ///   be read or written.
    package init(path: String, pageCountMax: Int? = nil) throws(FormatError) {
        file = try DatabaseFile(path, JournalSchema.kind, pageCountMax: pageCountMax)
    }

    /// Makes the journal of a new run, and opens it.
    ///
    /// Made under a temporary name and put in its place whole: an unfinished one is never found.
    ///
    /// - Parameter config: every option in force.
    package static func create(
        path: String, config: [String: JSONValue], pageCountMax: Int? = nil
    ) throws(FormatError) -> RunJournal {
        let text = String(decoding: try JSONFile.encode(config), as: UTF8.self)
        try DatabaseFile.make(path, JournalSchema.kind) { db in
            try db.execute(
                sql: "INSERT INTO run (key, value) VALUES ('config', ?)", arguments: [text])
        }
        return try RunJournal(path: path, pageCountMax: pageCountMax)
    }

    /// Closes the file; using it afterwards is an error.
    package func close() { file.close() }

    /// Writes everything in one transaction, and returns when it is on the disk.
    ///
    /// - Throws: `FormatError` of code `cannotWrite` when it cannot, say because the disk is
    ///   full: nothing of it is written then, and all that was committed before is kept.
    package func commit(_ entries: JournalEntries) throws(FormatError) {
        if entries.isEmpty { return }
        try file.write { db in try JournalSchema.insert(entries, into: db) }
    }

    /// Notes which data the run is on, the first time.
    ///
    /// - Returns: whether it is on data of this digest; nothing is changed if not.
    package func settle(dataDigest: String) throws(FormatError) -> Bool {
        try file.write { db in
            guard let found = try JournalSchema.value(of: "data_sha256", in: db) else {
                try db.execute(
                    sql: "INSERT INTO run (key, value) VALUES ('data_sha256', ?)",
                    arguments: [dataDigest])
                return true
            }
            return found == dataDigest
        }
    }

    /// Every option in force when the run began.
    package func config() throws(FormatError) -> [String: JSONValue] {
        try file.read { db in
            guard let text = try JournalSchema.value(of: "config", in: db),
                let config = try? JSONFile.decode(
                    [String: JSONValue].self, from: Array(text.utf8), path: file.path)
            else { throw DatabaseFile.Damage(finding: "it has no configuration that can be read") }
            return config
        }
    }

    /// The backbone after the last epoch that was committed; nil before the first.
    package func backbone() throws(FormatError) -> BackboneRecord? {
        try file.read { db in try JournalSchema.backbone(in: db) }
    }

    /// The features; nil before they were committed.
    package func features() throws(FormatError) -> FeatureRecord? {
        try file.read { db in try JournalSchema.features(in: db) }
    }

    /// All heads, in blocks, in the order in which they came.
    package func heads() throws(FormatError) -> [HeadRecord] {
        try file.read { db in try HeadTable.records(in: db) }
    }

    /// Calls `body` with every outcome of a run of whole networks, by unit.
    ///
    /// - Throws: `FormatError` for a record that is not what was written, and what `body` throws.
    package func forEachOutcome(_ body: (StudyRecord) throws -> Void) throws {
        try file.forEachOutcome(body)
    }

    /// All events, or those of one kind, in the order of their commits.
    package func events(kind: String? = nil) throws(FormatError) -> [JournalEvent] {
        try file.read { db in try JournalSchema.events(of: kind, in: db) }
    }

    /// What the starts of the run say of their times, the first start first.
    package func starts() throws(FormatError) -> [JournalStart] {
        try file.read { db in try JournalSchema.starts(in: db) }
    }

    /// How far the run has come: epochs of the backbone, and heads or outcomes of whole networks.
    package func progress() throws(FormatError) -> JournalProgress {
        try file.read { db in
            JournalProgress(
                epochCount: try JournalSchema.count(
                    "SELECT max(epoch_count) FROM backbone", in: db),
                headCount: try JournalSchema.count(
                    "SELECT sum(head_count) FROM head_block", in: db)
                    + JournalSchema.count("SELECT count(*) FROM outcome", in: db))
        }
    }

    /// What SQLite says about how commits reach the disk: `wal, synchronous 2`, which is FULL, once
    /// there was one, and `delete, synchronous 2` before.
    package func durability() throws(FormatError) -> String {
        try file.read { db in
            let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? ""
            return "\(mode), synchronous \(try JournalSchema.count("PRAGMA synchronous", in: db))"
        }
    }
}
