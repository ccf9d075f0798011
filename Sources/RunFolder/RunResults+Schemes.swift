extension RunResults {
    /// The schemes evaluated; what a run trained no heads for is absent.
    package struct Schemes: Codable, Sendable, Equatable {
        /// The backbone's own softmax.
        package var oneVsAll: SchemeSummary
        /// The head over all classes: the control.
        package var oneVsAllRefit: SchemeSummary?
        /// The vote of all pair heads.
        package var allVsAll: SchemeSummary?
        /// Elimination from all classes down to one.
        package var tree: SchemeSummary?
        /// A vote a pair head for one class.
        package var allVsAllHardVote: SchemeSummary?
        /// The probabilities that fit all pairs best.
        package var allVsAllCoupling: SchemeSummary?
        /// Elimination over pairs.
        package var dag: SchemeSummary?

        private enum CodingKeys: String, CodingKey {
            case oneVsAll = "one_vs_all"
            case oneVsAllRefit = "one_vs_all_refit"
            case allVsAll = "all_vs_all"
            case tree
            case allVsAllHardVote = "all_vs_all_hard_vote"
            case allVsAllCoupling = "all_vs_all_coupling"
            case dag
        }

        /// The schemes evaluated, nil for those without heads.
        package init(
            oneVsAll: SchemeSummary, oneVsAllRefit: SchemeSummary?, allVsAll: SchemeSummary?,
            tree: SchemeSummary?, allVsAllHardVote: SchemeSummary? = nil,
            allVsAllCoupling: SchemeSummary? = nil, dag: SchemeSummary? = nil
        ) {
            self.oneVsAll = oneVsAll
            self.oneVsAllRefit = oneVsAllRefit
            self.allVsAll = allVsAll
            self.tree = tree
            self.allVsAllHardVote = allVsAllHardVote
            self.allVsAllCoupling = allVsAllCoupling
            self.dag = dag
        }
    }

    /// How a scheme did and what it costs.
    package struct SchemeSummary: Codable, Sendable, Equatable {
        /// Share of the test rows predicted right, in [0, 1].
        package var accuracy: Double
        /// Test rows predicted right.
        package var correct: Int
        /// Mean of `-ln p(label)`.
        package var nll: Double
        /// Mean over rows of the summed squared errors of the probabilities.
        package var brier: Double
        /// Expected calibration error of the highest probability, in fifteen bins.
        package var ece: Double
        /// Heads trained for it.
        package var heads: Int
        /// Heads asked for one prediction.
        package var headsPerPrediction: Int
        /// Weights and biases of all the scheme's heads, the backbone's not among them.
        package var parameters: Int
        /// Bytes of those parameters as float32.
        package var bytes: Int

        private enum CodingKeys: String, CodingKey {
            case accuracy, correct, nll, brier, ece, heads
            case headsPerPrediction = "heads_per_prediction"
            case parameters, bytes
        }

        /// A summary of these figures.
        package init(
            accuracy: Double, correct: Int, nll: Double, brier: Double,
            ece: Double, heads: Int, headsPerPrediction: Int, parameters: Int, bytes: Int
        ) {
            self.accuracy = accuracy
            self.correct = correct
            self.nll = nll
            self.brier = brier
            self.ece = ece
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
        /// The largest component of the gradient that a certified head may have.
        package var gradientTolerance: Double
        /// The largest that a head of the run has.
        package var gradientMax: Double

        private enum CodingKeys: String, CodingKey {
            case l2
            case crossValidation = "cross_validation"
            case gradientTolerance = "gradient_tolerance"
            case gradientMax = "gradient_max"
        }

        /// An optimum of these figures.
        package init(
            l2: Double, crossValidation: [Point]?, gradientTolerance: Double, gradientMax: Double
        ) {
            self.l2 = l2
            self.crossValidation = crossValidation
            self.gradientTolerance = gradientTolerance
            self.gradientMax = gradientMax
        }
    }
}
