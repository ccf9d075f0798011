/// Mean and spread of the values of some trials.
package struct Summary: Sendable, Hashable {
    /// How many values, at least one.
    package let count: Int
    /// The arithmetic mean.
    package let mean: Double
    /// The sample standard deviation (divisor n - 1); nil for a single value, which has none.
    ///
    /// Exactly 0 when all values are the same number, whatever their mean rounds to.
    package let standardDeviation: Double?

    /// Sums in order and corrects the mean once: two passes (Chan, Golub and LeVeque 1983), so
    /// the mean is good to its last digits even where the values differ by little.
    ///
    /// - Throws: ``StatisticsError`` without values, or when one is not finite.
    package init(_ values: [Double]) throws(StatisticsError) {
        guard let first = values.first else { throw .tooFewValues(0, min: 1) }
        if let index = values.firstIndex(where: { !$0.isFinite }) { throw .notFinite(at: index) }
        let count = Double(values.count)
        if values.allSatisfy({ $0 == first }) {
            mean = first
            standardDeviation = values.count < 2 ? nil : 0
        } else {
            let rough = values.reduce(0) { $0 + $1 / count }
            let residue = values.reduce(0) { $0 + ($1 - rough) }
            mean = rough + residue / count
            let squares = values.reduce(0) { $0 + ($1 - rough) * ($1 - rough) }
            let variance = max(0, squares - residue * residue / count) / (count - 1)
            standardDeviation = variance.squareRoot()
        }
        self.count = values.count
    }

    /// Student's t interval of the mean: a point when all values are equal, nil for one value.
    ///
    /// - Parameters:
    ///   - confidence: the share of such intervals that hold the true mean.
    ///   - standardDeviationMin: a spread that the values cannot show, because they are counted or
    ///     rounded; a smaller standard deviation is taken to be this one.
    /// - Throws: ``StatisticsError`` unless the confidence is between 0 and 1, both excluded.
    package func interval(
        confidence: Double = 0.95, standardDeviationMin: Double = 0
    ) throws(StatisticsError) -> ClosedRange<Double>? {
        try reach(confidence: confidence, standardDeviationMin: standardDeviationMin)
            .map { mean - $0...mean + $0 }
    }

    /// How far the interval goes from the mean on either side.
    func reach(
        confidence: Double, standardDeviationMin: Double
    ) throws(StatisticsError) -> Double? {
        guard confidence > 0, confidence < 1 else {
            throw .outOfRange("a confidence of \(confidence); give one between 0 and 1")
        }
        guard let standardDeviation else { return nil }
        let quantile = try StudentT(degreesOfFreedom: Double(count - 1))
            .upperQuantile((1 - confidence) / 2)
        let spread = max(standardDeviation, standardDeviationMin)
        return quantile * (spread / Double(count).squareRoot())
    }
}
