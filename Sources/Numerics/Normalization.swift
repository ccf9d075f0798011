/// What is done to rows of features before any head reads them: part of the model, and applied to each
/// row that it predicts.
package enum Normalization: Sendable, Equatable {
    /// What a person asks for.
    package enum Kind: String, Codable, Sendable, CaseIterable {
        /// Rows stay as they are.
        case none
        /// Rows are brought to length 1.
        case l2
        /// Features are brought to mean 0 and variance 1.
        case standardize
    }

    /// Rows stay as they are.
    case none
    /// A row is divided by its Euclidean length, as scikit-learn's `Normalizer`; a row of zeros stays.
    case l2
    /// A feature has its mean taken off and is divided by its scale, as scikit-learn's
    /// `StandardScaler`: one mean and one scale above 0 a feature.
    case standardize(means: [Double], scales: [Double])

    /// What training rows ask for, `[sample, feature]`.
    ///
    /// Means and standard deviations are of all rows that weigh something, over their number, in double
    /// precision in two passes; a feature that never changes has scale 1.
    ///
    /// - Parameters:
    ///   - weights: what each row weighs in training; those of weight 0 count as absent, and all others
    ///     alike. Nil where none is absent.
    ///   - onBlock: called before some of the rows are looked at, with the share that is done; may throw.
    /// - Throws: what reading the rows and `onBlock` throw.
    package init(
        _ kind: Kind, fittedTo rows: any FeatureRows, weights: [Float]? = nil,
        onBlock: (_ share: Double) throws -> Void = { _ in }
    ) throws {
        switch kind {
        case .none: self = .none
        case .l2: self = .l2
        case .standardize:
            let present = weights?.reduce(0) { $0 + ($1 == 0 ? 0 : 1) } ?? rows.rowCount
            let count = Double(max(1, present))
            let columnCount = rows.columnCount
            /// The first value of each row of a block that is not absent.
            func starts(_ block: Range<Int>) -> [Int] {
                block.filter { weights?[$0] != 0 }.map { ($0 - block.lowerBound) * columnCount }
            }
            var means = [Double](repeating: 0, count: columnCount)
            try unsafe rows.forEachBlock { block, values in
                try onBlock(0.5 * Double(block.lowerBound) / Double(rows.rowCount))
                for start in starts(block) {
                    for column in means.indices {
                        means[column] += unsafe Double(values[start + column])
                    }
                }
            }
            for column in means.indices { means[column] /= count }
            var squares = [Double](repeating: 0, count: columnCount)
            try unsafe rows.forEachBlock { block, values in
                try onBlock(0.5 + 0.5 * Double(block.lowerBound) / Double(rows.rowCount))
                for start in starts(block) {
                    for column in means.indices {
                        let distance = unsafe Double(values[start + column]) - means[column]
                        squares[column] += distance * distance
                    }
                }
            }
            self = .standardize(
                means: means,
                scales: squares.map { $0 > 0 ? ($0 / count).squareRoot() : 1 })
        }
    }

    /// As a person asks for it.
    package var kind: Kind {
        switch self {
        case .none: .none
        case .l2: .l2
        case .standardize: .standardize
        }
    }

    /// Whether rows of so many features can be normalised.
    package func fits(featureCount: Int) -> Bool {
        guard case .standardize(let means, let scales) = self else { return true }
        return means.count == featureCount && scales.count == featureCount
    }

    /// Normalises a row in its place; each value is rounded once, from double.
    ///
    /// Traps on a row of another width.
    package func apply(to row: inout some MutableCollection<Float>) {
        switch self {
        case .none: return
        case .l2:
            var square = 0.0
            for value in row { square += Double(value) * Double(value) }
            guard square > 0 else { return }
            let length = square.squareRoot()
            for index in row.indices { row[index] = Float(Double(row[index]) / length) }
        case .standardize(let means, let scales):
            precondition(row.count == means.count)
            for (column, index) in row.indices.enumerated() {
                row[index] = Float((Double(row[index]) - means[column]) / scales[column])
            }
        }
    }

    /// Normalises all rows, those in memory in their places and others whenever they are read; traps on
    /// rows of another width.
    package func apply(to rows: inout any FeatureRows) {
        guard self != .none else { return }
        guard var matrix = rows.held else {
            precondition(fits(featureCount: rows.columnCount))
            rows = rows.changed { row in
                unsafe row.withUnsafeMutableBufferPointer {
                    var row = unsafe $0
                    unsafe apply(to: &row)
                }
            }
            return
        }
        // Lets go of the rows, so that each is changed in its place.
        rows = Matrix(rowCount: 0, columnCount: 0)
        apply(to: &matrix)
        rows = matrix
    }

    /// Normalises all rows in their places; traps on rows of another width.
    package func apply(to rows: inout Matrix) {
        guard self != .none else { return }
        for row in 0..<rows.rowCount {
            let start = row * rows.columnCount
            var slice = rows.values[start..<start + rows.columnCount]
            apply(to: &slice)
            rows.values.replaceSubrange(start..<start + rows.columnCount, with: slice)
        }
    }
}
