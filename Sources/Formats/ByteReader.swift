/// The contents of a file from its first byte to its last, unpacked on the way if it is compressed.
///
/// Whether a file is gzip is told by its first two bytes and never by its name. Memory is one
/// block of compressed bytes, whatever the file's size or what it claims to unpack to.
@safe
package struct ByteReader: ~Copyable {
    /// The path as given, for messages; of a member of a zip file, its name too.
    package let path: String
    /// How many bytes of the contents have been read.
    package private(set) var offset = 0
    /// How many bytes the contents have; nil for gzip, which does not say.
    package let contentByteCount: Int?

    private let source: ByteSource
    /// The bytes of the source that are read.
    private let range: Range<Int>
    /// The byte of the source that is read next.
    private var position: Int
    private let block: UnsafeMutableRawBufferPointer
    /// The part of ``block`` that has not been used.
    private var blockStart = 0
    private var blockEnd = 0
    /// What is around the compressed data; nil for contents that are not compressed.
    private let wrapping: Inflater.Wrapping?
    private var inflater: Inflater?
    /// Whether a stream, or a member of a gzip file, has begun and not ended.
    private var isInsideStream = false
    /// What the contents of a member of a zip file are to have, and have so far.
    private let checksumWanted: UInt32?
    private var checksum: UInt32 = 0
    /// What was compressed, where any part of it is to be read, and where in the contents it begins.
    private var unpacked: [UInt8] = []
    private var unpackedStart = 0

    private static let blockByteCount = 1 << 18
    private static let gzipMagic: [UInt8] = [0x1F, 0x8B]

    /// Opens a regular file.
    package init(_ path: String) throws(FormatError) {
        try self.init(ByteSource(path))
    }

    /// Reads a whole file.
    package init(_ source: ByteSource) throws(FormatError) {
        let isGzip = try source.bytes(in: 0..<2) == Self.gzipMagic
        try self.init(
            source, source.path, range: 0..<source.byteCount, wrapping: isGzip ? .gzip : nil,
            contentByteCount: isGzip ? nil : source.byteCount, checksum: nil)
    }

    /// Reads a part of a file.
    ///
    /// - Parameters:
    ///   - wrapping: nil for bytes that are not compressed.
    ///   - checksum: of the contents, by CRC-32; nil if it is not known.
    init(
        _ source: ByteSource, _ path: String, range: Range<Int>, wrapping: Inflater.Wrapping?,
        contentByteCount: Int?, checksum: UInt32?
    ) throws(FormatError) {
        inflater = nil
        if let wrapping {
            guard let inflater = Inflater(wrapping) else {
                throw .cannotRead(path, "zlib cannot start")
            }
            self.inflater = consume inflater
        }
        self.wrapping = wrapping
        self.source = source
        self.path = path
        self.range = range
        position = range.lowerBound
        self.contentByteCount = contentByteCount
        checksumWanted = checksum
        unsafe block = .allocate(
            byteCount: wrapping == nil ? 0 : Self.blockByteCount, alignment: 16)
    }

    deinit { unsafe block.deallocate() }

    /// Bytes on the disk.
    package var fileByteCount: Int { range.count }

    /// Makes any part of the contents be readable, by ``read(at:into:)``.
    ///
    /// What is compressed is unpacked, and a checksum is compared: contents of gzip are then in memory.
    /// - Parameter start: the bytes that have been read, all before it.
    mutating func makeSeekable(from start: Int) throws(FormatError) {
        guard offset == start, isCompressed || checksumWanted != nil else { return }
        if isCompressed {
            let rest = try readUpTo(contentByteCountMax)
            try expectEnd(after: "its values")
            unpacked = rest
            unpackedStart = start
        } else {
            while try !readUpTo(Self.blockByteCount).isEmpty {}
            try expectEnd(after: "its values")
        }
    }

    /// Fills `target` from a place in the contents on; returns how many bytes there were.
    ///
    /// - Precondition: ``makeSeekable(from:)``.
    func read(at place: Int, into target: UnsafeMutableRawBufferPointer) throws(FormatError) -> Int
    {
        guard isCompressed else {
            let first = range.lowerBound + place
            let count = min(target.count, max(0, range.upperBound - first))
            return try unsafe source.read(
                at: first, into: UnsafeMutableRawBufferPointer(rebasing: target[..<count]))
        }
        let first = place - unpackedStart
        let count = min(target.count, max(0, unpacked.count - first))
        unsafe unpacked.withUnsafeBytes { raw in
            unsafe target.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: raw[first..<first + count]))
        }
        return count
    }

    /// Whether the contents are compressed.
    package var isCompressed: Bool { wrapping != nil }

    /// Where in a file the next byte is; nil for contents that are compressed.
    var place: (source: ByteSource, offset: Int)? {
        isCompressed ? nil : (source, position)
    }

    /// The most bytes the contents can have.
    package var contentByteCountMax: Int {
        isCompressed ? range.count * Inflater.ratioMax : range.count
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

    /// Refuses contents of another kind, if it is a known one, by how they begin.
    ///
    /// - Parameter start: what has been read of them, which makes no sense.
    package mutating func refuseOtherKinds(after start: [UInt8]) throws(FormatError) {
        let rest = max(0, ForeignFile.startByteCount - start.count)
        guard let kind = ForeignFile.kind(start + (try readUpTo(rest))) else { return }
        throw .foreign(path, "it is \(kind)")
    }

    /// Refuses anything after what has been read, an unfinished compressed stream, and contents of
    /// another checksum.
    ///
    /// - Parameter what: completes "the file goes on at byte n, after ...".
    package mutating func expectEnd(after what: String) throws(FormatError) {
        let end = offset
        guard try readUpTo(1).isEmpty else { throw .trailingBytes(path, byte: end, what: what) }
        guard checksumWanted == nil || checksumWanted == checksum else {
            throw .corrupt(path, byte: position, reason: "its checksum is wrong")
        }
    }

    /// Fills `target`, or as much of it as there is before the end; returns how many bytes.
    mutating func fill(_ target: UnsafeMutableRawBufferPointer) throws(FormatError) -> Int {
        var filled = 0
        while filled < target.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[filled...])
            let count = isCompressed ? try unsafe inflate(into: rest) : try unsafe readDisk(rest)
            if count == 0 { break }
            filled += count
        }
        if checksumWanted != nil {
            checksum = unsafe crc32(
                checksum, UnsafeRawBufferPointer(rebasing: target[..<filled]))
        }
        offset += filled
        return filled
    }

    /// Inflates at least one byte into `target`; 0 at the end of the last stream.
    private mutating func inflate(
        into target: UnsafeMutableRawBufferPointer
    ) throws(FormatError) -> Int {
        while true {
            if blockStart == blockEnd {
                blockStart = 0
                blockEnd = try unsafe readDisk(block)
                if blockEnd == 0 {
                    guard isInsideStream else { return 0 }
                    throw .truncated(
                        path, byte: position, expected: "in the middle of its \(streamName)")
                }
            }
            if !isInsideStream {
                skipPadding()
                if blockStart == blockEnd { continue }
                try beginStream()
            }
            let input = unsafe UnsafeRawBufferPointer(rebasing: block[blockStart..<blockEnd])
            guard let step = unsafe inflater?.step(input, into: target) else { return 0 }
            blockStart += step.consumed
            if step.isEnd { isInsideStream = false }
            if let fault = step.fault { throw .corrupt(path, byte: unused, reason: fault) }
            if step.produced > 0 { return step.produced }
        }
    }

    /// Skips the zeros that may follow a gzip member, as where a tape or a disk has blocks to fill:
    /// gzip(1) and Python do so too.
    private mutating func skipPadding() {
        guard wrapping == .gzip, unused > range.lowerBound else { return }
        while blockStart < blockEnd, unsafe block[blockStart] == 0 { blockStart += 1 }
    }

    /// Starts on the next gzip member; that format allows several, one after another.
    private mutating func beginStream() throws(FormatError) {
        isInsideStream = true
        guard unused > range.lowerBound else { return }
        guard wrapping == .gzip, unsafe block[blockStart] == Self.gzipMagic[0] else {
            throw .trailingBytes(path, byte: unused, what: "the end of its \(streamName)")
        }
        inflater?.reset()
    }

    private var streamName: String { wrapping == .gzip ? "gzip stream" : "deflated data" }

    /// The first byte of the source that was not used.
    private var unused: Int { position - (blockEnd - blockStart) }

    /// Reads at least one byte of the source into `target`; 0 at the end of its range.
    private mutating func readDisk(
        _ target: UnsafeMutableRawBufferPointer
    ) throws(FormatError) -> Int {
        let count = min(target.count, range.upperBound - position)
        let read = try unsafe source.read(
            at: position, into: UnsafeMutableRawBufferPointer(rebasing: target[..<count]))
        position += read
        return read
    }
}
