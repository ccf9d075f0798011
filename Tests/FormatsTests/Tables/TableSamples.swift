import Formats
import TestSupport

/// Tables of text, read from memory.
enum Tables {
    /// All rows of a reader, so many at a time.
    static func values(
        _ reader: any RowReader, rowsAtATime count: Int = 3
    ) throws(FormatError) -> [Float] {
        var values: [Float] = []
        while true {
            let piece: [Float] = unsafe try RowMemory.next(count, reader.columnCount) {
                (target) throws(FormatError) in unsafe try reader.read(into: target)
            }
            if piece.isEmpty { return values }
            values += piece
        }
    }

    static func svmlight(
        _ text: String, base: Int? = nil, columnCount: Int? = nil
    ) throws(FormatError) -> SvmlightReader {
        try SvmlightReader(
            ByteSource(Array(text.utf8), name: "x.svm"), base: base, columnCount: columnCount)
    }

    static func csv(
        _ text: String, _ labels: CSVReader.Labels = .find
    ) throws(FormatError) -> CSVReader {
        try CSVReader(ByteSource(Array(text.utf8), name: "x.csv"), labels: labels)
    }

    /// What a reader refuses with.
    static func refusal(_ read: () throws -> Void) -> String {
        do {
            try read()
            return "nothing"
        } catch {
            return "\(error)"
        }
    }
}
