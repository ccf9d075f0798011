import Glibc

/// Files and folders by path.
package enum FileSystem {
    /// What stands at a path.
    package enum Finding: Hashable, Sendable {
        /// Something that is no folder: a regular file, or a pipe.
        case file
        /// A folder.
        case folder
        /// Nothing.
        case absent
        /// Nothing that can be used: why, then the cure.
        case obstacle(String)
    }

    /// Looks at a path without opening what is there.
    package static func look(at path: String) -> Finding {
        var status = stat()
        if unsafe stat(path, &status) == 0 {
            return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
        }
        let code = errno
        let isMissing = code == ENOENT || code == ENOTDIR
        // A link that leads nowhere is there itself.
        if isMissing, unsafe lstat(path, &status) != 0 { return .absent }
        return .obstacle(readingFailure(path, code))
    }

    /// A whole regular file's bytes; refuses more than `byteCountMax`.
    package static func read(
        _ path: String, byteCountMax: Int
    ) throws(FormatError) -> [UInt8] {
        let source = try ByteSource(path)
        guard source.byteCount <= byteCountMax else {
            throw .cannotRead(
                path, "it has \(source.byteCount) bytes, more than \(byteCountMax); is it the file?"
            )
        }
        return try source.bytes(in: 0..<source.byteCount)
    }

    /// A text file, or what comes from a pipe, of at most a mebibyte.
    ///
    /// - Parameter inspect: gets the descriptor of what was opened, and may refuse it.
    /// - Throws: ``FormatError`` that names the file, if it cannot be read or is not UTF-8, and what
    ///   `inspect` throws.
    package static func readText(
        _ path: String, _ inspect: (Int32) throws(FormatError) -> Void = { _ in }
    ) throws(FormatError) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw .cannotRead(path, errno: errno) }
        defer { close(descriptor) }
        try inspect(descriptor)
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe Glibc.read(descriptor, &block, block.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .cannotRead(path, errno: errno) }
            guard count > 0 else { break }
            bytes += block[..<count]
            guard bytes.count <= textByteCountMax else {
                throw .cannotRead(path, "it has more than a megabyte; is it the right file?")
            }
        }
        if let other = ForeignFile.stand(in: bytes) { throw .foreign(path, other) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .cannotRead(
                path, "it is \(ForeignFile.kind(bytes) ?? "not text in UTF-8; save it as UTF-8")")
        }
        return text
    }

    private static let textByteCountMax = 1 << 20

    /// A JSON file of at most 64 MiB.
    ///
    /// - Throws: ``FormatError`` that names the file, if it cannot be read or is not JSON of that type.
    package static func readJSON<Value: Decodable>(
        _ type: Value.Type, at path: String
    ) throws(FormatError) -> Value {
        try JSONFile.decode(type, from: read(path, byteCountMax: 64 << 20), path: path)
    }

    /// Whether there is anything at `path`.
    package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Whether there is a folder at `path`, or a link to one.
    package static func isFolder(_ path: String) -> Bool { look(at: path) == .folder }

    /// Whether two paths lead to one file, by whatever names and links.
    package static func isSame(_ path: String, _ other: String) -> Bool {
        var (one, two) = (stat(), stat())
        guard unsafe stat(path, &one) == 0, unsafe stat(other, &two) == 0 else { return false }
        return one.st_dev == two.st_dev && one.st_ino == two.st_ino
    }

    /// Whether a path leads to what has a name and is neither a file nor a folder: a pipe, a device.
    static func isPipeOrDevice(_ path: String) -> Bool {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return false }
        return ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
    }

    /// The path behind symbolic links, whether there is anything or not; of links in a ring one of them.
    static func target(of path: String) -> String {
        var path = path
        // As many as the system follows.
        for _ in 0..<40 {
            guard let next = link(path) else { break }
            path = next.hasPrefix("/") ? next : AtomicFile.split(path).folder + "/" + next
        }
        return path
    }

    /// Makes a folder with the folders above it; one that is there is no error.
    package static func makeFolder(_ path: String) throws(FormatError) {
        guard !path.isEmpty else {
            throw .cannotWrite("the folder", "its name is empty; name a folder that can be written")
        }
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += part + "/"
            if unsafe mkdir(made, 0o755) != 0 {
                let code = errno
                // A parent on a read-only or foreign file system exists and is no concern.
                guard exists(made) else { throw .cannotWrite(path, errno: code) }
            }
        }
        guard look(at: path) == .folder else {
            throw .cannotWrite(path, "it is not a folder; choose a folder that can be written")
        }
    }

    /// Waits until a file's bytes, or a folder's names, are on the disk.
    ///
    /// File systems that cannot do it say so (FUSE, network file systems), as does a folder that may be
    /// written and not read. Nothing cures that, SQLite goes on as well, and what was written is there
    /// unless the power fails: it is no failure.
    ///
    /// - Returns: the error number of a failure; nil for none.
    static func synchronise(_ descriptor: Int32) -> Int32? {
        guard fsync(descriptor) != 0 else { return nil }
        let code = errno
        return isUnsupported(code) ? nil : code
    }

    /// Whether a call failed because the file system has no such thing.
    static func isUnsupported(_ code: Int32) -> Bool {
        [EINVAL, ENOTSUP, EOPNOTSUPP, ENOSYS, ENOTTY, EBADF, EISDIR].contains(code)
    }

    /// The system's words for an error number.
    package static func reason(_ code: Int32) -> String {
        // glibc's answer is a constant or this thread's own.
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }

    /// What makes a file or folder writable that was not, by an error number; nil where only another
    /// folder does.
    package static func writingCure(_ code: Int32) -> String? {
        switch code {
        case ENOSPC: "free some space"
        case EDQUOT: "free some of your quota"
        case EFBIG: "raise the limit on the size of files (ulimit -f)"
        case EACCES, EPERM: "get the right to write there (chmod, chown)"
        case ENAMETOOLONG: "choose a shorter name"
        case EEXIST: "move it away"
        case EMFILE, ENFILE: "raise the limit on open files (ulimit -n)"
        case EIO: "check the disk and its connection"
        default: nil
        }
    }

    /// Why a file cannot be written, then the cure, by an error number.
    static func writingFailure(_ code: Int32) -> String {
        let isOfFileSystem =
            [ENOSPC, EDQUOT, EFBIG, EIO, ENOLCK].contains(code) || isUnsupported(code)
        let elsewhere =
            "choose a folder " + (isOfFileSystem ? "on another file system" : "that can be written")
        let cures = [writingCure(code), elsewhere].compactMap(\.self)
        return reason(code) + "; " + cures.joined(separator: ", or ")
    }

    /// Why a file cannot be read, then the cure.
    static func readingFailure(_ path: String, _ code: Int32) -> String {
        let reason = reason(code)
        switch code {
        case EISDIR: return "it is a folder; name a file in it"
        case ENOENT, ENOTDIR:
            guard let target = link(path) else { return "\(reason); check the path" }
            return "it is a link to \(target), which is not there; make the link again, or put the "
                + "file there"
        case EACCES, EPERM:
            return
                "\(reason); let this user read it, and pass through the folders above it (chmod, "
                + "chown)"
        case ELOOP: return "\(reason); make the link lead to the file"
        case EMFILE, ENFILE: return "\(reason); raise the limit on open files (ulimit -n)"
        case ENAMETOOLONG: return "\(reason); check the path, or choose a shorter one"
        case EIO: return "\(reason); the disk or its connection fails: take a copy from elsewhere"
        default: return "\(reason); check the path"
        }
    }

    /// Where a symbolic link leads; nil for anything else.
    private static func link(_ path: String) -> String? {
        var target = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink(path, &target, target.count)
        guard count > 0 else { return nil }
        return String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
