package import Formats
import GRDB

/// What a study has so far, on disk: its configuration, its command lines, and outcomes of units.
package struct StudyJournal: Sendable {
    /// Marked in its header as "MHST".
    private static let kind = DatabaseFile.Kind(
        applicationID: 0x4D48_5354, version: 1,
        tables: """
            CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL);
            \(OutcomeTable.definition)
            """)

    private let file: DatabaseFile

    /// Opens the journal at `path`, which is made if it is not there.
    ///
    /// - Throws: `FormatError` when it is damaged, of another kind or version, or cannot be read or
    ///   written.
    package init(path: String) throws(FormatError) {
        if !FileSystem.exists(path) { try DatabaseFile.make(path, Self.kind) }
        file = try DatabaseFile(path, Self.kind)
    }

    /// Closes the file; using it afterwards is an error.
    package func close() { file.close() }

    /// The value kept under a key, as it was written; nil before the first.
    package func value<Value: Decodable>(
        _ type: Value.Type, of key: String
    ) throws(FormatError) -> Value? {
        let text = try file.read { db in
            try String.fetchOne(
                db, sql: "SELECT value FROM study WHERE key = ?", arguments: [key])
        }
        guard let text else { return nil }
        return try JSONFile.decode(type, from: Array(text.utf8), path: file.path)
    }

    /// Keeps a value in place of the one under that key.
    ///
    /// - Throws: `FormatError` of code `cannotWrite`.
    package func set(_ value: some Encodable, of key: String) throws(FormatError) {
        let text = String(decoding: try JSONFile.encode(value), as: UTF8.self)
        try file.write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO study (key, value) VALUES (?, ?)",
                arguments: [key, text])
        }
    }

    /// Keeps outcomes in one transaction, and returns when they are on the disk.
    ///
    /// - Throws: `FormatError` of code `cannotWrite`; nothing of it is written then.
    package func commit(_ records: [StudyRecord]) throws(FormatError) {
        if records.isEmpty { return }
        try file.write { db in
            for record in records { try OutcomeTable.insert(record, into: db) }
        }
    }

    /// Forgets the outcome of a unit.
    ///
    /// - Throws: `FormatError` of code `cannotWrite`.
    package func remove(_ unit: String) throws(FormatError) {
        try file.write { db in try OutcomeTable.delete(unit, from: db) }
    }

    /// How many outcomes there are.
    package func recordCount() throws(FormatError) -> Int {
        try file.read { db in try JournalSchema.count("SELECT count(*) FROM outcome", in: db) }
    }

    /// Calls `body` with every outcome, by unit; they are not all held at once.
    ///
    /// - Throws: `FormatError` for a record that is not what was written, and what `body` throws.
    package func forEachRecord(_ body: (StudyRecord) throws -> Void) throws {
        try file.forEachOutcome(body)
    }
}
