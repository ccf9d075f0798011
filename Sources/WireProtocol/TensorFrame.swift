import Heads
import Numerics

#if _endian(big)
#error("tensor frames are little-endian: swap bytes in TensorFrame on this platform")
#endif

/// The bytes of heads: for each, weights [class, feature] row by row, then biases; float32
/// little-endian.
enum TensorFrame {
    static func encode(_ heads: [Head]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(heads.reduce(0) { $0 + $1.parameterCount } * 4)
        for head in heads {
            unsafe head.weights.values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
            unsafe head.biases.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// Reads heads of these keys in order; refuses any other length and numbers not finite.
    static func decode(
        _ bytes: [UInt8], keys: [HeadKey], featureCount: Int
    ) throws(WireError) -> [Head] {
        // Bounded by the limits on heads, classes and features: far from overflow.
        let rowCount = keys.reduce(0) { $0 + $1.outputCount }
        guard bytes.count == rowCount * (featureCount + 1) * 4 else {
            throw .badValue(
                "\(bytes.count.counted("byte")) of heads, not \(rowCount * (featureCount + 1) * 4)")
        }
        var result: [Head] = []
        result.reserveCapacity(keys.count)
        var offset = 0
        for key in keys {
            let count = key.outputCount
            let weights = floats(bytes, at: offset, count: count * featureCount)
            offset += count * featureCount * 4
            let biases = floats(bytes, at: offset, count: count)
            offset += count * 4
            guard weights.allSatisfy(\.isFinite), biases.allSatisfy(\.isFinite) else {
                throw .badValue("weights of a head are not finite")
            }
            result.append(
                Head(
                    key: key,
                    weights: Matrix(rowCount: count, columnCount: featureCount, values: weights),
                    biases: biases))
        }
        return result
    }

    /// `count` floats from byte `offset` on, which the caller has checked to be there.
    private static func floats(_ bytes: [UInt8], at offset: Int, count: Int) -> [Float] {
        precondition(offset + count * 4 <= bytes.count)
        return unsafe [Float](unsafeUninitializedCapacity: count) { target, initialized in
            unsafe bytes.withUnsafeBytes { source in
                unsafe UnsafeMutableRawBufferPointer(target).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[offset..<offset + count * 4]))
            }
            initialized = count
        }
    }
}
