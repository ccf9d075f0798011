import Numerics

/// How often a paired t test finds a true difference: what so few trials could have shown at all.
///
/// Differences are in standard deviations of the paired differences, as Cohen's d.
package struct PairedPower: Sendable {
    /// Pairs, at least 2.
    package let trialCount: Int
    /// The two-sided level of the test; with many tests that of Holm's first step is the strictest.
    package let level: Double
    /// What the test statistic must exceed.
    private let critical: Double
    /// The chance of a sample standard deviation below `Double(index) * step` true ones.
    private let spreads: [Double]
    private let step: Double

    private static let spreadCount = 4_000

    /// The test with so many pairs at a level.
    ///
    /// - Throws: ``StatisticsError`` for fewer than two pairs, and for a level that is not between 0
    ///   and 1.
    package init(trialCount: Int, level: Double) throws(StatisticsError) {
        guard trialCount >= 2 else { throw .tooFewValues(trialCount, min: 2) }
        guard level > 0, level < 1 else {
            throw .outOfRange("a level of \(level); give one between 0 and 1")
        }
        self.trialCount = trialCount
        self.level = level
        let freedom = Double(trialCount - 1)
        critical = try StudentT(degreesOfFreedom: freedom).upperQuantile(level / 2)
        // s / sigma has the density u^(n-1) exp(-n u^2 / 2) of n degrees of freedom, but for a
        // factor. Its mean is near 1 and its standard deviation near 1 / sqrt(2 n).
        let reach = 9 / (2 * freedom).squareRoot()
        step = (1 + reach) / Double(Self.spreadCount)
        var sums = [0.0]
        for index in 1...Self.spreadCount {
            let middle = (Double(index) - 0.5) * step
            // Relative to its value at 1, so that large n do not underflow.
            let exponent =
                (freedom - 1) * .reproducibleLogarithm(middle)
                - freedom * (middle * middle - 1) / 2
            sums.append((sums.last ?? 0) + .reproducibleExponential(exponent))
        }
        let whole = sums.last ?? 1
        spreads = sums.map { $0 / whole }
    }

    /// The chance that the test finds a true mean difference of this size, in its direction.
    ///
    /// The mean of n pairs is Z + effect * sqrt(n) in standard errors, Z standard normal; it is found
    /// where it exceeds the critical value times the sample's standard deviation in true ones. Sums
    /// over Z; the error is below 1e-4.
    package func power(effect: Double) -> Double {
        let shift = effect * Double(trialCount).squareRoot()
        var (sum, whole) = (0.0, 0.0)
        for index in -400...400 {
            let deviate = Double(index) / 50
            let weight = Double.reproducibleExponential(-deviate * deviate / 2)
            whole += weight
            sum += weight * chance(ofSpreadBelow: (deviate + shift) / critical)
        }
        return sum / whole
    }

    /// The smallest true mean difference that the test finds with this chance.
    ///
    /// - Throws: ``StatisticsError`` unless the chance is from the level to 1, both excluded.
    package func detectableEffect(power wanted: Double) throws(StatisticsError) -> Double {
        guard wanted > level, wanted < 1 else {
            throw .outOfRange("a power of \(wanted); give one between the test's level and 1")
        }
        var (low, high) = (0.0, 1.0)
        while power(effect: high) < wanted, high < 1e12 { (low, high) = (high, high * 2) }
        for _ in 0..<50 {
            let middle = (low + high) / 2
            if power(effect: middle) < wanted { low = middle } else { high = middle }
        }
        return high
    }

    /// By interpolation between the sums.
    private func chance(ofSpreadBelow spread: Double) -> Double {
        guard spread > 0 else { return 0 }
        let place = spread / step
        guard place < Double(Self.spreadCount) else { return 1 }
        let index = Int(place)
        return spreads[index] + (place - Double(index)) * (spreads[index + 1] - spreads[index])
    }
}
