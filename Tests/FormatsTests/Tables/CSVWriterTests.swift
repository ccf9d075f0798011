import Formats
import TestSupport
import Testing

/// CSV as it is written, and read again by our own reader and by Python's.
@Suite struct CSVWriterTests {
    @Test func quotesTextAndNothingElse() {
        var writer = CSVWriter()
        writer.header(["row", "label"])
        writer.field(0)
        writer.field("a,\"b\"\n猫")
        writer.field(0 as Float)
        writer.field(1 as Float)
        writer.field(1e-20 as Float)
        writer.endRow()
        let text = "\"row\",\"label\"\n0,\"a,\"\"b\"\"\n猫\",0.0,1.0,1e-20\n"
        #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
        #expect(writer.take() == Array(text.utf8))
        #expect(writer.bytes.isEmpty)
    }

    @Test func floatsComeBackAsTheyWere() throws {
        var generator = SeededGenerator(seed: fuzzSeed)
        var writer = CSVWriter()
        var values: [Float] = []
        writer.header(["x", "label"])
        for _ in 0..<5_000 {
            let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &generator))
            guard value.isFinite else { continue }
            values.append(value)
            writer.field(value)
            writer.field("NA")
            writer.endRow()
        }
        let text = String(decoding: writer.bytes, as: UTF8.self)
        for line in text.split(separator: "\n").dropFirst() {
            let number = line.prefix { $0 != "," }
            #expect(number.contains(".") || number.contains("e"), "\(number)")
        }
        let read = try Tables.values(Tables.csv(text), rowsAtATime: 10_000)
        #expect(read.map(\.bitPattern) == values.map(\.bitPattern))
    }
}
