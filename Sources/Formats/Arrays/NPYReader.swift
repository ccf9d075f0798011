package import Numerics

/// An array in a file, read once from its first row to its last.
///
/// The first axis is the rows; the values of all others are a row's columns. Values are converted as
/// they come: memory is what is returned and one block. Nothing is trusted: what the header claims is
/// compared with the file before room is made for it.
package struct NPYReader: ~Copyable {
    /// What the file holds.
    package let header: NPYHeader
    var bytes: ByteReader
    /// Where the values begin in the contents.
    private let start: Int
    private var nextRow = 0

    /// Few enough bytes to stay in the cache between two uses.
    private static let blockByteCount = 1 << 18
    /// Rows and columns that are turned at once where columns lie one after another.
    private static let tile = (rowCount: 4_096, columnCount: 16)

    /// Reads the header of an NPY file.
    ///
    /// - Parameter readsBfloat16: whether values of two bytes without a name are bfloat16.
    /// - Throws: ``FormatError`` that names the file, for a header that is damaged or of a type that
    ///   is not read, or a file of another length.
    package init(
        _ reader: consuming ByteReader, readsBfloat16: Bool = false
    ) throws(FormatError) {
        var bytes = reader
        let header = try NPYHeader(&bytes, readsBfloat16: readsBfloat16)
        try self.init(header, bytes)
    }

    /// An array whose values are all that is left of a file.
    ///
    /// - Throws: ``FormatError`` that names the file, for one of another length.
    init(_ header: NPYHeader, _ bytes: consuming ByteReader) throws(FormatError) {
        let needed = header.byteCount
        if let count = bytes.contentByteCount {
            guard count - bytes.offset == needed else {
                throw header.fault(
                    bytes.path,
                    "its shape needs \(needed.counted("byte")), and it has \(count - bytes.offset); get the file again"
                )
            }
        } else {
            guard needed <= bytes.contentByteCountMax else {
                throw header.fault(
                    bytes.path,
                    "its shape needs \(needed.counted("byte")), more than its gzip data can hold")
            }
        }
        self.header = header
        start = bytes.offset
        self.bytes = bytes
    }

    /// The file, and the name of a member, for messages.
    package var path: String { bytes.path }

    /// How many rows there are: the size of the first axis.
    package var rowCount: Int { header.shape.first ?? 0 }

    /// How many values a row has.
    package var columnCount: Int { header.shape.dropFirst().reduce(1, *) }

    func fault(_ what: String) -> FormatError { header.fault(path, what) }

    /// Refuses what is no table of numbers.
    ///
    /// - Throws: ``FormatError`` for text, fewer than two axes, and an array without values.
    package func checkFeatures() throws(FormatError) {
        guard header.shape.count >= 2 else {
            throw fault(
                "it has \(header.shape.count) axes, where rows of features have two; save x.reshape(-1, 1) if each row is one number, or x.reshape(1, -1) if it is one row"
            )
        }
        switch header.element {
        case .text, .bytes: throw fault("it holds text, where features are numbers")
        case .float, .bfloat16, .signed, .unsigned, .boolean: break
        }
        guard header.valueCount > 0 else {
            throw fault("it is empty: its shape is \(header.shape); save at least one row")
        }
    }

    /// Refuses what are no pixels.
    ///
    /// - Throws: ``FormatError`` for an array of another type than bytes.
    package func checkPixels() throws(FormatError) {
        guard header.element == .unsigned(byteCount: 1) else {
            throw fault(
                "its values are \(header.descr), where images are bytes from 0 to 255; save x.astype(np.uint8)"
            )
        }
    }

    /// Numbers of any type as a matrix.
    ///
    /// - Throws: ``FormatError`` as ``checkFeatures()``, and for the first value that is not finite as a
    ///   float32.
    package mutating func matrix() throws(FormatError) -> Matrix {
        try checkFeatures()
        let (rowCount, columnCount) = (rowCount, columnCount)
        let values: [Float] = try unsafe RowMemory.filled(
            rowCountMax: rowCount, columnCount: columnCount, path: path
        ) { (target) throws(FormatError) in try unsafe read(into: target) }
        return Matrix(rowCount: rowCount, columnCount: columnCount, values: values)
    }
}

extension NPYReader {
    /// Numbers of any type as float32 in C order, also such as are not finite.
    ///
    /// - Throws: ``FormatError`` for text.
    package mutating func floats() throws(FormatError) -> [Float] {
        switch header.element {
        case .text, .bytes: throw fault("it holds text, where numbers are wanted")
        case .float, .bfloat16, .signed, .unsigned, .boolean: break
        }
        return try unsafe RowMemory.filled(
            rowCountMax: rowCount, columnCount: columnCount, path: path
        ) { (target) throws(FormatError) in
            try unsafe read(into: target, places: nil, isFinite: false)
        }
    }

    /// Fills `target` with the next rows as float32, as many as there is room for or as there are.
    ///
    /// - Parameter places: for each value of a row in the order of the file where it goes, negative for
    ///   nowhere; nil for where it is in C order.
    /// - Returns: how many rows; 0 after the last.
    /// - Throws: ``FormatError`` for the first value that is not finite as a float32.
    package mutating func read(
        into target: UnsafeMutableBufferPointer<Float>, places: [Int]? = nil
    ) throws(FormatError) -> Int {
        try unsafe read(into: target, places: places, isFinite: true)
    }

    /// - Parameter isFinite: whether all values have to be.
    private mutating func read(
        into target: UnsafeMutableBufferPointer<Float>, places: [Int]?, isFinite: Bool
    ) throws(FormatError) -> Int {
        let (header, path, firstRow) = (header, path, nextRow)
        let columnCount = places.map { ($0.max() ?? -1) + 1 } ?? columnCount
        let (element, isBigEndian) = (header.element, header.isBigEndian)
        let isInOrder = places == nil && !header.isFortranOrder
        return try unsafe read(
            into: target, columnCount: columnCount,
            places: isInOrder ? nil : places ?? header.places(axes: Array(header.shape.indices)),
            isAsStored: element == .float(byteCount: 4) && !isBigEndian,
            decode: { raw, values in unsafe Self.decode(raw, element, isBigEndian, into: values) },
            check: { values, first throws(FormatError) in
                guard isFinite, let index = unsafe Self.firstNotFinite(values) else { return }
                let place = first + index
                throw header.notFinite(
                    path, row: firstRow + place / columnCount, column: place % columnCount)
            })
    }

    /// Fills `target` with the next rows of bytes, as many as there is room for or as there are.
    ///
    /// - Parameter places: for each value of a row in the order of the file where it goes, negative for
    ///   nowhere; nil for that order.
    /// - Returns: how many rows; 0 after the last.
    package mutating func read(
        into target: UnsafeMutableBufferPointer<UInt8>, places: [Int]?
    ) throws(FormatError) -> Int {
        try unsafe read(
            into: target, columnCount: places.map { ($0.max() ?? -1) + 1 } ?? columnCount,
            places: places, isAsStored: true,
            decode: { raw, values in
                unsafe UnsafeMutableRawBufferPointer(values).copyMemory(from: raw)
            }, check: { _, _ in })
    }

    /// Calls `body` with all values, some at a time, as they are stored.
    ///
    /// - Parameter body: gets the number of the first value, and the bytes of whole values.
    mutating func forEachBlock(
        _ body: (Int, UnsafeRawBufferPointer) throws(FormatError) -> Void
    ) throws(FormatError) {
        let size = header.element.byteCount
        let count = header.valueCount
        let blockCount = max(1, Self.blockByteCount / size)
        var first = 0
        while first < count {
            let taken = min(blockCount, count - first)
            let block = try bytes.read(
                count: taken * size, or: "before the end of its \(count) values")
            let result = unsafe block.withUnsafeBytes { raw in
                Result { () throws(FormatError) in try unsafe body(first, raw) }
            }
            try result.get()
            first += taken
        }
        try bytes.expectEnd(after: "its \(count) values")
    }

    private typealias Decoder<Value> =
        (UnsafeRawBufferPointer, UnsafeMutableBufferPointer<Value>) -> Void
    /// Looks at values in their final places; the number is that of the first among those asked for.
    private typealias Check<Value> =
        (UnsafeBufferPointer<Value>, Int) throws(FormatError) -> Void

    private mutating func read<Value: BitwiseCopyable>(
        into target: UnsafeMutableBufferPointer<Value>, columnCount width: Int, places: [Int]?,
        isAsStored: Bool, decode: Decoder<Value>, check: Check<Value>
    ) throws(FormatError) -> Int {
        let room = target.count / max(1, width)
        let count = min(room, rowCount - nextRow)
        guard count > 0 else { return 0 }
        let part = unsafe UnsafeMutableBufferPointer(rebasing: target[..<(count * width)])
        if !header.isFortranOrder {
            try unsafe readRows(into: part, count, places, width, isAsStored, decode, check)
        } else {
            let places = places ?? Array(0..<width)
            if bytes.isCompressed && count == rowCount {
                try unsafe readColumns(into: part, places, width, decode)
            } else {
                try unsafe readTiles(into: part, count, places, width, decode)
            }
            try unsafe check(UnsafeBufferPointer(part), 0)
        }
        nextRow += count
        if nextRow == rowCount, !header.isFortranOrder || bytes.isCompressed {
            try bytes.expectEnd(after: "its \(header.valueCount) values")
        }
        return count
    }

    /// Reads rows that lie one after another.
    private mutating func readRows<Value: BitwiseCopyable>(
        into target: UnsafeMutableBufferPointer<Value>, _ count: Int, _ places: [Int]?,
        _ width: Int, _ isAsStored: Bool, _ decode: Decoder<Value>, _ check: Check<Value>
    ) throws(FormatError) {
        let size = header.element.byteCount
        let valueCount = count * columnCount
        let blockCount = max(1, Self.blockByteCount / size)
        let isDirect = isAsStored && places == nil
        let raw = UnsafeMutableRawBufferPointer.allocate(
            byteCount: isDirect ? 0 : blockCount * size, alignment: 16)
        let block = UnsafeMutableBufferPointer<Value>.allocate(
            capacity: places == nil ? 0 : blockCount)
        defer {
            unsafe raw.deallocate()
            unsafe block.deallocate()
        }
        var (row, column) = (0, 0)
        for first in stride(from: 0, to: valueCount, by: blockCount) {
            let taken = min(blockCount, valueCount - first)
            guard let places else {
                let part = unsafe UnsafeMutableBufferPointer(
                    rebasing: target[first..<first + taken])
                if isDirect {
                    try unsafe fill(UnsafeMutableRawBufferPointer(part))
                } else {
                    let source = unsafe UnsafeMutableRawBufferPointer(
                        rebasing: raw[..<(taken * size)])
                    try unsafe fill(source)
                    unsafe decode(UnsafeRawBufferPointer(source), part)
                }
                try unsafe check(UnsafeBufferPointer(part), first)
                continue
            }
            let source = unsafe UnsafeMutableRawBufferPointer(rebasing: raw[..<(taken * size)])
            let decoded = unsafe UnsafeMutableBufferPointer(rebasing: block[..<taken])
            try unsafe fill(source)
            unsafe decode(UnsafeRawBufferPointer(source), decoded)
            for index in 0..<taken {
                let place = places[column]
                if place >= 0 { unsafe target[row * width + place] = unsafe decoded[index] }
                column += 1
                if column == places.count { (row, column) = (row + 1, 0) }
            }
        }
        if places != nil { try unsafe check(UnsafeBufferPointer(target), 0) }
    }

    /// Reads all columns, one after another, as they come.
    private mutating func readColumns<Value: BitwiseCopyable>(
        into target: UnsafeMutableBufferPointer<Value>, _ places: [Int], _ width: Int,
        _ decode: Decoder<Value>
    ) throws(FormatError) {
        let size = header.element.byteCount
        let blockCount = min(rowCount, max(1, Self.blockByteCount / size))
        let raw = UnsafeMutableRawBufferPointer.allocate(
            byteCount: blockCount * size, alignment: 16)
        let block = UnsafeMutableBufferPointer<Value>.allocate(capacity: blockCount)
        defer {
            unsafe raw.deallocate()
            unsafe block.deallocate()
        }
        for place in places {
            for first in stride(from: 0, to: rowCount, by: blockCount) {
                let taken = min(blockCount, rowCount - first)
                let source = unsafe UnsafeMutableRawBufferPointer(rebasing: raw[..<(taken * size)])
                try unsafe fill(source)
                guard place >= 0 else { continue }
                let decoded = unsafe UnsafeMutableBufferPointer(rebasing: block[..<taken])
                unsafe decode(UnsafeRawBufferPointer(source), decoded)
                for index in 0..<taken {
                    unsafe target[(first + index) * width + place] = unsafe decoded[index]
                }
            }
        }
    }

    /// Reads some rows of columns that lie one after another, some rows and columns at a time.
    private mutating func readTiles<Value: BitwiseCopyable>(
        into target: UnsafeMutableBufferPointer<Value>, _ count: Int, _ places: [Int],
        _ width: Int, _ decode: Decoder<Value>
    ) throws(FormatError) {
        try bytes.makeSeekable(from: start)
        let size = header.element.byteCount
        let tileRowCount = min(Self.tile.rowCount, count)
        let raw = UnsafeMutableRawBufferPointer.allocate(
            byteCount: tileRowCount * size, alignment: 16)
        let block = UnsafeMutableBufferPointer<Value>.allocate(
            capacity: Self.tile.columnCount * tileRowCount)
        defer {
            unsafe raw.deallocate()
            unsafe block.deallocate()
        }
        for firstRow in stride(from: 0, to: count, by: tileRowCount) {
            let taken = min(tileRowCount, count - firstRow)
            for firstColumn in stride(from: 0, to: places.count, by: Self.tile.columnCount) {
                let columns = firstColumn..<min(places.count, firstColumn + Self.tile.columnCount)
                for column in columns {
                    let source = unsafe UnsafeMutableRawBufferPointer(
                        rebasing: raw[..<(taken * size)])
                    let place = start + (column * rowCount + nextRow + firstRow) * size
                    guard try unsafe bytes.read(at: place, into: source) == source.count else {
                        throw .truncated(
                            path, byte: place,
                            expected: "before the end of its \(header.valueCount) values")
                    }
                    let first = (column - firstColumn) * tileRowCount
                    unsafe decode(
                        UnsafeRawBufferPointer(source),
                        UnsafeMutableBufferPointer(rebasing: block[first..<first + taken]))
                }
                unsafe Self.turn(
                    UnsafeBufferPointer(block), tileRowCount, places[columns],
                    into: UnsafeMutableBufferPointer(rebasing: target[(firstRow * width)...]),
                    rowCount: taken, width)
            }
        }
    }

    /// Puts columns that lie one after another, so many values apart, into rows.
    private static func turn<Value: BitwiseCopyable>(
        _ block: UnsafeBufferPointer<Value>, _ distance: Int, _ places: ArraySlice<Int>,
        into target: UnsafeMutableBufferPointer<Value>, rowCount: Int, _ width: Int
    ) {
        guard let source = block.baseAddress, let rows = target.baseAddress,
            let first = places.first
        else { return }
        let count = places.count
        if first >= 0, places.elementsEqual(first..<first + count) {
            for row in 0..<rowCount {
                let (from, to) = unsafe (source + row, rows + (row * width + first))
                for column in 0..<count { unsafe to[column] = unsafe from[column * distance] }
            }
        } else {
            for row in 0..<rowCount {
                for (column, place) in zip(0..., places) where place >= 0 {
                    unsafe rows[row * width + place] = unsafe source[column * distance + row]
                }
            }
        }
    }

    private mutating func fill(_ target: UnsafeMutableRawBufferPointer) throws(FormatError) {
        guard try unsafe bytes.fill(target) == target.count else {
            throw .truncated(
                path, byte: bytes.offset,
                expected: "before the end of its \(header.valueCount) values")
        }
    }
}
