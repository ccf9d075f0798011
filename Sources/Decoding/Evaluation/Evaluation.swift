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

    /// What was taken for what most often: at most `count` pairs of a label and another prediction, the
    /// most rows first, of equally many the lowest label and then prediction.
    ///
    /// Memory grows with the rows predicted wrong, not with the square of the classes.
    package func largestConfusions(_ count: Int) -> [Confusion] {
        let wrong = zip(labels, predictions).filter { $0 != $1 }.sorted { $0 < $1 }
        var confusions: [Confusion] = []
        for (label, prediction) in wrong {
            if let last = confusions.last, last.label == label, last.prediction == prediction {
                confusions[confusions.count - 1].count += 1
            } else {
                confusions.append(Confusion(label: label, prediction: prediction, count: 1))
            }
        }
        confusions.sort {
            ($1.count, $0.label, $0.prediction) < ($0.count, $1.label, $1.prediction)
        }
        return Array(confusions.prefix(count))
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
        counts(predictions: predictions, labels: labels, classCount: classCount)
            .map { $0.all == 0 ? nil : Double($0.correct) / Double($0.all) }
    }

    /// For each class its rows, and how many of them are predicted right.
    package var classCounts: [(all: Int, correct: Int)] {
        Self.counts(predictions: predictions, labels: labels, classCount: classCount)
    }

    private static func counts(
        predictions: [Int], labels: [Int], classCount: Int
    ) -> [(all: Int, correct: Int)] {
        var counts = [(all: Int, correct: Int)](repeating: (0, 0), count: classCount)
        for (label, prediction) in zip(labels, predictions) {
            counts[label].all += 1
            counts[label].correct += label == prediction ? 1 : 0
        }
        return counts
    }

    /// Rows compared, right and wrong.
    package var totalCount: Int { labels.count }

    /// The share of rows predicted right; 0 without rows.
    package var accuracy: Double { Double(correctCount) / Double(max(1, totalCount)) }
}

/// Rows of one label that were given another prediction.
package struct Confusion: Sendable, Hashable {
    /// Their true class.
    package let label: Int
    /// What they were taken for.
    package let prediction: Int
    /// How many they are.
    package fileprivate(set) var count: Int

    /// A confusion of these rows.
    package init(label: Int, prediction: Int, count: Int) {
        self.label = label
        self.prediction = prediction
        self.count = count
    }
}
