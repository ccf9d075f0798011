package import Numerics

/// An array in an NPY file, read once from its start to its end.
///
/// Values are converted as they come, block by block: memory is what is returned and one block.
/// Nothing is trusted: what the header claims is compared with the file before room is made for it.
package struct NPYReader: ~Copyable {
    /// What the file holds.
    package let header: NPYHeader
    var bytes: ByteReader
    private var nextRow = 0

    private static let blockByteCount = 1 << 18

    /// Reads the header.
    ///
    /// - Throws: ``FormatError`` that names the file, for a header that is damaged or of a type that
    ///   is not read, or a file of another length.
    package init(_ reader: consuming ByteReader) throws(FormatError) {
        var bytes = reader
        let header = try NPYHeader(&bytes)
        try Self.checkSize(header, bytes)
        self.header = header
        self.bytes = bytes
    }

    private static func checkSize(
        _ header: NPYHeader, _ bytes: borrowing ByteReader
    ) throws(FormatError) {
        let needed = header.byteCount
        if let count = bytes.contentByteCount {
            guard count - bytes.offset == needed else {
                throw NPYHeader.fault(
                    bytes.path,
                    "its shape needs \(needed.counted("byte")), and it has \(count - bytes.offset); get the file again"
                )
            }
        } else {
            guard needed <= bytes.contentByteCountMax else {
                throw NPYHeader.fault(
                    bytes.path,
                    "its shape needs \(needed.counted("byte")), more than its gzip data can hold")
            }
        }
    }

    /// The file, and the name of a member, for messages.
    package var path: String { bytes.path }

    /// How many samples there are: the size of the first axis.
    package var rowCount: Int { header.shape.first ?? 0 }

    func fault(_ what: String) -> FormatError { NPYHeader.fault(path, what) }

    static func notFinite(_ path: String, row: Int, column: Int) -> FormatError {
        NPYHeader.fault(
            path,
            "row \(row), column \(column) (both counted from 0) is not finite as a float32; remove or replace such values, for instance by np.nan_to_num"
        )
    }

    /// Numbers of any type as a matrix: the first axis is the rows, all others its columns.
    ///
    /// - Throws: ``FormatError`` for text, fewer than two axes, an array without values, and the
    ///   first value that is not finite as a float32.
    package mutating func matrix() throws(FormatError) -> Matrix {
        guard header.shape.count >= 2 else {
            throw fault(
                "it has \(header.shape.count) axes, where rows of features have two; save x.reshape(-1, 1) if each row is one number"
            )
        }
        switch header.element {
        case .text, .bytes: throw fault("it holds text, where features are numbers")
        case .float, .signed, .unsigned, .boolean: break
        }
        guard header.valueCount > 0 else {
            throw fault("it is empty: its shape is \(header.shape); save at least one row")
        }
        let values = try floats()
        let columnCount = values.count / rowCount
        if let place = values.firstIndex(where: { !$0.isFinite }) {
            throw Self.notFinite(path, row: place / columnCount, column: place % columnCount)
        }
        return Matrix(rowCount: rowCount, columnCount: columnCount, values: values)
    }

    /// The next rows, at most so many, in C order; nil after the last.
    ///
    /// - Throws: ``FormatError`` as ``matrix()``.
    package mutating func nextRows(_ rowCountMax: Int) throws(FormatError) -> Matrix? {
        guard !header.isFortranOrder else { throw fault("it is in Fortran order") }
        let rowByteCount = header.byteCount / max(1, rowCount)
        let count = min(rowCountMax, rowCount - nextRow)
        guard count > 0 else { return nil }
        let raw = try bytes.read(
            count: count * rowByteCount, or: "before the end of its \(rowCount) rows")
        let columnCount = header.valueCount / rowCount
        let (element, isBigEndian) = (header.element, header.isBigEndian)
        let values = unsafe [Float](unsafeUninitializedCapacity: count * columnCount) {
            target, initialized in
            initialized = count * columnCount
            let part = unsafe UnsafeMutableBufferPointer(rebasing: target[..<initialized])
            unsafe raw.withUnsafeBytes { unsafe Self.decode($0, element, isBigEndian, into: part) }
        }
        nextRow += count
        return Matrix(rowCount: count, columnCount: columnCount, values: values)
    }

    /// Numbers of any type as float32 in C order, also such as are not finite.
    ///
    /// - Throws: ``FormatError`` for text.
    package mutating func floats() throws(FormatError) -> [Float] {
        let (element, isBigEndian) = (header.element, header.isBigEndian)
        switch element {
        case .text, .bytes: throw fault("it holds text, where numbers are wanted")
        case .float, .signed, .unsigned, .boolean: break
        }
        return try unsafe values(
            axes: Array(header.shape.indices), of: Float.self,
            isAsStored: element == .float(byteCount: 4) && !isBigEndian
        ) { raw, target in
            unsafe Self.decode(raw, element, isBigEndian, into: target)
        }
    }

    /// The values of an array of bytes, with its axes in another order, the last varying fastest.
    ///
    /// - Parameter axes: each axis of the array once.
    /// - Throws: ``FormatError`` for an array of another type.
    package mutating func bytes(axes: [Int]) throws(FormatError) -> [UInt8] {
        guard header.element == .unsigned(byteCount: 1) else {
            throw fault(
                "its values are \(header.descr), where images are bytes from 0 to 255; save x.astype(np.uint8)"
            )
        }
        return try unsafe values(axes: axes, of: UInt8.self, isAsStored: true) { raw, target in
            unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: raw)
        }
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

    /// All values in C order of the axes as they are named.
    ///
    /// - Parameters:
    ///   - isAsStored: whether the bytes of a value are those of the file.
    ///   - decode: turns bytes of the file into as many values.
    private mutating func values<Value: BitwiseCopyable>(
        axes: [Int], of type: Value.Type, isAsStored: Bool,
        _ decode: (UnsafeRawBufferPointer, UnsafeMutableBufferPointer<Value>) -> Void
    ) throws(FormatError) -> [Value] {
        let count = header.valueCount
        var place = StridedPlace(header, axes: axes)
        var failure: FormatError?
        let values = unsafe [Value](unsafeUninitializedCapacity: count) { target, initialized in
            do throws(FormatError) {
                if isAsStored && place.isContiguous {
                    try unsafe readAll(into: UnsafeMutableRawBufferPointer(target), count: count)
                } else {
                    try unsafe readBlocks(into: target, &place, decode)
                }
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return values
    }

    private mutating func readAll(
        into target: UnsafeMutableRawBufferPointer, count: Int
    ) throws(FormatError) {
        let wanted = count * header.element.byteCount
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: target[..<wanted])
        guard try unsafe bytes.fill(part) == wanted else {
            throw .truncated(
                path, byte: bytes.offset, expected: "before the end of its \(count) values")
        }
        try bytes.expectEnd(after: "its \(count) values")
    }

    private mutating func readBlocks<Value: BitwiseCopyable>(
        into target: UnsafeMutableBufferPointer<Value>, _ place: inout StridedPlace,
        _ decode: (UnsafeRawBufferPointer, UnsafeMutableBufferPointer<Value>) -> Void
    ) throws(FormatError) {
        let size = header.element.byteCount
        let block = UnsafeMutableBufferPointer<Value>.allocate(
            capacity: max(1, Self.blockByteCount / size))
        defer { unsafe block.deallocate() }
        try unsafe forEachBlock { (_, raw) throws(FormatError) in
            let decoded = unsafe UnsafeMutableBufferPointer(rebasing: block[..<(raw.count / size)])
            unsafe decode(raw, decoded)
            unsafe place.scatter(UnsafeBufferPointer(decoded), into: target)
        }
    }

    /// Numbers of any type as float32.
    static func decode(
        _ raw: UnsafeRawBufferPointer, _ element: NPYElement, _ isBigEndian: Bool,
        into target: UnsafeMutableBufferPointer<Float>
    ) {
        func each<Bits: FixedWidthInteger & BitwiseCopyable>(
            _ type: Bits.Type, _ convert: (Bits) -> Float
        ) {
            for index in target.indices {
                let bits = unsafe raw.loadUnaligned(
                    fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self)
                unsafe target[index] = convert(isBigEndian ? bits.byteSwapped : bits)
            }
        }
        switch element {
        case .float(2): each(UInt16.self) { Float(Float16(bitPattern: $0)) }
        case .float(4): each(UInt32.self) { Float(bitPattern: $0) }
        case .float: each(UInt64.self) { Float(Double(bitPattern: $0)) }
        case .signed(1): each(Int8.self) { Float($0) }
        case .signed(2): each(Int16.self) { Float($0) }
        case .signed(4): each(Int32.self) { Float($0) }
        case .signed: each(Int64.self) { Float($0) }
        case .unsigned(1): each(UInt8.self) { Float($0) }
        case .unsigned(2): each(UInt16.self) { Float($0) }
        case .unsigned(4): each(UInt32.self) { Float($0) }
        case .unsigned: each(UInt64.self) { Float($0) }
        case .boolean: each(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .text, .bytes: preconditionFailure("text is refused before")
        }
    }
}

/// Where the next value of a file goes, when its axes are to lie in another order.
private struct StridedPlace {
    /// Axes, the one that varies fastest in the file first: its size, and how far apart its values
    /// go.
    private var axes: [(size: Int, stride: Int)] = []
    /// Where on each axis the next value is.
    private var counters: [Int]
    private var offset = 0

    /// - Parameter order: the axes of the array in the order in which they are to lie.
    init(_ header: NPYHeader, axes order: [Int]) {
        let shape = header.shape
        precondition(order.sorted() == Array(shape.indices))
        var strides = [Int](repeating: 0, count: shape.count)
        var stride = 1
        for axis in order.reversed() {
            strides[axis] = stride
            stride *= shape[axis]
        }
        for axis in header.isFortranOrder ? Array(shape.indices) : shape.indices.reversed()
        where shape[axis] != 1 {
            if let last = axes.last, last.size * last.stride == strides[axis] {
                axes[axes.count - 1].size *= shape[axis]
            } else {
                axes.append((shape[axis], strides[axis]))
            }
        }
        counters = [Int](repeating: 0, count: axes.count)
    }

    /// Whether values lie as they do in the file.
    var isContiguous: Bool { axes.isEmpty || axes.count == 1 && axes[0].stride == 1 }

    /// Puts the next values where they belong.
    mutating func scatter<Value: BitwiseCopyable>(
        _ values: UnsafeBufferPointer<Value>, into target: UnsafeMutableBufferPointer<Value>
    ) {
        guard let (size, stride) = axes.first else {
            if let value = unsafe values.first { unsafe target[0] = value }
            return
        }
        var index = 0
        while index < values.count {
            let count = min(values.count - index, size - counters[0])
            for step in 0..<count {
                unsafe target[offset + step * stride] = unsafe values[index + step]
            }
            index += count
            counters[0] += count
            offset += count * stride
            var axis = 0
            while counters[axis] == axes[axis].size {
                offset -= axes[axis].size * axes[axis].stride
                counters[axis] = 0
                axis += 1
                if axis == axes.count { return }
                counters[axis] += 1
                offset += axes[axis].stride
            }
        }
    }
}
