import Formats
import Foundation
import GRDB
import Glibc
import Synchronization

/// One SQLite file of ours: made whole, checked before it is used, its errors told as ours.
///
/// It has a log beside it (WAL) from the first write until it is closed, and is one file before and
/// after that: then it can be copied by itself, and read from media that cannot be written.
final class DatabaseFile: Sendable {
    /// What marks a file, in its header, and what is in it.
    struct Kind: Sendable {
        let applicationID: Int
        /// Raised when the tables change.
        let version: Int
        let tables: String
    }

    /// What is wrong with the file.
    struct Damage: Error {
        let finding: String
    }

    let path: String
    private let queue: DatabaseQueue
    /// Whether this process has written, so that there is a log.
    private let hasWritten = Mutex(false)
    private let isClosed = Mutex(false)

    /// Opens a file, which is looked through first without changing a byte.
    ///
    /// Where file or folder cannot be written, it can be read all the same.
    ///
    /// - Parameter pageCountMax: pages to which the file may grow, as if the disk ended there.
    init(_ path: String, _ kind: Kind, pageCountMax: Int? = nil) throws(FormatError) {
        self.path = path
        queue = try Self.reporting(path) {
            try Self.refuseLongPath(path)
            let sharesMemory = Self.sharesMemory(path)
            try Self.check(path, kind, sharesMemory: sharesMemory)
            return try Self.open(path, sharesMemory: sharesMemory, pageCountMax: pageCountMax)
        }
    }

    /// Makes a file whole, or not at all: under a temporary name, then put in its place.
    static func make(
        _ path: String, _ kind: Kind, _ fill: (Database) throws -> Void = { _ in }
    ) throws(FormatError) {
        let (folder, name) = AtomicFile.split(path)
        let draft =
            folder + "/" + AtomicFile.temporaryPrefix + name + "."
            + String(UInt64.random(in: 0...UInt64.max), radix: 16)
        do throws(FormatError) {
            try reporting(path, isNew: true) {
                try refuseLongPath(draft)
                let queue = try DatabaseQueue(
                    path: draft, configuration: configuration(sharesMemory: sharesMemory(draft)))
                try queue.writeWithoutTransaction { db in
                    // Pages four times the usual: tensors of megabytes are chains of them.
                    try db.execute(
                        sql: """
                            PRAGMA page_size = 16384;
                            PRAGMA application_id = \(kind.applicationID);
                            PRAGMA user_version = \(kind.version);
                            """)
                    try db.inTransaction {
                        try db.execute(sql: kind.tables)
                        try fill(db)
                        return .commit
                    }
                }
                // Brings all into the one file, synchronised, and removes the others.
                try queue.close()
                guard unsafe rename(draft, path) == 0 else {
                    throw FormatError.cannotWrite(path, errno: errno)
                }
                try AtomicFile.synchronise(folder: folder)
            }
        } catch {
            for ending in ["", "-wal", "-shm", "-journal"] { unsafe unlink(draft + ending) }
            throw error
        }
    }

    /// Ends the log and closes the file; once more it does nothing.
    func close() {
        let wasClosed = isClosed.withLock { known in
            defer { known = true }
            return known
        }
        guard !wasClosed else { return }
        // Also the log that a killed process left. What cannot be moved into the file now, because
        // somebody reads or the disk is full, is found in the log the next time.
        let mode = try? queue.read { try String.fetchOne($0, sql: "PRAGMA journal_mode") }
        if mode == "wal" { try? setMode("DELETE") }
        try? queue.close()
    }

    private func setMode(_ mode: String) throws {
        try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = \(mode)") }
    }

    func read<Result>(_ body: (Database) throws -> Result) throws(FormatError) -> Result {
        try Self.reporting(path, queue) { try queue.read(body) }
    }

    func write<Result>(_ body: (Database) throws -> Result) throws(FormatError) -> Result {
        let isFirst = hasWritten.withLock { known in
            defer { known = true }
            return !known
        }
        // If somebody else keeps the file from changing its mode, commits are as safe without a log.
        if isFirst { try? setMode("WAL") }
        return try Self.reporting(path, queue) { try queue.write(body) }
    }

    /// Calls `body` with every outcome, by unit; they are not all held at once.
    ///
    /// - Throws: ``FormatError`` for a record that is not what was written, and what `body` throws.
    func forEachOutcome(_ body: (StudyRecord) throws -> Void) throws {
        do {
            try queue.read { db in
                try OutcomeTable.forEach(in: db) { record in
                    guard let record else { throw Damage(finding: "the outcome of a unit changed") }
                    try body(record)
                }
            }
        } catch let error as DatabaseError {
            throw Self.damaged(path, error.message ?? "the outcomes cannot be read")
        } catch let error as Damage {
            throw Self.damaged(path, error.finding)
        }
    }
}

extension DatabaseFile {
    private static func configuration(
        isReadOnly: Bool = false, sharesMemory: Bool, pageCountMax: Int? = nil
    ) -> Configuration {
        var configuration = Configuration()
        configuration.label = "journal"
        configuration.readonly = isReadOnly
        // Somebody may look at the file with a program that writes.
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            // Without shared memory there is a log all the same, of one process alone. Said before
            // anything looks into the file.
            if !isReadOnly, !sharesMemory {
                try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            }
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

    /// Opens the file, for reading alone if asked to, or if there is nothing else.
    ///
    /// SQLite wants to make files beside one that was left in WAL mode, even to read it, unless it is
    /// told that nobody changes it. A log that is there already is never passed over.
    private static func open(
        _ path: String, isReadOnly: Bool = false, sharesMemory: Bool, pageCountMax: Int? = nil
    ) throws -> DatabaseQueue {
        let places = [path, AtomicFile.split(path).folder]
        let isFixed = places.contains { unsafe access($0, W_OK) != 0 }
        let hasLog = FileSystem.exists(path + "-wal")
        return try DatabaseQueue(
            path: isFixed && !hasLog
                ? URL(filePath: path).absoluteString + "?immutable=1" : path,
            configuration: configuration(
                isReadOnly: isReadOnly || isFixed, sharesMemory: sharesMemory,
                pageCountMax: pageCountMax))
    }

    /// Looks through the file without changing it.
    ///
    /// - Throws: `malformed` for anything but a whole file of this version and kind.
    private static func check(_ path: String, _ kind: Kind, sharesMemory: Bool) throws {
        // SQLite takes an empty file for a new database, and would make one where there is none.
        guard try ByteSource(path).byteCount > 0 else { throw damaged(path, "it is empty") }
        // For reading alone a log needs shared memory.
        let queue = try open(path, isReadOnly: sharesMemory, sharesMemory: sharesMemory)
        try queue.read { db in
            let application = try JournalSchema.count("PRAGMA application_id", in: db)
            guard application == kind.applicationID else {
                throw damaged(path, "it is not marked as a journal")
            }
            let version = try JournalSchema.count("PRAGMA user_version", in: db)
            guard version == kind.version else {
                throw FormatError.malformed(
                    path,
                    "it is a journal of version \(version), and this program writes version "
                        + "\(kind.version); go on with the program that made it")
            }
            let finding = try String.fetchOne(db, sql: "PRAGMA integrity_check(1)")
            guard finding == "ok" else { throw damaged(path, finding ?? "it cannot be checked") }
        }
        try queue.close()
    }
}
