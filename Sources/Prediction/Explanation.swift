package import Decoding
package import Numerics

/// What a scheme asked about one row, what it was told, and what it made of it.
///
/// The numbers are those by which the model decides, not found a second time.
package struct Explanation: Sendable, Equatable {
    /// What was asked.
    package enum Evidence: Sendable, Equatable {
        /// The logits of one head over all classes, in the order of the classes.
        case logits([Float])
        /// The scores of each class against the rest, in the order of the classes.
        case scores([Float])
        /// Every pair: the votes of each class, in the order of the classes, and what the pairs say of
        /// the class that is predicted, the closest first. Without votes for coupling, which has none.
        case pairs(votes: [Double]?, ofPredicted: [PairAnswer])
        /// The classes that one head lists and its probability of each, the most probable first, and what
        /// their pairs say of the class that is predicted, the closest first.
        case shortlist([ClassChoice], ofPredicted: [PairAnswer])
        /// Pairs one after the other; each loser leaves.
        case path([PairAnswer])
        /// Heads of the classes left, one after the other.
        case steps([EliminationStep])
    }

    /// By which scheme.
    package let scheme: Scheme
    /// All classes and their probabilities, as they are printed: the most probable first, of equally
    /// probable ones the lowest.
    package let choices: [ClassChoice]
    /// What was asked.
    package let evidence: Evidence
    /// What the probabilities went through; nil for nothing.
    package let temperature: Double?

    /// The class that is predicted.
    package var predicted: Int { choices[0].classIndex }

    /// An explanation of these parts; traps without a class.
    package init(
        scheme: Scheme, probabilities: ClassProbabilities, evidence: Evidence, temperature: Double?
    ) {
        precondition(probabilities.rowCount == 1)
        self.scheme = scheme
        choices = zip(probabilities.classes, probabilities.row(0))
            .map { ClassChoice(classIndex: $0, probability: $1) }
            .sorted { ($1.probability, $0.classIndex) < ($0.probability, $1.classIndex) }
        self.evidence = evidence
        self.temperature = temperature
    }
}

extension Predictor {
    /// Why a row of ``features(_:)`` is predicted as it is.
    ///
    /// - Throws: ``PredictionError`` as ``probabilities(ofFeatures:rows:)``.
    package func explanation(
        ofFeatures features: Matrix, row: Int
    ) throws(PredictionError) -> Explanation {
        try decoding(features) { (decoder) throws(DecodingError) in
            let own = try decoder.probabilities(rows: row..<row + 1)[0]
            let predicted = own.predictions[0]
            func ofPredicted(_ answers: [PairAnswer]) -> [PairAnswer] {
                answers.filter { $0.winner == predicted || $0.loser == predicted }
                    .sorted { $1.odds < $0.odds }
            }
            let evidence: Explanation.Evidence
            switch scheme {
            case .oneVsAll, .oneVsAllEqualSteps, .oneVsAllRefit:
                evidence = .logits(decoder.logits(of: scheme, row: row) ?? [])
            case .oneVsRest: evidence = .scores(decoder.logits(of: scheme, row: row) ?? [])
            case .softVote, .hardVote, .pairwiseCoupling:
                let pairCount = own.classes.count * (own.classes.count - 1) / 2
                evidence = .pairs(
                    votes: scheme == .pairwiseCoupling
                        ? nil : own.values.map { $0 * Double(pairCount) },
                    ofPredicted: ofPredicted(decoder.pairAnswers(row: row)))
            case .shortlist:
                let (listed, answers) = decoder.shortlistAnswers(row: row) ?? ([], [])
                evidence = .shortlist(listed, ofPredicted: ofPredicted(answers))
            case .eliminationGraph: evidence = .path(decoder.pathAnswers(row: row))
            case .treeElimination: evidence = .steps(try decoder.eliminationSteps(row: row))
            }
            return Explanation(
                scheme: scheme, probabilities: own.calibrated(calibration, of: scheme),
                evidence: evidence, temperature: calibration?.temperature)
        }
    }
}
