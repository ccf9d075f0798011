import Numerics

/// The JSON header of a safetensors file, read strictly.
///
/// A reader of our own, because Foundation's keeps the last of two equal keys in silence and reads
/// numbers as floating point. The grammar is all the format needs: an object of objects, whose
/// values are strings, or lists of whole numbers.
struct SafetensorsHeader {
    /// One tensor.
    struct Entry {
        let name: String
        let dtype: String
        /// What a value is; nil for a dtype that is not read.
        let element: NPYElement?
        let shape: [Int]
        /// Bytes from the start of the data.
        let begin: Int
        let end: Int
    }

    private(set) var metadata: [String: String] = [:]
    private(set) var entries: [Entry] = []
    private let bytes: ArraySlice<UInt8>
    private var index: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    /// Reads the whole header.
    mutating func parse() throws(FormatError) {
        guard bytes.first == UInt8(ascii: "{") else { throw fault("it does not begin with {") }
        var names: Set<String> = []
        try parseObject { (parser, name) throws(FormatError) in
            guard names.insert(name).inserted else { throw parser.fault("\(name) is given twice") }
            if name == Safetensors.metadataKey {
                try parser.parseMetadata()
            } else {
                try parser.parseEntry(name)
            }
        }
        skipSpace()
        guard index == bytes.endIndex else { throw fault("something follows its end") }
    }

    private mutating func parseMetadata() throws(FormatError) {
        var result: [String: String] = [:]
        try parseObject { (parser, key) throws(FormatError) in
            let value = try parser.parseString()
            guard result.updateValue(value, forKey: key) == nil else {
                throw parser.fault("metadata \(key) is given twice")
            }
        }
        metadata = result
    }

    private mutating func parseEntry(_ name: String) throws(FormatError) {
        var dtype: String?
        var shape: [Int]?
        var offsets: [Int]?
        try parseObject { (parser, key) throws(FormatError) in
            switch key {
            case "dtype" where dtype == nil: dtype = try parser.parseString()
            case "shape" where shape == nil: shape = try parser.parseNumbers()
            case "data_offsets" where offsets == nil: offsets = try parser.parseNumbers()
            default: throw parser.fault("\(name) has an unknown or second \(key)")
            }
        }
        guard let dtype, let shape, let offsets else {
            throw fault("\(name) lacks dtype, shape or data_offsets")
        }
        let element = Self.elements[dtype]
        var byteCount = element?.byteCount ?? 1
        for size in shape {
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
            guard !overflow else { throw fault("\(name) has a shape too large for any file") }
            byteCount = product
        }
        guard offsets.count == 2, offsets[0] <= offsets[1],
            element == nil || offsets[1] - offsets[0] == byteCount
        else {
            throw fault(
                "\(name) has data_offsets \(offsets), but its shape needs \(byteCount.counted("byte"))"
            )
        }
        entries.append(
            Entry(
                name: name, dtype: dtype, element: element, shape: shape, begin: offsets[0],
                end: offsets[1]))
    }

    private static let elements: [String: NPYElement] = [
        "F16": .float(byteCount: 2), "F32": .float(byteCount: 4), "F64": .float(byteCount: 8),
        "BF16": .bfloat16, "BOOL": .boolean,
        "I8": .signed(byteCount: 1), "I16": .signed(byteCount: 2),
        "I32": .signed(byteCount: 4), "I64": .signed(byteCount: 8),
        "U8": .unsigned(byteCount: 1), "U16": .unsigned(byteCount: 2),
        "U32": .unsigned(byteCount: 4), "U64": .unsigned(byteCount: 8),
    ]

    private func fault(_ what: String) -> FormatError {
        .malformed("safetensors", "its header is wrong near byte \(index): \(what)")
    }
}

extension SafetensorsHeader {
    private mutating func parseObject(
        _ member: (inout SafetensorsHeader, String) throws(FormatError) -> Void
    ) throws(FormatError) {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try parseString()
            try expect(":")
            try member(&self, key)
        } while take(",")
        try expect("}")
    }

    private mutating func parseNumbers() throws(FormatError) -> [Int] {
        try expect("[")
        var result: [Int] = []
        if take("]") { return result }
        repeat { result.append(try parseNumber()) } while take(",")
        try expect("]")
        return result
    }

    private mutating func parseNumber() throws(FormatError) -> Int {
        skipSpace()
        let digits = bytes[index...].prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        index = digits.endIndex
        guard let value = Int(String(decoding: digits, as: UTF8.self)),
            digits.count == 1 || digits.first != UInt8(ascii: "0")
        else { throw fault("a whole number is expected") }
        return value
    }

    private mutating func parseString() throws(FormatError) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while index < bytes.endIndex {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw fault("a string is not UTF-8")
                }
                return result
            case UInt8(ascii: "\\"): text.append(contentsOf: try parseEscape())
            case 0..<0x20: throw fault("a string holds a control character")
            default: text.append(byte)
            }
        }
        throw fault("a string does not end")
    }

    private mutating func parseEscape() throws(FormatError) -> String.UTF8View {
        guard index < bytes.endIndex else { throw fault("a string does not end") }
        let byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""): return "\"".utf8
        case UInt8(ascii: "\\"): return "\\".utf8
        case UInt8(ascii: "/"): return "/".utf8
        case UInt8(ascii: "b"): return "\u{8}".utf8
        case UInt8(ascii: "f"): return "\u{C}".utf8
        case UInt8(ascii: "n"): return "\n".utf8
        case UInt8(ascii: "r"): return "\r".utf8
        case UInt8(ascii: "t"): return "\t".utf8
        case UInt8(ascii: "u"):
            var units = [try parseHexadecimal()]
            if UTF16.isLeadSurrogate(units[0]), bytes[index...].starts(with: "\\u".utf8) {
                index += 2
                units.append(try parseHexadecimal())
            }
            guard let text = String(validating: units, as: UTF16.self) else {
                throw fault("an escape is half a surrogate pair")
            }
            return text.utf8
        default: throw fault("an escape is unknown")
        }
    }

    private mutating func parseHexadecimal() throws(FormatError) -> UInt16 {
        let digits = bytes[index...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw fault("an escape lacks its four digits") }
        index += 4
        return value
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(FormatError) {
        guard take(character) else { throw fault("\(character) is expected") }
    }

    /// Steps over white space, and over `character` if it comes next.
    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard index < bytes.endIndex, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < bytes.endIndex, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }
}
