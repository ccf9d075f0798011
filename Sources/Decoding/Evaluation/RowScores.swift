import Numerics
import Statistics

/// What a scheme's probabilities of some rows amount to, row by row.
///
/// Sums are left to ``ProbabilityMetrics``, which adds them in the order of the rows: so metrics depend
/// neither on how rows were cut into blocks nor on how they were split over threads.
package struct RowScores: Sendable, Equatable {
    /// How many classes count as "among the most probable" in ``topFiveCount``.
    private static let topCount = 5

    /// The class predicted for each row.
    package private(set) var predictions: [Int] = []
    /// `-ln p(label)`, each `p` at least ``ProbabilityMetrics/probabilityFloor``.
    private(set) var losses: [Double] = []
    /// The sum over all classes of `(p - truth)^2`.
    private(set) var squares: [Double] = []
    /// The highest probability.
    private(set) var confidences: [Double] = []
    /// Rows whose label is among the five most probable classes; of equal ones the lowest are.
    private(set) var topFiveCount = 0

    /// Scores of no rows.
    package init() {}

    /// Scores the rows that follow; traps unless there is a label a row.
    ///
    /// A label that the probabilities do not know has probability 0.
    package mutating func add(_ probabilities: ClassProbabilities, labels: ArraySlice<Int>) {
        precondition(probabilities.rowCount == labels.count)
        let classes = probabilities.classes
        // Mostly the classes are all from 0 on, and a class is its own column.
        let isDense = classes[classes.count - 1] == classes.count - 1
        for (row, label) in labels.enumerated() {
            let values = probabilities.row(row)
            let column =
                isDense
                ? (classes.indices ~= label ? label : nil) : classes.firstIndex(of: label)
            let truth = column.map { values[values.startIndex + $0] } ?? 0
            let top = probabilities.topPosition(of: row)
            predictions.append(classes[top])
            losses.append(
                -Double.reproducibleLogarithm(max(truth, ProbabilityMetrics.probabilityFloor)))
            // The truth's own square stands in the sum as p^2, and belongs there as (p - 1)^2.
            squares.append(values.reduce(0) { $0 + $1 * $1 } - 2 * truth + 1)
            confidences.append(values[values.startIndex + top])
            guard let column else { continue }
            var rank = 0
            for (position, value) in values.enumerated()
            where value > truth || value == truth && position < column { rank += 1 }
            topFiveCount += rank < Self.topCount ? 1 : 0
        }
    }

    /// Takes in the scores of the rows that follow.
    package mutating func append(_ other: RowScores) {
        predictions += other.predictions
        losses += other.losses
        squares += other.squares
        confidences += other.confidences
        topFiveCount += other.topFiveCount
    }
}
