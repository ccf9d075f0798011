import Decoding
import HeadPlan
import Tensors
import Threading

/// Predictions of every scheme that the run has heads for.
struct SchemeEvaluation: Sendable {
    /// By scheme, in the order of `Scheme.allCases`.
    let predictions: [(scheme: Scheme, classes: [Int])]
    let labels: [Int]

    func predictions(of scheme: Scheme) -> [Int]? {
        predictions.first { $0.scheme == scheme }?.classes
    }
}

/// Predicts the test set by every scheme, its rows split over the threads.
struct EvaluationPhase {
    let plan: HeadPlan
    let pool: ComputePool

    func run(
        _ backbone: BackboneOutcome, _ harvest: HeadHarvest, labels: [Int]
    ) async throws -> SchemeEvaluation {
        // What is missing is taken from the backbone's own outputs for the head's classes.
        let standIns = harvest.quarantined.map { backbone.output.restricted(to: $0.classes) }
        let heads = try HeadBank(harvest.heads.compactMap(\.self) + standIns)
        let features = backbone.testFeatures
        let output = backbone.output
        let all = ClassSet.all(plan.classCount)
        var predictions: [(Scheme, [Int])] = []
        for scheme in Scheme.allCases where isTrained(scheme) {
            let parts = try await pool.parallelRanges(features.rowCount) { rows in
                switch scheme {
                case .oneVsAll:
                    try SchemeDecoder.oneVsAll(features, rows: rows, head: output)
                case .oneVsAllRefit:
                    try SchemeDecoder.oneVsAll(
                        features, rows: rows, head: heads.head(over: all))
                case .allVsAll:
                    try SchemeDecoder.allVsAll(features, rows: rows, classes: all, heads: heads)
                case .treeElimination:
                    try SchemeDecoder.treeElimination(
                        features, rows: rows, classes: all, heads: heads)
                }
            }
            predictions.append((scheme, parts.flatMap(\.self)))
        }
        return SchemeEvaluation(predictions: predictions, labels: labels)
    }

    /// Whether the plan has the scheme's heads: pairs alone serve all schemes of two classes.
    private func isTrained(_ scheme: Scheme) -> Bool {
        switch scheme {
        case .oneVsAll, .allVsAll: true
        case .oneVsAllRefit, .treeElimination: plan.id(of: .all(plan.classCount)) != nil
        }
    }
}
