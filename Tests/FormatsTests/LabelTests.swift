import Formats
import TestSupport
import Testing

/// Labels of arrays and text files, and the classes made of them.
@Suite struct LabelTests {
    private func column(_ name: String) throws -> LabelColumn {
        try LabelColumn(Samples.array(name))
    }

    private func lines(_ text: String) throws(FormatError) -> LabelColumn {
        try LabelColumn(text: ByteReader(ByteSource(Array(text.utf8), name: "y.txt")))
    }

    @Test(arguments: ["U<", "U>"]) func readsText(name: String) throws {
        let found = try column(name)
        #expect(found.labels == .texts(["b", "aé", "😀"]))
        #expect(found.places == [0, 1, 2, 0])
        #expect(try column("S").labels == .texts(["b", "aé", "cc"]))
    }

    @Test func readsWholeNumbersOfAnyWidth() throws {
        let wide = try column("i8l")
        #expect(wide.labels == .integers([-5, 300, 1 << 40]))
        #expect(wide.places == [0, 1, 2, 0])
        #expect(try column("u8l").labels == .integers([18_446_744_073_709_551_615, 0]))
        #expect(try column("f8l").labels == .integers([2, -7]))
        #expect(try column("col").labels == .integers([3, 1]))
        let flags = try LabelColumn(Samples.array("|b1", "2,", [1, 0]))
        #expect(flags.labels == .integers([1, 0]))
    }

    @Test func readsLinesOfText() throws {
        for text in ["b\na\nb\n", "b\r\na\r\nb\r\n", "b\na\nb", "b\ra\rb\r", "\u{FEFF}b\na\nb"] {
            let found = try lines(text)
            #expect(found.labels == .texts(["b", "a"]))
            #expect(found.places == [0, 1, 0])
        }
        #expect(try lines("7\n-12\n7\n").labels == .integers([7, -12]))
        // No shortest form, so text.
        #expect(try lines("7\n007\n").labels == .texts(["7", "007"]))
        #expect(try lines("7\nx\n").labels == .texts(["7", "x"]))
        let long = (0..<20_000).map { "label \($0)" }.joined(separator: "\n")
        #expect(try lines(long).rowCount == 20_000)
    }

    @Test func refusesWhatIsNoLabel() {
        func message(_ body: () throws -> LabelColumn) -> String {
            let error = #expect(throws: FormatError.self) { _ = try body() }
            return error?.message ?? ""
        }
        for (text, part) in [
            ("", "empty"), ("\n", "row 0"), ("a\n\nb\n", "row 1 (counted from 0)"),
            ("a\0\n", "row 0"), (String(repeating: "x", count: 200_000), "longer"),
        ] {
            let found = message { try lines(text) }
            #expect(found.hasPrefix("y.txt: ") && found.contains(part), "\(found)")
        }
        let binary = message {
            try LabelColumn(
                text: ByteReader(ByteSource([0x61, 0x0A, 0xFF, 0x0A], name: "y.txt")))
        }
        #expect(binary.contains("row 1 (counted from 0) is not text in UTF-8"))
        for (descr, shape, data, part) in [
            ("<f4", "2,", [0, 0, 0, 0, 0, 0, 0x20, 0x40], "row 1 (counted from 0) is not a whole"),
            ("<f4", "1,", [0, 0, 0xC0, 0x7F], "row 0"), ("<f4", "1,", [0, 0, 0x80, 0x7F], "row 0"),
            ("|u1", "1, 2", [0, 1], "argmax"), ("|u1", "0,", [], "empty"), ("|u1", "", [7], "axis"),
            ("<U1", "1,", [0, 0xD8, 0, 0], "not text"), ("<U1", "1,", [0, 0, 0x11, 0], "not text"),
            ("<U1", "1,", [0, 0, 0, 0], "empty label"), ("|S1", "1,", [0xFF], "not text"),
        ] as [(String, String, [UInt8], String)] {
            let found = message { try LabelColumn(Samples.array(descr, shape, data)) }
            #expect(found.hasPrefix("x.npy: ") && found.contains(part), "\(found)")
        }
    }

    @Test func numbersClassesByValue() throws {
        let column = try column("i8l")
        let classes = try ClassLabels(training: column)
        #expect(classes.names == ["-5", "300", "1099511627776"])
        #expect(try classes.labels(column) == [0, 1, 2, 0])
        #expect(classes.keys[1] == 300)
        // Python: hashlib.blake2b(b"-5", digest_size=32), the first 8 bytes little-endian.
        #expect(classes.keys[0] == ClassLabels.key("-5"))
        #expect(classes.keys.filter { $0 >> 63 == 1 }.count == 2)
    }

    @Test func ordersTextByCodePoints() throws {
        // As Swift compares strings, the two ways to write é are one label.
        let column = try lines("é\ne\u{301}\nZ\na\n\u{FFFF}\n😀\n")
        let classes = try ClassLabels(training: column)
        #expect(
            classes.names.map { Array($0.utf8) }
                == ["Z", "a", "e\u{301}", "é", "\u{FFFF}", "😀"].map { Array($0.utf8) })
        #expect(try classes.labels(column) == [3, 2, 0, 1, 4, 5])
        #expect(Set(classes.keys).count == 6)
    }

    @Test func keysDependOnTheLabelAlone() throws {
        // Python: int.from_bytes(hashlib.blake2b(text, digest_size=32).digest()[:8], "little")
        // | 1 << 63, of the text in UTF-8.
        #expect(ClassLabels.key("p") == 0xCE8C_B042_6A5A_8AB3)
        #expect(ClassLabels.key("aé") == 0xB697_ED4A_1DCF_D509)
        let few = try ClassLabels(training: lines("b\na\n"))
        let more = try ClassLabels(training: lines("0\nc\nb\na\n"))
        #expect(few.keys == Array(more.keys[1...2]))
        // The number 7 and the text 7 are two labels, but one name.
        let numbers = try ClassLabels(training: lines("7\n4294967295\n4294967296\n"))
        #expect(numbers.keys[..<2] == [7, 4_294_967_295])
        #expect(numbers.keys[2] == ClassLabels.key("4294967296"))
        let texts = try ClassLabels(training: lines("7\nx\n"))
        #expect(texts.keys[0] == ClassLabels.key("7"))
        #expect(try texts.labels(lines("7\n7\n")) == [0, 0])
    }

    @Test func refusesUnknownAndTooFewLabels() throws {
        let classes = try ClassLabels(training: lines("b\na\n"))
        let unknown = #expect(throws: FormatError.self) { try classes.labels(lines("a\nb\nc\n")) }
        #expect(unknown?.message.contains("row 2 (counted from 0) has the label c") == true)
        // All at once: whoever leaves one out must not be told of the next.
        let several = #expect(throws: FormatError.self) {
            try classes.labels(lines("a\nd\nc\nb\nd\n"))
        }
        #expect(several?.message.contains("row 1 (counted from 0) has the label d") == true)
        #expect(several?.message.contains("other such labels: c;") == true)
        let one = #expect(throws: FormatError.self) { try ClassLabels(training: lines("a\na\n")) }
        #expect(one?.message.contains("at least two classes") == true)
        let equal = #expect(throws: FormatError.self) {
            try ClassLabels.refuseEqualKeys([("a", 1), ("b", 2), ("c", 1)], "y.txt")
        }
        #expect(equal?.message.contains("the labels a and c have one key") == true)
        #expect(throws: Never.self) {
            try ClassLabels.refuseEqualKeys([("a", 1), ("b", 2)], "y.txt")
        }
    }

    @Test(.timeLimit(.minutes(240))) func damagedTextIsReadOrRefused() {
        let samples = ["7\n-12\n007\n", "é\r\n😀\r\nlabel\r\n"].map { Array($0.utf8) }
        var mutator = Mutator(samples.map { [$0] }, seed: fuzzSeed)
        var readCount = 0
        let count = fuzzCount(usual: 5_000)
        for _ in 0..<count {
            let bytes = mutator.damaged(samples[mutator.draw(2)])
            let column = try? LabelColumn(text: ByteReader(ByteSource(bytes, name: "y.txt")))
            guard let column else { continue }
            readCount += 1
            #expect(column.rowCount <= bytes.count)
            _ = try? ClassLabels(training: column)
        }
        #expect(readCount > count / 100)
        #expect(readCount < count)
    }
}
