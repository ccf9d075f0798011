import Glibc

/// The lines of a text as bytes in memory, some at a time.
///
/// Lines end with LF, CRLF or CR. After the end of a line come bytes that can be read and are no part
/// of a number or a field: parsers need no bounds.
@safe
struct TextBuffer: ~Copyable {
    /// The file, for messages.
    var path: String { bytes.path }
    /// The number of the line that was given last, from 1.
    private(set) var lineNumber = 0

    private var bytes: ByteReader
    private var buffer: UnsafeMutablePointer<UInt8>
    private var capacity = Self.blockByteCount
    /// The part of ``buffer`` that has not been given.
    private var start = 0
    private var end = 0
    private var isLast = false
    /// Where the next LF, CR and quotation mark are; too small where that is not known.
    private var lineFeed = -1
    private var carriageReturn = -1
    private var quotationMark = -1
    private var lineEndCount = 0

    private static let blockByteCount = 1 << 20
    /// No longer line is read.
    private static let lineByteCountMax = 1 << 26
    private static let padding = 64
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    init(_ bytes: consuming ByteReader) throws(FormatError) {
        self.bytes = bytes
        unsafe buffer = .allocate(capacity: capacity + Self.padding)
        try refill()
        if end >= 3,
            unsafe UnsafeBufferPointer(start: buffer, count: 3)
                .elementsEqual(Self.byteOrderMark)
        {
            start = 3
        }
        let head = unsafe Array(UnsafeBufferPointer(start: buffer, count: min(end, 512)))
        if let kind = ForeignFile.kind(head) { throw .foreign(path, "it is \(kind)") }
    }

    deinit { unsafe buffer.deallocate() }

    /// The next line, valid until the next call; nil after the last.
    ///
    /// - Parameter quotes: whether a line goes on while a quotation mark is open.
    mutating func next(quotes: Bool = false) throws(FormatError) -> UnsafeBufferPointer<UInt8>? {
        var searched = start
        var isOpen = false
        lineNumber += lineEndCount
        lineEndCount = 1
        lineNumber = max(1, lineNumber)
        while true {
            if let lineEnd = lineEnd(from: searched) {
                if quotes, changesQuotes(searched..<lineEnd) { isOpen.toggle() }
                if isOpen {
                    searched = lineEnd + 1
                    lineEndCount += 1
                    continue
                }
                defer {
                    let isPair = unsafe lineEnd == carriageReturn && buffer[lineEnd + 1] == 0x0A
                    start = min(end, lineEnd + (isPair ? 2 : 1))
                }
                return unsafe UnsafeBufferPointer(
                    start: buffer + start, count: lineEnd - start)
            }
            if isLast {
                guard start < end else { return nil }
                defer { start = end }
                return unsafe UnsafeBufferPointer(start: buffer + start, count: end - start)
            }
            searched -= start
            try refill()
            searched += start
        }
    }

    /// Where the first line after a place ends; nil if it is not in the buffer.
    private mutating func lineEnd(from place: Int) -> Int? {
        if lineFeed < place { lineFeed = find(0x0A, from: place) }
        if carriageReturn < place { carriageReturn = find(0x0D, from: place) }
        let found = min(lineFeed, carriageReturn)
        // The LF of a CR may come with the next block.
        if found == end || found + 1 == end && found == carriageReturn && !isLast { return nil }
        return found
    }

    /// Whether there is an odd number of quotation marks in a range.
    private mutating func changesQuotes(_ range: Range<Int>) -> Bool {
        var count = 0
        if quotationMark < range.lowerBound {
            quotationMark = find(UInt8(ascii: "\""), from: range.lowerBound)
        }
        while quotationMark < range.upperBound {
            count += 1
            quotationMark = find(UInt8(ascii: "\""), from: quotationMark + 1)
        }
        return count % 2 == 1
    }

    private func find(_ byte: UInt8, from place: Int) -> Int {
        guard place < end else { return end }
        guard let found = unsafe memchr(buffer + place, CInt(byte), end - place) else {
            return end
        }
        return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(buffer)
    }

    /// Moves what has not been given to the front, and reads more after it.
    private mutating func refill() throws(FormatError) {
        let held = end - start
        if held > capacity / 2 {
            guard capacity < Self.lineByteCountMax else {
                throw .malformed(
                    path,
                    "line \(max(1, lineNumber)) is longer than \(held) bytes; is it a table?"
                )
            }
            let larger = UnsafeMutablePointer<UInt8>.allocate(
                capacity: 2 * capacity + Self.padding)
            unsafe larger.update(from: buffer + start, count: held)
            unsafe buffer.deallocate()
            unsafe buffer = larger
            capacity *= 2
        } else {
            unsafe memmove(buffer, buffer + start, held)
        }
        let room = unsafe UnsafeMutableRawBufferPointer(
            start: buffer + held, count: capacity - held)
        let count = try unsafe bytes.fill(room)
        (start, end, isLast) = (0, held + count, count < room.count)
        if isLast { try bytes.expectEnd(after: "its text") }
        unsafe (buffer + end).initialize(repeating: 0x0A, count: Self.padding)
        (lineFeed, carriageReturn, quotationMark) = (-1, -1, -1)
    }
}
