import Numerics
import Testing

@Suite struct NormalizationTests {
    private let rows = Matrix(
        rowCount: 3, columnCount: 3, values: [1, 2, 5, 3, -4, 5, 0, 0, 5])

    @Test func nothingIsDoneWhereNothingIsAsked() throws {
        var changed = rows
        try Normalization(.none, fittedTo: rows).apply(to: &changed)
        #expect(changed == rows)
    }

    // The values are scikit-learn 1.9.1's, from Normalizer on the same rows.
    @Test func rowsAreBroughtToLengthOne() throws {
        var changed = Matrix(
            rowCount: 3, columnCount: 3, values: [1, 2, 5, 3, -4, 5, 0, 0, 0])
        try Normalization(.l2, fittedTo: changed).apply(to: &changed)
        let expected: [Double] = [
            0.18257418583505536, 0.3651483716701107, 0.9128709291752769, 0.4242640687119285,
            -0.565685424949238, 0.7071067811865475, 0, 0, 0,
        ]
        #expect(changed.values == expected.map { Float($0) })
    }

    // The values are scikit-learn 1.9.1's, from StandardScaler on the same rows.
    @Test func featuresAreBroughtToMeanZeroAndVarianceOne() throws {
        let normalization = try Normalization(.standardize, fittedTo: rows)
        guard case .standardize(let means, let scales) = normalization else {
            Issue.record("another kind")
            return
        }
        #expect(means == [4 / 3.0, -2 / 3.0, 5])
        #expect(
            zip(scales, [1.247219128924647, 2.494438257849294, 1]).allSatisfy {
                abs($0 - $1) < 1e-15
            })
        var changed = rows
        normalization.apply(to: &changed)
        let expected: [Double] = [
            -0.26726124191242434, 1.0690449676496976, 0, 1.3363062095621219, -1.3363062095621219, 0,
            -1.0690449676496976, 0.26726124191242434, 0,
        ]
        #expect(zip(changed.values, expected).allSatisfy { abs(Double($0) - $1) < 1e-7 })
        #expect(normalization.fits(featureCount: 3))
        #expect(!normalization.fits(featureCount: 2))
    }

    @Test func rowsOfNoWeightAreAbsent() throws {
        let matrix = Matrix(
            rowCount: 40_000, columnCount: 8,
            values: (0..<320_000).map { Float($0 % 977) * 0.37 })
        let stored: any FeatureRows = JoinedRows([matrix, matrix]).selecting(
            Array(0..<matrix.rowCount).reversed())
        for rows in [matrix, stored] as [any FeatureRows] {
            let weights = (0..<rows.rowCount).map { $0 % 3 == 1 ? 0 : Float($0 % 5 + 1) }
            let present = rows.selecting(weights.indices.filter { weights[$0] > 0 })
            let expected = try Normalization(.standardize, fittedTo: present)
            #expect(
                try Normalization(.standardize, fittedTo: rows, weights: weights) == expected)
            #expect(try Normalization(.standardize, fittedTo: rows) != expected)
        }
    }

    @Test func rowsInAFileAreNormalisedAsThoseInMemory() throws {
        for kind in Normalization.Kind.allCases {
            let matrix = Matrix(
                rowCount: 40_000, columnCount: 8,
                values: (0..<320_000).map { Float($0 % 977) * 0.37 })
            var held: any FeatureRows = matrix
            // In two parts: not in memory as one, and more than a block is read of it.
            var stored: any FeatureRows = JoinedRows([matrix, matrix]).selecting(
                (0..<matrix.rowCount).map { $0 % 2 == 0 ? $0 : matrix.rowCount + $0 })
            var shares: [Double] = []
            let normalization = try Normalization(kind, fittedTo: stored) { shares.append($0) }
            #expect(try normalization == Normalization(kind, fittedTo: matrix))
            #expect(shares.allSatisfy((0..<1).contains) && shares == shares.sorted())
            normalization.apply(to: &held)
            normalization.apply(to: &stored)
            #expect(held.held != nil && stored.held == nil)
            #expect(try stored.matrix() == held.held)
        }
    }

    @Test func aRowAloneIsNormalisedAsAmongOthers() throws {
        for kind in Normalization.Kind.allCases {
            let normalization = try Normalization(kind, fittedTo: rows)
            var all = rows
            normalization.apply(to: &all)
            for index in 0..<rows.rowCount {
                var row = Array(rows.row(index))
                normalization.apply(to: &row)
                #expect(row[...] == all.row(index))
            }
        }
    }
}
