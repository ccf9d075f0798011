import Glibc

/// Files and folders by path.
package enum FileSystem {
    /// A whole regular file's bytes; refuses more than `byteCountMax`.
    package static func read(
        _ path: String, byteCountMax: Int
    ) throws(FormatError) -> [UInt8] {
        let source = try ByteSource(path)
        guard source.byteCount <= byteCountMax else {
            throw .cannotRead(path, "it has \(source.byteCount) bytes, more than \(byteCountMax)")
        }
        return try source.bytes(in: 0..<source.byteCount)
    }

    /// A JSON file of at most 64 MiB.
    ///
    /// - Throws: ``FormatError`` that names the file, if it cannot be read or is not JSON of that type.
    package static func readJSON<Value: Decodable>(
        _ type: Value.Type, at path: String
    ) throws(FormatError) -> Value {
        let bytes = try read(path, byteCountMax: 64 << 20)
        do throws(FormatError) {
            return try JSONFile.decode(type, from: bytes)
        } catch {
            throw error.located(in: path)
        }
    }

    /// Whether there is anything at `path`.
    package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Whether there is anything but a folder at `path`.
    package static func isFile(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
    }

    /// Makes a folder with the folders above it; one that is there is no error.
    package static func makeFolder(_ path: String) throws(FormatError) {
        guard !path.isEmpty else { throw .cannotWrite("the folder", "its name is empty") }
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += part + "/"
            if unsafe mkdir(made, 0o755) != 0 {
                let code = errno
                // A parent on a read-only or foreign file system exists and is no concern.
                guard exists(made) else { throw .cannotWrite(path, reason(code)) }
            }
        }
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw .cannotWrite(path, "it is not a folder")
        }
    }

    /// The system's words for an error number.
    package static func reason(_ code: Int32) -> String {
        // glibc's answer is a constant or this thread's own.
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}
