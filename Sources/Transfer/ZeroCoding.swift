/// Floats without their zeros: what follows ReLU is mostly zeros, and a broadcast need not carry
/// them.
///
/// First a bit for each float, set where its bits are not all zero: bit `i % 8` of byte `i / 8`,
/// filled up with clear bits to whole words of four bytes. Then the floats that have their bit set,
/// in order, little-endian. Nothing is lost, neither a zero's sign nor a payload.
package enum ZeroCoding {
    /// Bytes of the bits of `count` floats.
    package static func maskByteCount(_ count: Int) -> Int { (count + 31) / 32 * 4 }

    /// Bytes of `floats`, coded.
    package static func byteCount(_ floats: UnsafeBufferPointer<Float>) -> Int {
        var valueCount = 0
        for index in floats.indices {
            valueCount += unsafe floats[index].bitPattern == 0 ? 0 : 1
        }
        return maskByteCount(floats.count) + 4 * valueCount
    }

    /// Codes `floats` into `words`, of which there must be as many as ``byteCount(_:)`` says and
    /// one more, which is used up.
    package static func encode(
        _ floats: UnsafeBufferPointer<Float>, into words: UnsafeMutableBufferPointer<Float>
    ) {
        let maskCount = maskByteCount(floats.count) / 4
        var next = maskCount
        for word in 0..<maskCount {
            var mask: UInt32 = 0
            let first = 32 * word
            for bit in 0..<min(32, floats.count - first) {
                // Without a branch: half the floats are zeros, in no order that could be foreseen.
                let value = unsafe floats[first + bit]
                unsafe words[next] = value
                let isKept: UInt32 = value.bitPattern == 0 ? 0 : 1
                mask |= isKept << UInt32(bit)
                next += Int(isKept)
            }
            unsafe words[word] = Float(bitPattern: mask.littleEndian)
        }
    }

    /// Decodes `bytes` into all of `floats`; false, with anything in `floats`, unless the bytes are
    /// a code of as many.
    package static func decode(
        _ bytes: UnsafeRawBufferPointer, into floats: UnsafeMutableBufferPointer<UInt32>
    ) -> Bool {
        let maskByteCount = maskByteCount(floats.count)
        guard bytes.count >= maskByteCount, (bytes.count - maskByteCount).isMultiple(of: 4) else {
            return false
        }
        let valueCount = (bytes.count - maskByteCount) / 4
        var setCount = 0
        for offset in stride(from: 0, to: maskByteCount, by: 4) {
            setCount += unsafe word(bytes, at: offset).nonzeroBitCount
        }
        let strayBits = maskByteCount * 8 - floats.count
        let last = maskByteCount == 0 ? 0 : unsafe word(bytes, at: maskByteCount - 4)
        guard setCount == valueCount, strayBits == 0 || last >> UInt32(32 - strayBits) == 0 else {
            return false
        }
        var next = 0
        for word in 0..<maskByteCount / 4 {
            var mask = unsafe Self.word(bytes, at: 4 * word)
            let first = 32 * word
            let count = min(32, floats.count - first)
            if next + count < valueCount {
                // Where a bit is clear, the next value is read in vain.
                for bit in 0..<count {
                    let value = unsafe Self.word(bytes, at: maskByteCount + 4 * next)
                    let isKept = mask & 1
                    unsafe floats[first + bit] = value & (0 &- isKept)
                    next += Int(isKept)
                    mask >>= 1
                }
            } else {
                for bit in 0..<count {
                    let isKept = mask >> UInt32(bit) & 1 == 1
                    unsafe floats[first + bit] =
                        isKept ? Self.word(bytes, at: maskByteCount + 4 * next) : 0
                    next += isKept ? 1 : 0
                }
            }
        }
        return true
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
