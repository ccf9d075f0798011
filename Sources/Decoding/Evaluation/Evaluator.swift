import Numerics

/// Scores schemes on labelled rows: the one way in which runs, finished models and studies evaluate.
///
/// Probabilities live for a block of rows and are folded into scores, so memory grows with the rows but
/// not with rows times classes. A range of rows may be scored on any thread; the results are the same.
package struct Evaluator: Sendable {
    /// How a scheme did.
    package struct Result: Sendable, Equatable {
        /// Which scheme.
        package let scheme: Scheme
        /// Its predictions and how good its probabilities are, calibrated if the scheme has a calibration.
        package let metrics: ProbabilityMetrics
        /// The probability of the class predicted for each row, likewise.
        package let confidences: [Double]
        /// The same before the calibration; nil without one.
        package let uncalibrated: ProbabilityMetrics?
    }

    /// How an elimination policy did.
    package struct PolicyResult: Sendable, Equatable {
        /// Which policy.
        package let policy: EliminationPolicy
        /// Its predictions and how good its probabilities are.
        package let metrics: ProbabilityMetrics
        /// Heads asked per row, on average.
        package let headsPerRow: Double
        /// Classes of the heads asked per row, on average; times `2 d` it is floating-point operations.
        package let outputsPerRow: Double
        /// The share of rows whose most probable class was the same in every head asked.
        package let topNeverChangedShare: Double

        /// Floating-point operations of the heads asked per row, on average: `2 |S| d` each.
        package func flopsPerRow(featureCount: Int) -> Double {
            outputsPerRow * 2 * Double(featureCount)
        }
    }

    private let decoder: SchemeDecoder
    private let labels: [Int]
    private let classCount: Int
    private let calibrations: [Scheme: Calibration]

    /// An evaluator of the decoder's schemes.
    ///
    /// - Parameters:
    ///   - labels: a label below `classCount` for each of the decoder's rows.
    ///   - classCount: classes of labels and predictions.
    ///   - calibrations: what schemes' probabilities go through; predictions stay.
    /// - Throws: ``DecodingError`` when there are not as many labels as rows.
    package init(
        _ decoder: SchemeDecoder, labels: [Int], classCount: Int,
        calibrations: [Scheme: Calibration] = [:]
    ) throws(DecodingError) {
        guard labels.count == decoder.rowCount else {
            throw .labelMismatch(
                "\(decoder.rowCount.counted("row")), but \(labels.count.counted("label"))")
        }
        self.decoder = decoder
        self.labels = labels
        self.classCount = classCount
        self.calibrations = calibrations
    }

    /// The schemes that have a calibration, in the decoder's order.
    private var calibrated: [Scheme] { decoder.schemes.filter { calibrations[$0] != nil } }

    /// Rows to score.
    package var rowCount: Int { labels.count }

    /// Scores some of the rows by every scheme, in the decoder's order; behind them those that have a
    /// calibration as they are without it.
    ///
    /// - Throws: ``DecodingError`` naming a class set that a row reaches and has no classifier.
    package func scores(of rows: Range<Int>) throws(DecodingError) -> [RowScores] {
        let calibrated = calibrated
        var scores = [RowScores](
            repeating: RowScores(), count: decoder.schemes.count + calibrated.count)
        try decoder.forEachBlock(of: rows) { scheme, block, probabilities throws(DecodingError) in
            guard let index = decoder.schemes.firstIndex(of: scheme) else { return }
            scores[index].add(
                probabilities.calibrated(calibrations[scheme], of: scheme), labels: labels[block])
            if let place = calibrated.firstIndex(of: scheme) {
                scores[decoder.schemes.count + place].add(probabilities, labels: labels[block])
            }
        }
        return scores
    }

    /// How every scheme did, in the decoder's order.
    ///
    /// - Parameter parts: the ``scores(of:)`` of ranges that together are all rows, in their order.
    /// - Throws: ``DecodingError`` for parts that are not all rows, or a label out of range.
    package func results(_ parts: [[RowScores]]) throws(DecodingError) -> [Result] {
        try Self.results(
            parts, of: decoder.schemes, labels: labels, classCount: classCount,
            calibrations: calibrations)
    }

    /// How every scheme did, on the rows of several evaluators.
    ///
    /// - Parameters:
    ///   - parts: the ``scores(of:)`` of all rows, in their order.
    ///   - schemes: what was scored, in the order of the evaluators' decoders.
    ///   - labels: of all rows.
    ///   - calibrations: those of the evaluators.
    /// - Throws: ``DecodingError`` as ``results(_:)``.
    package static func results(
        _ parts: [[RowScores]], of schemes: [Scheme], labels: [Int], classCount: Int,
        calibrations: [Scheme: Calibration] = [:]
    ) throws(DecodingError) -> [Result] {
        func all(_ index: Int) -> RowScores {
            parts.reduce(into: RowScores()) { $0.append($1[index]) }
        }
        func metrics(_ scores: RowScores) throws(DecodingError) -> ProbabilityMetrics {
            try ProbabilityMetrics(scores, labels: labels, classCount: classCount)
        }
        let calibrated = schemes.filter { calibrations[$0] != nil }
        var results: [Result] = []
        for (index, scheme) in schemes.enumerated() {
            let scores = all(index)
            var uncalibrated: ProbabilityMetrics?
            if let place = calibrated.firstIndex(of: scheme) {
                uncalibrated = try metrics(all(schemes.count + place))
            }
            results.append(
                Result(
                    scheme: scheme, metrics: try metrics(scores),
                    confidences: scores.confidences, uncalibrated: uncalibrated))
        }
        return results
    }

    /// How every scheme did, on the calling thread.
    ///
    /// - Throws: ``DecodingError`` as ``scores(of:)`` and ``results(_:)``.
    package func results() throws(DecodingError) -> [Result] {
        try results([scores(of: 0..<rowCount)])
    }

    /// How elimination by a policy did, on the calling thread.
    ///
    /// Dropping one class a step is tree elimination, and has its calibration.
    ///
    /// - Throws: ``DecodingError`` as ``SchemeDecoder/eliminate(rows:policy:)``.
    package func result(of policy: EliminationPolicy) throws(DecodingError) -> PolicyResult {
        let found = try decoder.eliminate(policy: policy)
        let calibration = policy == .lowest(1) ? calibrations[.treeElimination] : nil
        return PolicyResult(
            policy: policy,
            metrics: try ProbabilityMetrics(
                found.probabilities.calibrated(calibration, of: .treeElimination), labels: labels,
                classCount: classCount),
            headsPerRow: found.headsPerRow, outputsPerRow: found.outputsPerRow,
            topNeverChangedShare: found.topNeverChangedShare)
    }
}
