import Numerics

/// Rows of an svmlight file: `LABEL COLUMN:VALUE COLUMN:VALUE`, a row a line.
///
/// Columns that a row does not name are 0. Blank lines, and what follows `#`, are no rows. Where the
/// base or the number of columns is not given, the file is looked through once before it is read.
package final class SvmlightReader: RowReader {
    /// The number of the file's first column, 0 or 1.
    package let base: Int
    /// The file, for messages.
    package let path: String
    /// Numbers of a row.
    package let columnCount: Int
    /// How many rows there are; nil where the file was not looked through.
    package let rowCount: Int?

    private let source: ByteSource
    private var text: TextBuffer
    private let decimals = DecimalNumber()
    private var collector = LabelCollector()

    /// No wider row is read.
    private static let columnCountMax = 1 << 24

    /// Opens a file.
    ///
    /// - Parameters:
    ///   - base: the number of the first column, 0 or 1; nil if nobody said: then it is 0 if some row
    ///     names a column 0, and otherwise not known.
    ///   - columnCount: how many columns there are, as of a training file or a model; nil for as many
    ///     as the largest that a row names.
    /// - Throws: ``FormatError`` that names the file, for one that cannot be read, has no rows, has a
    ///   column 0 where the base is 1, or says nowhere what its base is.
    package init(
        _ source: ByteSource, base: Int? = nil, columnCount: Int? = nil
    ) throws(FormatError) {
        path = source.path
        self.source = source
        var outline: SvmlightOutline?
        if base == nil || columnCount == nil { outline = try SvmlightOutline(source) }
        if let base {
            guard outline?.columns.lowerBound ?? base >= base else {
                throw .malformed(
                    source.path,
                    "it has a column 0, and columns were said to count from 1; say --svmlight-base 0"
                )
            }
            self.base = base
        } else {
            guard outline?.columns.lowerBound == 0 else {
                throw .malformed(
                    source.path,
                    "it does not say whether its columns count from 0 or from 1: scikit-learn's dump_svmlight_file writes them from 0, LIBSVM and LIBLINEAR from 1; say --svmlight-base 0 or --svmlight-base 1"
                )
            }
            self.base = 0
        }
        let columns = outline?.columns ?? 0..<0
        let count = columnCount ?? (columns.isEmpty ? 0 : columns.upperBound - self.base)
        guard (1...Self.columnCountMax).contains(count) else {
            throw .malformed(
                source.path,
                count < 1
                    ? "no row of it names a column; is it an svmlight file?"
                    : "it names column \(count - 1 + self.base), and at most \(Self.columnCountMax) are read; leave out such columns"
            )
        }
        self.columnCount = count
        rowCount = outline?.rowCount
        if let rowCount {
            try Self.refuseSparse(rowCount, count, outline?.byteCount ?? 0, source.path)
        }
        text = try TextBuffer(ByteReader(source))
    }

    /// Refuses a few bytes that would be a table of gigabytes.
    private static func refuseSparse(
        _ rowCount: Int, _ columnCount: Int, _ byteCount: Int, _ path: String
    ) throws(FormatError) {
        // At most 2^40 rows of 2^24 columns: no overflow.
        let needed = rowCount * columnCount * MemoryLayout<Float>.size
        guard needed <= max(64 << 20, byteCount * Inflater.ratioMax) else {
            throw .malformed(
                path,
                "its \(rowCount.counted("row")) of \(columnCount.counted("column")) would need \(needed.counted("byte")), and hold almost nothing but zeros; leave out columns, for instance by TruncatedSVD"
            )
        }
    }

    /// At most how many rows there are.
    package func rowCountMax() throws(FormatError) -> Int {
        if let rowCount { return rowCount }
        return try SvmlightOutline(source).rowCount
    }

    /// The labels of the rows that have been read, whole numbers.
    ///
    /// - Throws: ``FormatError`` that names the first row whose label is not whole.
    package func labels() throws(FormatError) -> LabelColumn? {
        try LabelColumn(path, wholeNumbers: collector)
    }

    /// Fills `target` with the next rows.
    package func read(
        into target: UnsafeMutableBufferPointer<Float>
    ) throws(FormatError) -> Int {
        let room = target.count / columnCount
        var count = 0
        while count < room, let line = try unsafe text.next() {
            let row = unsafe UnsafeMutableBufferPointer(
                rebasing: target[count * columnCount..<(count + 1) * columnCount])
            if try unsafe parse(line, into: row) { count += 1 }
        }
        return count
    }

    /// Reads a line; false for one that is no row.
    private func parse(
        _ line: UnsafeBufferPointer<UInt8>, into row: UnsafeMutableBufferPointer<Float>
    ) throws(FormatError) -> Bool {
        guard var next = line.baseAddress, let label = unsafe Self.token(line) else {
            return false
        }
        let end = unsafe next + line.count
        unsafe next += label.upperBound
        unsafe collector.append(UnsafeBufferPointer(rebasing: line[label]))
        unsafe row.update(repeating: 0)
        var columnMin = base
        while true {
            while unsafe next < end && isBlank(next.pointee) { unsafe next += 1 }
            if unsafe next >= end || next.pointee == UInt8(ascii: "#") { return true }
            var column = 0
            let start = unsafe next
            while true {
                let digit = unsafe next.pointee &- UInt8(ascii: "0")
                guard digit < 10 else { break }
                column = min(column * 10 + Int(digit), 1 << 40)
                unsafe next += 1
            }
            guard unsafe next > start && next.pointee == UInt8(ascii: ":") else {
                let rest = unsafe UnsafeBufferPointer(start: start, count: end - start)
                throw unsafe unreadable(rest)
            }
            guard column >= columnMin && column - base < columnCount else {
                throw outOfPlace(column, columnMin)
            }
            var value: Float = 0
            guard let valueEnd = unsafe decimals.parse(next + 1, &value), value.isFinite,
                unsafe valueEnd >= end || isBlank(valueEnd.pointee)
                    || valueEnd.pointee == UInt8(ascii: "#")
            else {
                let rest = unsafe UnsafeBufferPointer(start: next + 1, count: end - next - 1)
                throw fault(
                    "column \(column) holds \(unsafe Self.excerpt(rest)), where features are finite numbers as float32"
                )
            }
            unsafe row[column - base] = value
            unsafe next = valueEnd
            columnMin = column + 1
        }
    }

    @inline(__always)
    private func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// The first word of a line; nil if it has none, or only a comment.
    static func token(_ line: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        guard let start = unsafe line.firstIndex(where: { !isBlank($0) }),
            unsafe line[start] != UInt8(ascii: "#")
        else { return nil }
        let end = unsafe line[start...].firstIndex { isBlank($0) || $0 == UInt8(ascii: "#") }
        return start..<(end ?? line.endIndex)
    }

    /// The first word of what is left of a line, for messages.
    private static func excerpt(_ rest: UnsafeBufferPointer<UInt8>) -> String {
        let word = unsafe rest.prefix { $0 != 0x20 && $0 != 0x09 }.prefix(40)
        return unsafe word.isEmpty ? "nothing" : String(decoding: word, as: UTF8.self)
    }

    /// A row that names a group for ranking.
    static func groupedRow(_ path: String, line: Int) -> FormatError {
        .malformed(
            path,
            "line \(line) has a qid, which groups rows for ranking, and classes are not ranked; leave qid out, for instance by dump_svmlight_file(x, y, path)"
        )
    }

    private func fault(_ what: String) -> FormatError {
        let row = max(0, collector.places.count - 1)
        return .malformed(path, "row \(row) (counted from 0; line \(text.lineNumber)): \(what)")
    }

    private func unreadable(_ rest: UnsafeBufferPointer<UInt8>) -> FormatError {
        let word = unsafe Self.excerpt(rest)
        if word.hasPrefix("qid:") { return Self.groupedRow(path, line: text.lineNumber) }
        return fault("\(word) is not COLUMN:VALUE, as an svmlight file has after the label")
    }

    private func outOfPlace(_ column: Int, _ columnMin: Int) -> FormatError {
        if column < base {
            return fault(
                "it has a column 0, and columns were said to count from 1; say --svmlight-base 0")
        }
        if column < columnMin {
            return fault(
                "column \(column) comes after column \(columnMin - 1); write each column once, in ascending order"
            )
        }
        return fault(
            "it has a column \(column), and the last is \(columnCount - 1 + base), as in the rows it is to fit; use files of one kind"
        )
    }
}

/// What an svmlight file holds, by a quick look at the first and the last column of every row.
struct SvmlightOutline {
    /// How many rows there are.
    private(set) var rowCount = 0
    /// The smallest column, and one more than the largest; empty where no row names one.
    private(set) var columns = Int.max..<Int.max
    /// The bytes of the text.
    private(set) var byteCount = 0

    init(_ source: ByteSource) throws(FormatError) {
        var text = try TextBuffer(ByteReader(source))
        var (first, last) = (Int.max, -1)
        while let line = try unsafe text.next() {
            byteCount += line.count + 1
            guard let label = unsafe SvmlightReader.token(line) else { continue }
            rowCount += 1
            let rest = unsafe UnsafeBufferPointer(rebasing: line[label.upperBound...])
            let comment = unsafe rest.firstIndex(of: UInt8(ascii: "#")) ?? rest.count
            let pairs = unsafe UnsafeBufferPointer(rebasing: rest[..<comment])
            guard let left = unsafe pairs.firstIndex(of: UInt8(ascii: ":")),
                let right = unsafe pairs.lastIndex(of: UInt8(ascii: ":"))
            else { continue }
            guard unsafe !pairs[..<left].elementsEqual(" qid".utf8) else {
                throw SvmlightReader.groupedRow(source.path, line: text.lineNumber)
            }
            // What is no number is found when the row is read.
            for end in [left, right] {
                guard let column = unsafe Self.number(pairs, before: end) else { continue }
                (first, last) = (min(first, column), max(last, column))
            }
        }
        guard rowCount > 0 else {
            throw .malformed(source.path, "it is empty; write at least one row")
        }
        if last >= 0 { columns = first..<last + 1 }
    }

    /// The number whose digits end at a place; nil if there are none, or too many.
    private static func number(_ bytes: UnsafeBufferPointer<UInt8>, before end: Int) -> Int? {
        var start = end
        while start > 0, unsafe (0x30...0x39).contains(bytes[start - 1]) { start -= 1 }
        guard end > start, end - start < 12 else { return nil }
        return unsafe bytes[start..<end].reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
