import Glibc

/// Files that appear whole or not at all.
///
/// Bytes go to a temporary name in the same folder, are fsynced, renamed over the target, and the
/// folder is fsynced. Whoever is killed at any point leaves the old file or the new one; at worst
/// a temporary file stays behind, which ``RunDirectory`` removes when it next opens the folder.
package enum AtomicFile {
    /// Where the bytes of a file in the making go.
    package struct Output: ~Copyable {
        fileprivate let descriptor: Int32
        fileprivate let path: String

        /// Appends bytes as they lie in memory.
        package func append(_ bytes: UnsafeRawBufferPointer) throws(RunStoreError) {
            var offset = 0
            while offset < bytes.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset...])
                let written = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
                let code = errno
                if written >= 0 {
                    offset += written
                } else if code != EINTR {
                    throw .cannotWrite(path, reason(code))
                }
            }
        }

        /// Appends bytes.
        package func append(_ bytes: [UInt8]) throws(RunStoreError) {
            let result = unsafe bytes.withUnsafeBytes { raw in
                Result { () throws(RunStoreError) in unsafe try append(raw) }
            }
            try result.get()
        }

        /// Appends floats, little-endian.
        package func append(_ values: [Float]) throws(RunStoreError) {
            let result = unsafe values.withUnsafeBytes { raw in
                Result { () throws(RunStoreError) in unsafe try append(raw) }
            }
            try result.get()
        }
    }

    /// Replaces the file at `path` by `bytes`.
    package static func write(_ bytes: [UInt8], to path: String) throws(RunStoreError) {
        try write(to: path) { (output) throws(RunStoreError) in try output.append(bytes) }
    }

    /// Replaces the file at `path` by what `fill` appends.
    ///
    /// - Throws: ``RunStoreError`` when anything cannot be written, or whatever `fill` threw; the
    ///   old file is then untouched and no temporary file is left.
    package static func write(
        to path: String, _ fill: (borrowing Output) throws(RunStoreError) -> Void
    ) throws(RunStoreError) {
        let (folder, name) = split(path)
        let temporary =
            folder + "/" + temporaryPrefix + name + "."
            + String(UInt64.random(in: 0...UInt64.max), radix: 16)
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .cannotWrite(path, reason(errno)) }
        do throws(RunStoreError) {
            let output = Output(descriptor: descriptor, path: path)
            let result = Result { () throws(RunStoreError) in
                try fill(output)
                guard fsync(descriptor) == 0 else {
                    throw RunStoreError.cannotWrite(path, reason(errno))
                }
            }
            // Some file systems report a failed write only here.
            let closed = close(descriptor) == 0
            let closeCode = errno
            try result.get()
            guard closed else { throw RunStoreError.cannotWrite(path, reason(closeCode)) }
            guard unsafe rename(temporary, path) == 0 else {
                throw RunStoreError.cannotWrite(path, reason(errno))
            }
        } catch {
            unsafe unlink(temporary)
            throw error
        }
        try synchronise(folder: folder)
    }

    /// What the names of temporary files begin with.
    static let temporaryPrefix = ".partial-"

    // A rename is on disk once its folder is.
    static func synchronise(folder: String) throws(RunStoreError) {
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .cannotWrite(folder, reason(errno)) }
        let failed = fsync(descriptor) != 0
        let code = errno
        close(descriptor)
        // Some network file systems cannot fsync a folder; they have no cure for it either.
        if failed && code != EINVAL { throw .cannotWrite(folder, reason(code)) }
    }

    static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
    }
}

/// The system's words for an error number.
func reason(_ code: Int32) -> String {
    unsafe String(cString: strerror(code))
}

/// A whole file's bytes; refuses more than `byteCountMax`.
func readFile(_ path: String, byteCountMax: Int) throws(RunStoreError) -> [UInt8] {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .cannotRead(path, reason(errno)) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .cannotRead(path, reason(errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else {
        throw .cannotRead(path, "it is not a regular file")
    }
    guard status.st_size <= byteCountMax else {
        throw .cannotRead(path, "it has \(status.st_size) bytes, more than \(byteCountMax)")
    }
    var code: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
        while count < buffer.count {
            let target = UnsafeMutableRawBufferPointer(buffer)
            let got = unsafe read(
                descriptor, target.baseAddress?.advanced(by: count), target.count - count)
            if got < 0 && errno == EINTR { continue }
            if got < 0 { code = errno }
            if got <= 0 { break }
            count += got
        }
    }
    guard code == 0 else { throw .cannotRead(path, reason(code)) }
    return bytes
}

/// Whether there is anything at `path`.
func fileExists(_ path: String) -> Bool {
    unsafe access(path, F_OK) == 0
}

/// The size of a regular file.
func byteCount(ofFile path: String) throws(RunStoreError) -> Int {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw .cannotRead(path, reason(errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else {
        throw .cannotRead(path, "it is not a regular file")
    }
    return Int(status.st_size)
}
