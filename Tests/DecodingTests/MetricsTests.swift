import Decoding
import Heads
import Testing

// Expected numbers by NumPy, with p and y as below, from the expression beside each.
@Suite struct MetricsTests {
    private let probabilities = ClassProbabilities(
        classes: .all(3), rowCount: 6,
        values: [
            0.7, 0.2, 0.1, 0.3, 0.4, 0.3, 0.05, 0.05, 0.9, 1, 0, 0, 0.5, 0.5, 0, 0.25, 0.25, 0.5,
        ])
    private let labels = [0, 2, 2, 1, 1, 2]

    @Test func metricsOfSixRows() throws {
        let metrics = try ProbabilityMetrics(probabilities, labels: labels, classCount: 3)
        #expect(probabilities.predictions == [0, 1, 2, 0, 0, 2])
        #expect(metrics.accuracy == 0.5)
        #expect(metrics.evaluation.confusion == [1, 0, 0, 2, 0, 0, 0, 1, 2])
        // Of the confusion matrix its diagonal over the sums of its rows.
        #expect(metrics.evaluation.recalls == [1, 0, 2.0 / 3])
        // By NumPy: numpy.mean(-numpy.log(numpy.maximum(p[numpy.arange(6), y], 2.0**-52)))
        #expect(abs(metrics.negativeLogLikelihood - 6.51599266902659) < 1e-12)
        // By NumPy: numpy.mean(((p - numpy.eye(3)[y]) ** 2).sum(1))
        #expect(abs(metrics.brierScore - 0.6283333333333333) < 1e-12)
        // c = p.max(1); b = numpy.ceil(c * 15) - 1; right = p.argmax(1) == y
        // sum(abs(c[b == i].sum() - right[b == i].sum()) for i in range(15)) / 6
        #expect(abs(metrics.expectedCalibrationError - 0.3) < 1e-12)
        #expect(metrics.calibration.map(\.count) == [0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 1, 0, 0, 1, 1])
        #expect(metrics.calibration[7].meanConfidence == 0.5)
        #expect(metrics.calibration[7].accuracy == 0.5)
    }

    @Test func theLargestConfusionsComeFirst() throws {
        let evaluation = try Evaluation(
            predictions: [1, 2, 0, 0, 2, 1, 1, 0, 3, 2], labels: [0, 0, 1, 1, 1, 2, 0, 0, 3, 1],
            classCount: 4)
        let confusions = [
            Confusion(label: 0, prediction: 1, count: 2),
            Confusion(label: 1, prediction: 0, count: 2),
            Confusion(label: 1, prediction: 2, count: 2),
            Confusion(label: 0, prediction: 2, count: 1),
            Confusion(label: 2, prediction: 1, count: 1),
        ]
        #expect(evaluation.largestConfusions(9) == confusions)
        #expect(evaluation.largestConfusions(2) == Array(confusions.prefix(2)))
        #expect(evaluation.largestConfusions(0).isEmpty)
        // The same off the diagonal of the matrix.
        let matrix = evaluation.confusion
        for confusion in confusions {
            #expect(matrix[confusion.label * 4 + confusion.prediction] == confusion.count)
        }
        #expect(evaluation.classCounts.map(\.all) == [4, 4, 1, 1])
        #expect(evaluation.classCounts.map(\.correct) == [1, 0, 0, 1])
    }

    @Test func perfectAndUniformAnswers() throws {
        let perfect = ClassProbabilities(classes: .all(2), rowCount: 2, values: [1, 0, 0, 1])
        let right = try ProbabilityMetrics(perfect, labels: [0, 1], classCount: 2)
        #expect(right.negativeLogLikelihood == 0)
        #expect(right.brierScore == 0)
        #expect(right.expectedCalibrationError == 0)
        // Sure and wrong: the floor, the worst Brier score, the worst calibration.
        let wrong = try ProbabilityMetrics(perfect, labels: [1, 0], classCount: 2)
        #expect(abs(wrong.negativeLogLikelihood - 36.043_653_389_117_15) < 1e-12)
        #expect(wrong.brierScore == 2)
        #expect(wrong.expectedCalibrationError == 1)
        let uniform = ClassProbabilities(
            classes: .all(4), rowCount: 4, values: [Double](repeating: 0.25, count: 16))
        let quarter = try ProbabilityMetrics(uniform, labels: [0, 1, 2, 3], classCount: 4)
        #expect(abs(quarter.negativeLogLikelihood - 1.386_294_361_119_890_6) < 1e-15)
        #expect(quarter.brierScore == 0.75)
        #expect(quarter.expectedCalibrationError == 0)
    }

    @Test func classesWithGapsAndNoRows() throws {
        let gaps = ClassProbabilities(
            classes: ClassSet([1, 3]), rowCount: 1, values: [0.25, 0.75])
        let known = try ProbabilityMetrics(gaps, labels: [3], classCount: 4)
        #expect(known.brierScore == 0.125)
        #expect(known.evaluation.recalls == [nil, nil, nil, 1])
        // Class 2 is in no head: as improbable as can be, and 0.0625 + 0.5625 + 1.
        let unknown = try ProbabilityMetrics(gaps, labels: [2], classCount: 4)
        #expect(unknown.brierScore == 1.625)
        #expect(abs(unknown.negativeLogLikelihood - 36.043_653_389_117_15) < 1e-12)
        let none = try ProbabilityMetrics(
            ClassProbabilities(classes: .all(2), rowCount: 0, values: []), labels: [],
            classCount: 2)
        #expect(none.negativeLogLikelihood == 0)
        #expect(none.expectedCalibrationError == 0)
        for (labels, classCount) in [([], 4), ([4], 4), ([-1], 4), ([1], 3)] as [([Int], Int)] {
            #expect(throws: DecodingError.self) {
                try ProbabilityMetrics(gaps, labels: labels, classCount: classCount)
            }
        }
    }
}
