import Decoding
import Heads
import Numerics
import System

/// What every scheme that the run has heads for made of the test set.
struct SchemeEvaluation: Sendable {
    /// In the order of `Scheme.allCases`.
    let results: [Evaluator.Result]
    let labels: [Int]
}

/// Predicts the test set by every scheme, its rows split over the threads: all at once where they are in
/// memory, otherwise one block after the other.
struct EvaluationPhase {
    let plan: HeadPlan
    let pool: ComputePool

    func run(
        _ backbone: BackboneOutcome, _ trained: TrainedHeads, labels: [Int]
    ) async throws -> SchemeEvaluation {
        let rows = backbone.testFeatures
        var parts: [[RowScores]] = []
        var schemes: [Scheme] = []
        // No rows are a block too: it says which schemes there are.
        for first in stride(from: 0, to: max(1, rows.rowCount), by: blockRowCount(of: rows)) {
            let block = first..<min(first + blockRowCount(of: rows), rows.rowCount)
            let scoring = try await pool.threads[0].run {
                try evaluator(of: block, backbone, trained, labels: Array(labels[block]))
            }
            schemes = scoring.schemes
            parts += try await pool.parallelRanges(scoring.rowCount) { rows in
                try scoring.scores(of: rows)
            }
        }
        let results = try await pool.threads[0].run { [parts, schemes] in
            try Evaluator.results(
                parts, of: schemes, labels: labels, classCount: plan.classCount)
        }
        return SchemeEvaluation(results: results, labels: labels)
    }

    /// Bytes of features that are evaluated at once, where they are not in memory.
    private static let blockByteCount = 16 << 20

    private func blockRowCount(of rows: any FeatureRows) -> Int {
        rows.held == nil
            ? max(1, Self.blockByteCount / max(1, 4 * rows.columnCount)) : max(1, rows.rowCount)
    }

    private func evaluator(
        of block: Range<Int>, _ backbone: BackboneOutcome, _ trained: TrainedHeads, labels: [Int]
    ) throws -> Evaluator {
        let features = try backbone.testFeatures.matrix(of: block)
        let classes = ClassSet.all(plan.classCount)
        let output = try backbone.output.map { try HeadLogits(HeadBank([$0]), features) }
        let heads: any LogitSource =
            switch trained.answers {
            case .heads(let bank): try HeadLogits(bank, features)
            case .stored(let logits): logits
            }
        let schemes = SchemeDecoder.available(
            classes: classes, heads: heads, hasOutput: output != nil)
        return try Evaluator(
            SchemeDecoder(schemes, classes: classes, heads: heads, output: output),
            labels: labels, classCount: plan.classCount)
    }
}
