import Glibc
import Hashing

/// The bytes of a regular file, or bytes in memory, read from anywhere in any order.
@safe
package final class ByteSource: Sendable {
    /// The path as given, for messages.
    package let path: String
    /// How many bytes there were when it was opened.
    package let byteCount: Int
    /// Nil for bytes in memory.
    private let descriptor: CInt?
    private let bytes: [UInt8]

    /// Opens a regular file.
    ///
    /// - Throws: ``FormatError`` if it cannot be opened, or a web page or a pointer of Git LFS stands in
    ///   its place.
    package init(_ path: String) throws(FormatError) {
        // Nonblocking, so that a named pipe is refused below rather than waited for.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .cannotRead(path, errno: errno) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .cannotRead(
                path,
                status.st_mode & S_IFMT == S_IFDIR
                    ? "it is a folder; name a file in it"
                    : "it is not a regular file; copy it into one")
        }
        self.path = path
        byteCount = Int(status.st_size)
        self.descriptor = descriptor
        bytes = []
        let start = try self.bytes(in: 0..<min(byteCount, ForeignFile.startByteCount))
        if let other = ForeignFile.stand(in: start) { throw .foreign(path, other) }
    }

    /// Bytes that are there already, under a name for messages.
    package init(_ bytes: [UInt8], name: String) {
        path = name
        byteCount = bytes.count
        descriptor = nil
        self.bytes = bytes
    }

    deinit {
        if let descriptor { close(descriptor) }
    }

    /// Fills `target` from a place on; returns how many bytes there were, fewer only at the end.
    func read(
        at offset: Int, into target: UnsafeMutableRawBufferPointer
    ) throws(FormatError) -> Int {
        guard let descriptor else {
            let range = min(offset, bytes.count)..<min(offset + target.count, bytes.count)
            unsafe bytes.withUnsafeBytes {
                unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range]))
            }
            return range.count
        }
        var filled = 0
        while filled < target.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[filled...])
            let count = unsafe pread(descriptor, rest.baseAddress, rest.count, offset + filled)
            let code = errno
            if count < 0 && code == EINTR { continue }
            if count < 0 { throw .cannotRead(path, errno: code) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// The bytes of a range, or as many as there are of it.
    package func bytes(in range: Range<Int>) throws(FormatError) -> [UInt8] {
        var failure: FormatError?
        // Not filled with zeros first: what a damaged file does not deliver is never touched.
        let result = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            do throws(FormatError) {
                count = try unsafe read(
                    at: range.lowerBound, into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }

    /// The SHA-256 of all bytes, read in pieces.
    package func sha256() throws(FormatError) -> [UInt8] {
        var hash = SHA256()
        for start in stride(from: 0, to: byteCount, by: 1 << 20) {
            hash.update(try bytes(in: start..<min(start + 1 << 20, byteCount)))
        }
        return hash.finalize()
    }
}
