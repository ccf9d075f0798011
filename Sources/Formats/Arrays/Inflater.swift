import CZlib

/// A stream of deflate, unpacked step by step (zlib).
@safe
struct Inflater: ~Copyable {
    /// What is around the deflated data.
    enum Wrapping {
        /// Nothing, as in zip files.
        case none
        /// A gzip header and trailer, which zlib checks.
        case gzip
    }

    /// What one step did.
    struct Step {
        let consumed: Int
        let produced: Int
        /// Whether the stream, or the gzip member, has ended.
        let isEnd: Bool
        /// What is wrong with the data, if anything.
        let fault: String?
    }

    /// The most bytes that one byte can unpack to: deflate never packs tighter.
    static let ratioMax = 1_032
    /// zlib counts in 32 bits.
    private static let stepByteCountMax = 1 << 30

    // On the heap: zlib keeps a pointer to it and refuses a stream that has moved.
    private let stream: UnsafeMutablePointer<z_stream>

    /// Nil where zlib finds no memory.
    init?(_ wrapping: Wrapping) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15: the largest window; 16 more: gzip; negative: nothing around it.
        let windowBits: CInt = wrapping == .gzip ? 15 + 16 : -15
        let code = unsafe inflateInit2_(
            stream, windowBits, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            unsafe stream.deallocate()
            return nil
        }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// Begins a new stream.
    mutating func reset() { unsafe inflateReset(stream) }

    /// Unpacks as much of `input` as fits `output`, or less.
    ///
    /// Without progress there is neither a fault nor an end: more input or room is then needed.
    mutating func step(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) -> Step {
        let given = min(input.count, Self.stepByteCountMax)
        let room = min(output.count, Self.stepByteCountMax)
        let source = unsafe input.baseAddress?.assumingMemoryBound(to: Bytef.self)
        unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(mutating: source)
        unsafe stream.pointee.avail_in = uInt(given)
        unsafe stream.pointee.next_out = unsafe output.baseAddress?.assumingMemoryBound(
            to: Bytef.self)
        unsafe stream.pointee.avail_out = uInt(room)
        let code = unsafe inflate(stream, Z_NO_FLUSH)
        var fault: String?
        // Z_BUF_ERROR: no progress without more input or room.
        if ![Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(code) {
            let message = unsafe stream.pointee.msg.map { unsafe String(cString: $0) }
            fault = message ?? "zlib says \(code)"
        }
        return Step(
            consumed: given - Int(unsafe stream.pointee.avail_in),
            produced: room - Int(unsafe stream.pointee.avail_out), isEnd: code == Z_STREAM_END,
            fault: fault)
    }
}

/// The checksum of zip files over more bytes, after `previous`.
func crc32(_ previous: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let pointer = unsafe bytes.baseAddress?.assumingMemoryBound(to: Bytef.self)
    return UInt32(unsafe CZlib.crc32_z(UInt(previous), pointer, bytes.count))
}
