import HeadTraining
import Heads
import Numerics
import Testing

/// Gradients of heads from rows that come some at a time.
@Suite(.timeLimit(.minutes(4))) struct StreamedGradientsTests {
    private static let counts = [40, 9, 0, 17, 32]
    private static let members: [[Int]] = [[0, 1], [1, 4], [0, 3], [0, 1, 3], [0, 1, 3, 4]]

    /// Heads at no optimum.
    private static func heads(featureCount: Int) -> [Head] {
        members.map { classes in
            let values = (0..<classes.count * featureCount).map {
                Float(($0 * 7_919 + classes[1]) % 101) / 200 - 0.25
            }
            return Head(
                classes: ClassSet(classes),
                weights: Matrix(
                    rowCount: classes.count, columnCount: featureCount, values: values),
                biases: classes.map { Float($0) / 8 - 0.1 })
        }
    }

    /// A table's rows of one class.
    private static func part(
        _ table: FeatureTable, of label: Int, rows: Range<Int>
    ) -> FeatureTable {
        let width = table.featureCount
        let first = (table.classRowOffsets[label] + rows.lowerBound) * width
        let buffer = FloatBuffer(count: rows.count * width)
        unsafe buffer.withUnsafeMutableBufferPointer { target in
            unsafe table.features.withUnsafeBufferPointer { source in
                _ = unsafe target.update(from: source[first..<first + rows.count * width])
            }
        }
        let weights = table.rowWeights.map { weights in
            unsafe weights.withUnsafeBufferPointer { weights in
                let first = table.classRowOffsets[label] + rows.lowerBound
                return unsafe FloatBuffer(Array(weights[first..<first + rows.count]))
            }
        }
        return FeatureTable(
            features: buffer, featureCount: width,
            classRowCounts: table.classRowCounts.indices.map { $0 == label ? rows.count : 0 },
            classKeys: table.classKeys, rowWeights: weights)
    }

    // Widths around a line of the kernels' rows; blocks around their tile of eight rows.
    @Test(arguments: [3, 16, 17], [1, 7, 8, 9, 64])
    func areThoseOfATable(featureCount: Int, blockRowCount: Int) throws {
        let heads = Self.heads(featureCount: featureCount)
        for (isBalanced, isWeighted) in [
            (false, false), (true, false), (false, true), (true, true),
        ] {
            let table = integerTable(
                Self.counts, featureCount: featureCount, modulus: 53,
                weights: isWeighted
                    ? (0..<Self.counts.reduce(0, +)).map { Float($0 % 6 + 1) / 4 } : nil)
            let trainer = try ConvergedHeadTrainer(
                table: table, isBalanced: isBalanced, l2: 0.02)
            let expected = try heads.map { try trainer.gradientNorm(of: $0) }
            for partCount in [1, 2, 7] {
                let gradients = try StreamedGradients(
                    heads, featureCount: featureCount,
                    classWeightSums: Self.counts.indices.map { table.weightSum(of: $0) },
                    classKeys: table.classKeys, isBalanced: isBalanced, l2: 0.02,
                    partCount: partCount)
                for (label, count) in Self.counts.enumerated() {
                    for first in stride(from: 0, to: count, by: blockRowCount) {
                        let rows = first..<min(first + blockRowCount, count)
                        for part in 0..<gradients.partCount {
                            gradients.add(
                                Self.part(table, of: label, rows: rows), toPart: part)
                        }
                    }
                }
                for (norm, other) in zip(gradients.norms(), expected) {
                    #expect(abs(norm - other) <= 1e-12 * other)
                }
            }
        }
    }

    @Test func refusesHeadsOfOtherRows() throws {
        let heads = Self.heads(featureCount: 3)
        #expect(throws: HeadTrainingError.self) {
            try StreamedGradients(
                heads, featureCount: 4, classWeightSums: Self.counts.map(Double.init),
                classKeys: [0, 1, 2, 3, 4], l2: 0.1, partCount: 1)
        }
        #expect(throws: HeadTrainingError.self) {
            try StreamedGradients(
                heads, featureCount: 3, classWeightSums: [1, 1, 1, 0, 1],
                classKeys: [0, 1, 2, 3, 4], l2: 0.1, partCount: 1)
        }
    }

    @Test func frugalCrossValidationChoosesTheSame() throws {
        let table = integerTable([60, 50, 70], featureCount: 5, modulus: 41)
        func choice(isFrugal: Bool) throws -> L2Choice {
            let validation = try L2CrossValidation(table: table, seed: 4, isFrugal: isFrugal)
            var curve = L2Curve()
            while let l2 = curve.next {
                curve.add(
                    try (0..<validation.foldCount).map {
                        try validation.losses(ofFold: $0, l2: l2)
                    }, l2: l2)
            }
            return curve.choice
        }
        let (whole, frugal) = (try choice(isFrugal: false), try choice(isFrugal: true))
        #expect(whole == (try ConvergedHeadTrainer.chooseL2(table: table, seed: 4)))
        #expect(frugal.l2 == whole.l2)
        for (point, other) in zip(whole.curve, frugal.curve) {
            #expect(abs(point.negativeLogLikelihood - other.negativeLogLikelihood) < 0.02)
        }
    }
}
