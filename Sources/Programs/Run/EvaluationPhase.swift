import Decoding
import Heads
import Numerics
import Study
import System

/// What every scheme that the run has heads for made of the test set.
struct SchemeEvaluation: Sendable {
    /// In the order of `StudyScheme.allCases`.
    let outcomes: [SchemeOutcome]
    let labels: [Int]

    func outcome(of scheme: StudyScheme) -> SchemeOutcome? {
        outcomes.first { $0.scheme == scheme }
    }
}

/// Predicts the test set by every scheme, its rows split over the threads.
struct EvaluationPhase {
    let plan: HeadPlan
    let pool: ComputePool

    func run(
        _ backbone: BackboneOutcome, _ trained: TrainedHeads, labels: [Int]
    ) async throws -> SchemeEvaluation {
        let scoring = SchemeScoring(labels: labels, classCount: plan.classCount)
        let output = try HeadBank([backbone.output])
        var outcomes: [SchemeOutcome] = []
        for scheme in StudyScheme.allCases where isTrained(scheme) {
            let features = scheme.asksBackbone ? backbone.testFeatures : trained.testFeatures
            let heads = scheme.asksBackbone ? output : trained.bank
            let parts = try await pool.parallelRanges(features.rowCount) { rows in
                try scoring.probabilities(of: scheme, features, rows: rows, heads)
            }
            let all = ClassProbabilities(
                classes: .all(plan.classCount), rowCount: features.rowCount,
                values: parts.flatMap(\.values))
            outcomes.append(
                try await pool.threads[0].run { try scoring.outcome(of: scheme, all) })
        }
        return SchemeEvaluation(outcomes: outcomes, labels: labels)
    }

    /// Whether the plan has the scheme's heads: pairs alone serve all schemes of two classes.
    private func isTrained(_ scheme: StudyScheme) -> Bool {
        switch scheme {
        case .oneVsAll, .softVote: true
        case .oneVsAllEqualSteps: false
        case .hardVote, .pairwiseCoupling, .eliminationGraph:
            plan.classCount <= SchemeDecoder.pairTableClassCountMax
        case .oneVsAllRefit, .treeElimination: plan.contains(.all(plan.classCount))
        }
    }
}
