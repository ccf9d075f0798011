/// The types of the protocol's tensors.
enum InferenceDatatype: String, CaseIterable {
    case bool = "BOOL"
    case uint8 = "UINT8"
    case uint16 = "UINT16"
    case uint32 = "UINT32"
    case uint64 = "UINT64"
    case int8 = "INT8"
    case int16 = "INT16"
    case int32 = "INT32"
    case int64 = "INT64"
    case fp16 = "FP16"
    case bf16 = "BF16"
    case fp32 = "FP32"
    case fp64 = "FP64"
    case bytes = "BYTES"

    /// Bytes of a value; 0 where values differ.
    var byteCount: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .fp16, .bf16: 2
        case .uint32, .int32, .fp32: 4
        case .uint64, .int64, .fp64: 8
        case .bytes: 0
        }
    }

    /// The whole numbers that it holds; nil where it holds others too.
    var wholeNumbers: ClosedRange<Int128>? {
        let half: Int128 = 1 << (8 * byteCount) / 2
        return switch self {
        case .bool: 0...1
        case .uint8, .uint16, .uint32, .uint64: 0...2 * half - 1
        case .int8, .int16, .int32, .int64: -half...half - 1
        case .fp16, .bf16, .fp32, .fp64, .bytes: nil
        }
    }

    /// Values of numbers that lie there, little-endian, as float32.
    func floats(_ bytes: ArraySlice<UInt8>) -> [Float] {
        switch self {
        case .bool, .uint8: bytes.map { Float($0) }
        case .int8: bytes.map { Float(Int8(bitPattern: $0)) }
        case .uint16: Self.values(bytes) { (bits: UInt16) in Float(bits) }
        case .uint32: Self.values(bytes) { (bits: UInt32) in Float(bits) }
        case .uint64: Self.values(bytes) { (bits: UInt64) in Float(bits) }
        case .int16: Self.values(bytes) { (bits: Int16) in Float(bits) }
        case .int32: Self.values(bytes) { (bits: Int32) in Float(bits) }
        case .int64: Self.values(bytes) { (bits: Int64) in Float(bits) }
        case .fp16: Self.values(bytes) { (bits: UInt16) in Self.half(bits) }
        case .bf16: Self.values(bytes) { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) }
        case .fp32: Self.values(bytes) { (bits: UInt32) in Float(bitPattern: bits) }
        case .fp64: Self.values(bytes) { (bits: UInt64) in Float(Double(bitPattern: bits)) }
        case .bytes: []
        }
    }

    private static func values<Bits: FixedWidthInteger>(
        _ bytes: ArraySlice<UInt8>, _ value: (Bits) -> Float
    ) -> [Float] {
        let size = MemoryLayout<Bits>.size
        return unsafe bytes.withUnsafeBytes { raw in
            unsafe [Float](unsafeUninitializedCapacity: raw.count / size) { values, count in
                count = raw.count / size
                for index in 0..<count {
                    let bits = unsafe raw.loadUnaligned(fromByteOffset: index * size, as: Bits.self)
                    unsafe values[index] = value(Bits(littleEndian: bits))
                }
            }
        }
    }

    /// Half precision; not `Float16`, which not every processor's Swift has.
    private static func half(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 31
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0: return Float(bitPattern: sign | 0x3F80_0000) * Float(fraction) * 0x1p-24
        case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
