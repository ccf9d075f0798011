/// What validation rows said of a scheme's probabilities.
package struct Calibration: Sendable, Equatable {
    /// Above 0: a probability p counts as p^(1/temperature), and a row's are made to sum to 1 again.
    ///
    /// Below 1 sharpens, above 1 flattens; for a softmax it is the usual division of the logits
    /// (Guo, Pleiss, Sun and Weinberger 2017).
    package let temperature: Double
    /// Ascending: the probability of the predicted class, tempered, over the validation rows, at equal
    /// shares of the rows from the least (share 0) to the greatest (share 1); empty where nobody asked.
    package let confidenceQuantiles: [Double]

    /// Traps on a temperature that is not above 0.
    package init(temperature: Double, confidenceQuantiles: [Double] = []) {
        precondition(temperature > 0)
        self.temperature = temperature
        self.confidenceQuantiles = confidenceQuantiles
    }

    /// Probabilities as they are.
    package static let none = Calibration(temperature: 1)

    /// The probability below which at most a share of the validation rows is; nil without such rows.
    ///
    /// - Parameter share: from 0, and below 1.
    package func threshold(rejecting share: Double) -> Double? {
        guard let last = confidenceQuantiles.indices.last else { return nil }
        return confidenceQuantiles[min(last, Int(share * Double(last)))]
    }
}
