import Numerics

/// How predictions compare with labels.
package struct Evaluation: Sendable, Equatable {
    /// Classes of labels and predictions: the rows and columns of ``confusion``.
    package let classCount: Int
    /// The class predicted for each row.
    package let predictions: [Int]
    /// The true class of each row.
    package let labels: [Int]
    /// Rows predicted right.
    package let correctCount: Int

    /// Compares every label with its prediction.
    ///
    /// - Throws: ``DecodingError`` when counts differ or a class is not below `classCount`.
    package init(predictions: [Int], labels: [Int], classCount: Int) throws(DecodingError) {
        guard predictions.count == labels.count else {
            throw .labelMismatch(
                "\(predictions.count.counted("prediction")), but \(labels.count.counted("label"))")
        }
        let classes = 0..<max(0, classCount)
        for (row, (label, prediction)) in zip(labels, predictions).enumerated() {
            guard classes.contains(label), classes.contains(prediction) else {
                throw .labelMismatch(
                    "row \(row) has label \(label) and prediction \(prediction) "
                        + "with \(classes.count.counted("class"))")
            }
        }
        self.classCount = classes.count
        self.predictions = predictions
        self.labels = labels
        correctCount = zip(labels, predictions).count { $0 == $1 }
    }

    /// `[label, prediction]`, row-major: rows of each label by what was predicted for them; counted at
    /// each call.
    package var confusion: [Int] {
        var counts = [Int](repeating: 0, count: classCount * classCount)
        for (label, prediction) in zip(labels, predictions) {
            counts[label * classCount + prediction] += 1
        }
        return counts
    }

    /// Rows of one label that were given one prediction.
    package func count(label: Int, prediction: Int) -> Int {
        zip(labels, predictions).count { $0 == label && $1 == prediction }
    }

    /// For each class the share of its rows predicted right; nil for a class without rows.
    package var recalls: [Double?] {
        Self.recalls(predictions: predictions, labels: labels, classCount: classCount)
    }

    /// For each class the share of its rows that these predictions have right; nil for a class without
    /// rows.
    package static func recalls(
        predictions: [Int], labels: [Int], classCount: Int
    ) -> [Double?] {
        var counts = [(all: Int, correct: Int)](repeating: (0, 0), count: classCount)
        for (label, prediction) in zip(labels, predictions) {
            counts[label].all += 1
            counts[label].correct += label == prediction ? 1 : 0
        }
        return counts.map { $0.all == 0 ? nil : Double($0.correct) / Double($0.all) }
    }

    /// Rows compared, right and wrong.
    package var totalCount: Int { labels.count }

    /// The share of rows predicted right; 0 without rows.
    package var accuracy: Double { Double(correctCount) / Double(max(1, totalCount)) }
}
