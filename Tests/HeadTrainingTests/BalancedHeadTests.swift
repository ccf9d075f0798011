import Glibc
import HeadTraining
import Heads
import Numerics
import Testing

/// Heads whose rows weigh by their class.
@Suite struct BalancedHeadTests {
    private func bits(_ heads: [Head]) -> [[UInt32]] {
        heads.map { ($0.weights.values + $0.biases).map(\.bitPattern) }
    }

    private func train(
        _ specs: [HeadKey], _ table: FeatureTable, _ values: HeadHyperparameters,
        isBalanced: Bool = true, variant: KernelVariant? = nil, windowRowCount: Int? = nil
    ) throws -> [Head] {
        var values = values
        values.isBalanced = isBalanced
        return try HeadTrainer(
            table: table, hyperparameters: values, derivedFrom: nil,
            variant: try variant ?? KernelVariant.select(nil), windowRowCount: windowRowCount
        ).train(specs)
    }

    // scikit-learn 1.9.1, compute_class_weight("balanced") of such labels.
    @Test(arguments: [
        ([40, 10, 5], [0.45833333, 1.83333333, 3.66666667]), ([40, 5], [0.5625, 4.5]),
        ([2, 9, 4], [2.5, 0.55555556, 1.25]), ([7, 7, 7, 7], [1, 1, 1, 1]),
    ])
    func theWeightsAreScikitLearns(rowCounts: [Int], expected: [Double]) {
        let weights = ClassWeights.balanced(rowCounts: rowCounts)
        for (weight, expected) in zip(weights, expected) { #expect(abs(weight - expected) < 1e-8) }
        // Classes that have no rows are none.
        #expect(ClassWeights.balanced(rowCounts: rowCounts + [0]).dropLast() == weights[...])
    }

    /// With all rows in one minibatch, classes of 10 and 20 rows weigh as if each of the 10 were there
    /// twice: `1.5 / 30` is `2 / 40`, and `0.75 / 30` is `1 / 40`.
    @Test func weightsAreRowsRepeated() throws {
        var matrix = Matrix(rowCount: 40, columnCount: 18)
        for row in 0..<40 {
            let source = row < 20 ? row % 10 : row - 10
            for feature in 0..<18 {
                let word = Philox.block(seed: 4, UInt32(source), UInt32(feature), 0, 0).x
                matrix[row, feature] = Philox.uniform(word) - 0.3
            }
        }
        let labels = (0..<40).map { $0 < 20 ? 0 : 1 }
        let repeated = FeatureTable(grouping: matrix, labels: labels, classCount: 2)
        let once = FeatureTable(
            grouping: Matrix(
                rowCount: 30, columnCount: 18, values: Array(matrix.values[(10 * 18)...])),
            labels: Array(labels[10...]), classCount: 2)
        let values = HeadHyperparameters(
            epochCount: 6, batchSize: 64, dropout: 0, initialisation: .zero, seed: 1)
        let weighted = try train([spec([0, 1])], once, values)[0]
        let doubled = try train([spec([0, 1])], repeated, values, isBalanced: false)[0]
        let plain = try train([spec([0, 1])], once, values, isBalanced: false)[0]
        func distance(_ one: Head, _ other: Head) -> Float {
            zip(one.weights.values + one.biases, other.weights.values + other.biases)
                .reduce(0) { max($0, abs($1.0 - $1.1)) }
        }
        #expect(distance(weighted, doubled) < 1e-5)
        #expect(distance(weighted, plain) > 1e-3)
    }

    /// As without weights: tiles, windows, bundles and instruction sets change no bit.
    @Test(arguments: [1, 17, 64, 256]) func variantsGiveEqualBits(featureCount: Int) throws {
        let table = imbalanced(classCount: 13, featureCount: featureCount)
        let specs = (2...13).map { spec((0..<$0).map { 12 - $0 }) }
        let values = HeadHyperparameters(epochCount: 2, batchSize: 24, seed: 11)
        let reference = try train(specs, table, values, variant: KernelVariant.supported[0])
        for variant in KernelVariant.supported {
            for windowRowCount in [nil, 7, 129] {
                let heads = try train(
                    specs, table, values, variant: variant, windowRowCount: windowRowCount)
                #expect(bits(heads) == bits(reference), "\(variant), \(windowRowCount ?? 0)")
            }
        }
        #expect(bits(try train([specs[3]], table, values)) == [bits(reference)[3]])
        let plain = bits(try train(specs, table, values, isBalanced: false))
        for (one, other) in zip(bits(reference), plain) { #expect(one != other) }
    }

    /// Where classes are equal every weight is 1, and times 1 is the same bits.
    @Test func equalClassesAreLeftAlone() throws {
        let table = integerTable([20, 20, 20], featureCount: 9, modulus: 53)
        let specs = HeadPlan(.subsets, classCount: 3).heads
        let values = HeadHyperparameters(epochCount: 2, batchSize: 16, seed: 3)
        #expect(
            bits(try train(specs, table, values))
                == bits(try train(specs, table, values, isBalanced: false)))
    }

    /// A class that keeps fewer rows the later it is.
    private func imbalanced(classCount: Int, featureCount: Int) -> FeatureTable {
        integerTable(
            (0..<classCount).map { 30 - 2 * $0 }, featureCount: featureCount, modulus: 61)
    }

    // MARK: - At the optimum

    typealias Reference = ConvergedHeadTests.Reference

    // scikit-learn 1.9.1, LogisticRegression(class_weight="balanced", solver="newton-cg", tol=1e-12)
    // on float64 copies of these rows; C as in ``ConvergedHeadTests``.
    static let references = [
        Reference(
            counts: [40, 10, 5], featureCount: 4, modulus: 61, l2: 0.1, classes: [0, 1, 2],
            objective: 0.881460082, weights: [-0.091580, -0.078078, 0.169658],
            biases: [0.151800, -0.005274, -0.146527]),
        Reference(
            counts: [40, 10, 5], featureCount: 4, modulus: 61, l2: 1e-3, classes: [0, 1, 2],
            objective: 0.585065619, weights: [-0.273133, -0.619666, 0.892798],
            biases: [1.191065, 0.357621, -1.548687]),
        Reference(
            counts: [40, 10, 5], featureCount: 4, modulus: 61, l2: 1e-3, classes: [0, 2],
            objective: 0.296553404, weights: [-0.701392, 0.701392], biases: [1.820352, -1.820352]),
        Reference(
            counts: [2, 9, 4], featureCount: 20, modulus: 64, l2: 1e-2, classes: [0, 1, 2],
            objective: 0.313344194, weights: [-0.687444, -0.187600, 0.875044],
            biases: [-1.837540, 2.487921, -0.650381]),
        Reference(
            counts: [2, 9, 4], featureCount: 20, modulus: 64, l2: 1e-2, classes: [0, 2],
            objective: 0.064958589, weights: [-0.446811, 0.446811], biases: [-1.186034, 1.186034]),
    ]

    @Test(arguments: references) func theOptimumIsScikitLearns(_ expected: Reference) throws {
        let table = integerTable(
            expected.counts, featureCount: expected.featureCount, modulus: expected.modulus)
        let rowWeights = ClassWeights.balanced(
            rowCounts: expected.classes.map { expected.counts[$0] })
        var found: [[UInt32]] = []
        for variant in KernelVariant.supported {
            let trained = try #require(
                ConvergedHeadTrainer(
                    table: table, isBalanced: true, l2: expected.l2, gradientTolerance: 1e-7,
                    variant: variant
                ).train([spec(expected.classes)]).first)
            let head = trained.head
            let ours = objective(head, table, rowWeights: rowWeights, l2: expected.l2)
            #expect(abs(ours.value - expected.objective) < 2e-9)
            #expect(abs(ours.norm - trained.gradientNorm) < 1e-9)
            for (position, weight) in expected.weights.enumerated() {
                #expect(abs(Double(head.weights[position, 0]) - weight) < 2e-4)
                #expect(abs(Double(head.biases[position]) - expected.biases[position]) < 2e-4)
            }
            found += bits([head])
        }
        #expect(found.allSatisfy { $0 == found[0] })
    }

    /// Sums in single precision too: of many rows, to the usual tolerance.
    @Test func certificatesHold() throws {
        let table = imbalanced(classCount: 6, featureCount: 33)
        for trained in try ConvergedHeadTrainer(table: table, isBalanced: true, l2: 1e-3)
            .train(HeadPlan(.subsets, classCount: 6).heads)
        {
            let counts = trained.head.classes.members.map { table.classRowCounts[$0] }
            let norm = objective(
                trained.head, table, rowWeights: ClassWeights.balanced(rowCounts: counts), l2: 1e-3
            ).norm
            #expect(trained.isCertified)
            #expect(abs(trained.gradientNorm - norm) < 1e-9)
        }
    }
}
