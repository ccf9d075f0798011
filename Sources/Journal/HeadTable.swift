import Foundation
import GRDB
import Heads

/// The tables of accepted heads: a row per block, so that a result is one row or a few, and what makes
/// sure that no head is accepted twice.
enum HeadTable {
    static let definition = """
        CREATE TABLE head_block (
            number INTEGER PRIMARY KEY, keys TEXT NOT NULL, head_count INTEGER NOT NULL,
            weights BLOB NOT NULL, biases BLOB NOT NULL, worker TEXT NOT NULL, host TEXT NOT NULL,
            time REAL NOT NULL, hash BLOB NOT NULL);
        CREATE TABLE head (key TEXT PRIMARY KEY, block INTEGER NOT NULL) WITHOUT ROWID;
        """

    private typealias Schema = JournalSchema

    static func insert(_ record: HeadRecord, into db: Database) throws {
        let keys = record.block.keys.map(\.text).joined(separator: " ")
        let weights = Schema.data(record.block.weights)
        let biases = Schema.data(record.block.biases)
        try db.cachedStatement(
            sql: """
                INSERT INTO head_block
                (keys, head_count, weights, biases, worker, host, time, hash)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            keys, record.block.keys.count, weights, biases, record.worker, record.host, record.time,
            Schema.hash(of: keys, weights, biases),
        ])
        let number = db.lastInsertedRowID
        let insertKey = try db.cachedStatement(sql: "INSERT INTO head (key, block) VALUES (?, ?)")
        for key in record.block.keys { try insertKey.execute(arguments: [key.text, number]) }
    }

    /// Forgets heads: their blocks are written again without them.
    static func remove(_ gone: Set<HeadKey>, from db: Database) throws {
        var numbers: Set<Int64> = []
        let find = try db.cachedStatement(sql: "SELECT block FROM head WHERE key = ?")
        for key in gone {
            let row = try Row.fetchOne(find, arguments: [key.text])
            if let row { numbers.insert(Int64(try Schema.integer(row[0], "head"))) }
        }
        for number in numbers.sorted() {
            let row = try Row.fetchOne(db, sql: select + " WHERE number = ?", arguments: [number])
            guard let record = try row.map(record) else { continue }
            try db.execute(sql: "DELETE FROM head_block WHERE number = ?", arguments: [number])
            let delete = try db.cachedStatement(sql: "DELETE FROM head WHERE key = ?")
            for key in record.block.keys { try delete.execute(arguments: [key.text]) }
            if let rest = record.removing(gone) { try insert(rest, into: db) }
        }
    }

    /// All blocks, in the order in which they came.
    static func records(in db: Database) throws -> [HeadRecord] {
        let rows = try Row.fetchCursor(db, sql: select + " ORDER BY number")
        var records: [HeadRecord] = []
        var keys: Set<HeadKey> = []
        while let row = try rows.next() {
            let record = try record(row)
            for key in record.block.keys where !keys.insert(key).inserted {
                throw Schema.Damage(finding: "head \(key) is there twice")
            }
            records.append(record)
        }
        return records
    }

    private static let select =
        "SELECT keys, weights, biases, worker, host, time, hash FROM head_block"

    private static func record(_ row: Row) throws -> HeadRecord {
        let text = try Schema.text(row[0], "head_block")
        let weights = try Schema.blob(row[1], "head_block")
        let biases = try Schema.blob(row[2], "head_block")
        guard try Schema.blob(row[6], "head_block") == Schema.hash(of: text, weights, biases) else {
            throw Schema.Damage(
                finding: "heads {\(text.prefix(80))}: a row is not what was written")
        }
        let biasValues = try Schema.floats(biases, "head_block")
        let weightValues = try Schema.floats(weights, "head_block")
        guard
            let block = HeadBlock(
                keys: try keys(text), featureCount: weightValues.count / max(1, biasValues.count),
                weights: weightValues, biases: biasValues)
        else {
            throw Schema.Damage(
                finding: "heads {\(text.prefix(80))} have values that do not fit together")
        }
        return HeadRecord(
            block: block, worker: try Schema.text(row[3], "head_block"),
            host: try Schema.text(row[4], "head_block"),
            time: try Schema.number64(row[5], "head_block"))
    }

    private static func keys(_ text: String) throws -> [HeadKey] {
        try text.split(separator: " ").map { word in
            guard let key = HeadKey(String(word)) else {
                throw Schema.Damage(finding: "a head is named \(word.prefix(80))")
            }
            return key
        }
    }
}
