import HeadTraining
import Heads
import Numerics
import Testing

/// Heads at their optimum whose rows weigh something by themselves.
@Suite(.timeLimit(.minutes(5))) struct WeightedRowTests {
    private func bits(_ heads: [Head]) -> [[UInt32]] {
        heads.map { ($0.weights.values + $0.biases).map(\.bitPattern) }
    }

    private func train(
        _ specs: [HeadKey], _ table: FeatureTable, isBalanced: Bool = false, l2: Double = 1e-3,
        tolerance: Double = 1e-4, variant: KernelVariant? = nil
    ) throws -> [ConvergedHead] {
        try ConvergedHeadTrainer(
            table: table, isBalanced: isBalanced, l2: l2, gradientTolerance: tolerance,
            variant: variant
        ).train(specs)
    }

    private func distance(_ one: Head, _ other: Head) -> Float {
        zip(one.weights.values + one.biases, other.weights.values + other.biases)
            .reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    // scikit-learn 1.9.1, compute_class_weight("balanced", y=y, sample_weight=w) with
    // y = repeat([0, 1, 2], [3, 2, 1]) and w = [1, 0, 2, 0.5, 0.25, 4].
    @Test func balancedWeightsAreScikitLearns() {
        let weights = ClassWeights.balanced(rowWeights: [3, 0.75, 4])
        for (weight, expected) in zip(weights, [0.86111111, 3.44444444, 0.64583333]) {
            #expect(abs(weight - expected) < 1e-8)
        }
    }

    struct Reference: Sendable {
        let optimum: ConvergedHeadTests.Reference
        let isBalanced: Bool
    }

    // scikit-learn 1.9.1 on float64 copies of the rows of these classes, row r of the table with weight
    // ((7 r) mod 5 + 1) / 4 in w:
    // LogisticRegression(C=C, class_weight=None or "balanced", solver="newton-cg", tol=1e-12,
    // max_iter=10000).fit(X, y, sample_weight=w); C = 1 / (sum(w) l2) over three classes, 2 / (sum(w) l2)
    // and half of coef_ over two.
    static let references = [
        Reference(
            optimum: .init(
                counts: [40, 30, 20], featureCount: 4, modulus: 61, l2: 0.1, classes: [0, 1, 2],
                objective: 1.049220296, weights: [-0.181451, 0.054724, 0.126728],
                biases: [0.378091, 0.009386, -0.387477]), isBalanced: false),
        Reference(
            optimum: .init(
                counts: [40, 30, 20], featureCount: 4, modulus: 61, l2: 1e-3, classes: [0, 2],
                objective: 0.618580279, weights: [-0.386637, 0.386637],
                biases: [0.435911, -0.435911]), isBalanced: false),
        Reference(
            optimum: .init(
                counts: [5, 4, 6], featureCount: 20, modulus: 64, l2: 1e-2, classes: [0, 1, 2],
                objective: 0.375080333, weights: [-0.630792, 0.387962, 0.242830],
                biases: [0.982913, -0.334574, -0.648339]), isBalanced: false),
        Reference(
            optimum: .init(
                counts: [40, 10, 5], featureCount: 4, modulus: 61, l2: 1e-3, classes: [0, 1, 2],
                objective: 0.562608164, weights: [-0.404269, -0.414998, 0.819267],
                biases: [1.208975, 0.246989, -1.455964]), isBalanced: true),
        Reference(
            optimum: .init(
                counts: [40, 10, 5], featureCount: 4, modulus: 61, l2: 1e-2, classes: [0, 2],
                objective: 0.367989909, weights: [-0.455986, 0.455986],
                biases: [0.809375, -0.809375]), isBalanced: true),
        Reference(
            optimum: .init(
                counts: [2, 9, 4], featureCount: 20, modulus: 64, l2: 1e-2, classes: [0, 1, 2],
                objective: 0.308926671, weights: [-0.535578, -0.501062, 1.036640],
                biases: [-1.843159, 2.480381, -0.637222]), isBalanced: true),
        Reference(
            optimum: .init(
                counts: [2, 9, 4], featureCount: 20, modulus: 64, l2: 1e-2, classes: [0, 1],
                objective: 0.097270259, weights: [-0.441248, 0.441248],
                biases: [-2.042455, 2.042455]), isBalanced: true),
    ]

    @Test(arguments: references) func theOptimumIsScikitLearns(_ reference: Reference) throws {
        let expected = reference.optimum
        let table = integerTable(
            expected.counts, featureCount: expected.featureCount, modulus: expected.modulus,
            weights: (0..<expected.counts.reduce(0, +)).map { Float(7 * $0 % 5 + 1) / 4 })
        let classWeights =
            reference.isBalanced
            ? ClassWeights.balanced(rowWeights: expected.classes.map { table.weightSum(of: $0) })
            : nil
        var found: [[UInt32]] = []
        for variant in KernelVariant.supported {
            let trained = try #require(
                train(
                    [spec(expected.classes)], table, isBalanced: reference.isBalanced,
                    l2: expected.l2, tolerance: 1e-7, variant: variant
                ).first)
            let head = trained.head
            let ours = objective(head, table, rowWeights: classWeights, l2: expected.l2)
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

    /// Rows summed in single and in double precision, few and many for their features; heads side by
    /// side or alone, with any kernels.
    @Test(arguments: [(300, 48), (300, 53), (40, 130), (5_000, 20)])
    func bundlesAndVariantsChangeNothing(rowCount: Int, featureCount: Int) throws {
        let table = syntheticTable(
            classCount: 4, rowCount: rowCount, featureCount: featureCount,
            weights: (0..<rowCount).map { Float(13 * $0 % 7) / 3 })
        let plan = HeadPlan(.subsets, classCount: 4)
        for tolerance in [1e-4, 1e-6] {
            for isBalanced in [false, true] {
                let heads = try KernelVariant.supported.map {
                    try train(
                        plan.heads, table, isBalanced: isBalanced, tolerance: tolerance,
                        variant: $0)
                }
                for other in heads.dropFirst() {
                    #expect(bits(other.map(\.head)) == bits(heads[0].map(\.head)))
                }
                for (spec, trained) in zip(plan.heads, heads[0]) {
                    let sums = trained.head.classes.members.map { table.weightSum(of: $0) }
                    let norm = objective(
                        trained.head, table,
                        rowWeights: isBalanced ? ClassWeights.balanced(rowWeights: sums) : nil,
                        l2: 1e-3
                    ).norm
                    #expect(trained.isCertified, "\(spec)")
                    #expect(abs(trained.gradientNorm - norm) < 1e-9, "\(spec)")
                }
                let alone = try train(
                    [plan.heads[3]], table, isBalanced: isBalanced, tolerance: tolerance)
                #expect(bits(alone.map(\.head)) == [bits(heads[0].map(\.head))[3]])
            }
        }
    }

    /// A row of weight 0 is no row: not of the bits of a head, not of its class's share.
    @Test(arguments: [false, true]) func rowsOfWeightZeroAreAbsent(isBalanced: Bool) throws {
        let counts = [20, 9, 12]
        let weights = (0..<41).map { Float($0 % 4) / 2 }
        let table = integerTable(counts, featureCount: 7, modulus: 59, weights: weights)
        var matrix = Matrix(rowCount: 41, columnCount: 7)
        let labels = counts.enumerated().flatMap { [Int](repeating: $0, count: $1) }
        for row in 0..<41 {
            for feature in 0..<7 {
                matrix[row, feature] =
                    Float((37 * row + 11 * feature + 3 * row * feature * feature) % 59) / 32 - 0.75
            }
        }
        let kept = (0..<41).filter { weights[$0] > 0 }
        let part = FeatureTable(
            grouping: Matrix(
                rowCount: kept.count, columnCount: 7,
                values: kept.flatMap { matrix.values[$0 * 7..<($0 + 1) * 7] }),
            labels: kept.map { labels[$0] }, classCount: 3, weights: kept.map { weights[$0] })
        #expect(table.rowCount == kept.count)
        let specs = HeadPlan(.subsets, classCount: 3).heads
        let heads = try [table, part].map {
            bits(try train(specs, $0, isBalanced: isBalanced).map(\.head))
        }
        #expect(heads[0] == heads[1])
        // A class of such rows alone has none.
        let empty = integerTable(
            counts, featureCount: 7, modulus: 59,
            weights: labels.map { $0 == 1 ? 0 : 1 })
        #expect(try train([spec([0, 2])], empty).count == 1)
        #expect(throws: HeadTrainingError.self) { try train([spec([0, 1])], empty) }
    }

    /// A weight of 3 is the row three times; the optimum is the same, and so is the penalty's strength.
    @Test(arguments: [false, true]) func wholeWeightsAreRowsRepeated(isBalanced: Bool) throws {
        let counts = [20, 9, 12]
        let weights = (0..<41).map { $0 % 3 + 1 }
        let table = integerTable(
            counts, featureCount: 7, modulus: 59, weights: weights.map(Float.init))
        let plain = integerTable(counts, featureCount: 7, modulus: 59)
        let rows = unsafe table.features.withUnsafeBufferPointer { unsafe Array($0) }
        let labels = counts.enumerated().flatMap { [Int](repeating: $0, count: $1) }
        let repeated = (0..<41).flatMap { [Int](repeating: $0, count: weights[$0]) }
        let long = FeatureTable(
            grouping: Matrix(
                rowCount: repeated.count, columnCount: 7,
                values: repeated.flatMap { rows[$0 * 7..<($0 + 1) * 7] }),
            labels: repeated.map { labels[$0] }, classCount: 3)
        for spec in HeadPlan(.subsets, classCount: 3).heads {
            let heads = try [table, long, plain].map {
                try train([spec], $0, isBalanced: isBalanced, l2: 0.1, tolerance: 1e-7)[0].head
            }
            // The gradient tells a value up to itself over the least curvature.
            #expect(distance(heads[0], heads[1]) < 2e-5, "\(spec)")
            #expect(distance(heads[0], heads[2]) > 1e-3, "\(spec)")
        }
    }

    /// Times 1 is the same bits, and what all weights are multiplied by does not matter.
    @Test(arguments: [false, true]) func theScaleOfWeightsDoesNotMatter(isBalanced: Bool) throws {
        let specs = HeadPlan(.subsets, classCount: 3).heads
        func heads(_ weight: ((Int) -> Float)?) throws -> [[UInt32]] {
            let table = integerTable(
                [30, 11, 17], featureCount: 9, modulus: 53,
                weights: weight.map { weight in (0..<58).map(weight) })
            return bits(try train(specs, table, isBalanced: isBalanced).map(\.head))
        }
        #expect(try heads { _ in 1 } == heads(nil))
        #expect(try heads { _ in 0.25 } == heads(nil))
        #expect(
            try heads { Float($0 % 5 + 1) } == heads { Float($0 % 5 + 1) * 0x1p-20 })
        #expect(try heads { Float($0 % 5 + 1) } != heads(nil))
    }

    /// Weights of any size leave a head certified or not, and nothing traps.
    @Test func extremeWeightsAreNoTrouble() throws {
        for weights in [
            [Float.leastNonzeroMagnitude, .greatestFiniteMagnitude], [1e-30, 1e30],
            [.greatestFiniteMagnitude, .greatestFiniteMagnitude],
            [.leastNonzeroMagnitude, .leastNonzeroMagnitude],
        ] {
            let table = integerTable(
                [20, 15], featureCount: 6, modulus: 59,
                weights: (0..<35).map { weights[$0 % 2] })
            for isBalanced in [false, true] {
                let trained = try train([spec([0, 1])], table, isBalanced: isBalanced)[0]
                #expect(trained.head.weights.values.allSatisfy { $0.isFinite })
                #expect(trained.isCertified == (trained.gradientNorm <= 1e-4))
            }
        }
    }

    /// Only heads at their optimum take weights of rows; both kinds take those of classes.
    @Test func bundlesTakeWhatTheyCan() throws {
        let weighted = integerTable(
            [20, 9], featureCount: 7, modulus: 59, weights: (0..<29).map { Float($0 % 3 + 1) })
        let plain = integerTable([20, 9], featureCount: 7, modulus: 59)
        let variant = try KernelVariant.select(nil)
        func heads(_ table: FeatureTable, _ training: Training) throws -> [Head] {
            try BundleTrainer(
                table: table, training: training, derivedFrom: nil, variant: variant
            ).train([spec([0, 1])])
        }
        let epochs = HeadHyperparameters(epochCount: 1)
        #expect(throws: HeadTrainingError.self) { try heads(weighted, .epochs(epochs)) }
        var balanced = epochs
        balanced.isBalanced = true
        #expect(try heads(plain, .epochs(balanced)) != heads(plain, .epochs(epochs)))
        #expect(
            try heads(weighted, .optimum(l2: 0.1, isBalanced: true))
                == train([spec([0, 1])], weighted, isBalanced: true, l2: 0.1, tolerance: 1e-6)
                .map(\.head))
        #expect(
            try heads(weighted, .optimum(l2: 0.1, isBalanced: true))
                != heads(weighted, .optimum(l2: 0.1)))
    }

    /// The penalty chosen on weighted rows: on their copies it would be too weak, since folds hold out
    /// rows whose copies were trained on.
    @Test func theChoiceOfThePenaltyTakesWeights() throws {
        let weights = (0..<120).map { Float($0 % 5) }
        let tables = [nil, weights, weights.map { $0 * 8 }].map {
            syntheticTable(classCount: 4, rowCount: 120, featureCount: 24, weights: $0)
        }
        let choices = try tables.map { try ConvergedHeadTrainer.chooseL2(table: $0, seed: 3) }
        #expect(choices[0].curve != choices[1].curve)
        #expect(choices[1].l2 == choices[2].l2)
        for variant in KernelVariant.supported {
            #expect(
                try ConvergedHeadTrainer.chooseL2(table: tables[1], seed: 3, variant: variant)
                    == choices[1])
        }
    }
}
