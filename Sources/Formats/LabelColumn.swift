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
        case .float, .signed, .unsigned, .boolean:
            let numbers = try Self.numbers(&array)
            self.init(path, .integers(numbers.values), numbers.places)
        }
    }

    private static func texts(
        _ array: inout NPYReader
    ) throws(FormatError) -> Distinct<[UInt8]> {
        let (element, isBigEndian, path) = (
            array.header.element, array.header.isBigEndian, array.path
        )
        let size = element.byteCount
        var texts = Distinct<[UInt8]>(rowCount: array.rowCount)
        try unsafe array.forEachBlock { (first, raw) throws(FormatError) in
            for index in 0..<raw.count / size {
                let value = unsafe UnsafeRawBufferPointer(
                    rebasing: raw[index * size..<(index + 1) * size])
                guard let text = unsafe Self.text(value, element, isBigEndian) else {
                    throw NPYHeader.fault(
                        path,
                        "row \(first + index) (counted from 0) is not text in Unicode; save np.array(y, dtype=str)"
                    )
                }
                guard !text.isEmpty else {
                    throw NPYHeader.fault(
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
        let (element, isBigEndian, path) = (
            array.header.element, array.header.isBigEndian, array.path
        )
        let size = element.byteCount
        var numbers = Distinct<Int128>(rowCount: array.rowCount)
        try unsafe array.forEachBlock { (first, raw) throws(FormatError) in
            for index in 0..<raw.count / size {
                let bits = unsafe Self.bits(raw, index * size, size, isBigEndian)
                guard let number = Self.number(bits, element) else {
                    throw NPYHeader.fault(
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
    /// - Throws: ``FormatError`` that names the file and the row for an empty line and for what is not
    ///   UTF-8, and for a file without lines.
    package init(text reader: consuming ByteReader) throws(FormatError) {
        var reader = reader
        var texts = Distinct<[UInt8]>(rowCount: 0)
        let path = reader.path
        var start: [UInt8] = []
        func fault(_ what: String) -> FormatError {
            .malformed(path, "row \(texts.places.count) (counted from 0) \(what)")
        }
        func take(_ line: ArraySlice<UInt8>) throws(FormatError) {
            guard !line.isEmpty else {
                throw fault("has an empty label; give it one, or remove the line")
            }
            guard !line.contains(0), String(validating: line, as: UTF8.self) != nil else {
                if let kind = ForeignFile.kind(start) { throw .foreign(path, "it is \(kind)") }
                throw fault("is not text in UTF-8; write one label a line, and save it as UTF-8")
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
                    "is longer than \(Self.labelByteCountMax) bytes; write one label a line")
            }
        }
        guard !texts.values.isEmpty else {
            throw .malformed(path, "it is empty; write one label a line")
        }
        self.init(path, texts)
        if case .texts(let names) = labels {
            let numbers = names.compactMap { Int128($0) }
            if numbers.map({ String($0) }) == names {
                self.init(path, .integers(numbers), places)
            }
        }
    }

    private init(_ path: String, _ labels: Labels, _ places: [Int]) {
        self.path = path
        self.labels = labels
        self.places = places
    }

    private init(_ path: String, _ texts: Distinct<[UInt8]>) {
        let names = texts.values.map { String(decoding: $0, as: UTF8.self) }
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
