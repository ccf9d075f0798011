extension RunResults {
    /// How a scheme did and what it costs.
    package struct SchemeSummary: Codable, Sendable, Equatable {
        /// How a scheme did on validation rows.
        package struct Validation: Codable, Sendable, Equatable {
            /// Share of the rows predicted right.
            package var accuracy: Double
            /// Mean of `-ln p(label)`.
            package var nll: Double
            /// Expected calibration error.
            package var ece: Double

            /// Figures of these values.
            package init(accuracy: Double, nll: Double, ece: Double) {
                self.accuracy = accuracy
                self.nll = nll
                self.ece = ece
            }
        }

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
        /// What the scheme's scores are divided by; nil without validation rows.
        ///
        /// All figures of probabilities are of those after that.
        package var temperature: Double?
        /// Mean of `-ln p(label)` of the test rows without the temperature.
        package var uncalibratedNLL: Double?
        /// Mean over rows of the summed squared errors without it.
        package var uncalibratedBrier: Double?
        /// Expected calibration error without it.
        package var uncalibratedECE: Double?
        /// How it does on the validation rows, by which its temperature is chosen.
        package var validation: Validation?
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
            case temperature, validation
            case uncalibratedNLL = "uncalibrated_nll"
            case uncalibratedBrier = "uncalibrated_brier"
            case uncalibratedECE = "uncalibrated_ece"
            case headsPerPrediction = "heads_per_prediction"
            case parameters, bytes
        }

        /// A summary of these figures.
        package init(
            accuracy: Double?, correct: Int?, nll: Double?, brier: Double?, ece: Double?,
            topFiveAccuracy: Double?, recall: [Double?]? = nil, temperature: Double? = nil,
            uncalibrated: (nll: Double, brier: Double, ece: Double)? = nil,
            validation: Validation? = nil, heads: Int,
            headsPerPrediction: Int, parameters: Int, bytes: Int
        ) {
            self.temperature = temperature
            uncalibratedNLL = uncalibrated?.nll
            uncalibratedBrier = uncalibrated?.brier
            uncalibratedECE = uncalibrated?.ece
            self.validation = validation
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
        /// A strength that was tried.
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
        /// All that cross-validation tried, the strongest first; nil where `--l2` was given, or there are
        /// validation rows.
        package var crossValidation: [Point]?
        /// All that was tried on validation rows, likewise; nil without any.
        package var validation: [Point]?
        /// Rows that it was tried on, where those are not all: strengths are then those for so many, and
        /// ``l2`` is the chosen one times their share of all rows.
        package var crossValidationRows: Int?
        /// The largest component of the gradient that a certified head may have.
        package var gradientTolerance: Double
        /// The largest that a head of the run has.
        package var gradientMax: Double

        private enum CodingKeys: String, CodingKey {
            case l2, validation
            case crossValidation = "cross_validation"
            case crossValidationRows = "cross_validation_rows"
            case gradientTolerance = "gradient_tolerance"
            case gradientMax = "gradient_max"
        }

        /// An optimum of these figures.
        package init(
            l2: Double, crossValidation: [Point]?, crossValidationRows: Int? = nil,
            validation: [Point]? = nil,
            gradientTolerance: Double, gradientMax: Double
        ) {
            self.validation = validation
            self.l2 = l2
            self.crossValidationRows = crossValidationRows
            self.crossValidation = crossValidation
            self.gradientTolerance = gradientTolerance
            self.gradientMax = gradientMax
        }
    }
}
