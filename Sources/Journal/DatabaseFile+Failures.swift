import Formats
import GRDB
import GRDBSQLite
import Glibc

/// What file systems lack and refuse, in words.
extension DatabaseFile {
    /// Says SQLite's errors as ours.
    ///
    /// - Parameters:
    ///   - queue: knows what the system said; nil where the file is not open.
    ///   - isNew: whether nothing was accepted yet, which would be kept.
    static func reporting<Result>(
        _ path: String, _ queue: DatabaseQueue? = nil, isNew: Bool = false,
        _ body: () throws -> Result
    ) throws(FormatError) -> Result {
        do {
            return try body()
        } catch let error as FormatError {
            throw error
        } catch let error as Damage {
            throw damaged(path, error.finding)
        } catch let error as DatabaseError {
            // Before anything else changes it: SQLite keeps it of some failures only. Queues run what
            // is waited for on the thread that waits.
            let code = errno
            throw failed(path, error, systemError(path, error, queue, code), isNew: isNew)
        } catch {
            throw damaged(path, "\(error)")
        }
    }

    static func damaged(_ path: String, _ finding: String) -> FormatError {
        .malformed(
            path,
            "the journal is damaged (\(finding)) and left as it is; restore it from a copy, or use "
                + "another --run-dir")
    }

    /// An error of SQLite's while it reads or writes the file.
    private static func failed(
        _ path: String, _ error: DatabaseError, _ systemError: Int32, isNew: Bool
    ) -> FormatError {
        let said = error.message ?? "SQLite says \(error.resultCode)"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT, .SQLITE_SCHEMA, .SQLITE_MISMATCH,
            .SQLITE_ERROR:
            // A table that is not there, say: nothing of ours makes errors in healthy files.
            return damaged(path, said)
        case .SQLITE_CONSTRAINT:
            return .malformed(
                path,
                "it holds one of these heads already (\(said)), which is a fault of this program")
        default: break
        }
        let isFull = error.resultCode == .SQLITE_FULL
        let code = isFull ? ENOSPC : systemError
        if [.SQLITE_IOERR_READ, .SQLITE_IOERR_SHORT_READ].contains(error.extendedResultCode) {
            return .cannotRead(path, errno: code == 0 ? EIO : code)
        }
        if isNew, code != 0 { return .cannotWrite(path, errno: code) }
        let reason =
            isFull
            ? "the disk is full"
            : code == 0
                ? "\(said) (\(error.extendedResultCode.rawValue))" : FileSystem.reason(code)
        let cure =
            error.resultCode == .SQLITE_BUSY
            ? "close the program that has it open"
            : FileSystem.writingCure(code) ?? "make it writable again"
        return .cannotWrite(
            path,
            reason
                + (isNew
                    ? "; choose a folder on another file system"
                    : "; what was accepted is kept: \(cure), and start the same run again"))
    }

    /// The system's error number behind an error of SQLite's; 0 if it is not known.
    ///
    /// - Parameter last: the last one of this thread.
    private static func systemError(
        _ path: String, _ error: DatabaseError, _ queue: DatabaseQueue?, _ last: Int32
    ) -> Int32 {
        let known = queue?.unsafeRead { db in unsafe sqlite3_system_errno(db.sqliteConnection) }
        if let known, known != 0 { return known }
        let isOfWriting = [EDQUOT, EFBIG, ENOSPC, EROFS, EIO, ENOLCK].contains(last)
        if error.resultCode == .SQLITE_IOERR, isOfWriting { return last }
        // SQLite opens for reading what cannot be written, and says that only.
        for place in [path, AtomicFile.split(path).folder]
        where unsafe access(place, W_OK) != 0 && errno != ENOENT {
            return errno
        }
        return 0
    }

    /// The longest path that SQLite opens, with the endings of the files beside it.
    private static let pathByteCountMax = 504

    /// Refuses a path that SQLite would only say of that it cannot open it.
    static func refuseLongPath(_ path: String) throws(FormatError) {
        let (folder, name) = AtomicFile.split(path)
        guard let whole = unsafe realpath(folder, nil) else { return }
        defer { unsafe free(whole) }
        let count = unsafe strlen(whole)
        let countMax = pathByteCountMax - name.utf8.count - 1
        guard count > countMax else { return }
        throw .cannotWrite(
            path,
            "the whole path of its folder has \(count) bytes, and SQLite, whose file it is, takes at most \(countMax) here; use a --run-dir with a shorter path"
        )
    }

    /// Whether processes can share memory through a file in the folder of `path`, which SQLite's log
    /// asks for: some file systems of networks and virtual machines cannot.
    static func sharesMemory(_ path: String) -> Bool {
        let probe =
            AtomicFile.split(path).folder + "/" + AtomicFile.temporaryPrefix + "probe."
            + String(UInt64.random(in: 0...UInt64.max), radix: 16)
        let descriptor = unsafe open(probe, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        // What cannot be written either is told where it is written.
        guard descriptor >= 0 else { return true }
        defer {
            unsafe unlink(probe)
            Glibc.close(descriptor)
        }
        let byteCount = 32_768
        guard ftruncate(descriptor, byteCount) == 0 else { return true }
        let memory = unsafe mmap(
            nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let memory = unsafe memory, Int(bitPattern: memory) != -1 else { return false }
        unsafe munmap(memory, byteCount)
        return true
    }
}
