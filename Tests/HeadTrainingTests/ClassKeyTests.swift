import HeadTraining
import Heads
import Numerics
import Testing

/// Heads depend on their own classes' keys, not on where those stand among the classes of a run.
@Suite struct ClassKeyTests {
    /// A run over some classes of a larger table, in an order of its own.
    private struct Run {
        let table: FeatureTable
        /// By class of this run, the class of the larger table.
        let classes: [Int]

        init(_ whole: FeatureTable, _ classes: [Int]) {
            let width = whole.featureCount
            let values = unsafe whole.features.withUnsafeBufferPointer { unsafe Array($0) }
            let kept = classes.flatMap {
                values[whole.classRowOffsets[$0] * width..<whole.classRowOffsets[$0 + 1] * width]
            }
            let counts = classes.map { whole.classRowCounts[$0] }
            self.classes = classes
            table = FeatureTable(
                grouping: Matrix(
                    rowCount: counts.reduce(0, +), columnCount: width, values: kept),
                labels: counts.enumerated().flatMap { [Int](repeating: $0, count: $1) },
                classCount: classes.count, classKeys: classes.map { whole.classKeys[$0] })
        }

        /// The head over these classes of the larger table.
        func spec(_ whole: [Int]) -> HeadKey {
            HeadKey(ClassSet(whole.compactMap { classes.firstIndex(of: $0) }))
        }

        /// Bits of weights and bias by class of the larger table.
        func bits(_ head: Head) -> [Int: [UInt32]] {
            var result: [Int: [UInt32]] = [:]
            for (row, member) in head.classes.members.enumerated() {
                result[classes[member]] =
                    head.weights.row(row).map(\.bitPattern) + [head.biases[row].bitPattern]
            }
            return result
        }

        /// The rows of an output layer over the larger table's classes that are this run's.
        func output(_ whole: Head) -> Head {
            let values = classes.flatMap { whole.weights.row($0) }
            return Head(
                classes: .all(classes.count),
                weights: Matrix(
                    rowCount: classes.count, columnCount: whole.weights.columnCount,
                    values: values),
                biases: classes.map { whole.biases[$0] })
        }
    }

    private static let heads = [[0, 1], [0, 3], [1, 3], [0, 1, 3]]
    private static let runs = [[0, 1, 3], [3, 1, 0], [1, 3, 0], [5, 3, 9, 0, 1]]

    /// Keys that are the classes' numbers, in another order, and of 64 bits: some of which differ in
    /// their high halves only, or ascend otherwise than their low halves do.
    enum Keys: String, CaseIterable, Sendable {
        case numbers, reordered, wide

        var values: [UInt64] {
            switch self {
            case .numbers: Array(0..<10)
            case .reordered: [7, 3, 0, 5, 9, 1, 8, 2, 6, 4]
            case .wide:
                [
                    0x9000_0000_0000_0001, 0x0000_0003_0000_0001, 5, 0x0000_0002_FFFF_FFFF, 1,
                    .max, 0x8000_0000_0000_0000, 0xFFFF_FFFF, 0x0000_0001_0000_0000, 0,
                ]
            }
        }
    }

    private func table(_ keys: Keys, featureCount: Int) -> FeatureTable {
        let counts = [23, 40, 9, 31, 12, 8, 17, 5, 20, 11]
        let table = integerTable(counts, featureCount: featureCount, modulus: 61)
        return FeatureTable(
            features: table.features, featureCount: featureCount, classRowCounts: counts,
            classKeys: keys.values)
    }

    private func output(featureCount: Int) -> Head {
        let values = (0..<10 * featureCount).map { Float(($0 * 7) % 23) / 16 - 0.5 }
        return Head(
            classes: .all(10),
            weights: Matrix(rowCount: 10, columnCount: featureCount, values: values),
            biases: (0..<10).map { Float($0) / 8 })
    }

    /// Checks that the heads have equal bits in all runs, whatever the kernels: in the run over all
    /// classes by the scalar ones, and in every run by every variant.
    private func expectEqualBits(
        _ whole: FeatureTable, _ name: String,
        _ train: (Run, [HeadKey], KernelVariant) throws -> [Head]
    ) throws {
        let all = Run(whole, Array(0..<10))
        let reference = try train(all, Self.heads.map(all.spec), KernelVariant.supported[0])
            .map(all.bits)
        for classes in Self.runs + [Array(0..<10)] {
            let run = Run(whole, classes)
            for variant in KernelVariant.supported {
                let heads = try train(run, Self.heads.map(run.spec), variant).map(run.bits)
                #expect(heads == reference, "\(name), run \(classes), \(variant)")
            }
        }
    }

    @Test(arguments: Keys.allCases, HeadInitialisation.allCases)
    func epochs(keys: Keys, initialisation: HeadInitialisation) throws {
        for (featureCount, dropout, batchSize, isBalanced) in [
            (20, 0.5, 7, false), (130, 0.5, 24, true), (20, 0.3, 1, false), (33, 0, 128, true),
        ] as [(Int, Float, Int, Bool)] {
            let values = HeadHyperparameters(
                epochCount: 3, batchSize: batchSize, dropout: dropout,
                initialisation: initialisation, seed: 0xFEDC_BA98_7654_3210,
                isBalanced: isBalanced)
            let output = output(featureCount: featureCount)
            try expectEqualBits(
                table(keys, featureCount: featureCount), "\(keys), batches of \(batchSize)"
            ) { run, specs, variant in
                try HeadTrainer(
                    table: run.table, hyperparameters: values,
                    derivedFrom: run.output(output), variant: variant
                ).train(specs)
            }
        }
    }

    /// Of few features, and of so many that heads are trained in the space of their rows.
    @Test(arguments: Keys.allCases, [20, 160])
    func optimum(keys: Keys, featureCount: Int) throws {
        for isBalanced in [false, true] {
            try expectEqualBits(table(keys, featureCount: featureCount), "\(keys)") {
                run, specs, variant in
                let trainer = try ConvergedHeadTrainer(
                    table: run.table, isBalanced: isBalanced, l2: 1e-3,
                    gradientTolerance: isBalanced ? 1e-4 : 1e-6, variant: variant)
                let trained = try trainer.train(specs)
                for head in trained {
                    #expect(try trainer.gradientNorm(of: head.head) == head.gradientNorm)
                    #expect(head.isCertified)
                }
                return trained.map(\.head)
            }
        }
    }

    /// A penalty is chosen for all classes of a run: their order does not matter.
    @Test(arguments: Keys.allCases) func choiceOfThePenalty(keys: Keys) throws {
        let whole = Run(table(keys, featureCount: 12), [0, 1, 3, 5])
        let choice = try ConvergedHeadTrainer.chooseL2(table: whole.table, seed: 3)
        for order in [[3, 0, 2, 1], [2, 3, 1, 0]] {
            let other = Run(whole.table, order)
            #expect(try ConvergedHeadTrainer.chooseL2(table: other.table, seed: 3) == choice)
        }
    }

    // MARK: - Both halves of a key matter

    private static let high: UInt64 = 0x1234_5678_0000_0000

    @Test func orders() {
        let table = integerTable([50, 50], featureCount: 1, modulus: 61)
        let orders = [[0, 1], [0, 1 + Self.high], [Self.high, 1]].map { keys in
            EpochOrders(
                seed: 5,
                table: FeatureTable(
                    features: table.features, featureCount: 1, classRowCounts: [50, 50],
                    classKeys: keys)
            ).order(epoch: 2)
        }
        #expect(Set(orders).count == 3)
        #expect(orders.allSatisfy { $0.sorted() == Array(0..<100) })
        // The second class's rows among themselves sort by that class's key alone.
        #expect(orders[0].filter { $0 >= 50 } == orders[2].filter { $0 >= 50 })
        #expect(orders[0].filter { $0 >= 50 } != orders[1].filter { $0 >= 50 })
    }

    @Test func initialWeights() throws {
        let table = integerTable([3, 3], featureCount: 5, modulus: 61)
        let heads = try [[0, 1], [0, 1 + Self.high]].map { keys in
            try HeadTrainer(
                table: FeatureTable(
                    features: table.features, featureCount: 5, classRowCounts: [3, 3],
                    classKeys: keys),
                hyperparameters: HeadHyperparameters(epochCount: 1, learningRate: 0, seed: 5),
                derivedFrom: nil, variant: KernelVariant.select(nil)
            ).train([spec([0, 1])])[0]
        }
        #expect(heads[0].weights != heads[1].weights)
    }

    /// Row 0 of one class is 1 in the first 64 features, of the other in the last 64: after one update
    /// from zero a weight is zero where its feature was dropped, and nowhere else.
    @Test(arguments: KernelVariant.supported.map(\.name)) func dropout(variant: String) throws {
        var matrix = Matrix(rowCount: 2, columnCount: 128)
        for feature in 0..<128 { matrix[feature / 64, feature] = 1 }
        for keys in [[3, 1], [0x2_0000_0003, 0xFFFF_FFFF_0000_0001]] as [[UInt64]] {
            let head = try HeadTrainer(
                table: FeatureTable(
                    grouping: matrix, labels: [0, 1], classCount: 2, classKeys: keys),
                hyperparameters: HeadHyperparameters(
                    epochCount: 1, batchSize: 2, dropout: 0.5, initialisation: .zero, seed: 99),
                derivedFrom: nil, variant: KernelVariant.select(variant)
            ).train([spec([0, 1])])[0]
            for feature in 0..<128 {
                let key = keys[feature / 64]
                let words = Philox.block(
                    seed: 99 &+ (key >> 32) &* 0xD134_2543_DE82_EF95, purpose: .headDropout, 0,
                    UInt32(truncatingIfNeeded: key), 0, index: 0)
                let isKept = words[feature / 32] >> UInt32(feature % 32) & 1 == 1
                #expect((head.weights[0, feature] != 0) == isKept, "feature \(feature), \(keys)")
            }
        }
    }
}
