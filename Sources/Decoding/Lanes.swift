extension Array where Element == Float {
    /// Sixteen values from `index` on; traps outside the array.
    @inline(__always)
    func lanes(at index: Int) -> SIMD16<Float> {
        precondition(index >= 0 && index <= count - 16)
        return unsafe withUnsafeBytes {
            unsafe $0.loadUnaligned(fromByteOffset: index * 4, as: SIMD16<Float>.self)
        }
    }

    /// Puts sixteen values in place from `index` on; traps outside the array.
    @inline(__always)
    mutating func setLanes(at index: Int, to lanes: SIMD16<Float>) {
        precondition(index >= 0 && index <= count - 16)
        unsafe withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: lanes, toByteOffset: index * 4, as: SIMD16<Float>.self)
        }
    }
}
