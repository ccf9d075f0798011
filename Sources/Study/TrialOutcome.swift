package import Decoding

/// The outcome of a unit of a study: the same bytes from every worker on one type of processor, so
/// without durations.
package enum UnitOutcome: Codable, Sendable, Equatable {
    case trial(TrialOutcome)
    case network(NetworkOutcome)
}

/// A trial's backbone and its heads on frozen features, already evaluated.
package struct TrialOutcome: Codable, Sendable, Equatable {
    /// Training rows of the trial.
    package var trainRowCount: Int
    /// SHA-256 of the features, hexadecimal.
    package var featureDigest: String
    /// One-vs-all and its equal-step control.
    package var backbone: [SchemeOutcome]
    /// The arms asked for, in that order.
    package var arms: [ArmOutcome]

    /// An outcome of these parts.
    package init(
        trainRowCount: Int, featureDigest: String, backbone: [SchemeOutcome], arms: [ArmOutcome]
    ) {
        self.trainRowCount = trainRowCount
        self.featureDigest = featureDigest
        self.backbone = backbone
        self.arms = arms
    }
}

/// All heads of one arm of a trial, evaluated.
package struct ArmOutcome: Codable, Sendable, Equatable {
    /// Which arm.
    package var arm: StudyArm
    /// Every scheme that asks these heads, in ``Scheme``'s order.
    package var schemes: [SchemeOutcome]
    /// Elimination policies on these heads.
    package var policies: [PolicyOutcome]
    /// SHA-256 of the heads as in a run's `digests.heads`; of whole networks that of their logits.
    package var headDigest: String
    /// Heads trained.
    package var headCount: Int
    /// Heads whose gradient is certified to vanish; nil for arms that are not
    /// trained to it.
    package var certifiedCount: Int?
    /// The strength of the L2 penalty; nil without one.
    package var l2: Double?

    /// An outcome of these parts.
    package init(
        arm: StudyArm, schemes: [SchemeOutcome], policies: [PolicyOutcome], headDigest: String,
        headCount: Int, certifiedCount: Int? = nil, l2: Double? = nil
    ) {
        self.arm = arm
        self.schemes = schemes
        self.policies = policies
        self.headDigest = headDigest
        self.headCount = headCount
        self.certifiedCount = certifiedCount
        self.l2 = l2
    }
}

/// What a scheme predicted for every test row, and how good its probabilities are.
package struct SchemeOutcome: Codable, Sendable, Equatable {
    /// Which scheme.
    package var scheme: Scheme
    /// A character a row: class 0 is `0`, class 1 the next of Unicode, and so on.
    package private(set) var predictionText: String
    /// Rows predicted right.
    package var correctCount: Int
    /// Mean of `-ln p(label)`.
    package var negativeLogLikelihood: Double
    /// Mean over rows of the summed squared errors of the probabilities.
    package var brierScore: Double
    /// Fifteen bins, as in ``calibration``.
    package var expectedCalibrationError: Double
    /// Equal bins of the highest probability.
    package var calibration: [CalibrationBin]

    private static let firstClass = Unicode.Scalar("0").value

    /// The outcome of these predictions.
    package init(
        scheme: Scheme, predictions: [Int], correctCount: Int,
        negativeLogLikelihood: Double, brierScore: Double, expectedCalibrationError: Double,
        calibration: [CalibrationBin]
    ) {
        self.scheme = scheme
        var text = String.UnicodeScalarView()
        for prediction in predictions {
            // A study trains all subsets: its classes are few, far from the scalars that do not exist.
            text.append(
                Unicode.Scalar(Self.firstClass + UInt32(clamping: prediction)) ?? "\u{FFFD}")
        }
        predictionText = String(text)
        self.correctCount = correctCount
        self.negativeLogLikelihood = negativeLogLikelihood
        self.brierScore = brierScore
        self.expectedCalibrationError = expectedCalibrationError
        self.calibration = calibration
    }

    /// The outcome of a scheme that was evaluated.
    package init(_ result: Evaluator.Result) {
        let metrics = result.metrics
        self.init(
            scheme: result.scheme, predictions: metrics.evaluation.predictions,
            correctCount: metrics.evaluation.correctCount,
            negativeLogLikelihood: metrics.negativeLogLikelihood, brierScore: metrics.brierScore,
            expectedCalibrationError: metrics.expectedCalibrationError,
            calibration: metrics.calibration)
    }

    /// The class predicted for every test row.
    package var predictions: [Int] {
        predictionText.unicodeScalars.map { Int($0.value) - Int(Self.firstClass) }
    }
}

/// The cost and the accuracy of an elimination policy.
package struct PolicyOutcome: Codable, Sendable, Equatable {
    /// The policy's name for people.
    package var policy: String
    /// Share of the test rows predicted right.
    package var accuracy: Double
    /// Heads asked per row.
    package var headsPerRow: Double
    /// Floating-point operations of those heads per row.
    package var flopsPerRow: Double
    /// Share of rows whose most probable class was the same in every head asked.
    package var topNeverChangedShare: Double

    /// An outcome of these figures.
    package init(
        policy: String, accuracy: Double, headsPerRow: Double, flopsPerRow: Double,
        topNeverChangedShare: Double
    ) {
        self.policy = policy
        self.accuracy = accuracy
        self.headsPerRow = headsPerRow
        self.flopsPerRow = flopsPerRow
        self.topNeverChangedShare = topNeverChangedShare
    }
}

/// A whole network over some classes: its logits for the test rows are all that schemes need.
package struct NetworkOutcome: Codable, Sendable, Equatable {
    /// Training rows of its classes.
    package var trainRowCount: Int
    /// `[sample, class]` of all test rows, row-major; not part of the encoded text.
    package var logits: [Float] = []
    /// SHA-256 of its weights, first layer first, hexadecimal.
    package var weightDigest: String

    private enum CodingKeys: CodingKey {
        case trainRowCount
        case weightDigest
    }

    /// An outcome of these parts.
    package init(trainRowCount: Int, logits: [Float], weightDigest: String) {
        self.trainRowCount = trainRowCount
        self.logits = logits
        self.weightDigest = weightDigest
    }
}
