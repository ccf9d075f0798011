package import Heads
package import Numerics

/// Classifiers of any kind as heads that schemes can ask: their logits are the features, of which each
/// head reads its own columns.
///
/// A head's weights are ones at its columns and zeros elsewhere, so that its logits are those given,
/// bit for bit: products with zero and sums with it are exact.
package struct LogitColumns: Sendable {
    /// `[sample, column]`: the logits of all classifiers side by side.
    package let features: Matrix
    /// A head per classifier.
    package let heads: HeadBank

    /// The classifiers over these class sets.
    ///
    /// - Parameter logits: by class set, `[sample, class]`, all of the same samples, all finite:
    ///   times zero, anything else would spoil the others' logits.
    /// - Throws: ``DecodingError`` for two classifiers over one set, a number of columns that is not
    ///   the set's, sample counts that differ, or a logit that is not finite.
    package init(_ logits: [(classes: ClassSet, values: Matrix)]) throws(DecodingError) {
        let rowCount = logits.first?.values.rowCount ?? 0
        let width = logits.reduce(0) { $0 + $1.values.columnCount }
        var features = Matrix(rowCount: rowCount, columnCount: width)
        var heads: [Head] = []
        var first = 0
        for (classes, values) in logits {
            let count = classes.count
            guard values.columnCount == count else {
                throw .widthMismatch(classes, head: values.columnCount, expected: count)
            }
            guard values.rowCount == rowCount else {
                throw .labelMismatch(
                    "the classifier over \(classes) knows \(values.rowCount) rows, not \(rowCount)")
            }
            guard values.values.allSatisfy(\.isFinite) else {
                throw .labelMismatch("the classifier over \(classes) has logits without end")
            }
            var weights = Matrix(rowCount: count, columnCount: width)
            for position in 0..<count {
                weights[position, first + position] = 1
                for row in 0..<rowCount {
                    features[row, first + position] = values[row, position]
                }
            }
            heads.append(
                Head(
                    classes: classes, weights: weights,
                    biases: [Float](repeating: 0, count: count)))
            first += count
        }
        self.features = features
        self.heads = try HeadBank(heads)
    }
}
