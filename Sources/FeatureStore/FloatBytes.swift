/// Numbers as bytes: float32 little-endian, at any alignment.
package enum FloatBytes {
    /// Nil for bytes that are not whole numbers of four.
    package static func floats(_ bytes: some RandomAccessCollection<UInt8>) -> [Float]? {
        guard bytes.count.isMultiple(of: 4) else { return nil }
        return unsafe [Float](unsafeUninitializedCapacity: bytes.count / 4) { target, count in
            unsafe UnsafeMutableRawBufferPointer(target).copyBytes(from: bytes)
            count = bytes.count / 4
        }
    }
}
