/// Numbers as bytes: float32 little-endian, at any alignment.
enum FloatBytes {
    /// Nil for bytes that are not whole numbers of four.
    static func floats(_ bytes: some RandomAccessCollection<UInt8>) -> [Float]? {
        guard bytes.count.isMultiple(of: 4) else { return nil }
        var result: [Float] = []
        result.reserveCapacity(bytes.count / 4)
        var word: UInt32 = 0
        for (position, byte) in bytes.enumerated() {
            word |= UInt32(byte) << UInt32(position % 4 * 8)
            if position % 4 == 3 {
                result.append(Float(bitPattern: word))
                word = 0
            }
        }
        return result
    }
}
