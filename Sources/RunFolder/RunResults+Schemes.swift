extension RunResults {
    /// How a scheme did and what it costs.
    package struct SchemeSummary: Codable, Sendable, Equatable {
        /// Share of the test rows predicted right, in [0, 1]; like all figures of them nil, and no key,
        /// where there are no test rows.
        package var accuracy: Double?
        /// Test rows predicted right.
        package var correct: Int?
        /// Mean of `-ln p(label)`.
        package var nll: Double?
        /// Mean over rows of the summed squared errors of the probabilities.
        package var brier: Double?
        /// Expected calibration error of the highest probability, in fifteen bins.
        package var ece: Double?
        /// Share of the test rows whose label is among the five most probable classes.
        package var topFiveAccuracy: Double?
        /// For each class the share of its test rows predicted right; nil for a class without any.
        package var recall: [Double?]?
        /// Heads trained for it.
        package var heads: Int
        /// Heads asked for one prediction.
        package var headsPerPrediction: Int
        /// Weights and biases of all the scheme's heads, the backbone's not among them.
        package var parameters: Int
        /// Bytes of those parameters as float32.
        package var bytes: Int

        private enum CodingKeys: String, CodingKey {
            case accuracy, correct, nll, brier, ece, recall, heads
            case topFiveAccuracy = "top5_accuracy"
            case headsPerPrediction = "heads_per_prediction"
            case parameters, bytes
        }

        /// A summary of these figures.
        package init(
            accuracy: Double?, correct: Int?, nll: Double?, brier: Double?, ece: Double?,
            topFiveAccuracy: Double?, recall: [Double?]? = nil, heads: Int,
            headsPerPrediction: Int, parameters: Int, bytes: Int
        ) {
            self.recall = recall
            self.accuracy = accuracy
            self.correct = correct
            self.nll = nll
            self.brier = brier
            self.ece = ece
            self.topFiveAccuracy = topFiveAccuracy
            self.heads = heads
            self.headsPerPrediction = headsPerPrediction
            self.parameters = parameters
            self.bytes = bytes
        }
    }

    /// The optimum that heads were trained to.
    package struct Optimum: Codable, Sendable, Equatable {
        /// A strength that cross-validation tried.
        package struct Point: Codable, Sendable, Equatable {
            /// The strength.
            package var l2: Double
            /// Mean over the held-out rows of `-ln p(label)`.
            package var nll: Double
            /// The standard error of that mean.
            package var standardError: Double

            private enum CodingKeys: String, CodingKey {
                case l2, nll
                case standardError = "standard_error"
            }

            /// A point of these figures.
            package init(l2: Double, nll: Double, standardError: Double) {
                self.l2 = l2
                self.nll = nll
                self.standardError = standardError
            }
        }

        /// Strength of the penalty.
        package var l2: Double
        /// All that cross-validation tried, the strongest first; nil where `--l2` was given.
        package var crossValidation: [Point]?
        /// Rows that it was tried on, where those are not all: strengths are then those for so many, and
        /// ``l2`` is the chosen one times their share of all rows.
        package var crossValidationRows: Int?
        /// The largest component of the gradient that a certified head may have.
        package var gradientTolerance: Double
        /// The largest that a head of the run has.
        package var gradientMax: Double

        private enum CodingKeys: String, CodingKey {
            case l2
            case crossValidation = "cross_validation"
            case crossValidationRows = "cross_validation_rows"
            case gradientTolerance = "gradient_tolerance"
            case gradientMax = "gradient_max"
        }

        /// An optimum of these figures.
        package init(
            l2: Double, crossValidation: [Point]?, crossValidationRows: Int? = nil,
            gradientTolerance: Double, gradientMax: Double
        ) {
            self.l2 = l2
            self.crossValidationRows = crossValidationRows
            self.crossValidation = crossValidation
            self.gradientTolerance = gradientTolerance
            self.gradientMax = gradientMax
        }
    }
}
