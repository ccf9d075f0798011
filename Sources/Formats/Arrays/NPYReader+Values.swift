extension NPYReader {
    /// The first value that is not finite; nil if all are.
    static func firstNotFinite(_ values: UnsafeBufferPointer<Float>) -> Int? {
        // An exponent of all ones carries into the sign: one look at many values.
        var carries: UInt32 = 0
        for index in values.indices {
            carries |= (unsafe values[index].bitPattern & 0x7F80_0000) &+ 0x0080_0000
        }
        guard carries >> 31 == 1 else { return nil }
        return unsafe values.firstIndex { !$0.isFinite }
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
        case .bfloat16: each(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
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

extension NPYHeader {
    /// A value that is not finite; row and column are counted from 0.
    func notFinite(_ path: String, row: Int, column: Int) -> FormatError {
        fault(
            path,
            "row \(row), column \(column) (both counted from 0) is not finite as a float32; remove or replace such values, for instance by np.nan_to_num"
        )
    }

    /// For each value of a row, in the order of the file, where it goes when the axes after the first
    /// are to lie in another order.
    ///
    /// - Parameter order: each axis of the array once, the first in its place.
    package func places(axes order: [Int]) -> [Int] {
        precondition(order.first ?? 0 == 0 && order.sorted() == Array(shape.indices))
        var strides = [Int](repeating: 0, count: shape.count)
        var stride = 1
        for axis in order.dropFirst().reversed() {
            strides[axis] = stride
            stride *= shape[axis]
        }
        // From the axis that varies slowest in the file.
        let axes =
            isFortranOrder
            ? shape.indices.dropFirst().reversed() : Array(shape.indices.dropFirst())
        return axes.reduce([0]) { places, axis in
            places.flatMap { place in (0..<shape[axis]).map { place + $0 * strides[axis] } }
        }
    }
}
