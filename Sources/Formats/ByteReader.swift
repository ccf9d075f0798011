import Glibc

/// The contents of a file from its first byte to its last, inflated on the way if it is gzip.
///
/// Whether a file is gzip is told by its first two bytes and never by its name. Memory is one
/// block of compressed bytes, whatever the file's size or what it claims to inflate to.
@safe
package struct ByteReader: ~Copyable {
    /// The path as given, for messages.
    package let path: String
    /// Bytes on the disk.
    package let fileByteCount: Int
    /// How many bytes of the contents have been read.
    package private(set) var offset = 0

    private let descriptor: CInt
    /// Bytes read from the disk so far.
    private var diskOffset = 0
    private let block: UnsafeMutableRawBufferPointer
    /// The part of ``block`` that has not been used.
    private var blockStart = 0
    private var blockEnd = 0
    /// Nil for a file that is not gzip.
    private var inflater: Inflater?
    /// Whether a gzip member has begun and not ended.
    private var isInsideMember = false

    private static let blockByteCount = 1 << 18
    private static let gzipMagic: [UInt8] = [0x1F, 0x8B]

    /// Opens a regular file.
    package init(_ path: String) throws(FormatError) {
        // Nonblocking, so that a named pipe is refused below rather than waited for.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw .cannotRead(path, FileSystem.reason(errno))
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .cannotRead(path, "it is not a regular file")
        }
        var magic: [UInt8] = [0, 0]
        let magicCount = unsafe pread(descriptor, &magic, 2, 0)
        if magicCount == 2, magic == Self.gzipMagic {
            guard let inflater = Inflater(.gzip) else {
                close(descriptor)
                throw .cannotRead(path, "zlib cannot start")
            }
            self.inflater = consume inflater
        } else {
            inflater = nil
        }
        self.path = path
        fileByteCount = Int(status.st_size)
        self.descriptor = descriptor
        unsafe block = .allocate(byteCount: Self.blockByteCount, alignment: 16)
    }

    deinit {
        unsafe block.deallocate()
        close(descriptor)
    }

    /// Whether the file is gzip.
    package var isCompressed: Bool { inflater != nil }

    /// The most bytes the contents can have.
    package var contentByteCountMax: Int {
        isCompressed ? fileByteCount * Inflater.ratioMax : fileByteCount
    }

    /// The next `count` bytes.
    ///
    /// The caller bounds `count` before, by ``contentByteCountMax`` and by what it can use.
    /// - Parameter what: completes "the file ends at byte n, ..." if they are not there.
    package mutating func read(count: Int, or what: String) throws(FormatError) -> [UInt8] {
        let bytes = try readUpTo(count)
        guard bytes.count == count else {
            throw .truncated(path, byte: offset, expected: what)
        }
        return bytes
    }

    /// The next `count` bytes, or as many as there are before the end.
    package mutating func readUpTo(_ count: Int) throws(FormatError) -> [UInt8] {
        var failure: FormatError?
        // Not filled with zeros first: what a damaged file does not deliver is never touched.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(FormatError) {
                initialized = try unsafe fill(UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Refuses anything after what has been read, and an unfinished gzip stream.
    ///
    /// - Parameter what: completes "the file goes on at byte n, after ...".
    package mutating func expectEnd(after what: String) throws(FormatError) {
        let end = offset
        guard try readUpTo(1).isEmpty else { throw .trailingBytes(path, byte: end, what: what) }
    }

    /// Fills `target`, or as much of it as there is before the end; returns how many bytes.
    private mutating func fill(
        _ target: UnsafeMutableRawBufferPointer
    ) throws(FormatError) -> Int {
        var filled = 0
        while filled < target.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[filled...])
            let count = isCompressed ? try unsafe inflate(into: rest) : try unsafe readDisk(rest)
            if count == 0 { break }
            filled += count
        }
        offset += filled
        return filled
    }

    /// Inflates at least one byte into `target`; 0 at the end of the last member.
    private mutating func inflate(
        into target: UnsafeMutableRawBufferPointer
    ) throws(FormatError) -> Int {
        while true {
            if blockStart == blockEnd {
                blockStart = 0
                blockEnd = try unsafe readDisk(block)
                if blockEnd == 0 {
                    guard isInsideMember else { return 0 }
                    throw .truncated(
                        path, byte: diskOffset, expected: "in the middle of its gzip stream")
                }
            }
            if !isInsideMember { try beginMember() }
            let input = unsafe UnsafeRawBufferPointer(rebasing: block[blockStart..<blockEnd])
            guard let step = unsafe inflater?.step(input, into: target) else { return 0 }
            blockStart += step.consumed
            if step.isEnd { isInsideMember = false }
            if let fault = step.fault { throw .corrupt(path, byte: diskPosition, reason: fault) }
            if step.produced > 0 { return step.produced }
        }
    }

    /// Starts on the next gzip member; the format allows several, one after another.
    private mutating func beginMember() throws(FormatError) {
        isInsideMember = true
        guard diskPosition > 0 else { return }
        guard unsafe block[blockStart] == Self.gzipMagic[0] else {
            throw .trailingBytes(
                path, byte: diskPosition, what: "the end of its gzip stream")
        }
        inflater?.reset()
    }

    /// The byte of the file on disk that comes next.
    private var diskPosition: Int { diskOffset - (blockEnd - blockStart) }

    /// Reads at least one byte from the disk into `target`; 0 at the end of the file.
    private mutating func readDisk(
        _ target: UnsafeMutableRawBufferPointer
    ) throws(FormatError) -> Int {
        while true {
            let count = unsafe Glibc.read(descriptor, target.baseAddress, target.count)
            if count >= 0 {
                diskOffset += count
                return count
            }
            let code = errno
            if code != EINTR { throw .cannotRead(path, FileSystem.reason(code)) }
        }
    }
}
