import Glibc

/// Files that appear whole or not at all.
///
/// Bytes go to a temporary name in the same folder, are fsynced, renamed over the target, and the
/// folder is fsynced. Whoever is killed at any point leaves the old file or the new one; at worst
/// a temporary file stays behind, whose name begins with ``temporaryPrefix``. Of a symbolic link the
/// file that it leads to is replaced; a pipe or a device is written as it stands.
package enum AtomicFile {
    /// Where the bytes of a file in the making go.
    package struct Output {
        fileprivate let descriptor: Int32
        fileprivate let path: String

        /// Appends bytes as they lie in memory.
        package func append(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
            var offset = 0
            while offset < bytes.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...])
                let written = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                let code = errno
                if written >= 0 {
                    offset += written
                } else if code != EINTR {
                    throw .cannotWrite(path, errno: code)
                }
            }
        }

        /// Appends bytes.
        package func append(_ bytes: [UInt8]) throws(FormatError) {
            let result = unsafe bytes.withUnsafeBytes { raw in
                Result { () throws(FormatError) in unsafe try append(raw) }
            }
            try result.get()
        }

        /// Appends floats, little-endian.
        package func append(_ values: [Float]) throws(FormatError) {
            let result = unsafe values.withUnsafeBytes { raw in
                Result { () throws(FormatError) in unsafe try append(raw) }
            }
            try result.get()
        }
    }

    /// Replaces the file at `path` by `bytes`.
    package static func write(_ bytes: [UInt8], to path: String) throws(FormatError) {
        try write(to: path) { (output) throws(FormatError) in try output.append(bytes) }
    }

    /// Replaces the file at `path` by what `fill` appends.
    ///
    /// - Parameters:
    ///   - permissions: of the file, as for `open`.
    ///   - replaces: whether what is there is replaced; if not, it is an error.
    /// - Throws: ``FormatError`` when anything cannot be written, or whatever `fill` threw; the
    ///   old file is then untouched and no temporary file is left.
    package static func write(
        to path: String, permissions: UInt32 = 0o644, replaces: Bool = true,
        _ fill: (Output) throws(FormatError) -> Void
    ) throws(FormatError) {
        let draft = try Draft(of: path, permissions: permissions, replaces: replaces)
        try fill(draft.output)
        try draft.publish()
    }

    /// A file in the making, for whoever cannot write it in one call; one that is let go unpublished
    /// leaves nothing.
    package final class Draft {
        /// Where it is to stand: where links lead.
        private let path: String
        /// Its name until then; nil for what is written where it stands.
        private let temporary: String?
        private let replaces: Bool
        private var isOpen = true
        /// Where its bytes go.
        fileprivate let output: Output

        /// Begins a file that is to stand at `path`.
        ///
        /// - Parameters:
        ///   - permissions: of the file, as for `open`.
        ///   - replaces: whether what is there is replaced; if not, it is an error.
        /// - Throws: ``FormatError`` when it cannot be made.
        package init(
            of path: String, permissions: UInt32 = 0o644, replaces: Bool = true
        ) throws(FormatError) {
            let isInPlace = replaces && FileSystem.isPipeOrDevice(path)
            let target = replaces && !isInPlace ? FileSystem.target(of: path) : path
            let (folder, name) = split(target)
            temporary =
                isInPlace
                ? nil
                : folder + "/" + temporaryPrefix + name + "."
                    + String(UInt64.random(in: 0...UInt64.max), radix: 16)
            self.path = target
            self.replaces = replaces
            let descriptor = unsafe open(
                temporary ?? target,
                O_WRONLY | O_CLOEXEC | O_NOCTTY | (isInPlace ? 0 : O_CREAT | O_EXCL), permissions)
            let code = errno
            output = Output(descriptor: descriptor, path: path)
            guard descriptor >= 0 else {
                isOpen = false
                throw .cannotWrite(path, errno: code)
            }
        }

        deinit {
            guard isOpen else { return }
            close(output.descriptor)
            if let temporary { unsafe unlink(temporary) }
        }

        /// Whether ``overwriteStart(_:)`` can be: not of a pipe or a terminal.
        package var hasStart: Bool { lseek(output.descriptor, 0, SEEK_CUR) >= 0 }

        /// Appends bytes.
        package func append(_ bytes: [UInt8]) throws(FormatError) { try output.append(bytes) }

        /// Replaces the bytes at the start of the file; those behind them stay.
        package func overwriteStart(_ bytes: [UInt8]) throws(FormatError) {
            let written = unsafe bytes.withUnsafeBytes {
                unsafe pwrite(output.descriptor, $0.baseAddress, $0.count, 0)
            }
            guard written == bytes.count else { throw .cannotWrite(path, errno: errno) }
        }

        /// Puts the file in its place.
        ///
        /// - Throws: ``FormatError`` when not all is on the disk; what was there before then stays.
        package func publish() throws(FormatError) {
            if let code = FileSystem.synchronise(output.descriptor) {
                throw .cannotWrite(output.path, errno: code)
            }
            isOpen = false
            // Some file systems report a failed write only here.
            guard close(output.descriptor) == 0,
                temporary.map({ moved($0, to: path, replaces: replaces) }) != false
            else {
                let code = errno
                if let temporary { unsafe unlink(temporary) }
                throw .cannotWrite(output.path, errno: code)
            }
            if temporary != nil { try synchronise(folder: split(path).folder) }
        }
    }

    /// What the names of temporary files begin with.
    package static let temporaryPrefix = ".partial-"

    /// Waits until the names in a folder are on the disk: a rename is there once its folder is.
    ///
    /// A folder that may be written and not read cannot be waited for: that is no error.
    package static func synchronise(folder: String) throws(FormatError) {
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor < 0, errno == EACCES || errno == EPERM { return }
        guard descriptor >= 0 else { throw .cannotWrite(folder, errno: errno) }
        defer { close(descriptor) }
        if let code = FileSystem.synchronise(descriptor) { throw .cannotWrite(folder, errno: code) }
    }

    /// Gives a temporary file its name; if that fails, `errno` says why.
    fileprivate static func moved(_ temporary: String, to path: String, replaces: Bool) -> Bool {
        if !replaces {
            // A rename would overwrite what another process has put there in the meantime.
            if unsafe link(temporary, path) == 0 { return unsafe unlink(temporary) == 0 }
            guard errno == EPERM || FileSystem.isUnsupported(errno) else { return false }
            // A file system without second names: there is no better way than to look first.
            guard !FileSystem.exists(path) else {
                errno = EEXIST
                return false
            }
        }
        return unsafe rename(temporary, path) == 0
    }

    /// The folder of a path, `.` where it names none, and the name in it.
    package static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
    }
}
