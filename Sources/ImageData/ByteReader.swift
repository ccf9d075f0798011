import CZlib
import Glibc

/// The contents of a file from its first byte to its last, inflated on the way if it is gzip.
///
/// Whether a file is gzip is told by its first two bytes and never by its name. Memory is one
/// block of compressed bytes, whatever the file's size or what it claims to inflate to.
@safe
struct ByteReader: ~Copyable {
    /// The path as given, for messages.
    let path: String
    /// Whether the file is gzip.
    let isCompressed: Bool
    /// Bytes on the disk.
    let fileByteCount: Int
    /// How many bytes of the contents have been read.
    private(set) var offset = 0

    private let descriptor: CInt
    /// Bytes read from the disk so far.
    private var diskOffset = 0
    private let block: UnsafeMutableRawBufferPointer
    /// The part of ``block`` that has not been used.
    private var blockStart = 0
    private var blockEnd = 0
    // On the heap: zlib keeps a pointer to it and refuses a stream that has moved.
    private let stream: UnsafeMutablePointer<z_stream>
    /// Whether a gzip member has begun and not ended.
    private var isInsideMember = false

    private static let blockByteCount = 1 << 18
    private static let gzipMagic: [UInt8] = [0x1F, 0x8B]

    /// Opens a regular file.
    init(_ path: String) throws(DatasetError) {
        // Nonblocking, so that a named pipe is refused below rather than waited for.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw .unreadableFile(path, reason: Self.reason(errno))
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .unreadableFile(path, reason: "it is not a regular file")
        }
        var magic: [UInt8] = [0, 0]
        let magicCount = unsafe pread(descriptor, &magic, 2, 0)
        let isCompressed = magicCount == 2 && magic == Self.gzipMagic
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        if isCompressed {
            // 15: the largest window; 16: a gzip header and trailer, checked by zlib.
            let code = unsafe inflateInit2_(
                stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
            guard code == Z_OK else {
                unsafe stream.deallocate()
                close(descriptor)
                throw .unreadableFile(path, reason: "zlib cannot start (code \(code))")
            }
        }
        self.path = path
        self.isCompressed = isCompressed
        fileByteCount = Int(status.st_size)
        self.descriptor = descriptor
        unsafe self.stream = stream
        unsafe block = .allocate(byteCount: Self.blockByteCount, alignment: 16)
    }

    deinit {
        if isCompressed { unsafe inflateEnd(stream) }
        unsafe stream.deallocate()
        unsafe block.deallocate()
        close(descriptor)
    }

    /// The most bytes the contents can have: deflate never packs tighter than 1032 to 1.
    var contentByteCountMax: Int {
        isCompressed ? fileByteCount * 1032 : fileByteCount
    }

    /// The next `count` bytes.
    ///
    /// The caller bounds `count` before, by ``contentByteCountMax`` and by what it can use.
    /// - Parameter what: completes "the file ends at byte n, ..." if they are not there.
    mutating func read(count: Int, or what: String) throws(DatasetError) -> [UInt8] {
        let bytes = try readUpTo(count)
        guard bytes.count == count else {
            throw .truncatedFile(path, byte: offset, expected: what)
        }
        return bytes
    }

    /// The next `count` bytes, or as many as there are before the end.
    mutating func readUpTo(_ count: Int) throws(DatasetError) -> [UInt8] {
        var failure: DatasetError?
        // Not filled with zeros first: what a damaged file does not deliver is never touched.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(DatasetError) {
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
    mutating func expectEnd(after what: String) throws(DatasetError) {
        let end = offset
        guard try readUpTo(1).isEmpty else { throw .trailingBytes(path, byte: end, what: what) }
    }

    /// Fills `target`, or as much of it as there is before the end; returns how many bytes.
    private mutating func fill(
        _ target: UnsafeMutableRawBufferPointer
    ) throws(DatasetError) -> Int {
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
    ) throws(DatasetError) -> Int {
        // zlib counts in 32 bits.
        let room = min(target.count, 1 << 30)
        while true {
            if blockStart == blockEnd {
                blockStart = 0
                blockEnd = try unsafe readDisk(block)
                if blockEnd == 0 {
                    guard isInsideMember else { return 0 }
                    throw .truncatedFile(
                        path, byte: diskOffset, expected: "in the middle of its gzip stream")
                }
            }
            if !isInsideMember { try beginMember() }
            let (code, produced) = unsafe inflateStep(into: target, room: room)
            switch code {
            case Z_STREAM_END: isInsideMember = false
            // Z_BUF_ERROR: no progress without more input, which the next turn brings.
            case Z_OK, Z_BUF_ERROR: break
            default:
                let reason = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
                throw .corruptGzip(
                    path, byte: diskPosition, reason: reason ?? "zlib says \(code)")
            }
            if produced > 0 { return produced }
        }
    }

    /// One call of zlib from ``block`` into `target`: its return code and the bytes it wrote.
    private mutating func inflateStep(
        into target: UnsafeMutableRawBufferPointer, room: Int
    ) -> (code: CInt, produced: Int) {
        let input = unsafe block.baseAddress?.advanced(by: blockStart)
        unsafe stream.pointee.next_in = unsafe input?.assumingMemoryBound(to: Bytef.self)
        unsafe stream.pointee.avail_in = uInt(blockEnd - blockStart)
        unsafe stream.pointee.next_out = unsafe target.baseAddress?.assumingMemoryBound(
            to: Bytef.self)
        unsafe stream.pointee.avail_out = uInt(room)
        let code = unsafe CZlib.inflate(stream, Z_NO_FLUSH)
        blockStart = blockEnd - Int(unsafe stream.pointee.avail_in)
        return (code, room - Int(unsafe stream.pointee.avail_out))
    }

    /// Starts on the next gzip member; the format allows several, one after another.
    private mutating func beginMember() throws(DatasetError) {
        isInsideMember = true
        guard diskPosition > 0 else { return }
        guard unsafe block[blockStart] == Self.gzipMagic[0] else {
            throw .trailingBytes(
                path, byte: diskPosition, what: "the end of its gzip stream")
        }
        unsafe inflateReset(stream)
    }

    /// The byte of the file on disk that comes next.
    private var diskPosition: Int { diskOffset - (blockEnd - blockStart) }

    /// Reads at least one byte from the disk into `target`; 0 at the end of the file.
    private mutating func readDisk(
        _ target: UnsafeMutableRawBufferPointer
    ) throws(DatasetError) -> Int {
        while true {
            let count = unsafe Glibc.read(descriptor, target.baseAddress, target.count)
            if count >= 0 {
                diskOffset += count
                return count
            }
            let code = errno
            if code != EINTR { throw .unreadableFile(path, reason: Self.reason(code)) }
        }
    }

    /// What an `errno` means, in words.
    private static func reason(_ code: CInt) -> String {
        // glibc's answer is a constant or this thread's own.
        unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}

/// Whether `path` is there and no folder.
func isFile(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
}
