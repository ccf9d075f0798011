import Glibc

/// Files that appear whole or not at all.
///
/// Bytes go to a temporary name in the same folder, are fsynced, renamed over the target, and the
/// folder is fsynced. Whoever is killed at any point leaves the old file or the new one; at worst
/// a temporary file stays behind, whose name begins with ``temporaryPrefix``.
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
    ///   - replaces: whether a file that is there is replaced; if not, it is an error.
    /// - Throws: ``FormatError`` when anything cannot be written, or whatever `fill` threw; the
    ///   old file is then untouched and no temporary file is left.
    package static func write(
        to path: String, permissions: UInt32 = 0o644, replaces: Bool = true,
        _ fill: (Output) throws(FormatError) -> Void
    ) throws(FormatError) {
        let draft = try Draft(of: path, permissions: permissions)
        try fill(draft.output)
        try draft.publish(replaces: replaces)
    }

    /// A file in the making, for whoever cannot write it in one call; one that is let go unpublished
    /// leaves nothing.
    package final class Draft {
        private let path: String
        private let temporary: String
        private var isOpen = true
        /// Where its bytes go.
        fileprivate let output: Output

        /// Begins a file that is to stand at `path`.
        ///
        /// - Parameter permissions: of the file, as for `open`.
        /// - Throws: ``FormatError`` when it cannot be made.
        package init(of path: String, permissions: UInt32 = 0o644) throws(FormatError) {
            let (folder, name) = split(path)
            temporary =
                folder + "/" + temporaryPrefix + name + "."
                + String(UInt64.random(in: 0...UInt64.max), radix: 16)
            self.path = path
            let descriptor = unsafe open(
                temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
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
            unsafe unlink(temporary)
        }

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
        /// - Parameter replaces: whether a file that is there is replaced; if not, it is an error.
        /// - Throws: ``FormatError`` when not all is on the disk; what was there before then stays.
        package func publish(replaces: Bool = true) throws(FormatError) {
            if let code = FileSystem.synchronise(output.descriptor) {
                throw .cannotWrite(path, errno: code)
            }
            isOpen = false
            // Some file systems report a failed write only here.
            guard close(output.descriptor) == 0, moved(temporary, to: path, replaces: replaces)
            else {
                let code = errno
                unsafe unlink(temporary)
                throw .cannotWrite(path, errno: code)
            }
            try synchronise(folder: split(path).folder)
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
