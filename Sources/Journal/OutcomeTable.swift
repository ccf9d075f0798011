import Foundation
import GRDB
import Hashing

/// A piece of a study as it is kept: what it is, what it brought, and who did it.
package struct StudyRecord: Sendable, Equatable {
    /// The unit, in the words that are its key.
    package var unit: String
    /// Its outcome, as its runner wrote it.
    package var payload: [UInt8]
    /// Who did it.
    package var worker: String
    /// The machine of that worker.
    package var host: String
    /// When it began, in seconds since 1970.
    package var time: Double
    /// How long it took.
    package var seconds: Double

    /// A record of these fields.
    package init(
        unit: String, payload: [UInt8], worker: String, host: String, time: Double,
        seconds: Double
    ) {
        self.unit = unit
        self.payload = payload
        self.worker = worker
        self.host = host
        self.time = time
        self.seconds = seconds
    }
}

/// The table of outcomes, in a study's file and in the journal of a run of whole networks.
enum OutcomeTable {
    static let definition = """
        CREATE TABLE outcome (
            unit TEXT PRIMARY KEY, payload BLOB NOT NULL, worker TEXT NOT NULL,
            host TEXT NOT NULL, time REAL NOT NULL, seconds REAL NOT NULL, hash BLOB NOT NULL);
        """

    static func insert(_ record: StudyRecord, into db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO outcome (unit, payload, worker, host, time, seconds, hash)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """)
        try statement.execute(arguments: [
            record.unit, Data(record.payload), record.worker, record.host, record.time,
            record.seconds, Data(hash(of: record)),
        ])
    }

    static func delete(_ unit: String, from db: Database) throws {
        try db.execute(sql: "DELETE FROM outcome WHERE unit = ?", arguments: [unit])
    }

    /// Calls `body` with every outcome, by unit; with nil for one that is not what was written.
    ///
    /// They are not all held at once.
    static func forEach(in db: Database, _ body: (StudyRecord?) throws -> Void) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT unit, payload, worker, host, time, seconds, hash FROM outcome ORDER BY unit
                """)
        while let row = try rows.next() { try body(record(row)) }
    }

    /// Nil for values of other types than were written, or another hash: a row's own conversions trap.
    private static func record(_ row: Row) -> StudyRecord? {
        let values = (0..<7).map { (row[$0] as DatabaseValue).storage }
        guard case .string(let unit) = values[0], case .blob(let payload) = values[1],
            case .string(let worker) = values[2], case .string(let host) = values[3],
            case .double(let time) = values[4], case .double(let seconds) = values[5],
            case .blob(let hash) = values[6]
        else { return nil }
        let record = StudyRecord(
            unit: unit, payload: Array(payload), worker: worker, host: host, time: time,
            seconds: seconds)
        return Array(hash) == self.hash(of: record) ? record : nil
    }

    private static func hash(of record: StudyRecord) -> [UInt8] {
        var hash = SHA256()
        hash.update(Array(record.unit.utf8))
        hash.update([0 as UInt8])
        hash.update(record.payload)
        return hash.finalize()
    }
}
