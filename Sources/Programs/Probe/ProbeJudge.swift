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
            return (.fold(fold), training.selecting(rows), rows.map { labels[$0] })
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
            let evaluator = try Evaluator(
                Self.decoder(scheme, heads(part.place), part.rows, classCount),
                labels: part.labels, classCount: classCount)
            scores.append(try evaluator.scores(of: 0..<part.labels.count))
        }
        let results = try Evaluator.results(
            scores, of: [scheme], labels: parts.flatMap(\.labels), classCount: classCount,
            calibrations: [:])
        return results[0].metrics
    }

    /// What makes a scheme's probabilities those that held-out rows have; nil where nothing does.
    ///
    /// - Parameter heads: by place, those that were not trained on its rows.
    func calibration(
        of scheme: Scheme, _ heads: (ProbeRows) -> [Head]
    ) throws -> Calibration? {
        var fit = CalibrationFit(
            of: scheme, classes: .all(classCount), labels: parts.flatMap(\.labels))
        var first = 0
        for part in parts {
            let decoder = try Self.decoder(scheme, heads(part.place), part.rows, classCount)
            try decoder.forEachBlock(of: 0..<part.labels.count) { _, rows, probabilities in
                fit.add(
                    probabilities, rows: first + rows.lowerBound..<first + rows.upperBound)
            }
            first += part.labels.count
        }
        return fit.calibration
    }

    /// How a scheme does on labelled rows, on the calling thread.
    static func result(
        of scheme: Scheme, _ heads: [Head], _ rows: Matrix, _ labels: [Int], _ classCount: Int,
        _ calibrations: [Scheme: Calibration]
    ) throws -> Evaluator.Result {
        let decoder = try decoder(scheme, heads, rows, classCount)
        return try Evaluator(
            decoder, labels: labels, classCount: classCount,
            calibrations: calibrations.filter { $0.key == scheme }
        ).results()[0]
    }

    private static func decoder(
        _ scheme: Scheme, _ heads: [Head], _ rows: Matrix, _ classCount: Int
    ) throws -> SchemeDecoder {
        try SchemeDecoder(
            [scheme], classes: .all(classCount), heads: HeadLogits(HeadBank(heads), rows))
    }
}

extension ProbeFamily {
    /// How its heads predict.
    var scheme: Scheme {
        switch self {
        case .oneVsAll: .oneVsAll
        case .oneVsRest: .oneVsRest
        case .allVsAll: .softVote
        }
    }
}
