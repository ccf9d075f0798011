import Formats
import Numerics

/// Reads the IDX files of MNIST and Fashion-MNIST, plain or gzip.
///
/// Format: big-endian magic (0x0000'0801 for labels, 0x0000'0803 for images), one 32-bit size a
/// dimension, then bytes (Y. LeCun, "The MNIST database of handwritten digits").
enum IDXReader {
    private static let imagesMagic: UInt32 = 0x803
    private static let labelsMagic: UInt32 = 0x801
    /// No image wider or higher is read, so that sizes from a header multiply without overflow.
    private static let sideMax = 4096
    /// No file with more pixels is read; MNIST has 47 million.
    private static let byteCountMax = 1 << 31

    /// The images and labels of two files.
    static func read(
        images imagesPath: String, labels labelsPath: String, classCount: Int
    ) throws -> LabeledImages {
        let (shape, pixels) = try readImages(imagesPath)
        let labels = try readLabels(labelsPath, classCount: classCount)
        let imageCount = pixels.count / shape.pixelCount
        guard imageCount == labels.count else {
            throw DatasetError.countMismatch(
                "\(imagesPath) has \(imageCount.counted("image")) and \(labelsPath) has \(labels.count.counted("label"))"
                    + "; use two files that belong together")
        }
        return LabeledImages(shape: shape, pixels: pixels, labels: labels)
    }

    /// `[sample, row, column]`, and the shape of a sample.
    private static func readImages(
        _ path: String
    ) throws -> (shape: ImageShape, pixels: [UInt8]) {
        var reader = try ByteReader(path)
        let header = try readHeader(&reader, magic: imagesMagic, sizeCount: 3, kind: "images")
        let count = header[0]
        for (index, side) in header.enumerated().dropFirst() {
            guard (1...sideMax).contains(side) else {
                throw DatasetError.wrongSize(
                    path, byte: 4 + 4 * index,
                    "images with a side of \(side) pixels, not 1 to \(sideMax),")
            }
        }
        let shape = ImageShape(channelCount: 1, height: header[1], width: header[2])
        // At most 2^32 * 2^24: no overflow.
        let byteCount = count * shape.pixelCount
        let what = "\(count.counted("image")) of \(shape.height)x\(shape.width)"
        try check(&reader, headerByteCount: 16, byteCount: byteCount, what: what)
        let pixels = try reader.read(
            count: byteCount, or: "before the end of the \(what) it claims to have")
        try reader.expectEnd(after: "its \(what)")
        return (shape, pixels)
    }

    private static func readLabels(
        _ path: String, classCount: Int
    ) throws -> [Int] {
        var reader = try ByteReader(path)
        let count = try readHeader(&reader, magic: labelsMagic, sizeCount: 1, kind: "labels")[0]
        let what = count.counted("label")
        try check(&reader, headerByteCount: 8, byteCount: count, what: what)
        let labels = try reader.read(
            count: count, or: "before the end of the \(what) it claims to have")
        try reader.expectEnd(after: "its \(what)")
        let classes = labels.map(Int.init)
        try DatasetError.refuseLabelsOutOfRange(classes, in: path, classCount: classCount) {
            8 + $0
        }
        return classes
    }

    /// Checks the magic and returns the sizes after it.
    private static func readHeader(
        _ reader: inout ByteReader, magic: UInt32, sizeCount: Int, kind: String
    ) throws -> [Int] {
        let expected = "inside the header of an IDX file of \(kind)"
        let start = try reader.read(count: 4, or: expected)
        let found = bigEndian(start[...])
        guard found == magic else {
            try reader.refuseOtherKinds(after: start)
            throw DatasetError.wrongMagic(reader.path, found: found, expected: magic, kind: kind)
        }
        let sizes = try reader.read(count: 4 * sizeCount, or: expected)
        return (0..<sizeCount).map { Int(bigEndian(sizes[4 * $0..<4 * $0 + 4])) }
    }

    /// Refuses sizes the file cannot hold, before anything is allocated for them.
    private static func check(
        _ reader: inout ByteReader, headerByteCount: Int, byteCount: Int, what: String
    ) throws {
        guard byteCount > 0 else {
            throw DatasetError.wrongSize(reader.path, byte: 4, "\(what), which is none,")
        }
        guard byteCount <= byteCountMax else {
            throw DatasetError.wrongSize(
                reader.path, byte: 4, "\(what), more than the \(byteCountMax) bytes allowed,")
        }
        let end = headerByteCount + byteCount
        if reader.isCompressed {
            guard end <= reader.contentByteCountMax else {
                throw DatasetError.wrongSize(
                    reader.path, byte: 4,
                    "\(what), more than its \(reader.fileByteCount) gzip bytes can hold,")
            }
        } else if reader.fileByteCount < end {
            throw FormatError.truncated(
                reader.path, byte: reader.fileByteCount,
                expected: "before the end of the \(what) it claims to have")
        } else if reader.fileByteCount > end {
            throw FormatError.trailingBytes(reader.path, byte: end, what: "its \(what)")
        }
    }

    private static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }
}
