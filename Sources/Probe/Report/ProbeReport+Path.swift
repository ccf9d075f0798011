package import Decoding
import Statistics

extension ProbeReport {
    /// How rows that heads have not seen are predicted; a file has all figures on one level.
    package struct Scores: Codable, Sendable, Equatable {
        /// Rows predicted; with folds each row once, by the heads that have not seen it.
        package let rows: Int
        /// Those predicted right.
        package let correct: Int
        /// Mean of `-ln p(label)`.
        package let nll: Double
        /// Mean over rows of the summed squared errors of the probabilities.
        package let brier: Double
        /// Expected calibration error of the highest probability, in fifteen bins.
        package let ece: Double
        /// Share of the rows whose label is among the five most probable classes.
        package let topFiveAccuracy: Double

        private enum CodingKeys: String, CodingKey {
            case rows, correct, accuracy, nll, brier, ece
            case accuracyLow = "accuracy_low"
            case accuracyHigh = "accuracy_high"
            case topFiveAccuracy = "top5_accuracy"
        }

        /// Scores of these figures; traps unless `correct` is from 0 to `rows`.
        package init(
            rows: Int, correct: Int, nll: Double, brier: Double, ece: Double,
            topFiveAccuracy: Double
        ) {
            precondition((0...rows).contains(correct))
            self.rows = rows
            self.correct = correct
            self.nll = nll
            self.brier = brier
            self.ece = ece
            self.topFiveAccuracy = topFiveAccuracy
        }

        /// Scores of what schemes are evaluated with.
        package init(_ metrics: ProbabilityMetrics) {
            self.init(
                rows: metrics.evaluation.totalCount, correct: metrics.evaluation.correctCount,
                nll: metrics.negativeLogLikelihood, brier: metrics.brierScore,
                ece: metrics.expectedCalibrationError, topFiveAccuracy: metrics.topFiveAccuracy)
        }

        /// Share of the rows predicted right, in [0, 1]; 0 without rows.
        package var accuracy: Double { Double(correct) / Double(max(1, rows)) }

        /// The lower end of the accuracy's 95% interval (Wilson), in [0, 1].
        package var accuracyLow: Double { interval.lower }

        /// Its upper end.
        package var accuracyHigh: Double { interval.upper }

        private var interval: WilsonInterval { WilsonInterval(successes: correct, total: rows) }

        /// Reads what ``encode(to:)`` writes; accuracy and interval follow from the counts.
        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            rows = try values.decode(Int.self, forKey: .rows)
            correct = try values.decode(Int.self, forKey: .correct)
            nll = try values.decode(Double.self, forKey: .nll)
            brier = try values.decode(Double.self, forKey: .brier)
            ece = try values.decode(Double.self, forKey: .ece)
            topFiveAccuracy = try values.decode(Double.self, forKey: .topFiveAccuracy)
            guard rows >= 0, (0...rows).contains(correct) else {
                throw Swift.DecodingError.dataCorruptedError(
                    forKey: .correct, in: values, debugDescription: "more rows right than there are"
                )
            }
        }

        /// Writes the counts and figures, and what follows from them.
        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(rows, forKey: .rows)
            try values.encode(correct, forKey: .correct)
            try values.encode(accuracy, forKey: .accuracy)
            try values.encode(accuracyLow, forKey: .accuracyLow)
            try values.encode(accuracyHigh, forKey: .accuracyHigh)
            try values.encode(nll, forKey: .nll)
            try values.encode(brier, forKey: .brier)
            try values.encode(ece, forKey: .ece)
            try values.encode(topFiveAccuracy, forKey: .topFiveAccuracy)
        }
    }

    /// A scheme's heads at one value of C.
    package struct Point: Codable, Sendable, Equatable {
        /// scikit-learn's inverse strength of the penalty.
        package var c: Double
        /// The strength of the penalty, beside the mean loss, of a head over all classes; nil where heads
        /// differ in it.
        package var l2: Double?
        /// Heads trained, those of all folds together.
        package var heads: Int
        /// Those of them that are certified to be at their optimum.
        package var certified: Int
        /// How far a head's objective is above the least at most, by its own size; nil where no bound is
        /// known.
        package var gapMax: Double?
        /// The mean over the heads of their objectives: mean weighted loss, and penalty.
        package var objective: Double?
        /// Passes over the rows of a head, for gradients and for second derivatives, summed over the heads.
        package var passes: Int
        /// Seconds of compute threads, summed over them.
        package var seconds: Double
        /// How held-out rows are predicted; nil where the path ended before.
        package var scores: Scores?
        /// SHA-256 of the heads, hexadecimal; nil where there are none.
        package var digest: String?
        /// Why nothing was trained here, one sentence; nil where something was.
        package var reason: String?

        private enum CodingKeys: String, CodingKey {
            case c, l2, heads, certified, objective, passes, seconds, digest, skipped, reason
            case gapMax = "gap_max"
        }

        /// A point of these figures; a gap that is not finite is none.
        package init(
            c: Double, l2: Double? = nil, heads: Int, certified: Int, gapMax: Double?,
            objective: Double? = nil, passes: Int, seconds: Double, scores: Scores?, digest: String?
        ) {
            self.c = c
            self.l2 = l2
            self.heads = heads
            self.certified = certified
            self.gapMax = gapMax.flatMap { $0.isFinite ? $0 : nil }
            self.objective = objective.flatMap { $0.isFinite ? $0 : nil }
            self.passes = passes
            self.seconds = seconds
            self.scores = scores
            self.digest = digest
        }

        /// A value of C that the path did not reach.
        ///
        /// - Parameter reason: why, one sentence.
        package init(skipped c: Double, because reason: String) {
            self.init(
                c: c, heads: 0, certified: 0, gapMax: nil, passes: 0, seconds: 0, scores: nil,
                digest: nil)
            self.reason = reason
        }

        /// Whether nothing was trained here.
        package var isSkipped: Bool { reason != nil }

        /// Whether every head is at its optimum.
        package var isCertified: Bool { certified == heads && !isSkipped }

        /// Reads what ``encode(to:)`` writes.
        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            c = try values.decode(Double.self, forKey: .c)
            l2 = try values.decodeIfPresent(Double.self, forKey: .l2)
            heads = try values.decode(Int.self, forKey: .heads)
            certified = try values.decode(Int.self, forKey: .certified)
            gapMax = try values.decodeIfPresent(Double.self, forKey: .gapMax)
            objective = try values.decodeIfPresent(Double.self, forKey: .objective)
            passes = try values.decode(Int.self, forKey: .passes)
            seconds = try values.decode(Double.self, forKey: .seconds)
            digest = try values.decodeIfPresent(String.self, forKey: .digest)
            reason = try values.decodeIfPresent(String.self, forKey: .reason)
            scores = reason == nil ? try Scores(from: decoder) : nil
        }

        /// Writes the point and its scores on one level.
        package func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(c, forKey: .c)
            try values.encodeIfPresent(l2, forKey: .l2)
            try values.encode(heads, forKey: .heads)
            try values.encode(certified, forKey: .certified)
            try values.encodeIfPresent(gapMax, forKey: .gapMax)
            try values.encodeIfPresent(objective, forKey: .objective)
            try values.encode(passes, forKey: .passes)
            try values.encode(seconds, forKey: .seconds)
            try values.encodeIfPresent(digest, forKey: .digest)
            try values.encode(isSkipped, forKey: .skipped)
            try values.encodeIfPresent(reason, forKey: .reason)
            try scores?.encode(to: encoder)
        }
    }
}
