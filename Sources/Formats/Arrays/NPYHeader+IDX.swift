extension NPYHeader {
    /// Whether bytes begin as those of an IDX file do: two zeros, a type, and a count of axes.
    package static func isIDX(_ start: [UInt8]) -> Bool {
        start.count >= 4 && start[0] == 0 && start[1] == 0 && idxElements[start[2]] != nil
            && (1...4).contains(start[3])
    }

    /// Reads the header of an IDX file: its values are big-endian, the last axis varying fastest.
    ///
    /// - Throws: ``FormatError`` that names the file.
    init(idx reader: inout ByteReader) throws(FormatError) {
        let ending = "inside the header of an IDX file"
        let start = try reader.read(count: 4, or: ending)
        guard Self.isIDX(start), let (element, descr) = Self.idxElements[start[2]] else {
            throw .malformed(reader.path, "it does not begin as an IDX file does")
        }
        let sizes = try reader.read(count: 4 * Int(start[3]), or: ending)
        let shape = (0..<Int(start[3])).map { axis in
            sizes[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) }
        }
        self.init(element, isBigEndian: true, shape: shape, descr: descr, format: "IDX file")
        var byteCount = element.byteCount
        for size in shape.sorted(by: >) {
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
            guard !overflow else { throw fault(reader.path, "its shape is too large for any file") }
            byteCount = product
        }
    }

    // Y. LeCun, "The MNIST database of handwritten digits".
    /// What values are, by the third byte.
    private static let idxElements: [UInt8: (NPYElement, descr: String)] = [
        0x08: (.unsigned(byteCount: 1), "bytes"), 0x09: (.signed(byteCount: 1), "signed bytes"),
        0x0B: (.signed(byteCount: 2), "shorts"), 0x0C: (.signed(byteCount: 4), "ints"),
        0x0D: (.float(byteCount: 4), "floats"), 0x0E: (.float(byteCount: 8), "doubles"),
    ]
}

extension NPYReader {
    /// Reads the header of an IDX file.
    ///
    /// - Throws: ``FormatError`` as ``init(_:readsBfloat16:)``.
    package init(idx reader: consuming ByteReader) throws(FormatError) {
        var bytes = reader
        let header = try NPYHeader(idx: &bytes)
        try self.init(header, bytes)
    }

    /// Records of so many bytes without a header, a row each.
    ///
    /// - Throws: ``FormatError`` that names the file, where its bytes are no whole number of records.
    package init(
        records reader: consuming ByteReader, byteCount: Int, format: String
    ) throws(FormatError) {
        let rowCount = (reader.contentByteCount ?? 0) / byteCount
        try self.init(
            NPYHeader(
                .unsigned(byteCount: 1), shape: [rowCount, byteCount], descr: "bytes",
                format: format), reader)
    }
}
