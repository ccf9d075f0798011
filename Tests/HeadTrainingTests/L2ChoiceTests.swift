import Glibc
import HeadTraining
import Heads
import Numerics
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

    /// Rows that others chose: the head of the training rows, and its loss on the others.
    @Test func validationRowsAreJudgedByHeadsOfTheTrainingRows() throws {
        let all = syntheticTable(classCount: 3, rowCount: 150, featureCount: 12)
        let (train, held) = try halves(of: all)
        let validation = try L2CrossValidation(table: train.table, held: held.table)
        #expect(validation.foldCount == 1)
        var curve = L2Curve()
        var losses: [Double] = []
        for l2 in ConvergedHeadTrainer.l2Strengths.prefix(6) {
            curve.add([try validation.losses(ofFold: 0, l2: l2)], l2: l2)
            let head = try ConvergedHeadTrainer(table: train.table, l2: l2).train(
                [HeadKey(.all(3))])[0].head
            var sum = 0.0
            for (row, label) in held.labels.enumerated() {
                let logits = (0..<3).map { label in
                    zip(held.rows.row(row), head.weights.row(label)).reduce(
                        Double(head.biases[label])
                    ) { $0 + Double($1.0) * Double($1.1) }
                }
                sum += log(logits.reduce(0) { $0 + exp($1) }) - logits[label]
            }
            losses.append(sum / Double(held.labels.count))
        }
        for (point, loss) in zip(curve.choice.curve, losses) {
            #expect(abs(point.negativeLogLikelihood - loss) < 2e-3 * loss, "\(point.l2)")
        }
    }

    @Test func aClassWithoutTrainingRowsIsNotJudged() throws {
        let rows = Matrix(rowCount: 4, columnCount: 1, values: [-1, 1, -1, 1])
        let train = FeatureTable(grouping: rows, labels: [0, 1, 0, 1], classCount: 3)
        func held(_ labels: [Int]) -> FeatureTable {
            FeatureTable(grouping: rows, labels: labels, classCount: 3)
        }
        func loss(_ labels: [Int]) throws -> Double {
            var curve = L2Curve()
            let validation = try L2CrossValidation(table: train, held: held(labels))
            curve.add([try validation.losses(ofFold: 0, l2: 0.1)], l2: 0.1)
            return curve.choice.curve[0].negativeLogLikelihood
        }
        #expect(try abs(loss([0, 1, 2, 2]) - loss([0, 1, 0, 1])) < 1e-12)
        #expect(throws: HeadTrainingError.self) { try loss([2, 2, 2, 2]) }
    }

    /// Every other row of a table.
    private func halves(
        of table: FeatureTable
    ) throws -> (
        train: (table: FeatureTable, rows: Matrix, labels: [Int]),
        held: (table: FeatureTable, rows: Matrix, labels: [Int])
    ) {
        let width = table.featureCount
        let values = unsafe table.features.withUnsafeBufferPointer { unsafe Array($0) }
        let all = Matrix(rowCount: table.rowCount, columnCount: width, values: values)
        let labels = table.classRowCounts.enumerated().flatMap { [Int](repeating: $0, count: $1) }
        func part(_ rest: Int) -> (table: FeatureTable, rows: Matrix, labels: [Int]) {
            let rows = labels.indices.filter { $0 % 2 == rest }
            let (matrix, labels) = (all.selecting(rows), rows.map { labels[$0] })
            return (
                FeatureTable(
                    grouping: matrix, labels: labels, classCount: table.classCount,
                    classKeys: table.classKeys), matrix, labels
            )
        }
        return (part(0), part(1))
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

    /// The folds are dealt as the documentation says, and a point of the curve is what a head
    /// trained without them, one by one, loses on them.
    @Test(arguments: [false, true], [false, true])
    func theCurveIsThatOfFoldsDealtByHand(isBalanced: Bool, isWeighted: Bool) throws {
        let counts = [11, 1, 7]
        let rowWeights = isWeighted ? (0..<19).map { Float($0 % 4 + 1) / 2 } : nil
        let table = noisyTable(counts, featureCount: 6, weights: rowWeights)
        let sums = (0..<3).map { table.weightSum(of: $0) }
        let weights = isBalanced ? ClassWeights.balanced(rowWeights: sums) : [1, 1, 1]
        let l2 = 0.1
        let curve = try ConvergedHeadTrainer.chooseL2(
            table: table, seed: 9, isBalanced: isBalanced, foldCount: 3
        ).curve
        let features = unsafe table.features.withUnsafeBufferPointer { unsafe Array($0) }
        var losses: [(loss: Double, weight: Double)] = []
        for fold in 0..<3 {
            var held: [(label: Int, x: [Float], weight: Float)] = []
            var kept: [(label: Int, x: [Float], weight: Float)] = []
            for (label, count) in counts.enumerated() {
                let keys = (0..<count).map {
                    Philox.key(seed: 9, purpose: .crossValidation, UInt32($0), UInt32(label), 0)
                }
                for row in 0..<count {
                    let start = (table.classRowOffsets[label] + row) * 6
                    let rank = keys.count { $0 < keys[row] }
                    let isHeld = count > 1 && (rank + label) % 3 == fold
                    let x = Array(features[start..<start + 6])
                    let weight = rowWeights?[table.classRowOffsets[label] + row] ?? 1
                    if isHeld {
                        held.append((label, x, weight))
                    } else {
                        kept.append((label, x, weight))
                    }
                }
            }
            let training = FeatureTable(
                grouping: Matrix(
                    rowCount: kept.count, columnCount: 6, values: kept.flatMap { $0.x }),
                labels: kept.map { $0.label }, classCount: 3,
                weights: isWeighted ? kept.map { $0.weight } : nil)
            let head = try #require(
                ConvergedHeadTrainer(
                    table: training, isBalanced: isBalanced, l2: l2, gradientTolerance: 1e-6
                ).train([spec([0, 1, 2])]).first
            ).head
            for row in held {
                let logits = (0..<3).map { position in
                    (0..<6).reduce(Double(head.biases[position])) {
                        $0 + Double(head.weights[position, $1]) * Double(row.x[$1])
                    }
                }
                let loss = log(logits.reduce(0) { $0 + exp($1) }) - logits[row.label]
                losses.append((loss, weights[row.label] * Double(row.weight)))
            }
        }
        let point = try #require(curve.first { $0.l2 == l2 })
        #expect(losses.count == 18)
        let weight = losses.reduce(0) { $0 + $1.weight }
        let mean = losses.reduce(0) { $0 + $1.weight * $1.loss } / weight
        #expect(abs(point.negativeLogLikelihood - mean) < 2e-3)
        let spread = losses.reduce(0) { sum, row in
            let part = row.weight * (row.loss - mean)
            return sum + part * part
        }
        #expect(abs(point.standardError - spread.squareRoot() / weight) < 1e-3)
    }

    /// Noise with a little of the class in it, in exactly these numbers of rows.
    private func noisyTable(
        _ counts: [Int], featureCount: Int, weights: [Float]? = nil
    ) -> FeatureTable {
        let labels = counts.enumerated().flatMap { [Int](repeating: $0, count: $1) }
        var matrix = Matrix(rowCount: labels.count, columnCount: featureCount)
        for (row, label) in labels.enumerated() {
            for feature in 0..<featureCount {
                let noise = Philox.block(seed: 2, UInt32(row), UInt32(feature), 0, 0).x
                matrix[row, feature] = 3 * Philox.uniform(noise) + (feature == label ? 1 : 0)
            }
        }
        return FeatureTable(
            grouping: matrix, labels: labels, classCount: counts.count, weights: weights)
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
