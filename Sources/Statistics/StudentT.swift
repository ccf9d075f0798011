/// Student's t distribution.
package struct StudentT: Sendable, Hashable {
    /// Above 0, and finite.
    package let degreesOfFreedom: Double

    /// The distribution with that many degrees of freedom, not necessarily a whole number.
    ///
    /// - Throws: ``StatisticsError`` unless they are above 0 and finite.
    package init(degreesOfFreedom: Double) throws(StatisticsError) {
        guard degreesOfFreedom > 0, degreesOfFreedom.isFinite else {
            throw .outOfRange(
                "\(degreesOfFreedom) degrees of freedom; Student's t needs a number above 0")
        }
        self.degreesOfFreedom = degreesOfFreedom
    }

    /// The probability of a value above `t`.
    ///
    /// `I_x(n/2, 1/2) / 2` with `x = n / (n + t^2)` for a positive `t` (DLMF 8.17.22 and Abramowitz
    /// and Stegun 26.7.1). Relative error below 1e-11 in the tail, down to 1e-300.
    package func upperTail(_ t: Double) -> Double {
        if t.isNaN { return .nan }
        if t < 0 { return 1 - upperTail(-t) }
        let scaled = t / degreesOfFreedom.squareRoot()
        let square = scaled * scaled
        let x = 1 / (1 + square)
        let y = square.isInfinite ? 1 : square / (1 + square)
        return Beta.regularised(x: x, y: y, a: degreesOfFreedom / 2, b: 0.5) / 2
    }

    /// The probability of a value at least as far from 0 as `t`.
    package func twoSided(_ t: Double) -> Double { min(1, 2 * upperTail(abs(t))) }

    /// The value that is exceeded with `probability`.
    ///
    /// Brackets the root by doubling and halves the bracket until it is two neighbours: the tail
    /// falls strictly, so the bracket always holds the root.
    ///
    /// - Throws: ``StatisticsError`` unless the probability is between 0 and 1, both excluded.
    package func upperQuantile(_ probability: Double) throws(StatisticsError) -> Double {
        guard probability > 0, probability < 1 else {
            throw .outOfRange("a quantile at \(probability); give a probability between 0 and 1")
        }
        if probability == 0.5 { return 0 }
        // Above one half by symmetry: the subtraction is exact there.
        if probability > 0.5 { return -(try upperQuantile(1 - probability)) }
        var low = 0.0
        var high = 1.0
        while high.isFinite, upperTail(high) > probability {
            low = high
            high *= 2
        }
        while true {
            let middle = low + (high - low) / 2
            if middle <= low || middle >= high || high - low < 1e-17 { return middle }
            if upperTail(middle) > probability { low = middle } else { high = middle }
        }
    }
}
