import Hashing
package import Numerics

/// The rows of an array that stays in its file: they are read where they are asked for.
///
/// The file is read, not mapped: pages of a mapped file count as the process's own memory.
@safe
package struct NPYRows: FeatureRows {
    /// Rows of the array: its first axis.
    package let rowCount: Int
    /// Values of a row, of all axes after the first.
    package let columnCount: Int
    /// The file, and the member of an archive.
    package let name: String
    /// Nil: they are in a file.
    package var held: Matrix? { nil }

    private let source: ByteSource
    /// The first value's place in the file.
    private let start: Int
    private let header: NPYHeader

    private static let blockByteCount = 1 << 20
    /// Rows that lie closer are read together with what is between them.
    private static let gapByteCountMax = 4 << 10

    /// - Parameters:
    ///   - header: of an array in C order of at least one number a row.
    ///   - start: where the first value is; the whole array must be in the source.
    init(
        _ source: ByteSource, name: String, _ header: NPYHeader, start: Int, rowCount: Int,
        columnCount: Int
    ) {
        self.source = source
        self.name = name
        self.start = start
        self.header = header
        self.rowCount = rowCount
        self.columnCount = columnCount
    }

    private var element: NPYElement { header.element }
    private var isBigEndian: Bool { header.isBigEndian }
    private var isAsStored: Bool { element == .float(byteCount: 4) && !isBigEndian }
    private var rowByteCount: Int { columnCount * element.byteCount }

    /// Copies rows that follow each other, converted to float32.
    ///
    /// - Throws: ``FormatError`` for a file that cannot be read, or has become shorter.
    package func copy(
        _ rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= rowCount)
        precondition(target.count == rows.count * columnCount)
        let offset = start + rows.lowerBound * rowByteCount
        if isAsStored { return try unsafe fill(UnsafeMutableRawBufferPointer(target), offset) }
        let size = element.byteCount
        let step = Self.blockByteCount / size
        let scratch = UnsafeMutableRawBufferPointer.allocate(
            byteCount: min(step, target.count) * size, alignment: 16)
        defer { unsafe scratch.deallocate() }
        for first in stride(from: 0, to: target.count, by: step) {
            let places = first..<min(first + step, target.count)
            let raw = unsafe UnsafeMutableRawBufferPointer(
                rebasing: scratch[..<(places.count * size)])
            try unsafe fill(raw, offset + first * size)
            unsafe NPYReader.decode(
                UnsafeRawBufferPointer(raw), element, isBigEndian,
                into: UnsafeMutableBufferPointer(rebasing: target[places]))
        }
    }

    /// Copies rows by their numbers, converted to float32; those that lie close to each other at once.
    ///
    /// - Throws: ``FormatError`` for a file that cannot be read, or has become shorter.
    package func copy(
        _ rows: ArraySlice<UInt32>, into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        precondition(target.count == rows.count * columnCount)
        let stepMax = 1 + Self.gapByteCountMax / rowByteCount
        let spanMax = max(1, Self.blockByteCount / (4 * columnCount))
        var scratch: FloatBuffer?
        var first = rows.startIndex
        while first < rows.endIndex {
            let base = Int(rows[first])
            var end = first + 1
            while end < rows.endIndex, rows[end] > rows[end - 1],
                Int(rows[end]) - Int(rows[end - 1]) <= stepMax, Int(rows[end]) - base < spanMax
            { end += 1 }
            let place = (first - rows.startIndex) * columnCount
            let part = unsafe UnsafeMutableBufferPointer(
                rebasing: target[place..<place + (end - first) * columnCount])
            let span = base..<Int(rows[end - 1]) + 1
            if span.count == end - first {
                try unsafe copy(span, into: part)
            } else {
                let buffer = scratch ?? FloatBuffer(unfilledCount: spanMax * columnCount)
                scratch = buffer
                try unsafe pick(rows[first..<end], from: span, buffer, into: part)
            }
            first = end
        }
    }

    /// Reads a stretch of rows, of which some are wanted.
    private func pick(
        _ rows: ArraySlice<UInt32>, from span: Range<Int>, _ buffer: FloatBuffer,
        into target: UnsafeMutableBufferPointer<Float>
    ) throws {
        try unsafe buffer.withUnsafeMutableBufferPointer { scratch in
            let read = unsafe UnsafeMutableBufferPointer(
                rebasing: scratch[..<(span.count * columnCount)])
            try unsafe copy(span, into: read)
            guard let from = read.baseAddress, let to = target.baseAddress else { return }
            for (place, row) in rows.enumerated() {
                unsafe (to + place * columnCount).update(
                    from: from + (Int(row) - span.lowerBound) * columnCount, count: columnCount)
            }
        }
    }

    /// The SHA-256 of the whole file, once all values of the array are known to be finite: one pass from
    /// its first byte to its last.
    ///
    /// - Parameter onBlock: called before a block is read, with the share of the file that is done; may
    ///   throw.
    /// - Throws: ``FormatError`` that names row and column of the first value that is not finite as a
    ///   float32, or for a file that cannot be read; what `onBlock` throws.
    package func checkedSHA256(
        onBlock: (_ share: Double) throws(FormatError) -> Void = { _ in }
    ) throws(FormatError) -> [UInt8] {
        var hash = SHA256()
        let size = element.byteCount
        let end = start + rowCount * rowByteCount
        let step = Self.blockByteCount / size * size
        // Values begin a block, so that none is cut.
        let marks =
            Array(stride(from: 0, to: start, by: step)) + stride(from: start, to: end, by: step)
            + stride(from: end, to: source.byteCount, by: step) + [source.byteCount]
        for (first, next) in zip(marks, marks.dropFirst()) {
            try onBlock(Double(first) / Double(source.byteCount))
            let block = try source.bytes(in: first..<next)
            guard block.count == next - first else { throw changed }
            hash.update(block)
            guard first >= start, first < end else { continue }
            if let place = unsafe block.withUnsafeBytes({ unsafe firstNotFinite($0) }) {
                let index = (first - start) / size + place
                throw header.notFinite(
                    name, row: index / columnCount, column: index % columnCount)
            }
        }
        return hash.finalize()
    }

    /// The first value that is not finite among those stored in some bytes.
    private func firstNotFinite(_ raw: UnsafeRawBufferPointer) -> Int? {
        guard element != .float(byteCount: 4) || isBigEndian else {
            return unsafe NPYReader.firstNotFinite(raw.bindMemory(to: Float.self))
        }
        switch element {
        case .float, .bfloat16: break
        case .signed, .unsigned, .boolean, .text, .bytes: return nil
        }
        let values = FloatBuffer(unfilledCount: raw.count / element.byteCount)
        return unsafe values.withUnsafeMutableBufferPointer { target in
            unsafe NPYReader.decode(raw, element, isBigEndian, into: target)
            return unsafe NPYReader.firstNotFinite(UnsafeBufferPointer(target))
        }
    }

    private var changed: FormatError {
        .malformed(
            name, "it changed while it was read; start again, once nothing writes to it any more")
    }

    private func fill(
        _ target: UnsafeMutableRawBufferPointer, _ offset: Int
    ) throws(FormatError) {
        guard try unsafe source.read(at: offset, into: target) == target.count else {
            throw changed
        }
    }
}

extension NPYReader {
    /// The array as rows that stay in the file; nil where its rows do not lie there one after the other
    /// as numbers: compressed, in Fortran order, of text, of less than two axes, or empty.
    ///
    /// Their values are not looked at: ``NPYRows/checkedSHA256()`` does.
    package var rowsInPlace: NPYRows? {
        let isNumber =
            switch header.element {
            case .float, .bfloat16, .signed, .unsigned, .boolean: true
            case .text, .bytes: false
            }
        guard isNumber, !header.isFortranOrder, header.shape.count >= 2,
            header.valueCount > 0, let place = bytes.place
        else { return nil }
        return NPYRows(
            place.source, name: path, header, start: place.offset, rowCount: rowCount,
            columnCount: columnCount)
    }
}
