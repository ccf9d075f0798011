import Numerics

/// What the simulation draws: functions of a seed and of what the number is for, never a stream.
package enum Chance {
    /// What a number is for: the last word of its counter.
    private enum Purpose: UInt32 {
        case speed = 1
        case lifetime = 2
    }

    /// A normal deviate: the sum of twelve uniform ones less six, which stays within six.
    static func normal(seed: UInt64, worker: Int) -> Double {
        var sum = -6.0
        for block in 0..<3 as Range<UInt32> {
            let words = Philox.block(
                seed: seed, UInt32(truncatingIfNeeded: worker), block, 0, Purpose.speed.rawValue)
            for lane in 0..<4 { sum += (Double(words[lane]) + 0.5) * 0x1p-32 }
        }
        return sum
    }

    /// How long the `life`th life of a worker is, in seconds: exponential with that mean.
    static func lifetime(seed: UInt64, worker: Int, life: Int, meanSeconds: Double) -> Double {
        let words = Philox.block(
            seed: seed, UInt32(truncatingIfNeeded: worker), UInt32(truncatingIfNeeded: life), 0,
            Purpose.lifetime.rawValue)
        return -meanSeconds * logarithm((Double(words.x) + 0.5) * 0x1p-32)
    }

    /// The natural logarithm of a positive finite number, to about 15 digits.
    ///
    /// ln m = 2 artanh((m - 1) / (m + 1)) with m within sqrt(1/2) and sqrt(2). The pure layer has no
    /// C library, and this is the same on every machine.
    package static func logarithm(_ value: Double) -> Double {
        precondition(value > 0 && value.isFinite)
        var exponent = Double(value.exponent)
        var mantissa = value.significand
        if mantissa > 1.4142135623730951 {
            mantissa /= 2
            exponent += 1
        }
        let ratio = (mantissa - 1) / (mantissa + 1)
        let square = ratio * ratio
        var power = ratio
        var sum = 0.0
        for term in 0..<16 {
            sum += power / Double(2 * term + 1)
            power *= square
        }
        return 2 * sum + exponent * 0.6931471805599453
    }

    /// e to the power of a number within 700 of zero, to about 15 digits.
    package static func exponential(_ value: Double) -> Double {
        precondition(value.magnitude < 700)
        let whole = (value * 1.4426950408889634).rounded()
        let rest = value - whole * 0.6931471805599453
        var term = 1.0
        var sum = 1.0
        for index in 1...18 {
            term *= rest / Double(index)
            sum += term
        }
        return Double(sign: .plus, exponent: Int(whole), significand: sum)
    }
}
