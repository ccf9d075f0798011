package import Decoding
import Heads

/// Has every scheme and elimination policy of a study predict test rows, and scores them.
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

    private func evaluator(
        _ schemes: [Scheme], _ heads: any LogitSource
    ) throws(DecodingError) -> Evaluator {
        try Evaluator(
            SchemeDecoder(schemes, classes: .all(classCount), heads: heads), labels: labels,
            classCount: classCount)
    }

    /// Scores a scheme that asks the backbone's outputs.
    ///
    /// - Parameter output: the logits of all classes for the test rows.
    /// - Throws: `DecodingError` when rows and labels do not fit.
    package func outcome(
        of scheme: Scheme, _ output: any LogitSource
    ) throws(DecodingError) -> SchemeOutcome {
        SchemeOutcome(try evaluator([scheme], output).results()[0])
    }

    /// Scores every scheme that asks heads over all subsets.
    ///
    /// - Throws: `DecodingError` naming a head that is missing.
    package func outcomes(_ heads: any LogitSource) throws(DecodingError) -> [SchemeOutcome] {
        try evaluator(Scheme.overHeads(classCount: classCount), heads).results()
            .map { SchemeOutcome($0) }
    }

    /// Scores the elimination policies of the frontier.
    ///
    /// - Parameter featureCount: of a head as it would be asked, for counting operations.
    /// - Throws: `DecodingError` naming a head that is missing.
    package func frontier(
        _ heads: any LogitSource, featureCount: Int
    ) throws(DecodingError) -> [PolicyOutcome] {
        let evaluator = try evaluator([.treeElimination], heads)
        var outcomes: [PolicyOutcome] = []
        for policy in Self.policies {
            let found = try evaluator.result(of: policy)
            outcomes.append(
                PolicyOutcome(
                    policy: policy.title, accuracy: found.metrics.accuracy,
                    headsPerRow: found.headsPerRow,
                    flopsPerRow: found.flopsPerRow(featureCount: featureCount),
                    topNeverChangedShare: found.topNeverChangedShare))
        }
        return outcomes
    }
}
