import Numerics

/// The standard normal distribution.
package enum Normal {
    /// The probability of a value at least as far from 0 as `z`: `erfc(|z| / sqrt(2))`.
    ///
    /// By the series of the error function near 0 (NIST DLMF 7.6.2) and Lentz's continued fraction
    /// of the complementary one beyond (DLMF 8.9.2 with a = 1/2). Relative error below 1e-13
    /// until it underflows.
    package static func twoSided(_ z: Double) -> Double {
        if z.isNaN { return .nan }
        let square = z * z / 2
        if square > 745 { return 0 }
        let rootOfPi = 1.772_453_850_905_516
        // x e^(-x^2) / sqrt(pi), which both forms share.
        let front =
            square.squareRoot() * Double.reproducibleExponential(-square) / rootOfPi
        if square < 1.5 {
            var term = 2.0
            var sum = 0.0
            var step = 0.0
            while term > 1e-18 {
                sum += term
                step += 1
                term *= square / (step + 0.5)
            }
            return 1 - front * sum
        }
        // Q(1/2, s) = e^-s s^(1/2) / sqrt(pi) * 1/(s + 1/2 - (1/2)/(s + 5/2 - 3/(s + 9/2 - ...))).
        var base = square + 0.5
        var upper = 1e300
        var lower = 1 / base
        var value = lower
        for step in 1...500 {
            let index = Double(step)
            let numerator = -index * (index - 0.5)
            base += 2
            lower = 1 / (numerator * lower + base)
            upper = base + numerator / upper
            let factor = upper * lower
            value *= factor
            if abs(factor - 1) < 1e-16 { break }
        }
        return front * value
    }
}
