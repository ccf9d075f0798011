// The pure layer has no C library, and a library's last bits differ between its versions. These
// use IEEE operations only, so a report has the same digits wherever it is made.

/// `ln 2` in two parts: the first has 20 trailing zero bits, so a multiple up to 2^20 is exact.
private let ln2High = 0x1.62E42FEE00000p-1
private let ln2Low = 0x1.A39EF35793C76p-33

/// The natural logarithm of `(1 + s) / (1 - s)` by its series, for `|s|` up to 0.1716.
///
/// `2 (s + s^3/3 + s^5/5 + ...)`; the fifteenth term is below 1e-22 of the first.
private func logarithm(ofRatio s: Double) -> Double {
    let square = s * s
    var sum = 0.0
    for divisor in stride(from: 29.0, to: 1, by: -2) { sum = sum * square + 1 / divisor }
    return 2 * s + 2 * s * (sum * square)
}

extension Double {
    /// The natural logarithm, equal to the bit on every CPU and within 3 units in the last place.
    ///
    /// Minus infinity at zero, NaN below.
    package static func reproducibleLogarithm(_ x: Double) -> Double {
        guard x > 0 else { return x == 0 ? -.infinity : .nan }
        guard x < .infinity else { return .infinity }
        var significand = x.significand
        var exponent = Double(x.exponent)
        if significand > 1.414_213_562_373_095 {
            significand /= 2
            exponent += 1
        }
        let rest = logarithm(ofRatio: (significand - 1) / (significand + 1))
        return exponent * ln2High + (rest + exponent * ln2Low)
    }

    /// The natural logarithm of `1 + x`, which keeps its digits where `x` is near zero.
    package static func reproducibleLogarithmOfOnePlus(_ x: Double) -> Double {
        abs(x) < 0.25 ? logarithm(ofRatio: x / (2 + x)) : reproducibleLogarithm(1 + x)
    }

    /// The exponential function, equal to the bit on every CPU and within 2 units in the last
    /// place; zero and infinity past the ends of the range.
    package static func reproducibleExponential(_ x: Double) -> Double {
        guard !x.isNaN else { return .nan }
        guard x < 709.79 else { return .infinity }
        guard x > -745.14 else { return 0 }
        let count = (x * 1.442_695_040_888_963_4).rounded()
        let rest = x - count * ln2High - count * ln2Low
        // Taylor to the 14th power: |rest| is at most ln 2 / 2, and the next term is below 1e-19.
        var sum = 0.0
        for divisor in stride(from: 14.0, to: 1, by: -1) { sum = (sum * rest + 1) / divisor }
        let value = 1 + (rest + rest * rest * sum)
        // In two factors, since 2^1024 is infinite and a subnormal result rounds once.
        let half = (count / 2).rounded(.down)
        return value * Double(sign: .plus, exponent: Int(half), significand: 1)
            * Double(sign: .plus, exponent: Int(count - half), significand: 1)
    }
}
