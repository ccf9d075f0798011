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

extension SIMD4<Float> {
    /// The same numbers in double precision.
    @inline(__always)
    var widened: SIMD4<Double> {
        SIMD4<Double>(Double(self[0]), Double(self[1]), Double(self[2]), Double(self[3]))
    }
}

extension SIMD16<Float> {
    /// The same numbers in double precision.
    @inline(__always)
    var widened: SIMD16<Double> {
        SIMD16<Double>(
            lowHalf: SIMD8(lowHalf: lowHalf.lowHalf.widened, highHalf: lowHalf.highHalf.widened),
            highHalf: SIMD8(lowHalf: highHalf.lowHalf.widened, highHalf: highHalf.highHalf.widened))
    }
}
