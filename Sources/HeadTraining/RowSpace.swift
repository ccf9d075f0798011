import Numerics

/// The space that few rows span, in which their head is trained: fewer numbers, and the same optimum.
///
/// A basis by the modified Gram-Schmidt method, each row projected twice (Kahan and Parlett: twice is
/// enough). Weights at the optimum are combinations of the rows, and a rotation leaves their size
/// alone, so nothing of the objective changes but rounding.
struct RowSpace {
    /// Rows in coordinates of the basis, classes in the head's order.
    let table: ConvexTable
    private let basis: [DoubleBlock]

    /// A row that is this small, by its own measure, once the others' part is taken away is theirs.
    private static let dependence = 1e-9

    /// Nil if there are too many rows for it to pay.
    init?(_ whole: ConvexTable, classes: [Int], kernels: ConvexKernels) {
        let counts = classes.map { whole.classRowCounts[$0] }
        let rowCount = counts.reduce(0, +)
        guard rowCount <= whole.featureCount / 2 else { return nil }
        var basis: [DoubleBlock] = []
        var coordinates: [[Double]] = []
        for label in classes {
            for row in 0..<whole.classRowCounts[label] {
                let rest = whole.row(row, of: label)
                let size = kernels.dot(rest, rest).squareRoot()
                var parts = [Double](repeating: 0, count: basis.count)
                for _ in 0..<2 {
                    for (index, direction) in basis.enumerated() {
                        let part = kernels.dot(direction, rest)
                        parts[index] += part
                        kernels.add(-part, direction, to: rest)
                    }
                }
                let left = kernels.dot(rest, rest).squareRoot()
                if left > Self.dependence * size {
                    for column in 0..<rest.count { rest[column] /= left }
                    basis.append(rest)
                    parts.append(left)
                }
                coordinates.append(parts)
            }
        }
        // Of rows that are all zero nothing is left but one coordinate that is zero.
        let width = max(1, basis.count)
        let features = FloatBuffer(count: rowCount * width)
        unsafe features.withUnsafeMutableBufferPointer { target in
            for (row, parts) in coordinates.enumerated() {
                for (column, part) in parts.enumerated() {
                    unsafe target[row * width + column] = Float(part)
                }
            }
        }
        table = ConvexTable(
            FeatureTable(
                features: features, featureCount: width, classRowCounts: counts,
                rowWeights: whole.isWeighted
                    ? FloatBuffer(classes.flatMap { whole.weights(of: $0) }) : nil),
            factorByteCountMax: whole.factorByteCountMax)
        self.basis = basis
    }

    /// Weights `[class, width]` of the features for those of the coordinates.
    func weights(
        from coordinates: DoubleBlock, in whole: ConvexTable, kernels: ConvexKernels
    ) -> DoubleBlock {
        let classCount = coordinates.count / table.width
        let result = DoubleBlock(count: classCount * whole.width)
        let sum = DoubleBlock(count: whole.featureCount)
        for row in 0..<classCount {
            sum.clear()
            for (index, direction) in basis.enumerated() {
                kernels.add(coordinates[row * table.width + index], direction, to: sum)
            }
            for column in 0..<whole.featureCount {
                result[row * whole.width + column] = sum[column]
            }
            result[row * whole.width + whole.featureCount] =
                coordinates[row * table.width + table.featureCount]
        }
        return result
    }
}
