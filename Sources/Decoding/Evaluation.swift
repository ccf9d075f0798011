/// How predictions compare with labels.
package struct Evaluation: Sendable, Equatable {
    /// Classes of labels and predictions: the rows and columns of ``confusion``.
    package let classCount: Int
    /// `[label, prediction]`, row-major: rows of each label by what was predicted for them.
    package let confusion: [Int]

    /// Counts every (label, prediction).
    ///
    /// - Throws: ``DecodingError`` when counts differ or a class is not below `classCount`.
    package init(predictions: [Int], labels: [Int], classCount: Int) throws(DecodingError) {
        guard predictions.count == labels.count else {
            throw .labelMismatch("\(predictions.count) predictions, but \(labels.count) labels")
        }
        let classes = 0..<max(0, classCount)
        var confusion = [Int](repeating: 0, count: classes.count * classes.count)
        for (row, (label, prediction)) in zip(labels, predictions).enumerated() {
            guard classes.contains(label), classes.contains(prediction) else {
                throw .labelMismatch(
                    "row \(row) has label \(label) and prediction \(prediction) "
                        + "with \(classes.count) classes")
            }
            confusion[label * classes.count + prediction] += 1
        }
        self.classCount = classes.count
        self.confusion = confusion
    }

    /// Rows of one label that were given one prediction.
    package func count(label: Int, prediction: Int) -> Int {
        confusion[label * classCount + prediction]
    }

    /// Rows predicted right.
    package var correctCount: Int {
        (0..<classCount).reduce(0) { $0 + count(label: $1, prediction: $1) }
    }

    /// Rows compared, right and wrong.
    package var totalCount: Int { confusion.reduce(0, +) }

    /// The share of rows predicted right; 0 without rows.
    package var accuracy: Double {
        let total = totalCount
        return total == 0 ? 0 : Double(correctCount) / Double(total)
    }
}
