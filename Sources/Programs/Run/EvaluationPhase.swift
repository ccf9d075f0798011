import Decoding
import Heads
import LogitKernels
import Numerics
import System

/// What every scheme that the run has heads for made of the test set.
struct SchemeEvaluation: Sendable {
    /// In the order of `Scheme.allCases`.
    let results: [Evaluator.Result]
    let labels: [Int]
}

/// Predicts the test set by every scheme, its rows split over the threads.
struct EvaluationPhase {
    let plan: HeadPlan
    let pool: ComputePool

    func run(
        _ backbone: BackboneOutcome, _ trained: TrainedHeads, labels: [Int]
    ) async throws -> SchemeEvaluation {
        let classes = ClassSet.all(plan.classCount)
        let output = try backbone.output.map {
            try HeadLogits(HeadBank([$0]), backbone.testFeatures)
        }
        let schemes = SchemeDecoder.available(
            classes: classes, heads: trained.logits, hasOutput: output != nil)
        let evaluator = try Evaluator(
            SchemeDecoder(schemes, classes: classes, heads: trained.logits, output: output),
            labels: labels, classCount: plan.classCount)
        let parts = try await pool.parallelRanges(evaluator.rowCount) { rows in
            try evaluator.scores(of: rows)
        }
        let results = try await pool.threads[0].run { try evaluator.results(parts) }
        return SchemeEvaluation(results: results, labels: labels)
    }
}
