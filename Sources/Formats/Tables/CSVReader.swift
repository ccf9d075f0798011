import Numerics

/// Rows of a CSV file (RFC 4180): numbers, and perhaps a column of labels.
///
/// Fields are apart by commas, or by semicolons or tabs where the first line has no comma. Lines end
/// in any way; blank ones are no rows. The first line is a header if it has no number, and a name where
/// the next row has a number; or names that count up from 0 or 1, as pandas gives them.
package final class CSVReader: RowReader {
    /// Where the labels are.
    package enum Labels: Sendable, Equatable {
        /// In a column named `label`, `y`, `class` or `target`, or in the only column of text.
        case find
        /// In a column of this name, or of this number from 0 where columns have no names.
        case named(String)
        /// In another file: all columns are features, but for one of text.
        case elsewhere
    }

    /// The file, for messages.
    package let path: String
    /// Numbers of a row.
    package let columnCount: Int
    /// Not known before all rows are read.
    package let rowCount: Int? = nil
    /// What was taken as what, where the user did not say it; a sentence without a full stop.
    package let remark: String?

    private let layout: CSVLayout
    private let source: ByteSource
    private var text: TextBuffer
    private let decimals = DecimalNumber()
    private var collector = LabelCollector()
    /// Rows that were looked at, and come first.
    private var waiting: [CSVRecord]
    private var nextRow = 0
    /// The line of the row that is read, where it was looked at before.
    private var waitingLineNumber: Int?
    private let isCompressed: Bool

    private static let roughByteCountMax = 1 << 28

    /// Opens a file.
    ///
    /// - Throws: ``FormatError`` that names the file, for one that cannot be read, has no rows, or does
    ///   not show which of its columns are labels and which are features.
    package init(_ source: ByteSource, labels: Labels = .find) throws(FormatError) {
        path = source.path
        self.source = source
        let bytes = try ByteReader(source)
        isCompressed = bytes.isCompressed
        var text = try TextBuffer(bytes)
        var records: [CSVRecord] = []
        while records.count < 2, let record = try CSVRecord(&text) { records.append(record) }
        let layout = try CSVLayout(records, labels, source.path)
        self.text = text
        self.layout = layout
        waiting = layout.names == nil ? records : Array(records.dropFirst())
        columnCount = layout.fieldCount - (layout.other == nil ? 0 : 1)
        remark = layout.remark
        guard columnCount > 0 else {
            throw .malformed(source.path, "it has no column of features, only of labels")
        }
    }

    /// The labels of the rows that have been read; nil for a file without labels.
    package func labels() throws(FormatError) -> LabelColumn? {
        guard layout.label != nil else { return nil }
        return try LabelColumn(path, texts: collector)
    }

    /// The labels of a file that holds labels: its only column, one named `label`, `y`, `class` or
    /// `target`, or the one that is given.
    ///
    /// - Throws: ``FormatError`` that names the file and the row.
    package static func labels(
        _ source: ByteSource, column: String? = nil
    ) throws(FormatError) -> LabelColumn {
        var text = try TextBuffer(ByteReader(source))
        var records: [CSVRecord] = []
        while records.count < 2, let record = try CSVRecord(&text) { records.append(record) }
        let layout = try CSVLayout(records, column.map { .named($0) } ?? .find, source.path)
        guard let label = layout.label ?? (layout.fieldCount == 1 ? 0 : nil) else {
            throw .malformed(
                source.path,
                "which of its columns are the labels? Name one as \(source.path):\(layout.names?[0] ?? "0")"
            )
        }
        var collector = LabelCollector()
        func take(_ record: CSVRecord) throws(FormatError) {
            let fields = record.fields(layout.separator) ?? []
            guard fields.count == layout.fieldCount, !fields[label].isEmpty,
                String(validating: fields[label], as: UTF8.self) != nil
            else {
                throw .malformed(
                    source.path,
                    "line \(record.lineNumber) has not \(layout.fieldCount.counted("field")) with a label in UTF-8 among them"
                )
            }
            collector.append(fields[label])
        }
        for record in records { try take(record) }
        while let record = try CSVRecord(&text) { try take(record) }
        // A name that labels have as well is a label: of y and n, for instance.
        if layout.names != nil, !collector.places.dropFirst().contains(0) {
            collector.removeFirst()
        }
        return try LabelColumn(source.path, texts: collector)
    }

    /// At most how many rows there are: as many as so many bytes can be, or as there are lines where
    /// that would be too rough.
    package func rowCountMax() throws(FormatError) -> Int {
        // A number and what is after it take two bytes; memory that is not written is not taken.
        if !isCompressed && source.byteCount <= Self.roughByteCountMax {
            return source.byteCount / (2 * layout.fieldCount) + 1
        }
        var text = try TextBuffer(ByteReader(source))
        var (lineCount, byteCount) = (0, 0)
        while let line = try unsafe text.next() {
            lineCount += 1
            byteCount += line.count + 1
        }
        return min(lineCount, byteCount / (2 * layout.fieldCount) + 1)
    }

    /// Fills `target` with the next rows.
    package func read(
        into target: UnsafeMutableBufferPointer<Float>
    ) throws(FormatError) -> Int {
        let room = target.count / columnCount
        var count = 0
        while count < room {
            let row = unsafe UnsafeMutableBufferPointer(
                rebasing: target[count * columnCount..<(count + 1) * columnCount])
            if !waiting.isEmpty {
                let record = waiting.removeFirst()
                waitingLineNumber = record.lineNumber
                let result = unsafe record.withUnsafeBytes { line in
                    Result { () throws(FormatError) in try unsafe parse(line, into: row) }
                }
                try result.get()
            } else {
                waitingLineNumber = nil
                guard let line = try unsafe text.next(quotes: true) else { break }
                if line.isEmpty { continue }
                try unsafe parse(line, into: row)
            }
            nextRow += 1
            count += 1
        }
        return count
    }

    private func parse(
        _ line: UnsafeBufferPointer<UInt8>, into row: UnsafeMutableBufferPointer<Float>
    ) throws(FormatError) {
        guard var next = line.baseAddress else { return }
        let end = unsafe next + line.count
        let (separator, other, last) = (layout.separator, layout.other ?? -1, layout.fieldCount - 1)
        var column = 0
        for field in 0...last {
            if field != other {
                var value: Float = 0
                // After the last byte comes one that is no separator.
                if let numberEnd = unsafe decimals.parse(next, &value), value.isFinite,
                    unsafe field == last ? numberEnd == end : numberEnd.pointee == separator
                {
                    unsafe row[column] = value
                    column += 1
                    unsafe next = numberEnd + (field == last ? 0 : 1)
                    continue
                }
            }
            let rest = unsafe UnsafeBufferPointer(start: next, count: end - next)
            let (content, length) = try unsafe content(rest, field)
            unsafe next += length
            guard unsafe field == last ? next == end : next < end else {
                throw unsafe wrongFieldCount(line)
            }
            if field < last { unsafe next += 1 }
            if field != other {
                unsafe row[column] = try number(content, field)
                column += 1
            } else if layout.label != nil {
                guard !content.isEmpty else { throw fault(field, "is empty; give it a label") }
                guard String(validating: content, as: UTF8.self) != nil, !content.contains(0)
                else { throw fault(field, "is not text in UTF-8; save the file as UTF-8") }
                collector.append(content)
            }
        }
    }

    /// What is in the first field of what is left of a row, and how many bytes it takes.
    private func content(
        _ rest: UnsafeBufferPointer<UInt8>, _ field: Int
    ) throws(FormatError) -> (content: [UInt8], byteCount: Int) {
        guard let found = unsafe CSVFields.first(of: rest, layout.separator) else {
            throw fault(field, "has a quotation mark out of its place")
        }
        return found
    }

    /// The number of a field that has quotation marks or blanks around it, or is none.
    private func number(_ field: [UInt8], _ index: Int) throws(FormatError) -> Float {
        let blank = UInt8(ascii: " ")
        var content = Array(field.drop { $0 == blank })
        while content.last == blank { content.removeLast() }
        guard !content.isEmpty else {
            throw fault(
                index,
                "is empty; fill such cells, for instance by df.fillna(0), or leave the row out")
        }
        var value: Float = 0
        let padded = content + [UInt8](repeating: 0x0A, count: 16)
        let isWhole = unsafe padded.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return false }
            return unsafe decimals.parse(start, &value) == start + content.count
        }
        guard isWhole, value.isFinite else {
            let text = String(decoding: content.prefix(40), as: UTF8.self)
            throw fault(index, "holds \(text), where features are finite numbers as float32")
        }
        return value
    }

    private func wrongFieldCount(_ line: UnsafeBufferPointer<UInt8>) -> FormatError {
        let count = unsafe CSVFields.all(of: line, layout.separator)?.count ?? 0
        return .malformed(
            path,
            "row \(nextRow) (counted from 0; line \(lineNumber)) has \(count.counted("field")), and the first line has \(layout.fieldCount); write equally many in every line"
        )
    }

    private var lineNumber: Int { waitingLineNumber ?? text.lineNumber }

    private func fault(_ field: Int, _ what: String) -> FormatError {
        .malformed(
            path,
            "row \(nextRow) (counted from 0; line \(lineNumber)), \(layout.name(field)) \(what)")
    }
}
