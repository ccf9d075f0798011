/// What a value of an array is.
package enum NPYElement: Hashable, Sendable {
    /// A floating-point number of 2, 4 or 8 bytes.
    case float(byteCount: Int)
    /// The upper half of a float32: bfloat16.
    case bfloat16
    /// A whole number of 1, 2, 4 or 8 bytes, in two's complement.
    case signed(byteCount: Int)
    /// A whole number of 1, 2, 4 or 8 bytes, at least 0.
    case unsigned(byteCount: Int)
    /// A byte that is 0 or 1.
    case boolean
    /// Text of so many code points, 4 bytes each, with zeros after its end.
    case text(length: Int)
    /// Text of so many bytes, with zeros after its end.
    case bytes(length: Int)

    /// The bytes of one value.
    package var byteCount: Int {
        switch self {
        case .float(let count), .signed(let count), .unsigned(let count), .bytes(let count): count
        case .boolean: 1
        case .bfloat16: 2
        case .text(let length): 4 * length
        }
    }
}

/// What the values of an array in a file are, and how they lie; for most, the header of an NPY file.
///
/// That format is NumPy's `numpy/lib/format.py`: a magic, a version, the length of a header that is
/// a Python dictionary of three keys, each once, in any order. Versions 1, 2 and 3 are read.
package struct NPYHeader: Sendable, Equatable {
    /// What a value is.
    package let element: NPYElement
    /// Whether the bytes of a value come with the most significant first.
    package let isBigEndian: Bool
    /// Whether the first axis varies fastest, rather than the last.
    package let isFortranOrder: Bool
    /// Size of each axis, outermost first; empty for a single value.
    package let shape: [Int]

    /// How the element type is written, as in `<f4`.
    let descr: String
    /// What kind of file the array is in, for messages.
    let format: String

    /// How many values there are.
    package var valueCount: Int { shape.reduce(1, *) }
    /// The bytes of all values; no overflow, which was checked.
    package var byteCount: Int { valueCount * element.byteCount }

    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// Longer headers than NumPy itself trusts by far.
    private static let byteCountMax = 1 << 20
    private static let axisCountMax = 64

    /// An array in C order of another kind of file, whose bytes are known to fit 62 bits.
    init(
        _ element: NPYElement, isBigEndian: Bool = false, shape: [Int], descr: String,
        format: String
    ) {
        self.element = element
        self.isBigEndian = isBigEndian
        isFortranOrder = false
        self.shape = shape
        self.descr = descr
        self.format = format
    }

    /// Reads the header at the start of a file.
    ///
    /// - Parameter readsBfloat16: whether values of two bytes without a name are bfloat16.
    /// - Throws: ``FormatError`` for anything but a header of one of the types that are read.
    init(_ reader: inout ByteReader, readsBfloat16: Bool) throws(FormatError) {
        let start = try reader.readUpTo(8)
        guard start.starts(with: Self.magic), start.count == 8 else {
            try reader.refuseOtherKinds(after: start)
            throw Self.fault(
                reader.path, "it does not begin as an NPY file does; write it with np.save")
        }
        let lengthByteCount: Int
        switch start[6] {
        case 1: lengthByteCount = 2
        case 2, 3: lengthByteCount = 4
        default:
            throw Self.fault(
                reader.path, "its version is \(start[6]).\(start[7]); versions 1.0 to 3.0 are read")
        }
        let ending = "inside the header of an NPY file"
        let length = try reader.read(count: lengthByteCount, or: ending)
            .reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= min(Self.byteCountMax, reader.contentByteCountMax - reader.offset) else {
            throw Self.fault(
                reader.path,
                "a header of \(length) bytes does not fit its \(reader.fileByteCount) bytes; get the file again"
            )
        }
        var parser = NPYHeaderParser(try reader.read(count: length, or: ending), reader.path)
        try parser.parse()
        guard let descr = parser.descr, let isFortranOrder = parser.isFortranOrder,
            let shape = parser.shape
        else { throw Self.fault(reader.path, "its header lacks descr, fortran_order or shape") }
        self.descr = descr
        self.isFortranOrder = isFortranOrder
        self.shape = shape
        format = "NPY file"
        (element, isBigEndian) = try Self.element(descr, reader.path, readsBfloat16)
        guard shape.count <= Self.axisCountMax else {
            throw Self.fault(reader.path, "it has \(shape.count) axes, more than any array")
        }
        var byteCount = element.byteCount
        // Zeros last, so that no product of the others is hidden.
        for size in shape.sorted(by: >) {
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
            guard !overflow else {
                throw Self.fault(reader.path, "its shape is too large for any file")
            }
            byteCount = product
        }
    }

    /// An error that names the file and its kind.
    func fault(_ path: String, _ what: String) -> FormatError {
        .malformed("\(path): \(format)", what)
    }

    static func fault(_ path: String, _ what: String) -> FormatError {
        .malformed("\(path): NPY file", what)
    }

    private static func element(
        _ descr: String, _ path: String, _ readsBfloat16: Bool
    ) throws(FormatError) -> (NPYElement, isBigEndian: Bool) {
        let order = descr.first
        let kind = descr.dropFirst().first
        let digits = descr.dropFirst(2)
        let size = digits.allSatisfy { $0.isASCII && $0.isNumber } ? Int(digits) : nil
        if let size, let order, "<>|=".contains(order), (1...1 << 24).contains(size) {
            var found: NPYElement?
            switch kind {
            case "f" where [2, 4, 8].contains(size): found = .float(byteCount: size)
            case "i" where [1, 2, 4, 8].contains(size): found = .signed(byteCount: size)
            case "u" where [1, 2, 4, 8].contains(size): found = .unsigned(byteCount: size)
            case "b" where size == 1: found = .boolean
            case "U": found = .text(length: size)
            case "S": found = .bytes(length: size)
            case "V" where size == 2 && readsBfloat16: return (.bfloat16, order == ">")
            default: break
            }
            if let found, order != "|" || found.byteCount == 1 || kind == "S" {
                return (found, order == ">")
            }
        }
        if kind == "V", let size, size <= 2 {
            throw fault(
                path,
                "its values are \(descr), probably \(size == 2 ? "bfloat16" : "an 8-bit float") from ml_dtypes, which NumPy writes without its name; \(size == 2 ? "say --dtype bf16 if they are, or " : "")save x.astype(np.float32)"
            )
        }
        if kind == "O" || kind == "T" {
            throw fault(
                path,
                "it holds Python objects, which allow_pickle arrays are and which are not read; save np.array(y, dtype=str), or numbers as np.float32"
            )
        }
        throw fault(
            path,
            "its values are of an unknown dtype \(descr); save numbers as x.astype(np.float32), and labels as integers or np.array(y, dtype=str)"
        )
    }
}

/// The dictionary of an NPY header.
private struct NPYHeaderParser {
    private(set) var descr: String?
    private(set) var isFortranOrder: Bool?
    private(set) var shape: [Int]?
    private let path: String
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8], _ path: String) {
        self.bytes = bytes
        self.path = path
    }

    mutating func parse() throws(FormatError) {
        try expect("{")
        while !take("}") {
            let key = try parseString()
            try expect(":")
            switch key {
            case "descr" where descr == nil:
                if take("[") {
                    throw fault("its values have named fields; save each field as its own array")
                }
                descr = try parseString()
            case "fortran_order" where isFortranOrder == nil:
                if take("False") {
                    isFortranOrder = false
                } else {
                    try expect("True")
                    isFortranOrder = true
                }
            case "shape" where shape == nil: shape = try parseShape()
            default: throw fault("its header has an unknown or second \(key)")
            }
            if !take(",") {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard index == bytes.count else { throw fault("its header does not end") }
    }

    private mutating func parseString() throws(FormatError) -> String {
        let quote = take("'") ? UInt8(ascii: "'") : UInt8(ascii: "\"")
        if quote == UInt8(ascii: "\"") { try expect("\"") }
        guard let end = bytes[index...].firstIndex(of: quote) else {
            throw fault("a string of its header does not end")
        }
        defer { index = end + 1 }
        guard bytes[index..<end].allSatisfy({ (0x20..<0x7F).contains($0) }) else {
            throw fault("a string of its header is not ASCII")
        }
        return String(decoding: bytes[index..<end], as: UTF8.self)
    }

    private mutating func parseShape() throws(FormatError) -> [Int] {
        try expect("(")
        var sizes: [Int] = []
        while !take(")") {
            skipSpace()
            let digits = bytes[index...].prefix { (0x30...0x39).contains($0) }
            guard let size = Int(String(decoding: digits, as: UTF8.self)) else {
                throw fault("its shape is not of whole numbers")
            }
            index = digits.endIndex
            sizes.append(size)
            if !take(",") {
                try expect(")")
                break
            }
        }
        return sizes
    }

    private func fault(_ what: String) -> FormatError {
        NPYHeader.fault(path, what + "; write it again with np.save")
    }

    private mutating func expect(_ text: String) throws(FormatError) {
        guard take(text) else { throw fault("its header lacks \(text)") }
    }

    /// Steps over white space, and over `text` if it comes next.
    private mutating func take(_ text: String) -> Bool {
        skipSpace()
        guard bytes[index...].starts(with: text.utf8) else { return false }
        index += text.utf8.count
        return true
    }

    private mutating func skipSpace() {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }
}
