import Glibc
import HeadTraining
import Heads
import Numerics
import Testing

/// Rows made of whole numbers, so that anything else can make them too:
/// `((37 r + 11 f + 3 r f^2) mod modulus) / 32 - 0.75`.
///
/// - Parameter weights: of each row; nil if all weigh 1.
func integerTable(
    _ counts: [Int], featureCount: Int, modulus: Int, weights: [Float]? = nil
) -> FeatureTable {
    var matrix = Matrix(rowCount: counts.reduce(0, +), columnCount: featureCount)
    for row in 0..<matrix.rowCount {
        for feature in 0..<featureCount {
            let value = (37 * row + 11 * feature + 3 * row * feature * feature) % modulus
            matrix[row, feature] = Float(value) / 32 - 0.75
        }
    }
    let labels = counts.enumerated().flatMap { [Int](repeating: $0, count: $1) }
    return FeatureTable(
        grouping: matrix, labels: labels, classCount: counts.count, weights: weights)
}

func spec(_ classes: [Int]) -> HeadKey { HeadKey(ClassSet(classes)) }

/// The objective and the largest component of its gradient, the plain way, with the C library.
///
/// - Parameter rowWeights: by position of a row's class in the head, besides the table's.
func objective(
    _ head: Head, _ table: FeatureTable, rowWeights: [Double]? = nil, l2: Double
) -> (value: Double, norm: Double) {
    let members = head.classes.members
    let width = table.featureCount
    var gradient = [[Double]](
        repeating: .init(repeating: 0, count: width + 1), count: members.count)
    var value = 0.0
    let weights = table.rowWeights.map { unsafe $0.withUnsafeBufferPointer { unsafe Array($0) } }
    let count = members.reduce(0) { $0 + table.weightSum(of: $1) }
    let features = unsafe table.features.withUnsafeBufferPointer { unsafe Array($0) }
    for (label, member) in members.enumerated() {
        for row in table.classRowOffsets[member]..<table.classRowOffsets[member + 1] {
            let x = features[row * width..<(row + 1) * width].map(Double.init) + [1]
            let logits = members.indices.map { position in
                var sum = Double(head.biases[position])
                for f in 0..<width { sum += Double(head.weights[position, f]) * x[f] }
                return sum
            }
            let highest = logits.max() ?? 0
            let total = logits.reduce(0) { $0 + exp($1 - highest) }
            let share = (rowWeights?[label] ?? 1) * Double(weights?[row] ?? 1) / count
            value += (log(total) + highest - logits[label]) * share
            for position in members.indices {
                let p = exp(logits[position] - highest) / total
                let delta = (p - (position == label ? 1 : 0)) * share
                for f in 0...width { gradient[position][f] += delta * x[f] }
            }
        }
    }
    for position in members.indices {
        for f in 0..<width {
            let weight = Double(head.weights[position, f])
            value += l2 / 2 * weight * weight
            gradient[position][f] += l2 * weight
        }
    }
    return (value, gradient.joined().reduce(0) { max($0, abs($1)) })
}

@Suite struct ConvergedHeadTests {
    private func bits(_ heads: [ConvergedHead]) -> [[UInt32]] {
        heads.map { ($0.head.weights.values + $0.head.biases).map(\.bitPattern) }
    }

    /// What is certified is so: by a second implementation, for rows fewer and more than features,
    /// overlapping and separable classes, and very weak to very strong penalties.
    @Test(arguments: [1e-6, 1e-3, 0.1, 100] as [Double])
    func certificatesHold(l2: Double) throws {
        let tables = [
            integerTable([5, 4, 6], featureCount: 20, modulus: 64),
            integerTable([40, 30, 20], featureCount: 4, modulus: 61),
            integerTable([1, 9, 2, 7], featureCount: 33, modulus: 59),
            syntheticTable(classCount: 5, rowCount: 200, featureCount: 48),
        ]
        for (number, table) in tables.enumerated() {
            for tolerance in [1e-4, 1e-6] {
                let trainer = try ConvergedHeadTrainer(
                    table: table, l2: l2, gradientTolerance: tolerance)
                let plan = HeadPlan(.subsets, classCount: table.classCount)
                for (spec, trained) in zip(plan.heads, try trainer.train(plan.heads)) {
                    let name: Comment = "table \(number), tolerance \(tolerance), \(spec.classes)"
                    #expect(trained.head.classes == spec.classes)
                    let norm = objective(trained.head, table, l2: l2).norm
                    #expect(abs(trained.gradientNorm - norm) < 1e-9, name)
                    #expect(trained.isCertified == (trained.gradientNorm <= tolerance), name)
                    // Values this large have steps of single precision too large for the gradient.
                    if tolerance == 1e-4 { #expect(trained.isCertified, name) }
                }
            }
        }
    }

    /// Single precision cannot express an optimum this exact, with and without a space of few rows.
    @Test func whatCannotBeReachedIsNotCertified() throws {
        for table in [
            integerTable([5, 4, 6], featureCount: 40, modulus: 64),
            integerTable([40, 30, 20], featureCount: 4, modulus: 61),
        ] {
            let trainer = try ConvergedHeadTrainer(
                table: table, l2: 1e-3, gradientTolerance: 1e-13)
            let trained = try #require(trainer.train([spec([0, 1, 2])]).first)
            #expect(!trained.isCertified)
            #expect(trained.gradientNorm < 1e-6)
        }
    }

    struct Reference: Sendable {
        let counts: [Int]
        let featureCount: Int
        let modulus: Int
        let l2: Double
        let classes: [Int]
        let objective: Double
        /// Of feature 0.
        let weights: [Double]
        /// Less their mean.
        let biases: [Double]
    }

    // scikit-learn 1.9.1, LogisticRegression(solver="newton-cg", tol=1e-12) on float64 copies of
    // these rows; C = 1 / (n l2) over three classes, 2 / (n l2) and half of coef_ over two.
    static let references = [
        Reference(
            counts: [5, 4, 6], featureCount: 20, modulus: 64, l2: 1, classes: [0, 1, 2],
            objective: 1.020387870, weights: [-0.054003, 0.032805, 0.021198],
            biases: [0.027653, -0.193025, 0.165372]),
        Reference(
            counts: [5, 4, 6], featureCount: 20, modulus: 64, l2: 0.1, classes: [0, 2],
            objective: 0.471318260, weights: [-0.181390, 0.181390], biases: [0.028821, -0.028821]),
        Reference(
            counts: [5, 4, 6], featureCount: 20, modulus: 64, l2: 1e-3, classes: [0, 1, 2],
            objective: 0.115358539, weights: [-1.154298, 0.970302, 0.183996],
            biases: [2.227339, -0.070066, -2.157273]),
        Reference(
            counts: [5, 4, 6], featureCount: 20, modulus: 64, l2: 1e-3, classes: [0, 2],
            objective: 0.075150891, weights: [-0.384767, 0.384767], biases: [1.839628, -1.839628]),
        Reference(
            counts: [40, 30, 20], featureCount: 4, modulus: 61, l2: 0.1, classes: [0, 1, 2],
            objective: 1.052932225, weights: [-0.053394, -0.018589, 0.071983],
            biases: [0.359938, -0.005125, -0.354813]),
        Reference(
            counts: [40, 30, 20], featureCount: 4, modulus: 61, l2: 1e-3, classes: [0, 2],
            objective: 0.628063108, weights: [-0.176761, 0.176761], biases: [0.373190, -0.373190]),
    ]

    @Test(arguments: references) func theOptimumIsScikitLearns(_ expected: Reference) throws {
        let table = integerTable(
            expected.counts, featureCount: expected.featureCount, modulus: expected.modulus)
        let trainer = try ConvergedHeadTrainer(
            table: table, l2: expected.l2, gradientTolerance: 1e-7)
        let head = try #require(trainer.train([spec(expected.classes)]).first).head
        #expect(abs(objective(head, table, l2: expected.l2).value - expected.objective) < 2e-9)
        // The gradient tells a value up to itself over the least curvature, which is above 1e-3.
        for (position, weight) in expected.weights.enumerated() {
            #expect(abs(Double(head.weights[position, 0]) - weight) < 2e-4)
            #expect(abs(Double(head.biases[position]) - expected.biases[position]) < 2e-4)
        }
    }

    /// Neither the other heads, nor their order, nor the trainer, nor the kernels change a bit.
    @Test(arguments: [48, 53]) func bundlesAndVariantsChangeNothing(featureCount: Int) throws {
        let table = syntheticTable(classCount: 5, rowCount: 300, featureCount: featureCount)
        let plan = HeadPlan(.subsets, classCount: 5)
        let variants = KernelVariant.supported
        let reference = bits(
            try ConvergedHeadTrainer(table: table, l2: 1e-3, variant: variants[0])
                .train(plan.heads))
        for variant in variants.dropFirst() {
            let trainer = try ConvergedHeadTrainer(table: table, l2: 1e-3, variant: variant)
            #expect(bits(try trainer.train(plan.heads)) == reference, "\(variant)")
            #expect(bits(try trainer.train(plan.heads.reversed())) == reference.reversed())
        }
        for (index, spec) in plan.heads.enumerated() {
            let alone = try ConvergedHeadTrainer(table: table, l2: 1e-3).train([spec])
            #expect(bits(alone) == [reference[index]], "\(spec.classes) alone")
        }
    }

    /// A head knows its own classes' rows only: others may be missing, as on a worker.
    @Test func rowsOfOtherClassesDoNotMatter() throws {
        let whole = integerTable([20, 15, 18], featureCount: 9, modulus: 53)
        let part = FeatureTable(
            features: firstFloats(of: whole, 35 * 9), featureCount: 9, classRowCounts: [20, 15, 0])
        let heads = try [whole, part].map {
            bits(try ConvergedHeadTrainer(table: $0, l2: 0.01).train([spec([0, 1])]))
        }
        #expect(heads[0] == heads[1])
    }

    private func firstFloats(of table: FeatureTable, _ count: Int) -> FloatBuffer {
        let buffer = FloatBuffer(count: count)
        unsafe buffer.withUnsafeMutableBufferPointer { target in
            unsafe table.features.withUnsafeBufferPointer { source in
                for index in 0..<count { unsafe target[index] = source[index] }
            }
        }
        return buffer
    }

    @Test func duplicateRowsAndDeadFeaturesAreNoTrouble() throws {
        // Every row of a class is the same, a third of the features are always zero.
        var matrix = Matrix(rowCount: 40, columnCount: 12)
        for row in 0..<40 {
            for feature in 0..<12 where feature % 3 != 0 {
                matrix[row, feature] = Float((row % 4 * 5 + feature * 7) % 11)
            }
        }
        let table = FeatureTable(
            grouping: matrix, labels: (0..<40).map { $0 % 4 }, classCount: 4)
        for l2 in [1e-6, 1] {
            let heads = try ConvergedHeadTrainer(table: table, l2: l2)
                .train(HeadPlan(.subsets, classCount: 4).heads)
            for trained in heads {
                #expect(trained.isCertified)
                #expect(objective(trained.head, table, l2: l2).norm <= 1e-4)
                for position in trained.head.biases.indices {
                    #expect(trained.head.weights[position, 0] == 0)
                }
            }
        }
    }

    /// Without features the optimum is known: the biases' softmax is the classes' shares.
    @Test func biasesAreTheClassesShares() throws {
        let table = FeatureTable(
            grouping: Matrix(rowCount: 12, columnCount: 3),
            labels: [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 2], classCount: 3)
        let trainer = try ConvergedHeadTrainer(table: table, l2: 1, gradientTolerance: 1e-7)
        let head = try #require(trainer.train([spec([0, 1, 2])]).first).head
        let step = Float(log(2.0) / 3)
        for (bias, expected) in zip(head.biases, [2 * step, -step, -step]) {
            #expect(abs(bias - expected) < 1e-5)
        }
    }

    @Test func cancellationIsAnError() throws {
        let table = integerTable([20, 20, 20], featureCount: 8, modulus: 61)
        let trainer = try ConvergedHeadTrainer(table: table, l2: 1e-4, gradientTolerance: 1e-9)
        var askedCount = 0
        #expect {
            try trainer.train([spec([0, 1, 2])]) {
                askedCount += 1
                return askedCount == 4
            }
        } throws: {
            ($0 as? HeadTrainingError)?.code == .cancelled
        }
        #expect(askedCount == 4)
    }

    @Test func refusesWhatHasNoOptimum() throws {
        let table = integerTable([5, 0, 6], featureCount: 3, modulus: 31)
        for (l2, tolerance) in [
            (0, 1e-4), (-1, 1e-4), (.nan, 1e-4), (.infinity, 1e-4), (1, 0), (1, .nan),
        ] as [(Double, Double)] {
            #expect(throws: HeadTrainingError.self) {
                try ConvergedHeadTrainer(table: table, l2: l2, gradientTolerance: tolerance)
            }
        }
        let trainer = try ConvergedHeadTrainer(table: table, l2: 1)
        #expect(try trainer.train([spec([0, 2])]).count == 1)
        for classes in [[0, 1], [0, 3], [1, 2]] {
            #expect(throws: HeadTrainingError.self) { try trainer.train([spec(classes)]) }
        }
        for value in [Float.nan, .infinity] {
            var matrix = Matrix(rowCount: 4, columnCount: 2)
            matrix[3, 1] = value
            let table = FeatureTable(grouping: matrix, labels: [0, 1, 0, 1], classCount: 2)
            #expect(throws: HeadTrainingError.self) {
                try ConvergedHeadTrainer(table: table, l2: 1)
            }
            #expect(throws: HeadTrainingError.self) {
                try ConvergedHeadTrainer.chooseL2(table: table, seed: 1)
            }
        }
    }
}
