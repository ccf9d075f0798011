import Numerics

/// How good probabilities are, beyond whether their argmax is right.
package struct ProbabilityMetrics: Sendable, Equatable {
    /// What a probability counts as at least in the logarithm, 2^-52, as in scikit-learn's
    /// `log_loss`: a class said to be impossible costs 36.04 where it happens, not infinity.
    package static let probabilityFloor = Double.ulpOfOne
    /// Bins of ``expectedCalibrationError``.
    package static let calibrationBinCount = 15

    /// The predictions against the labels: accuracy and confusion matrix.
    package let evaluation: Evaluation
    /// The mean of `-ln p(label)`, each `p` at least ``probabilityFloor``; 0 without rows.
    package let negativeLogLikelihood: Double
    /// The mean over rows of the sum over all classes of `(p - truth)^2` (Brier 1950): from 0 to
    /// 2; 0 without rows.
    package let brierScore: Double
    /// The mean distance between confidence and accuracy over the rows of each bin (Guo, Pleiss, Sun
    /// and Weinberger 2017, section 2, equation 3); 0 without rows.
    package let expectedCalibrationError: Double
    /// The top probability in equal bins: bin b holds those above `b/15` and up to `(b+1)/15`.
    package let calibration: [CalibrationBin]
    /// The share of rows whose label is among the five most probable classes; 0 without rows.
    package let topFiveAccuracy: Double

    /// Compares probabilities with labels.
    ///
    /// A class of `classCount` that the probabilities do not know has probability 0.
    ///
    /// - Throws: ``DecodingError`` when counts differ or a class is not below `classCount`.
    package init(
        _ probabilities: ClassProbabilities, labels: [Int], classCount: Int
    ) throws(DecodingError) {
        guard probabilities.rowCount == labels.count else {
            throw .labelMismatch(
                "\(probabilities.rowCount.counted("prediction")), but \(labels.count.counted("label"))"
            )
        }
        var scores = RowScores()
        scores.add(probabilities, labels: labels[...])
        try self.init(scores, labels: labels, classCount: classCount)
    }

    /// Sums up the scores of rows with these labels, in the order of the rows.
    ///
    /// - Throws: ``DecodingError`` when counts differ or a class is not below `classCount`.
    package init(_ scores: RowScores, labels: [Int], classCount: Int) throws(DecodingError) {
        evaluation = try Evaluation(
            predictions: scores.predictions, labels: labels, classCount: classCount)
        var bins = [(count: Int, confidence: Double, correct: Int)](
            repeating: (0, 0, 0), count: Self.calibrationBinCount)
        for (row, label) in labels.enumerated() {
            let confidence = scores.confidences[row]
            let bin = Self.bin(of: confidence)
            bins[bin].count += 1
            bins[bin].confidence += confidence
            bins[bin].correct += scores.predictions[row] == label ? 1 : 0
        }
        let count = Double(max(1, labels.count))
        negativeLogLikelihood = scores.losses.reduce(0, +) / count
        brierScore = scores.squares.reduce(0, +) / count
        topFiveAccuracy = Double(scores.topFiveCount) / count
        expectedCalibrationError = bins.reduce(0) {
            $0 + abs($1.confidence - Double($1.correct)) / count
        }
        calibration = bins.map { bin in
            let rows = Double(max(1, bin.count))
            return CalibrationBin(
                count: bin.count, meanConfidence: bin.confidence / rows,
                accuracy: Double(bin.correct) / rows)
        }
    }

    /// The share of rows predicted right.
    package var accuracy: Double { evaluation.accuracy }

    private static func bin(of probability: Double) -> Int {
        let scaled = (probability * Double(calibrationBinCount)).rounded(.up)
        return min(max(Int(scaled) - 1, 0), calibrationBinCount - 1)
    }
}

/// One bin of a calibration curve.
package struct CalibrationBin: Codable, Sendable, Equatable {
    /// Rows whose highest probability is in the bin.
    package var count: Int
    /// Their mean highest probability; 0 without rows.
    package var meanConfidence: Double
    /// The share of them predicted right; 0 without rows.
    package var accuracy: Double

    /// A bin of these figures.
    package init(count: Int, meanConfidence: Double, accuracy: Double) {
        self.count = count
        self.meanConfidence = meanConfidence
        self.accuracy = accuracy
    }
}
