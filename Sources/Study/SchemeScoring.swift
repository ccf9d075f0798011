package import Decoding
package import Heads
package import Numerics

/// Has every scheme and elimination policy predict test rows, and scores them.
package struct SchemeScoring: Sendable {
    /// The policies of a study's frontier: one of each kind and size that is worth looking at.
    package static let policies: [EliminationPolicy] = [
        .lowest(1), .lowest(2), .lowest(3), .below(0.001), .below(0.01), .below(0.05),
        .certain(margin: 0.5), .certain(margin: 0.9), .certain(margin: 0.99),
    ]

    private let labels: [Int]
    private let classCount: Int

    /// A scoring of rows with these labels.
    package init(labels: [Int], classCount: Int) {
        self.labels = labels
        self.classCount = classCount
    }

    /// Scores one head over all classes.
    ///
    /// - Parameter features: `[sample, feature]` of the test rows.
    /// - Throws: `DecodingError` when head, features and labels do not fit.
    package func outcome(
        of scheme: StudyScheme, _ features: Matrix, head: Head
    ) throws(DecodingError) -> SchemeOutcome {
        try outcome(of: scheme, SchemeDecoder.oneVsAllProbabilities(features, head: head))
    }

    /// What a scheme believes about test rows: one-vs-all and its controls by the bank's head over all
    /// classes, the others by the heads that they ask.
    ///
    /// - Parameters:
    ///   - features: `[sample, feature]` of the test rows.
    ///   - rows: the rows to predict; all when nil.
    /// - Throws: `DecodingError` naming a head that is missing, or when widths differ.
    package func probabilities(
        of scheme: StudyScheme, _ features: Matrix, rows: Range<Int>? = nil, _ heads: HeadBank
    ) throws(DecodingError) -> ClassProbabilities {
        let all = ClassSet.all(classCount)
        func pairs(_ rule: PairRule) throws(DecodingError) -> ClassProbabilities {
            try SchemeDecoder.pairProbabilities(
                features, rows: rows, classes: all, heads: heads, rule: rule)
        }
        switch scheme {
        case .oneVsAll, .oneVsAllEqualSteps, .oneVsAllRefit:
            return try SchemeDecoder.oneVsAllProbabilities(
                features, rows: rows, head: heads.head(over: all))
        case .softVote: return try pairs(.softVote)
        case .hardVote: return try pairs(.hardVote)
        case .pairwiseCoupling: return try pairs(.pairwiseCoupling)
        case .eliminationGraph: return try pairs(.eliminationGraph)
        case .treeElimination:
            return try SchemeDecoder.eliminate(features, rows: rows, classes: all, heads: heads)
                .probabilities
        }
    }

    /// Scores every scheme that asks a bank of heads over all subsets.
    package func outcomes(
        _ features: Matrix, _ heads: HeadBank
    ) throws(DecodingError) -> [SchemeOutcome] {
        var outcomes: [SchemeOutcome] = []
        for scheme in StudyScheme.allCases where !scheme.asksBackbone {
            outcomes.append(
                try outcome(of: scheme, probabilities(of: scheme, features, heads)))
        }
        return outcomes
    }

    /// Scores the elimination policies of the frontier.
    ///
    /// - Parameter featureCount: of a head as it would be asked, for counting operations.
    package func frontier(
        _ features: Matrix, _ heads: HeadBank, featureCount: Int
    ) throws(DecodingError) -> [PolicyOutcome] {
        var outcomes: [PolicyOutcome] = []
        for policy in Self.policies {
            let found = try SchemeDecoder.eliminate(
                features, classes: .all(classCount), heads: heads, policy: policy)
            let evaluation = try Evaluation(
                predictions: found.probabilities.predictions, labels: labels,
                classCount: classCount)
            outcomes.append(
                PolicyOutcome(
                    policy: policy.title, accuracy: evaluation.accuracy,
                    headsPerRow: found.headsPerRow,
                    flopsPerRow: found.flopsPerRow(featureCount: featureCount),
                    topNeverChangedShare: found.topNeverChangedShare))
        }
        return outcomes
    }

    /// Scores what a scheme believes about the rows with these labels.
    ///
    /// - Throws: `DecodingError` when counts differ.
    package func outcome(
        of scheme: StudyScheme, _ probabilities: ClassProbabilities
    ) throws(DecodingError) -> SchemeOutcome {
        let metrics = try ProbabilityMetrics(
            probabilities, labels: labels, classCount: classCount)
        return SchemeOutcome(
            scheme: scheme, predictions: probabilities.predictions,
            correctCount: metrics.evaluation.correctCount,
            negativeLogLikelihood: metrics.negativeLogLikelihood, brierScore: metrics.brierScore,
            expectedCalibrationError: metrics.expectedCalibrationError,
            calibration: metrics.calibration.map {
                StudyCalibrationBin(
                    count: $0.count, meanConfidence: $0.meanConfidence, accuracy: $0.accuracy)
            })
    }
}
