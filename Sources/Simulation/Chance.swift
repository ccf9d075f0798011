import Numerics

/// The simulation's random numbers: functions of a seed and a purpose, never a stream.
enum Chance {
    /// The purpose of a number: the last word of its counter.
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
        return -meanSeconds * Double.reproducibleLogarithm((Double(words.x) + 0.5) * 0x1p-32)
    }
}
