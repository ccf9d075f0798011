import Formats

/// Reads the binary version of CIFAR-10.
///
/// Format: records of a label byte and 3,072 pixel bytes, channel by channel (red, green, blue),
/// each row by row; 10,000 records a file (A. Krizhevsky, "The CIFAR-10 dataset").
enum CIFARReader {
    static let shape = ImageShape(channelCount: 3, height: 32, width: 32)
    private static let recordByteCount = 1 + shape.pixelCount
    /// Records read at once, 0.8 MB: what reading needs besides the pixels themselves.
    private static let blockRecordCount = 256

    /// The images and labels of several files, one after another.
    ///
    /// - Parameter recordCount: what each file must hold. The format does not say it, and a file
    ///   cut at the end of a record would pass for a whole one.
    static func read(
        _ paths: [String], recordCount: Int, classCount: Int
    ) throws -> LabeledImages {
        var pixels: [UInt8] = []
        var labels: [Int] = []
        for (index, path) in paths.enumerated() {
            try refuseOtherKinds(path)
            var reader = try ByteReader(path)
            let (byteCount, overflows) = recordCount.multipliedReportingOverflow(
                by: recordByteCount)
            guard !overflows, byteCount <= reader.contentByteCountMax else {
                throw FormatError.truncated(
                    path, byte: reader.fileByteCount,
                    expected: "too short for \(recordCount) records of \(recordByteCount) bytes")
            }
            if index == 0 {
                // Known to fit in the first file; the others have its size or are refused.
                pixels.reserveCapacity(paths.count * recordCount * shape.pixelCount)
                labels.reserveCapacity(paths.count * recordCount)
            }
            try append(
                &reader, recordCount: recordCount, classCount: classCount, pixels: &pixels,
                labels: &labels)
        }
        return LabeledImages(shape: shape, pixels: pixels, labels: labels)
    }

    /// The names of `batches.meta.txt`, one a line.
    static func readClassNames(_ path: String, classCount: Int) throws -> [String] {
        let byteCountMax = 4096
        var reader = try ByteReader(path)
        let bytes = try reader.readUpTo(byteCountMax)
        try reader.expectEnd(after: "the \(byteCountMax) bytes that class names may take")
        let names = TextLines.of(String(decoding: bytes, as: UTF8.self))
            .map { line in
                // Without the blanks around a name.
                let start = line.drop { $0.isWhitespace }
                let end = start.lastIndex { !$0.isWhitespace }
                return String(end.map { start[...$0] } ?? "")
            }
            .filter { !$0.isEmpty }
        guard names.count == classCount else {
            throw DatasetError.countMismatch(
                "\(path) names \(names.count) classes and not \(classCount); write one a line, or "
                    + "remove the file to use the known names")
        }
        return names
    }

    private static func append(
        _ reader: inout ByteReader, recordCount: Int, classCount: Int, pixels: inout [UInt8],
        labels: inout [Int]
    ) throws {
        let firstRow = labels.count
        var done = 0
        while done < recordCount {
            let count = min(blockRecordCount, recordCount - done)
            let block = try reader.read(
                count: count * recordByteCount,
                or: "before the end of its \(recordCount) records of \(recordByteCount) bytes")
            for record in 0..<count {
                let first = record * recordByteCount
                labels.append(Int(block[first]))
                pixels.append(contentsOf: block[first + 1..<first + recordByteCount])
            }
            done += count
        }
        try reader.expectEnd(
            after: "its \(recordCount) records of \(recordByteCount) bytes")
        try DatasetError.refuseLabelsOutOfRange(
            Array(labels[firstRow...]), in: reader.path, classCount: classCount
        ) { $0 * recordByteCount }
    }

    /// Archives and such: the format itself has no mark, and any byte below 10 may begin it.
    private static func refuseOtherKinds(_ path: String) throws {
        var reader = try ByteReader(path)
        let start = try reader.readUpTo(1)
        if let first = start.first, first >= 10 { try reader.refuseOtherKinds(after: start) }
    }
}
