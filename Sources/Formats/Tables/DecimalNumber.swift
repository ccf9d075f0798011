import Glibc

/// Reads decimal numbers out of bytes, each rounded once to the nearest `Float`.
///
/// Up to 19 digits are taken as a whole number, which is multiplied by a power of ten in double
/// precision. The product is at most four units in its last place from the number. Where no float
/// lies halfway between two others that near, rounding it gives the nearest; all other numbers, one
/// of 10^7, go the slow way by their text.
@safe
struct DecimalNumber: ~Copyable {
    /// 10^-64 to 10^64, each rounded to the nearest.
    private let powers: UnsafeMutablePointer<Double>
    /// 10^0 to 10^8.
    private let wholePowers: UnsafeMutablePointer<UInt64>

    private static let exponentMax = 64
    /// Digits that fit 64 bits, whatever they are.
    private static let digitCountMax = 19

    init() {
        unsafe powers = .allocate(capacity: 2 * Self.exponentMax + 1)
        for exponent in -Self.exponentMax...Self.exponentMax {
            // Exact decimal text, so that every power is the nearest.
            unsafe powers[exponent + Self.exponentMax] = Double("1e\(exponent)") ?? 0
        }
        unsafe wholePowers = .allocate(capacity: 9)
        var power: UInt64 = 1
        for exponent in 0...8 {
            unsafe wholePowers[exponent] = power
            power *= 10
        }
    }

    deinit {
        unsafe powers.deallocate()
        unsafe wholePowers.deallocate()
    }

    /// The number at a place, as far as it goes.
    ///
    /// A sign, digits with at most one point among them, and an exponent; the caller sees by what
    /// follows whether the number is all there is.
    ///
    /// - Parameter start: a text that a byte follows which is no part of a number, and 8 more bytes
    ///   that can be read.
    /// - Returns: the byte after it; nil if there is no number. An infinity is what no float holds.
    @inline(__always)
    func parse(
        _ start: UnsafePointer<UInt8>, _ value: inout Float
    ) -> UnsafePointer<UInt8>? {
        var next = unsafe start
        let first = unsafe next.pointee
        let isNegative = first == UInt8(ascii: "-")
        // Signs come in no order that a processor could predict.
        unsafe next += isNegative || first == UInt8(ascii: "+") ? 1 : 0
        let integerStart = unsafe next
        var digits: UInt64 = 0
        while true {
            let digit = unsafe next.pointee &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            digits = digits &* 10 &+ UInt64(digit)
            unsafe next += 1
        }
        var digitCount = unsafe next - integerStart
        var exponent = 0
        if unsafe next.pointee == UInt8(ascii: ".") {
            unsafe next += 1
            let fractionStart = unsafe next
            unsafe appendDigits(&next, &digits)
            exponent = unsafe fractionStart - next
            digitCount -= exponent
        }
        guard digitCount > 0 else { return nil }
        if unsafe next.pointee | 0x20 == UInt8(ascii: "e") {
            guard let more = unsafe Self.exponent(&next) else { return nil }
            exponent += more
        }
        if digitCount > Self.digitCountMax || abs(exponent) > Self.exponentMax {
            value = unsafe slow(start, next)
            return unsafe next
        }
        let product = unsafe Double(digits) * powers[exponent + Self.exponentMax]
        // The 29 bits that a float lacks; halfway is the first of them alone.
        let rest = product.bitPattern & 0x1FFF_FFFF
        let isNearHalfway = rest &- (0x1000_0000 - 8) <= 16
        if isNearHalfway || !(0x1.1p-126..<0x1p127).contains(product) && digits != 0 {
            value = unsafe slow(start, next)
        } else {
            value = Float(isNegative ? -product : product)
        }
        return unsafe next
    }

    /// Appends the digits at a place to a number, up to eight in a step; it wraps around where they
    /// are too many.
    @inline(__always)
    private func appendDigits(_ next: inout UnsafePointer<UInt8>, _ number: inout UInt64) {
        while true {
            let bytes = unsafe UInt64(
                littleEndian: UnsafeRawPointer(next).loadUnaligned(as: UInt64.self))
            let digits = bytes ^ 0x3030_3030_3030_3030
            // The top bit of the first byte that is no digit; what is after it does not matter.
            let others =
                ((digits &+ 0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080
            if others == 0 {
                number = number &* 100_000_000 &+ Self.eight(digits)
                unsafe next += 8
                continue
            }
            let count = others.trailingZeroBitCount / 8
            if count > 0 {
                let value = Self.eight(digits &<< UInt64(64 - 8 * count))
                number = unsafe number &* wholePowers[count] &+ value
                unsafe next += count
            }
            return
        }
    }

    /// The number of eight digits, the first in the lowest byte.
    @inline(__always)
    private static func eight(_ digits: UInt64) -> UInt64 {
        // Pairs, then fours and all eight: one multiplication a step.
        let pairs = digits &* 10 &+ digits >> 8
        return
            ((pairs & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
            &+ ((pairs >> 16) & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001) >> 32
    }

    /// The exponent at an `e`; nil if no digits follow.
    @inline(__always)
    private static func exponent(_ next: inout UnsafePointer<UInt8>) -> Int? {
        unsafe next += 1
        let sign = unsafe next.pointee
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { unsafe next += 1 }
        let start = unsafe next
        var exponent = 0
        while true {
            let digit = unsafe next.pointee &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            exponent = min(exponent &* 10 &+ Int(digit), 1 << 20)
            unsafe next += 1
        }
        guard unsafe next > start else { return nil }
        return sign == UInt8(ascii: "-") ? -exponent : exponent
    }

    /// The nearest float of any number.
    @inline(never)
    private func slow(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Float {
        let text = unsafe UnsafeBufferPointer(start: start, count: end - start)
        return unsafe Float(String(decoding: text, as: UTF8.self)) ?? .nan
    }
}
