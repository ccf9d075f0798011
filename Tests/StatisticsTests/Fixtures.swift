import Foundation
import TestSupport

/// Whether a value is within a relative error of what another program computed.
func isClose(_ value: Double, _ expected: Double, within tolerance: Double = 1e-10) -> Bool {
    abs(value - expected) <= tolerance * abs(expected)
}

/// Accuracies of two schemes over ten trials; `a` and `b` in the SciPy expressions.
let firstAccuracies = [0.872, 0.881, 0.879, 0.868, 0.891, 0.885, 0.877, 0.880, 0.869, 0.883]
let secondAccuracies = [0.861, 0.885, 0.866, 0.870, 0.874, 0.871, 0.869, 0.881, 0.858, 0.870]

extension SeededGenerator {
    /// From 0 to 1, without 0.
    private mutating func uniform() -> Double {
        (Double(next() >> 11) + 0.5) / 9_007_199_254_740_992
    }

    /// Mean 0 and standard deviation 1, by Box and Muller.
    mutating func normal() -> Double {
        (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform())
    }
}
