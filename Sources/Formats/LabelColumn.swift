/// The labels of a user's rows, as whole numbers or as text.
package struct LabelColumn: Sendable, Equatable {
    /// The different labels, in the order of their first rows.
    package enum Labels: Sendable, Equatable {
        case integers([Int128])
        case texts([String])

        /// How they are written.
        package var names: [String] {
            switch self {
            case .integers(let values): values.map { String($0) }
            case .texts(let texts): texts
            }
        }
    }

    /// The file they are from, for messages.
    package let path: String
    /// The different labels.
    package let labels: Labels
    /// For each row the place of its label among ``labels``.
    package let places: [Int]

    /// How many rows there are.
    package var rowCount: Int { places.count }

    /// The longest label, in bytes.
    private static let labelByteCountMax = 1 << 16

    /// Labels of an NPY file: whole numbers of any width, floats that are whole, truth values or text,
    /// along one axis.
    ///
    /// - Throws: ``FormatError`` that names the file and the row for a float that is not whole, text
    ///   that is empty or not Unicode, and for an array of more axes or no rows.
    package init(_ array: consuming NPYReader) throws(FormatError) {
        var array = array
        let shape = array.header.shape
        guard shape.count == 1 || shape.count == 2 && shape[1] == 1 else {
            throw array.fault(
                "its shape is \(shape), where labels have one axis; of one-hot rows save np.argmax(y, axis=1)"
            )
        }
        guard array.rowCount > 0 else {
            throw array.fault("it is empty; save a label for each row")
        }
        guard array.header.element.byteCount <= Self.labelByteCountMax else {
            throw array.fault(
                "its labels are of \(array.header.element.byteCount) bytes each; save shorter ones")
        }
        let path = array.path
        switch array.header.element {
        case .text, .bytes: self.init(path, try Self.texts(&array))
        case .float, .bfloat16, .signed, .unsigned, .boolean:
            let numbers = try Self.numbers(&array)
            self.init(path, .integers(numbers.values), numbers.places)
        }
    }

    /// Labels of records of bytes: in each, the byte at a place.
    ///
    /// - Throws: ``FormatError`` for a file that cannot be read, or has no records.
    package init(_ records: consuming NPYReader, place: Int) throws(FormatError) {
        var array = records
        guard array.rowCount > 0 else { throw array.fault("it is empty") }
        let width = array.columnCount
        var numbers = Distinct<Int128>(rowCount: array.rowCount)
        try unsafe array.forEachBlock { first, raw in
            // The first of the block's bytes that is a label.
            let start = (place - first % width + width) % width
            for index in stride(from: start, to: raw.count, by: width) {
                numbers.append(Int128(unsafe raw[index]))
            }
        }
        self.init(array.path, .integers(numbers.values), numbers.places)
    }

    private static func texts(
        _ array: inout NPYReader
    ) throws(FormatError) -> LabelCollector {
        let (header, path) = (array.header, array.path)
        let (element, isBigEndian) = (header.element, header.isBigEndian)
        let size = element.byteCount
        var texts = LabelCollector()
        try unsafe array.forEachBlock { (first, raw) throws(FormatError) in
            for index in 0..<raw.count / size {
                let value = unsafe UnsafeRawBufferPointer(
                    rebasing: raw[index * size..<(index + 1) * size])
                guard let text = unsafe Self.text(value, element, isBigEndian) else {
                    throw header.fault(
                        path,
                        "row \(first + index) (counted from 0) is not text in Unicode; save np.array(y, dtype=str)"
                    )
                }
                guard !text.isEmpty else {
                    throw header.fault(
                        path,
                        "row \(first + index) (counted from 0) has an empty label; give it one, or leave the row out"
                    )
                }
                texts.append(text)
            }
        }
        return texts
    }

    private static func numbers(
        _ array: inout NPYReader
    ) throws(FormatError) -> Distinct<Int128> {
        let (header, path) = (array.header, array.path)
        let (element, isBigEndian) = (header.element, header.isBigEndian)
        let size = element.byteCount
        var numbers = Distinct<Int128>(rowCount: array.rowCount)
        try unsafe array.forEachBlock { (first, raw) throws(FormatError) in
            for index in 0..<raw.count / size {
                let bits = unsafe Self.bits(raw, index * size, size, isBigEndian)
                guard let number = Self.number(bits, element) else {
                    throw header.fault(
                        path,
                        "row \(first + index) (counted from 0) is not a whole number; save labels as integers or text"
                    )
                }
                numbers.append(number)
            }
        }
        return numbers
    }

    /// Labels of a text file in UTF-8: one a line, ended as ``TextLines`` are.
    ///
    /// They are whole numbers if every line is one in its shortest form, as in `7` and `-12` but not
    /// `007`, and text otherwise.
    ///
    /// - Parameter what: what messages call a line.
    /// - Throws: ``FormatError`` that names the file and the row for an empty line and for what is not
    ///   UTF-8, and for a file without lines.
    package init(
        text reader: consuming ByteReader, what: String = "label"
    ) throws(FormatError) {
        var reader = reader
        var texts = LabelCollector()
        let path = reader.path
        var start: [UInt8] = []
        func fault(_ what: String) -> FormatError {
            .malformed(path, "row \(texts.places.count) (counted from 0) \(what)")
        }
        func take(_ line: ArraySlice<UInt8>) throws(FormatError) {
            guard !line.isEmpty else {
                throw fault("has an empty \(what); give it one, or remove the line")
            }
            guard !line.contains(0), String(validating: line, as: UTF8.self) != nil else {
                if let kind = ForeignFile.kind(start) { throw .foreign(path, "it is \(kind)") }
                throw fault("is not text in UTF-8; write one \(what) a line, and save it as UTF-8")
            }
            texts.append(Array(line))
        }
        var lines = TextLines()
        while true {
            let block = try reader.readUpTo(1 << 16)
            if start.isEmpty { start = Array(block.prefix(ForeignFile.startByteCount)) }
            for line in lines.append(block, isLast: block.isEmpty) { try take(line) }
            if block.isEmpty { break }
            guard lines.pendingByteCount <= Self.labelByteCountMax else {
                throw fault(
                    "is longer than \(Self.labelByteCountMax) bytes; write one \(what) a line")
            }
        }
        try self.init(path, texts: texts, what: what)
    }

    /// Labels of a text.
    ///
    /// They are whole numbers if each is one in its shortest form, or if each is a float that is whole
    /// and has a point, as NumPy and pandas write floats; text otherwise.
    ///
    /// - Throws: ``FormatError`` where there are none.
    init(_ path: String, texts: LabelCollector, what: String = "label") throws(FormatError) {
        guard !texts.texts.isEmpty else {
            throw .malformed(path, "it is empty; write one \(what) a line")
        }
        self.init(path, texts)
        guard case .texts(let names) = labels else { return }
        let numbers = names.compactMap { Int128($0) }
        if numbers.map({ String($0) }) == names {
            self.init(path, .integers(numbers), places)
        } else if names.allSatisfy({ $0.contains(".") }) {
            let floats = names.compactMap { Self.wholeNumber($0) }
            if floats.count == names.count { self.init(path, numbers: floats, texts.places) }
        }
    }

    /// Labels of a text that are to be whole numbers.
    ///
    /// - Throws: ``FormatError`` that names the first row of a label that is not whole.
    init(_ path: String, wholeNumbers texts: LabelCollector) throws(FormatError) {
        var numbers: [Int128] = []
        for (place, text) in texts.texts.enumerated() {
            let text = String(decoding: text, as: UTF8.self)
            guard let number = Self.wholeNumber(text) else {
                let row = texts.places.firstIndex(of: place) ?? 0
                let cure =
                    text.contains(":")
                    ? "begin each row with its label"
                    : text.contains(",")
                        ? "several labels a row are not read; leave one, or make a row of each"
                        : "give each class a whole number"
                throw .malformed(
                    path,
                    "row \(row) (counted from 0) begins with \(text.prefix(40)), where the label is, a whole number; \(cure)"
                )
            }
            numbers.append(number)
        }
        self.init(path, numbers: numbers, texts.places)
    }

    /// The whole number that a text is, however it is written; nil for any other.
    private static func wholeNumber(_ text: String) -> Int128? {
        guard text.utf8.allSatisfy({ (0x2B...0x39).contains($0) || $0 | 0x20 == 0x65 }) else {
            return nil
        }
        if let number = Int128(text) { return number }
        return Double(text).flatMap { Int128(exactly: $0) }
    }

    /// Numbers that may be equal, by place.
    private init(_ path: String, numbers: [Int128], _ places: [Int]) {
        var distinct = Distinct<Int128>(rowCount: numbers.count)
        for number in numbers { distinct.append(number) }
        self.init(path, .integers(distinct.values), places.map { distinct.places[$0] })
    }

    /// The labels of several files, one after another.
    ///
    /// They are whole numbers if those of all files are.
    package init(joining columns: [LabelColumn], path: String) {
        var names: [String] = []
        var numbers: [Int128]? = []
        var places: [Int] = []
        for column in columns {
            let first = names.count
            names += column.labels.names
            if case .integers(let values) = column.labels {
                numbers?.append(contentsOf: values)
            } else {
                numbers = nil
            }
            places += column.places.map { $0 + first }
        }
        if let numbers {
            self.init(path, numbers: numbers, places)
        } else {
            var texts = LabelCollector()
            for name in names { texts.append(Array(name.utf8)) }
            let distinct = texts.texts.map { String(decoding: $0, as: UTF8.self) }
            self.init(path, .texts(distinct), places.map { texts.places[$0] })
        }
    }

    private init(_ path: String, _ labels: Labels, _ places: [Int]) {
        self.path = path
        self.labels = labels
        self.places = places
    }

    private init(_ path: String, _ texts: LabelCollector) {
        let names = texts.texts.map { String(decoding: $0, as: UTF8.self) }
        self.init(path, .texts(names), texts.places)
    }

    /// The UTF-8 of one value, without the zeros after its end; nil if it is not Unicode.
    private static func text(
        _ raw: UnsafeRawBufferPointer, _ element: NPYElement, _ isBigEndian: Bool
    ) -> [UInt8]? {
        guard case .text(let length) = element else {
            let end = unsafe raw.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
            let bytes = unsafe Array(raw[..<end])
            return String(validating: bytes, as: UTF8.self) == nil ? nil : bytes
        }
        var utf8: [UInt8] = []
        var end = 0
        for index in 0..<length {
            let bits = unsafe Self.bits(raw, index * 4, 4, isBigEndian)
            guard let scalar = Unicode.Scalar(UInt32(bits)) else { return nil }
            utf8.append(contentsOf: UTF8.encode(scalar)?.map { $0 } ?? [])
            if bits != 0 { end = utf8.count }
        }
        return Array(utf8[..<end])
    }

    /// The bits of a number of `count` bytes.
    private static func bits(
        _ raw: UnsafeRawBufferPointer, _ start: Int, _ count: Int, _ isBigEndian: Bool
    ) -> UInt64 {
        var bits: UInt64 = 0
        for place in 0..<count {
            let byte = unsafe raw[start + (isBigEndian ? place : count - 1 - place)]
            bits = bits << 8 | UInt64(byte)
        }
        return bits
    }

    /// The whole number of these bits; nil if it is not whole.
    private static func number(_ bits: UInt64, _ element: NPYElement) -> Int128? {
        switch element {
        case .float(2): Int128(exactly: Float16(bitPattern: UInt16(bits)))
        case .float(4): Int128(exactly: Float(bitPattern: UInt32(bits)))
        case .float: Int128(exactly: Double(bitPattern: bits))
        case .bfloat16: Int128(exactly: Float(bitPattern: UInt32(bits) << 16))
        case .signed(let count):
            Int128(Int64(truncatingIfNeeded: bits << (64 - 8 * count)) >> (64 - 8 * count))
        case .boolean: bits == 0 ? 0 : 1
        case .unsigned, .text, .bytes: Int128(bits)
        }
    }
}

/// Values numbered in the order in which they come first.
private struct Distinct<Value: Hashable> {
    private(set) var values: [Value] = []
    private(set) var places: [Int] = []
    private var known: [Value: Int] = [:]

    init(rowCount: Int) { places.reserveCapacity(rowCount) }

    mutating func append(_ value: Value) {
        if let place = known[value] {
            places.append(place)
        } else {
            places.append(values.count)
            known[value] = values.count
            values.append(value)
        }
    }
}
