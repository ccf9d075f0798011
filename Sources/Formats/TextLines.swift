/// Text as lines, ended by LF, CRLF or CR: as any editor on any system writes them.
///
/// Every text file that is read is split here. A byte order mark at the start is left out.
package struct TextLines {
    /// Bytes of a line whose end has not come yet.
    private var rest: [UInt8] = []
    private var isAtStart = true

    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Before the first byte.
    package init() {}

    /// How many bytes of an unfinished line are held.
    package var pendingByteCount: Int { rest.count }

    /// The lines that end in the next bytes of a text, without their ends.
    ///
    /// - Parameter isLast: whether no byte follows: what is left is then a line, unless it is empty.
    package mutating func append(_ bytes: [UInt8], isLast: Bool) -> [ArraySlice<UInt8>] {
        var text = (rest + bytes)[...]
        var lines: [ArraySlice<UInt8>] = []
        while let end = text.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) {
            var next = end + 1
            if text[end] == 0x0D {
                // Its LF may be in the next bytes.
                if next == text.endIndex, !isLast { break }
                if next < text.endIndex, text[next] == 0x0A { next += 1 }
            }
            lines.append(text[..<end])
            text = text[next...]
        }
        if isLast, !text.isEmpty {
            lines.append(text)
            text = []
        }
        rest = Array(text)
        if isAtStart, let first = lines.first {
            isAtStart = false
            if first.starts(with: Self.byteOrderMark) { lines[0] = first.dropFirst(3) }
        }
        return lines
    }

    /// The lines of a whole text, empty ones among them.
    package static func of(_ text: String) -> [Substring] {
        var lines = TextLines()
        return lines.append(Array(text.utf8), isLast: true)
            .map { Substring(decoding: $0, as: UTF8.self) }
    }
}
