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

/// Labelled rows, and what schemes ask about them: of all rows at once where they are in memory,
/// otherwise of one block after the other.
struct JudgedRows: Sendable {
    let labels: [Int]
    let classes: ClassSet
    private let features: any FeatureRows
    private let answers: TrainedHeads.Answers
    private let output: PreparedHeads?
    /// Of the rows in memory; without any it knows the schemes.
    private let decoder: SchemeDecoder

    /// Bytes of features that are asked about at once, where they are not in memory.
    private static let blockByteCount = 16 << 20

    /// - Parameters:
    ///   - features: `[sample, feature]`; in memory, if what answers is stored.
    ///   - output: the backbone's output layer; nil without a backbone.
    init(
        _ features: any FeatureRows, labels: [Int], answers: TrainedHeads.Answers, output: Head?,
        classCount: Int
    ) throws {
        self.labels = labels
        self.features = features
        self.answers = answers
        classes = .all(classCount)
        let output = try output.map { PreparedHeads(try HeadBank([$0])) }
        self.output = output
        let rows = features.held ?? Matrix(rowCount: 0, columnCount: features.columnCount)
        let heads = try answers.source(rows)
        let schemes = SchemeDecoder.available(
            classes: classes, heads: heads, hasOutput: output != nil)
        decoder = try SchemeDecoder(
            schemes, classes: classes, heads: heads,
            output: output.map { try HeadLogits($0, rows) })
    }

    /// Of every scheme that there are heads for.
    var schemes: [Scheme] { decoder.schemes }

    /// Ranges of rows that are all rows together, in their order.
    var blocks: [Range<Int>] {
        guard features.held == nil else { return [0..<features.rowCount] }
        let step = max(1, Self.blockByteCount / max(1, 4 * features.columnCount))
        return stride(from: 0, to: features.rowCount, by: step).map {
            $0..<min($0 + step, features.rowCount)
        }
    }

    /// The schemes of one of ``blocks``.
    ///
    /// - Throws: one sentence, for a file that cannot be read any more.
    func decoder(of block: Range<Int>) throws -> SchemeDecoder {
        guard features.held == nil else { return decoder }
        let rows = try features.matrix(of: block)
        return try decoder.asking(
            answers.source(rows), output: output.map { try HeadLogits($0, rows) })
    }

    /// How every scheme does, the rows of a block split over the threads.
    ///
    /// - Parameter calibrations: what the schemes' probabilities go through.
    func evaluation(
        _ calibrations: [Scheme: Calibration], _ pool: ComputePool
    ) async throws -> SchemeEvaluation {
        var parts: [[RowScores]] = []
        for block in blocks { parts += try await scores(of: block, calibrations, pool) }
        let results = try await pool.threads[0].run { [parts] in
            try Evaluator.results(
                parts, of: schemes, labels: labels, classCount: classes.count,
                calibrations: calibrations)
        }
        return SchemeEvaluation(results: results, labels: labels)
    }

    private func scores(
        of block: Range<Int>, _ calibrations: [Scheme: Calibration], _ pool: ComputePool
    ) async throws -> [[RowScores]] {
        let evaluator = try await pool.threads[0].run {
            try Evaluator(
                decoder(of: block), labels: Array(labels[block]), classCount: classes.count,
                calibrations: calibrations)
        }
        return try await pool.parallelRanges(evaluator.rowCount) { rows in
            try evaluator.scores(of: rows)
        }
    }
}

extension TrainedHeads.Answers {
    /// What schemes ask about rows `[sample, feature]`.
    fileprivate func source(_ rows: Matrix) throws -> any LogitSource {
        switch self {
        case .heads(let heads): try HeadLogits(heads, rows)
        case .stored(let logits): logits
        }
    }
}
