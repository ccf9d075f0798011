import Decoding
import Heads
import LogitKernels
import Numerics
import System

/// What every scheme that the run has heads for made of labelled rows.
struct SchemeEvaluation: Sendable {
    /// In the order of `Scheme.allCases`.
    let results: [Evaluator.Result]
    let labels: [Int]
}

/// Labelled rows, and what schemes ask about them.
struct JudgedRows: Sendable {
    let labels: [Int]
    let classes: ClassSet
    /// Of every scheme that there are heads for.
    let decoder: SchemeDecoder

    /// - Parameter heads: the answers of heads about these rows, whose features are `[sample, feature]`.
    init(
        _ features: Matrix, labels: [Int], heads: any LogitSource, backbone: BackboneOutcome,
        classCount: Int
    ) throws {
        self.labels = labels
        classes = .all(classCount)
        let output = try backbone.output.map { try HeadLogits(HeadBank([$0]), features) }
        let schemes = SchemeDecoder.available(
            classes: classes, heads: heads, hasOutput: output != nil)
        decoder = try SchemeDecoder(schemes, classes: classes, heads: heads, output: output)
    }

    /// How every scheme does, its rows split over the threads.
    ///
    /// - Parameter calibrations: what the schemes' probabilities go through.
    func evaluation(
        _ calibrations: [Scheme: Calibration], _ pool: ComputePool
    ) async throws -> SchemeEvaluation {
        let evaluator = try Evaluator(
            decoder, labels: labels, classCount: classes.count, calibrations: calibrations)
        let parts = try await pool.parallelRanges(evaluator.rowCount) { rows in
            try evaluator.scores(of: rows)
        }
        let results = try await pool.threads[0].run { try evaluator.results(parts) }
        return SchemeEvaluation(results: results, labels: labels)
    }
}
