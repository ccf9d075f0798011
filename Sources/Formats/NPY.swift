package import Numerics

/// NPY files of the two kinds a run saves: float32 `[row, column]` and int64 `[row]`.
///
/// The format is NumPy's `numpy/lib/format.py`: a magic, a version, the length of a header that is
/// a Python dictionary, and the values. Written as version 1.0 with the data at a multiple of 64.
/// Pickled objects are never read.
package enum NPY {
    /// Writes a matrix as little-endian float32.
    package static func write(_ matrix: Matrix, to path: String) throws(FormatError) {
        let header = header("<f4", shape: [matrix.rowCount, matrix.columnCount])
        try AtomicFile.write(to: path) { (output) throws(FormatError) in
            try output.append(header)
            try output.append(matrix.values)
        }
    }

    /// Writes labels as little-endian int64.
    package static func write(labels: [Int], to path: String) throws(FormatError) {
        try AtomicFile.write(encode(labels: labels), to: path)
    }

    /// The bytes of a matrix' file.
    package static func encode(_ matrix: Matrix) -> [UInt8] {
        var bytes = header("<f4", shape: [matrix.rowCount, matrix.columnCount])
        unsafe matrix.values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        return bytes
    }

    /// The bytes of a file of labels.
    package static func encode(labels: [Int]) -> [UInt8] {
        var bytes = header("<i8", shape: [labels.count])
        let values = labels.map { Int64($0).littleEndian }
        unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        return bytes
    }

    /// The matrix of a file's bytes.
    ///
    /// - Throws: ``FormatError`` unless they are a whole file of float32 in two dimensions.
    package static func decodeMatrix(_ bytes: [UInt8]) throws(FormatError) -> Matrix {
        let (shape, data) = try decode(bytes, descr: "<f4", dimensionCount: 2, valueByteCount: 4)
        let count = shape[0] * shape[1]
        let values = unsafe [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe data.withUnsafeBytes {
                unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: $0.prefix(count * 4)))
            }
            initialized = count
        }
        return Matrix(rowCount: shape[0], columnCount: shape[1], values: values)
    }

    /// The labels of a file's bytes.
    ///
    /// - Throws: ``FormatError`` unless they are a whole file of int64 in one dimension.
    package static func decodeLabels(_ bytes: [UInt8]) throws(FormatError) -> [Int] {
        let (shape, data) = try decode(bytes, descr: "<i8", dimensionCount: 1, valueByteCount: 8)
        return (0..<shape[0]).map { row in
            let start = data.startIndex + row * 8
            let bits = (0..<8).reduce(UInt64(0)) { $0 | UInt64(data[start + $1]) << UInt64(8 * $1) }
            return Int(Int64(bitPattern: bits))
        }
    }

    /// Reads a matrix.
    package static func readMatrix(_ path: String) throws(FormatError) -> Matrix {
        let bytes = try FileSystem.read(path, byteCountMax: byteCountMax)
        do throws(FormatError) {
            return try decodeMatrix(bytes)
        } catch {
            throw error.located(in: path)
        }
    }

    /// Reads labels.
    package static func readLabels(_ path: String) throws(FormatError) -> [Int] {
        let bytes = try FileSystem.read(path, byteCountMax: byteCountMax)
        do throws(FormatError) {
            return try decodeLabels(bytes)
        } catch {
            throw error.located(in: path)
        }
    }
}

extension NPY {
    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    private static let byteCountMax = 64 << 30

    private static func header(_ descr: String, shape: [Int]) -> [UInt8] {
        let sizes =
            shape.map { String($0) }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var text = Array(
            "{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(sizes)), }".utf8)
        // Ten bytes come before the text, and a newline ends it.
        while (10 + text.count + 1) % 64 != 0 { text.append(UInt8(ascii: " ")) }
        text.append(UInt8(ascii: "\n"))
        return magic + [1, 0, UInt8(text.count & 0xFF), UInt8(text.count >> 8)] + text
    }

    private static func decode(
        _ bytes: [UInt8], descr: String, dimensionCount: Int, valueByteCount: Int
    ) throws(FormatError) -> (shape: [Int], data: ArraySlice<UInt8>) {
        guard bytes.count >= 12, bytes.starts(with: magic) else {
            throw fault("it does not begin as an NPY file does")
        }
        let lengthByteCount: Int
        switch bytes[6] {
        case 1: lengthByteCount = 2
        case 2, 3: lengthByteCount = 4
        default: throw fault("its version is \(bytes[6]).\(bytes[7]); 1.0 to 3.0 are read")
        }
        let start = 8 + lengthByteCount
        let length = (0..<lengthByteCount).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
        guard length <= bytes.count - start else {
            throw fault("a header of \(length) bytes does not fit \(bytes.count) bytes")
        }
        var header = NPYHeader(bytes[start..<start + length])
        try header.parse()
        guard header.descr == descr else {
            throw fault("its values are \(header.descr ?? "unknown"), where \(descr) is needed")
        }
        guard header.isFortranOrder == false else {
            throw fault("it is in Fortran order; save it with numpy.ascontiguousarray")
        }
        guard let shape = header.shape, shape.count == dimensionCount else {
            throw fault("it has not \(dimensionCount) dimensions")
        }
        var byteCount = valueByteCount
        for size in shape {
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
            guard !overflow else { throw fault("its shape is too large for any file") }
            byteCount = product
        }
        let data = bytes[(start + length)...]
        guard data.count == byteCount else {
            throw fault("its shape needs \(byteCount) bytes, and it has \(data.count)")
        }
        return (shape, data)
    }

    fileprivate static func fault(_ what: String) -> FormatError {
        .malformed("NPY file", what)
    }
}

/// The header of an NPY file: a Python dictionary of three keys, each once, in any order.
private struct NPYHeader {
    private(set) var descr: String?
    private(set) var isFortranOrder: Bool?
    private(set) var shape: [Int]?
    private var rest: Substring

    init(_ bytes: ArraySlice<UInt8>) {
        rest = String(decoding: bytes, as: UTF8.self)[...]
    }

    mutating func parse() throws(FormatError) {
        try expect("{")
        while !take("}") {
            let key = try parseString()
            try expect(":")
            switch key {
            case "descr" where descr == nil: descr = try parseString()
            case "fortran_order" where isFortranOrder == nil:
                if take("False") {
                    isFortranOrder = false
                } else {
                    try expect("True")
                    isFortranOrder = true
                }
            case "shape" where shape == nil: shape = try parseShape()
            default: throw NPY.fault("its header has an unknown or second \(key)")
            }
            if !take(",") {
                try expect("}")
                break
            }
        }
        guard rest.allSatisfy(\.isWhitespace) else { throw NPY.fault("its header does not end") }
    }

    private mutating func parseString() throws(FormatError) -> String {
        let quote = take("'") ? "'" as Character : "\""
        if quote == "\"" { try expect("\"") }
        guard let end = rest.firstIndex(of: quote) else {
            throw NPY.fault("a string of its header does not end")
        }
        defer { rest = rest[rest.index(after: end)...] }
        return String(rest[..<end])
    }

    private mutating func parseShape() throws(FormatError) -> [Int] {
        try expect("(")
        var sizes: [Int] = []
        while !take(")") {
            skipSpace()
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            guard let size = Int(digits) else {
                throw NPY.fault("its shape is not of whole numbers")
            }
            rest = rest[digits.endIndex...]
            sizes.append(size)
            if !take(",") {
                try expect(")")
                break
            }
        }
        return sizes
    }

    private mutating func expect(_ text: String) throws(FormatError) {
        guard take(text) else { throw NPY.fault("its header lacks \(text)") }
    }

    private mutating func take(_ text: String) -> Bool {
        skipSpace()
        guard rest.hasPrefix(text) else { return false }
        rest = rest.dropFirst(text.count)
        return true
    }

    private mutating func skipSpace() {
        rest = rest.drop { $0.isWhitespace }
    }
}
