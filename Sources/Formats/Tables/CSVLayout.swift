import Numerics

/// One row of a CSV file, as its bytes.
struct CSVRecord {
    /// The line of the file at which it begins, counted from 1.
    let lineNumber: Int
    /// With bytes after it that can be read.
    private let padded: [UInt8]
    private let byteCount: Int

    /// The next row that is not blank; nil after the last.
    init?(_ text: inout TextBuffer) throws(FormatError) {
        while let line = try unsafe text.next(quotes: true) {
            guard !line.isEmpty else { continue }
            padded = unsafe Array(line) + [UInt8](repeating: 0x0A, count: 16)
            byteCount = line.count
            lineNumber = text.lineNumber
            return
        }
        return nil
    }

    /// All fields; nil if the quotation marks are wrong.
    func fields(_ separator: UInt8) -> [[UInt8]]? {
        unsafe withUnsafeBytes { unsafe CSVFields.all(of: $0, separator) }
    }

    func withUnsafeBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        unsafe padded.withUnsafeBufferPointer {
            unsafe body(UnsafeBufferPointer(rebasing: $0[..<byteCount]))
        }
    }

    /// Whether a byte is in it outside of quotation marks.
    func has(_ byte: UInt8) -> Bool {
        var isOpen = false
        for index in 0..<byteCount {
            if padded[index] == UInt8(ascii: "\"") { isOpen.toggle() }
            if padded[index] == byte && !isOpen { return true }
        }
        return false
    }
}

/// Which fields of a CSV file's rows are what.
struct CSVLayout {
    /// The names of the columns; nil for a file without a header.
    let names: [String]?
    let separator: UInt8
    /// Fields of a row.
    let fieldCount: Int
    /// The column that is no feature; nil if all are.
    let other: Int?
    /// That column, if it has the labels.
    let label: Int?
    let remark: String?

    private static let labelNames = ["label", "y", "class", "target"]

    /// What the first rows show.
    init(
        _ records: [CSVRecord], _ labels: CSVReader.Labels, _ path: String
    ) throws(FormatError) {
        guard let first = records.first else {
            throw .malformed(path, "it is empty; write at least one row")
        }
        let separator = try Self.separator(first, path)
        self.separator = separator
        var rows: [[String]] = []
        for record in records {
            guard let fields = record.fields(separator) else {
                throw .malformed(
                    path,
                    "a quotation mark of its first two rows does not end, or is not around a whole field; write it as RFC 4180 says, for instance by df.to_csv(path, index=False)"
                )
            }
            rows.append(fields.map { String(decoding: $0, as: UTF8.self) })
        }
        let isHeader = Self.isHeader(rows, labels)
        names = isHeader ? rows[0] : nil
        guard let data = isHeader ? rows.dropFirst().first : rows[0] else {
            throw .malformed(path, "it has a header and no rows; write at least one row")
        }
        guard data.count == rows[0].count else {
            throw .malformed(
                path,
                "its first line has \(rows[0].count.counted("field")), and the next \(data.count); write equally many in every line"
            )
        }
        try Self.refuseIndex(names, data, path)
        let choice = try Self.label(names, Array(rows[(isHeader ? 1 : 0)...]), labels, path)
        label = choice.isLeftOut ? nil : choice.column
        remark = choice.remark
        other = choice.column
        fieldCount = data.count
    }

    /// A column as messages call it.
    func name(_ field: Int) -> String {
        names.map { "column \(field) (\($0[field]))" } ?? "column \(field)"
    }

    private static func separator(_ record: CSVRecord, _ path: String) throws(FormatError) -> UInt8
    {
        let isComma = record.has(UInt8(ascii: ","))
        for (other, name) in [(UInt8(ascii: ";"), "semicolons"), (UInt8(ascii: "\t"), "tabs")]
        where record.has(other) {
            guard !isComma else {
                throw .malformed(
                    path,
                    "its first line has both commas and \(name), so that what is between fields is not clear; write numbers with a point, and commas between them"
                )
            }
            return other
        }
        return UInt8(ascii: ",")
    }

    /// Whether a field is a number, as a row of features has it.
    private static func isNumber(_ field: String) -> Bool {
        let text = field.drop { $0 == " " }
        guard let first = text.utf8.first, first < 0x3A, first != 0x20 else { return false }
        let end = text.lastIndex { $0 != " " }
        return end.map { Double(text[...$0])?.isFinite == true } ?? false
    }

    /// How a field without a value is written, in lower case.
    private static let missing = [
        "", "nan", "-nan", "na", "n/a", "<na>", "null", "none", "?", "inf", "-inf", "+inf",
        "infinity", "-infinity",
    ]

    private static func isMissing(_ field: String) -> Bool {
        missing.contains(field.filter { $0 != " " }.lowercased())
    }

    /// Whether the fields of a column are text, by one or two rows: text cannot be features.
    private static func isText(_ rows: [[String]], _ column: Int) -> Bool {
        let field = rows[0][column].filter { $0 != " " }
        guard !field.isEmpty, Double(field) == nil else { return false }
        // Among numbers it is a value that is missing, and else a label.
        return !isMissing(field)
            || !rows.dropFirst().contains { column < $0.count && isNumber($0[column]) }
    }

    /// Whether the first of two rows names columns.
    ///
    /// A row that is taken for names is lost, so a number or a missing value in it is none; but names
    /// may be numbers that count up, as pandas gives them, beside that of the labels or of the index.
    private static func isHeader(_ rows: [[String]], _ labels: CSVReader.Labels) -> Bool {
        let first = rows[0]
        let texts = first.indices.filter { !isNumber(first[$0]) }
        if case .named(let name) = labels, texts.contains(where: { first[$0] == name }) {
            return true
        }
        // A line alone: names, if it cannot be a row.
        let isNamed =
            rows.count < 2
            ? texts.filter { !isMissing(first[$0]) }.count > 1
            : zip(first, rows[1]).contains { !isNumber($0) && !isMissing($0) && isNumber($1) }
        if texts.count == first.count, isNamed { return true }
        guard rows.count == 2, texts.count == 1, let text = texts.first else { return false }
        let numbers = first.indices.filter { $0 != text }.map { first[$0] }
        let isFromZero = numbers == numbers.indices.map { String($0) }
        if labelNames.contains(first[text].lowercased()) {
            return isNamed || isFromZero || numbers == numbers.indices.map { String($0 + 1) }
        }
        // An index without a name is refused, and not lost.
        return isFromZero && (isNamed || text == 0 && first[0].isEmpty && rows[1][0] == "0")
    }

    private static func refuseIndex(
        _ names: [String]?, _ data: [String], _ path: String
    ) throws(FormatError) {
        guard let names, names[0].isEmpty || names[0] == "Unnamed: 0", names.count > 1 else {
            return
        }
        throw .malformed(
            path,
            "its first column has no name, as where pandas writes the number of the row, which is no feature; save df.to_csv(path, index=False)"
        )
    }

    private typealias Choice = (column: Int?, isLeftOut: Bool, remark: String?)

    private static func label(
        _ names: [String]?, _ rows: [[String]], _ labels: CSVReader.Labels, _ path: String
    ) throws(FormatError) -> Choice {
        let data = rows[0]
        if case .named(let name) = labels {
            return (try column(name, names, data.count, path), false, nil)
        }
        // Two columns may be features by their names alone; text cannot.
        let texts = data.indices.filter { isText(rows, $0) }
        let known =
            names?.indices.filter { labelNames.contains(names?[$0].lowercased() ?? "") } ?? []
        let found = known.isEmpty || labels == .elsewhere ? texts : known
        func call(_ field: Int) -> String { names.map { $0[field] } ?? String(field) }
        guard found.count <= 1 else {
            throw .malformed(
                path,
                found == texts
                    ? "its columns \(texts.map(call).joined(separator: ", ")) hold text, where features are numbers; leave out all but the labels, and name those as \(path):\(call(texts[0]))"
                    : "which of its columns \(known.map(call).joined(separator: ", ")) are the labels? Name one as \(path):\(call(known[0]))"
            )
        }
        guard labels == .elsewhere else {
            let remark = found.first.map {
                "\(path): its column \(call($0)) is taken as the labels"
            }
            return (found.first, false, remark)
        }
        if let column = found.first {
            return (
                column, true, "\(path): its column \(call(column)) is no feature and is left out"
            )
        }
        let remark = known.first.map(call).map {
            "\(path): its column \($0) is taken as a feature, since the labels are in another file; name it as \(path):\($0) to leave it out"
        }
        return (nil, false, remark)
    }

    /// The column of a name, or of a number from 0, or from the end where that is negative.
    private static func column(
        _ name: String, _ names: [String]?, _ count: Int, _ path: String
    ) throws(FormatError) -> Int {
        if let names {
            if let found = names.firstIndex(of: name) { return found }
            throw .malformed(
                path,
                "it has no column \(name); name one of \(names.prefix(20).joined(separator: ", "))")
        }
        guard let number = Int(name), (-count..<count).contains(number) else {
            throw .malformed(
                path,
                "its columns have no names, so \(name) is none; name one by its number, 0 to \(count - 1)"
            )
        }
        return number < 0 ? number + count : number
    }
}
