/// What validation rows said of a scheme's probabilities.
package struct Calibration: Sendable, Equatable {
    /// Steps between the shares of ``confidenceQuantiles`` that ``fit(_:of:labels:)`` takes.
    static let quantileStepCount = 200

    /// Above 0: what the scores of a row's classes are divided by before their softmax.
    ///
    /// The score of a class is the logarithm of its probability, or of its odds where probabilities are
    /// shares of votes: see ``ClassProbabilities/calibrated(_:of:)``. Below 1 sharpens, above 1 flattens;
    /// for a softmax it is the usual division of the logits (Guo, Pleiss, Sun and Weinberger 2017).
    package let temperature: Double
    /// Ascending: the calibrated probability of the predicted class over the validation rows, at equal
    /// shares of the rows from the least (share 0) to the greatest (share 1); empty where nobody asked.
    package let confidenceQuantiles: [Double]

    /// Traps on a temperature that is not above 0.
    package init(temperature: Double, confidenceQuantiles: [Double] = []) {
        precondition(temperature > 0)
        self.temperature = temperature
        self.confidenceQuantiles = confidenceQuantiles
    }

    /// The probability of the predicted class below which a row is none of these classes.
    ///
    /// At most `share` of the validation rows are below it, so of rows like them about that many are
    /// rejected by mistake. A share between two of the quantiles' counts as the lower one.
    ///
    /// - Parameter share: from 0 to 1.
    /// - Returns: nil without quantiles, or for a share out of range.
    package func threshold(rejecting share: Double) -> Double? {
        guard (0...1).contains(share), let last = confidenceQuantiles.indices.last else {
            return nil
        }
        // A share that is a quantile's is that one, though its product may be rounded down.
        let place = (share * Double(last) + 1e-9).rounded(.down)
        return confidenceQuantiles[min(last, Int(place))]
    }
}
