package import Numerics

/// NPY files of the two kinds a run saves: float32 `[row, column]` and int64 `[row]`.
///
/// Written as version 1.0 with the data at a multiple of 64. ``NPYReader`` reads any other kind.
package enum NPY {
    /// Writes rows as little-endian float32, some at a time.
    ///
    /// - Throws: ``FormatError`` for a file that cannot be written, or rows that cannot be read.
    package static func write(_ rows: any FeatureRows, to path: String) throws(FormatError) {
        let header = header("<f4", shape: [rows.rowCount, rows.columnCount])
        try AtomicFile.write(to: path) { (output) throws(FormatError) in
            try output.append(header)
            do {
                try unsafe rows.forEachBlock { _, values in
                    try unsafe output.append(UnsafeRawBufferPointer(values))
                }
            } catch {
                throw error as? FormatError ?? .cannotRead(rows.name, "\(error)")
            }
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

    /// The matrix of a file.
    ///
    /// - Throws: ``FormatError`` that names the file, unless it is a whole file as it is written
    ///   here.
    package static func readMatrix(_ source: ByteSource) throws(FormatError) -> Matrix {
        var reader = try open(source, descr: "<f4", axisCount: 2)
        let shape = reader.header.shape
        return shape.contains(0)
            ? Matrix(rowCount: shape[0], columnCount: shape[1]) : try reader.matrix()
    }

    /// The labels of a file.
    ///
    /// - Throws: ``FormatError`` that names the file, unless it is a whole file as it is written
    ///   here.
    package static func readLabels(_ source: ByteSource) throws(FormatError) -> [Int] {
        var reader = try open(source, descr: "<i8", axisCount: 1)
        var labels: [Int] = []
        labels.reserveCapacity(reader.rowCount)
        try unsafe reader.forEachBlock { (_, raw) throws(FormatError) in
            for start in stride(from: 0, to: raw.count, by: 8) {
                labels.append(unsafe raw.loadUnaligned(fromByteOffset: start, as: Int.self))
            }
        }
        return labels
    }

    private static func open(
        _ source: ByteSource, descr: String, axisCount: Int
    ) throws(FormatError) -> NPYReader {
        let reader = try NPYReader(ByteReader(source))
        guard reader.header.descr == descr else {
            throw reader.fault("its values are \(reader.header.descr), where \(descr) is needed")
        }
        guard !reader.header.isFortranOrder else {
            throw reader.fault("it is in Fortran order; save it with numpy.ascontiguousarray")
        }
        guard reader.header.shape.count == axisCount else {
            throw reader.fault("it has not \(axisCount) dimensions")
        }
        return reader
    }

    /// The start of a file whose values follow, little-endian and in C order.
    ///
    /// - Parameters:
    ///   - descr: NumPy's name of their type, as `<f4`.
    ///   - byteCountMin: how long it is at least, with blanks: of a header that may be written again.
    package static func header(
        _ descr: String, shape: [Int], byteCountMin: Int = 0
    ) -> [UInt8] {
        let sizes =
            shape.map { String($0) }.joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var text = Array(
            "{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(sizes)), }".utf8)
        // Ten bytes come before the text, and a newline ends it.
        while (10 + text.count + 1) % 64 != 0 || 10 + text.count + 1 < byteCountMin {
            text.append(UInt8(ascii: " "))
        }
        text.append(UInt8(ascii: "\n"))
        return NPYHeader.magic + [1, 0, UInt8(text.count & 0xFF), UInt8(text.count >> 8)] + text
    }
}
