import Formats
import Foundation
import GRDB
import Hashing
import Heads
import Numerics
import Transfer

/// The tables of the journal, and rows to values and back.
///
/// What is read is not trusted: a value of another type or length than was written is `Damage`, and
/// so is a row whose hash is not that of its values.
enum JournalSchema {
    typealias Damage = DatabaseFile.Damage

    /// Marked in its header as "MHJL".
    static let kind = DatabaseFile.Kind(applicationID: 0x4D48_4A4C, version: 3, tables: tables)

    private static let tables = """
        CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL);
        CREATE TABLE backbone (
            position INTEGER PRIMARY KEY, epoch_count INTEGER NOT NULL, name TEXT NOT NULL,
            shape TEXT NOT NULL, floats BLOB NOT NULL, hash BLOB NOT NULL);
        CREATE TABLE feature (
            digest TEXT NOT NULL, origin TEXT NOT NULL, feature_count INTEGER NOT NULL,
            class_count INTEGER NOT NULL, chunk_count INTEGER NOT NULL);
        CREATE TABLE class (
            position INTEGER PRIMARY KEY, key INTEGER NOT NULL, row_count INTEGER NOT NULL);
        CREATE TABLE chunk (
            position INTEGER PRIMARY KEY, class INTEGER NOT NULL, first_row INTEGER NOT NULL,
            row_count INTEGER NOT NULL, byte_count INTEGER NOT NULL, hash BLOB NOT NULL);
        CREATE TABLE event (
            number INTEGER PRIMARY KEY, seconds REAL NOT NULL, kind TEXT NOT NULL,
            payload TEXT NOT NULL);
        \(HeadTable.definition)
        \(OutcomeTable.definition)
        """

    // MARK: - Values to rows

    static func insert(_ entries: JournalEntries, into db: Database) throws {
        if let backbone = entries.backbone { try replace(backbone, in: db) }
        if let features = entries.features { try replace(features, in: db) }
        try HeadTable.remove(Set(entries.withdrawn), from: db)
        for record in entries.heads { try HeadTable.insert(record, into: db) }
        for unit in entries.withdrawnOutcomes { try OutcomeTable.delete(unit, from: db) }
        for record in entries.outcomes { try OutcomeTable.insert(record, into: db) }
        if !entries.events.isEmpty {
            let insert = try db.cachedStatement(
                sql: "INSERT INTO event (seconds, kind, payload) VALUES (?, ?, ?)")
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            for event in entries.events {
                let payload = String(decoding: try encoder.encode(event.payload), as: UTF8.self)
                try insert.execute(arguments: [event.seconds, event.kind, payload])
            }
        }
    }

    private static func replace(_ backbone: BackboneRecord, in db: Database) throws {
        // In place, row by row: the same pages again, where deleting first would move them.
        let insert = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO backbone (position, epoch_count, name, shape, floats, hash)
                VALUES (?, ?, ?, ?, ?, ?)
                """)
        for (position, tensor) in backbone.tensors.enumerated() {
            guard let values = tensor.floats else {
                throw FormatError.malformed("backbone", "\(tensor.name) is not of floats")
            }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            let floats = data(values)
            try insert.execute(arguments: [
                position, backbone.epochCount, tensor.name, shape, floats,
                hash(of: "\(backbone.epochCount) \(tensor.name) \(shape)", floats),
            ])
        }
        try db.execute(
            sql: "DELETE FROM backbone WHERE position >= ?", arguments: [backbone.tensors.count])
    }

    private static func replace(_ features: FeatureRecord, in db: Database) throws {
        guard let shape = features.manifest.features else {
            preconditionFailure("a run's manifest is of features")
        }
        try db.execute(sql: "DELETE FROM feature; DELETE FROM class; DELETE FROM chunk;")
        try db.execute(
            sql: """
                INSERT INTO feature (digest, origin, feature_count, class_count, chunk_count)
                VALUES (?, ?, ?, ?, ?)
                """,
            arguments: [
                features.digest, features.origin, shape.featureCount, shape.classKeys.count,
                features.manifest.chunks.count,
            ])
        let insertClass = try db.cachedStatement(
            sql: "INSERT INTO class (position, key, row_count) VALUES (?, ?, ?)")
        for (position, key) in shape.classKeys.enumerated() {
            try insertClass.execute(arguments: [
                position, Int64(bitPattern: key), shape.classRowCounts[position],
            ])
        }
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO chunk (position, class, first_row, row_count, byte_count, hash)
                VALUES (?, ?, ?, ?, ?, ?)
                """)
        for (position, chunk) in features.manifest.chunks.enumerated() {
            try insert.execute(arguments: [
                position, chunk.part, chunk.first, chunk.count, chunk.byteCount,
                Data(chunk.hash.bytes),
            ])
        }
    }

    // MARK: - Rows to values

    static func value(of key: String, in db: Database) throws -> String? {
        let row = try Row.fetchOne(
            db, sql: "SELECT value FROM run WHERE key = ?", arguments: [key])
        return try row.map { try text($0[0], "run") }
    }

    static func backbone(in db: Database) throws -> BackboneRecord? {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT position, epoch_count, name, shape, floats, hash FROM backbone
                ORDER BY position
                """)
        var record: BackboneRecord?
        while let row = try rows.next() {
            let epochCount = try integer(row[1], "backbone")
            let name = try text(row[2], "backbone")
            let shapeText = try text(row[3], "backbone")
            let floats = try blob(row[4], "backbone")
            guard
                try blob(row[5], "backbone")
                    == hash(of: "\(epochCount) \(name) \(shapeText)", floats)
            else {
                throw Damage(finding: "the backbone's \(name) is not what was written")
            }
            var shape: [Int] = []
            for part in shapeText.split(separator: ",") {
                guard let size = Int(part), (0...1 << 32).contains(size) else {
                    throw Damage(finding: "the backbone's \(name) has no shape")
                }
                shape.append(size)
            }
            let values = try self.floats(floats, "backbone")
            guard product(of: shape) == values.count else {
                throw Damage(finding: "the backbone's \(name) has another shape")
            }
            guard try integer(row[0], "backbone") == record?.tensors.count ?? 0,
                record?.epochCount ?? epochCount == epochCount
            else {
                throw Damage(finding: "tensors of the backbone are missing")
            }
            record = record ?? BackboneRecord(epochCount: epochCount, tensors: [])
            record?.tensors.append(NamedTensor(name, shape, values))
        }
        return record
    }

    static func features(in db: Database) throws -> FeatureRecord? {
        let row = try Row.fetchOne(
            db, sql: "SELECT digest, origin, feature_count, class_count, chunk_count FROM feature")
        guard let row else { return nil }
        var shape = FeatureShape(
            featureCount: try integer(row[2], "feature"), classRowCounts: [], classKeys: [])
        let classes = try Row.fetchCursor(
            db, sql: "SELECT key, row_count FROM class ORDER BY position")
        while let row = try classes.next() {
            shape.classKeys.append(UInt64(bitPattern: Int64(try integer(row[0], "class"))))
            shape.classRowCounts.append(try integer(row[1], "class"))
        }
        var chunks: [Chunk] = []
        let rows = try Row.fetchCursor(
            db,
            sql: "SELECT class, first_row, row_count, byte_count, hash FROM chunk ORDER BY position"
        )
        while let row = try rows.next() {
            guard let hash = ContentHash(try blob(row[4], "chunk")) else {
                throw Damage(finding: "a chunk's hash has another length")
            }
            chunks.append(
                Chunk(
                    part: try integer(row[0], "chunk"), first: try integer(row[1], "chunk"),
                    count: try integer(row[2], "chunk"), byteCount: try integer(row[3], "chunk"),
                    hash: hash))
        }
        // Weights are parts behind those of the classes.
        shape.isWeighted = chunks.contains { $0.part >= shape.classKeys.count }
        guard try integer(row[3], "feature") == shape.classKeys.count,
            try integer(row[4], "feature") == chunks.count
        else { throw Damage(finding: "classes or chunks of the features are missing") }
        return FeatureRecord(
            digest: try text(row[0], "feature"), origin: try text(row[1], "feature"),
            manifest: ChunkManifest(.features(shape), chunks: chunks))
    }

    static func events(of kind: String?, in db: Database) throws -> [JournalEvent] {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT seconds, kind, payload FROM event WHERE ? IS NULL OR kind = ? ORDER BY number
                """, arguments: [kind, kind])
        var events: [JournalEvent] = []
        while let row = try rows.next() { events.append(try event(row)) }
        return events
    }

    private static func event(_ row: Row) throws -> JournalEvent {
        let payload = try text(row[2], "event")
        guard
            let values = try? JSONDecoder().decode(
                [String: JSONValue].self, from: Data(payload.utf8))
        else {
            throw Damage(finding: "an event's payload cannot be read")
        }
        return JournalEvent(
            seconds: try number64(row[0], "event"), kind: try text(row[1], "event"),
            payload: values)
    }

    static func starts(in db: Database) throws -> [JournalStart] {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT seconds, kind, payload FROM event ORDER BY number")
        var starts: [JournalStart] = []
        while let row = try rows.next() {
            let kind = try text(row[1], "event")
            if kind == JournalEvent.startedKind { starts.append(JournalStart(seconds: 0)) }
            guard var start = starts.popLast() else { continue }
            start.seconds = max(start.seconds, try number64(row[0], "event"))
            // There are many others, whose payloads nobody asks for here.
            if kind == JournalEvent.timingKind { start.timing = try event(row) }
            starts.append(start)
        }
        return starts
    }

    /// The one number a query gives; 0 for none.
    static func count(_ sql: String, in db: Database) throws -> Int {
        guard let row = try Row.fetchOne(db, sql: sql) else { return 0 }
        let value: DatabaseValue = row[0]
        return value.isNull ? 0 : try integer(value, "the file")
    }
}

extension JournalSchema {
    // A row's own conversions trap where the type is another: a damaged file must not do that.

    static func integer(_ value: DatabaseValue, _ table: String) throws -> Int {
        guard case .int64(let number) = value.storage else { throw wrongType(table) }
        return Int(number)
    }

    static func number64(_ value: DatabaseValue, _ table: String) throws -> Double {
        guard case .double(let number) = value.storage else { throw wrongType(table) }
        return number
    }

    static func text(_ value: DatabaseValue, _ table: String) throws -> String {
        guard case .string(let text) = value.storage else { throw wrongType(table) }
        return text
    }

    static func blob(_ value: DatabaseValue, _ table: String) throws -> Data {
        guard case .blob(let data) = value.storage else { throw wrongType(table) }
        return data
    }

    private static func wrongType(_ table: String) -> Damage {
        Damage(finding: "a value in its table \(table) is of another type")
    }

    private static func product(of shape: [Int]) -> Int? {
        var product = 1
        for size in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: size)
            if overflow { return nil }
            product = next
        }
        return product
    }

    /// Floats as they lie in memory, which is little-endian.
    static func data(_ values: [Float]) -> Data {
        unsafe values.withUnsafeBytes { unsafe Data($0) }
    }

    static func floats(_ data: Data, _ table: String) throws -> [Float] {
        guard data.count % 4 == 0 else {
            throw Damage(finding: "a value in its table \(table) has another length")
        }
        return unsafe [Float](unsafeUninitializedCapacity: data.count / 4) { buffer, count in
            count = unsafe data.copyBytes(to: buffer) / 4
        }
    }

    /// BLAKE2b over the parts' hashes, so that no byte can move from one part to the next.
    static func hash(of header: String, _ parts: Data...) -> Data {
        var hashes = BLAKE2b.digest(Array(header.utf8))
        for part in parts {
            hashes += unsafe part.withUnsafeBytes { unsafe BLAKE2b.digest($0) }
        }
        return Data(BLAKE2b.digest(hashes))
    }
}
