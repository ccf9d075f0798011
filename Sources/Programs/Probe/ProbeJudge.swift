import Decoding
import Heads
import LogitKernels
import Numerics
import Probe

/// Rows that heads of a probe were not trained on, and what schemes make of them.
struct ProbeJudge: Sendable {
    /// Rows by the place of the heads that have not seen them.
    private let parts: [(place: ProbeRows, rows: Matrix, labels: [Int])]
    private let classCount: Int

    /// Judges by validation rows.
    init(validation: Matrix, labels: [Int], classCount: Int) {
        parts = [(.training, validation, labels)]
        self.classCount = classCount
    }

    /// Judges each fold's heads by the rows of the fold.
    ///
    /// - Parameter folds: by training row, the fold that it is in.
    init(
        training: Matrix, labels: [Int], folds: [UInt8], foldCount: Int, classCount: Int
    ) {
        parts = (0..<foldCount).map { fold in
            let rows = folds.indices.filter { Int(folds[$0]) == fold }
            var values: [Float] = []
            values.reserveCapacity(rows.count * training.columnCount)
            for row in rows {
                let first = row * training.columnCount
                values += training.values[first..<first + training.columnCount]
            }
            return (
                .fold(fold),
                Matrix(
                    rowCount: rows.count, columnCount: training.columnCount, values: values),
                rows.map { labels[$0] }
            )
        }
        self.classCount = classCount
    }

    /// How a scheme does on all rows together, on the calling thread.
    ///
    /// - Parameter heads: by place, those that were not trained on its rows.
    func metrics(
        of scheme: Scheme, _ heads: (ProbeRows) -> [Head]
    ) throws -> ProbabilityMetrics {
        var scores: [[RowScores]] = []
        for part in parts {
            let evaluator = try Self.evaluator(
                scheme, heads(part.place), part.rows, part.labels, classCount)
            scores.append(try evaluator.scores(of: 0..<part.labels.count))
        }
        let results = try Evaluator.results(
            scores, of: [scheme], labels: parts.flatMap(\.labels), classCount: classCount,
            calibrations: [:])
        return results[0].metrics
    }

    private static func evaluator(
        _ scheme: Scheme, _ heads: [Head], _ rows: Matrix, _ labels: [Int], _ classCount: Int
    ) throws -> Evaluator {
        let decoder = try SchemeDecoder(
            [scheme], classes: .all(classCount), heads: try HeadLogits(HeadBank(heads), rows))
        return try Evaluator(decoder, labels: labels, classCount: classCount)
    }
}

extension ProbeFamily {
    /// How its heads predict.
    var scheme: Scheme {
        switch self {
        case .oneVsAll: .oneVsAll
        case .oneVsRest: .oneVsAll
        case .allVsAll: .softVote
        }
    }
}
