import Heads
import Numerics

extension ClassProbabilities {
    /// The probabilities after a calibration; what is predicted stays.
    ///
    /// The softmax of the classes' scores over the temperature. A score never falls as the probability
    /// grows, so the order of the classes stays; it is
    ///
    /// - `ln p`, so that a probability `p` counts as `p^(1/temperature)`: for a softmax, elimination and
    ///   coupling. What is 0 stays 0.
    /// - `ln (w / (n - w))` for hard votes: the class won `w` of its `n = K - 1` pairs, each count with
    ///   half a pair more, since it is often 0. Shares of votes cannot pass `2/K`, and their powers rank
    ///   the other classes too close to the first; odds do not.
    /// - `ln (w^2 / (n - w))` for votes that are softmax outputs: measured on four data sets, see the
    ///   article Schemes.
    ///
    /// - Parameters:
    ///   - calibration: nil leaves the probabilities as they are.
    ///   - scheme: whose probabilities these are.
    package func calibrated(_ calibration: Calibration?, of scheme: Scheme) -> ClassProbabilities {
        guard let calibration else { return self }
        let exponent = 1 / calibration.temperature
        let score = ClassScore(scheme, classCount: classes.count)
        var result = ClassProbabilities(members: classes, rowCount: rowCount)
        for row in 0..<rowCount {
            let top = topPosition(of: row)
            let greatest = score(self[row, top])
            var sum = 0.0
            for position in classes.indices {
                // Of the greatest, so that the greatest is 1 and nothing overflows.
                let power = Double.reproducibleExponential(
                    exponent * (score(self[row, position]) - greatest))
                result[row, position] = power
                sum += power
            }
            for position in classes.indices { result[row, position] /= sum }
            result.settle(row, on: top)
        }
        return result
    }
}

/// The score of a class, which a temperature divides.
package struct ClassScore: Sendable {
    /// Of votes: what is added to the pairs won and to those lost; nil where the score is the logarithm
    /// of the probability.
    package let smoothing: Double?
    /// Of votes that are softmax outputs: the pairs won count twice.
    private let squaresWon: Bool
    /// Pairs that a class is in.
    private let pairsPerClass: Double
    /// All pairs.
    private let pairCount: Double

    /// The scores of a scheme's probabilities.
    package init(_ scheme: Scheme, classCount: Int) {
        smoothing =
            switch scheme {
            // Softmax outputs are float32: what is lost is known to about 2^-22 of a pair, and neither
            // rounding nor the order of sums is to show.
            case .softVote: 0x1p-12
            case .hardVote: 0.5
            default: nil
            }
        squaresWon = scheme == .softVote
        pairsPerClass = Double(classCount - 1)
        pairCount = Double(classCount) * pairsPerClass / 2
    }

    /// The score of a class of this probability; minus infinity where it has none and never can.
    func callAsFunction(_ probability: Double) -> Double {
        guard let smoothing else { return Double.reproducibleLogarithm(max(0, probability)) }
        let won = min(max(0, probability * pairCount), pairsPerClass)
        let odds = (won + smoothing) / (pairsPerClass - won + smoothing)
        return Double.reproducibleLogarithm(squaresWon ? odds * (won + smoothing) : odds)
    }
}
