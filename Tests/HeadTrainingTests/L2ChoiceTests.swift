import HeadPlan
import HeadTraining
import Tensors
import Testing

@Suite struct L2ChoiceTests {
    @Test func theLeastHeldOutLossIsChosen() throws {
        let table = syntheticTable(classCount: 4, rowCount: 120, featureCount: 24)
        let choice = try ConvergedHeadTrainer.chooseL2(table: table, seed: 3)
        let losses = choice.curve.map(\.negativeLogLikelihood)
        #expect(losses.min() == choice.curve.first { $0.l2 == choice.l2 }?.negativeLogLikelihood)
        #expect(
            choice.curve.map(\.l2)
                == Array(ConvergedHeadTrainer.l2Strengths.prefix(choice.curve.count)))
        // The cautious one is the first within a standard error of the least.
        let least = try #require(choice.curve.first { $0.l2 == choice.l2 })
        let limit = least.negativeLogLikelihood + least.standardError
        let within = choice.curve.first { $0.negativeLogLikelihood <= limit }
        #expect(choice.cautiousL2 == within?.l2)
        #expect(choice.cautiousL2 >= choice.l2)
        for variant in KernelVariant.supported {
            #expect(
                try ConvergedHeadTrainer.chooseL2(table: table, seed: 3, variant: variant) == choice
            )
        }
        #expect(try ConvergedHeadTrainer.chooseL2(table: table, seed: 4).curve != choice.curve)
    }

    /// Where labels have nothing to do with features, nothing is better than much of the penalty;
    /// where they are plain, little of it.
    @Test func noiseIsPenalisedAndSignalIsNot() throws {
        var noise = Matrix(rowCount: 90, columnCount: 30)
        var signal = noise
        let labels = (0..<90).map { $0 % 3 }
        for row in 0..<90 {
            for feature in 0..<30 {
                let value = Philox.uniform(
                    Philox.block(seed: 5, UInt32(row), UInt32(feature), 0, 0).x)
                noise[row, feature] = value
                signal[row, feature] = value + (feature == labels[row] ? 2 : 0)
            }
        }
        let choices = try [noise, signal].map {
            try ConvergedHeadTrainer.chooseL2(
                table: FeatureTable(grouping: $0, labels: labels, classCount: 3), seed: 1)
        }
        #expect(choices[0].l2 >= 1)
        #expect(choices[1].l2 <= 0.01)
        // No head beats the classes' shares on noise, and any does on a signal.
        #expect(choices[0].curve[0].negativeLogLikelihood < 1.12)
        #expect(choices[1].curve[0].negativeLogLikelihood < 1.10)
    }

    /// The curve is that of heads trained without a fold: rows of two classes, two rows each, two
    /// folds, so that a fold is trained on one row of each class.
    @Test func heldOutRowsAreNotTrainedOn() throws {
        let matrix = Matrix(rowCount: 4, columnCount: 1, values: [-1, -1, 1, 1])
        let table = FeatureTable(grouping: matrix, labels: [0, 0, 1, 1], classCount: 2)
        let choice = try ConvergedHeadTrainer.chooseL2(table: table, seed: 1, foldCount: 2)
        // By symmetry w = (-v, v) and b = 0, and both folds are alike. The objective is
        // log(1 + exp(-2 v)) + l2 v^2, least for l2 = 0.1 at v = 1.06402, where the logarithm is
        // 0.1124990; bisection in Python.
        let point = try #require(choice.curve.first { $0.l2 == 0.1 })
        #expect(abs(point.negativeLogLikelihood - 0.112499) < 2e-3)
        // Four losses, all the same.
        #expect(point.standardError < 1e-6)
        #expect(choice.l2 == 1e-6)
    }

    @Test func onlyRowsAreNeverHeldOut() throws {
        let table = integerTable([1, 9, 2], featureCount: 6, modulus: 31)
        #expect(try ConvergedHeadTrainer.chooseL2(table: table, seed: 1).curve.count >= 3)
    }

    @Test func refusesWhatCannotBeSplit() throws {
        let single = integerTable([1, 1], featureCount: 2, modulus: 31)
        let oneClass = integerTable([9, 0], featureCount: 2, modulus: 31)
        let table = integerTable([4, 4], featureCount: 2, modulus: 31)
        for (table, foldCount) in [(single, 5), (oneClass, 5), (table, 1), (table, -3)] {
            #expect(throws: HeadTrainingError.self) {
                try ConvergedHeadTrainer.chooseL2(table: table, seed: 1, foldCount: foldCount)
            }
        }
        #expect {
            try ConvergedHeadTrainer.chooseL2(table: table, seed: 1) { true }
        } throws: {
            ($0 as? HeadTrainingError)?.code == .cancelled
        }
    }
}
