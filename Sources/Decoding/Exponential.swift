/// The exponential function of non-positive numbers, equal to the bit on every CPU.
///
/// Cephes `expf` (S. Moshier, Cephes Mathematical Library 2.2, `single/expf.c`): subtract
/// `n * ln 2` in two parts, a polynomial of degree 7 on `[-ln 2 / 2, ln 2 / 2]`, scale by `2^n`.
/// Deviations: sixteen numbers at once, `n` is rounded to nearest by adding 1.5 * 2^23, and the
/// domain is `[-87, 0]`, where neither overflow nor a subnormal number occurs. Swift never fuses a
/// multiplication with an addition, so every operation is one IEEE operation wherever it runs.
///
/// Within 2 units in the last place on `[-87, 0]`. Anything below -87, and NaN, gives 0.
@inline(__always)
func exponential(_ x: SIMD16<Float>) -> SIMD16<Float> {
    let inDomain = x .>= -87
    let clamped = SIMD16<Float>(repeating: -87).replacing(with: x, where: inDomain)
    let shifted = clamped * 1.442_695_04 + 12_582_912
    let count = shifted - 12_582_912
    let rest = clamped - count * 0.693_359_375 - count * -2.121_944_4e-4
    var polynomial = rest * 1.987_569_15e-4 + 1.398_199_950_7e-3
    polynomial = polynomial * rest + 8.333_451_907_3e-3
    polynomial = polynomial * rest + 4.166_579_589_4e-2
    polynomial = polynomial * rest + 1.666_666_545_9e-1
    polynomial = polynomial * rest + 5.000_000_120_1e-1
    let value = polynomial * (rest * rest) + rest + 1
    // The low bits of `shifted` are n; n + 127 in the exponent's place is 2^n.
    let bits = unsafe unsafeBitCast(shifted, to: SIMD16<UInt32>.self)
    let scale = unsafe unsafeBitCast((bits &+ 127) &<< 23, to: SIMD16<Float>.self)
    return SIMD16<Float>(repeating: 0).replacing(with: value * scale, where: inDomain)
}

extension Float {
    /// The exponential of a number up to 0 as voting computes it; 0 below -87 and for NaN.
    ///
    /// Equal on every CPU and within 2 units in the last place.
    package static func reproducibleExponential(_ x: Float) -> Float {
        exponential(SIMD16(repeating: x))[0]
    }
}
