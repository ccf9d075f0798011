import Formats
import TestSupport
import Testing

/// Text from any editor on any system.
@Suite struct TextLinesTests {
    private static let cases: [(text: String, lines: [String])] = [
        ("", []), ("\n", [""]), ("a", ["a"]), ("a\n", ["a"]), ("a\r\n", ["a"]), ("a\r", ["a"]),
        ("a\nb\r\nc\rd", ["a", "b", "c", "d"]), ("a\n\nb", ["a", "", "b"]),
        ("a\r\rb", ["a", "", "b"]), ("a\r\n\r\nb", ["a", "", "b"]), ("a\n\rb", ["a", "", "b"]),
        ("\u{FEFF}a\r\nb", ["a", "b"]), ("\u{FEFF}", [""]), ("a\n\u{FEFF}b", ["a", "\u{FEFF}b"]),
        // Other signs that Unicode takes for line ends may stand in a label.
        ("a\u{2028}b\u{85}c\u{B}d", ["a\u{2028}b\u{85}c\u{B}d"]),
    ]

    @Test(arguments: cases.indices) func splitsAtAnyLineEnd(index: Int) {
        let (text, expected) = Self.cases[index]
        #expect(TextLines.of(text).map(String.init) == expected)
        // In pieces of any size: a CR and its LF may come apart.
        let bytes = Array(text.utf8)
        for size in 1...max(1, bytes.count) {
            var lines = TextLines()
            var found: [[UInt8]] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                let piece = Array(bytes[start..<min(start + size, bytes.count)])
                found += lines.append(piece, isLast: false).map { Array($0) }
            }
            found += lines.append([], isLast: true).map { Array($0) }
            #expect(found == expected.map { Array($0.utf8) }, "in pieces of \(size)")
        }
    }

    @Test func aTextFileIsUTF8() throws {
        let folder = try TemporaryDirectory()
        #expect(try FileSystem.readText(folder.write("é\n", to: "good")) == "é\n")
        let path = folder.path("bad")
        try AtomicFile.write([0xFF, 0xFE, 0x61, 0], to: path)
        let error = #expect(throws: FormatError.self) { try FileSystem.readText(path) }
        #expect(error?.message.hasSuffix("not text in UTF-8; save it as UTF-8") == true)
        try AtomicFile.write([0x50, 0x4B, 3, 4, 0xFF], to: path)
        let zip = #expect(throws: FormatError.self) { try FileSystem.readText(path) }
        #expect(zip?.message.contains("a zip archive; unpack it first") == true)
    }
}
