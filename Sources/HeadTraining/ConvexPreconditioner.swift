/// An approximation of the inverse of a head's matrix of second derivatives.
///
/// Of that matrix only the blocks of each class with itself are kept, and in them every row of a
/// class has the class's mean of `p (1 - p)`: then they are sums of Gram matrices, which heads share.
struct ConvexPreconditioner {
    private let kernels: ConvexKernels
    private let width: Int
    /// One for all classes, or one for each.
    private let factors: [DoubleBlock]
    private let classCount: Int

    /// The most features for which it pays: factorising takes their third power.
    static let widthMax = 1_024

    /// The curvature before the first step, when all classes are equally likely.
    static func initial(_ problem: ConvexProblem) -> ConvexPreconditioner? {
        let count = problem.classes.count
        let row = [Double](repeating: 1 / Double(count), count: count)
        return ConvexPreconditioner(problem, curvatures: [row])
    }

    /// The curvature where the head is now.
    static func current(
        _ problem: ConvexProblem, at weights: DoubleBlock
    ) -> ConvexPreconditioner? {
        let count = Double(problem.classes.count)
        let rows = problem.curvatures(at: weights).map { row in
            row.map { max(1e-6, $0 * count / (count - 1)) }
        }
        // Both classes of a pair curve alike.
        return ConvexPreconditioner(problem, curvatures: rows.count == 2 ? [rows[0]] : rows)
    }

    private init?(_ problem: ConvexProblem, curvatures: [[Double]]) {
        guard problem.width <= Self.widthMax else { return nil }
        kernels = problem.kernels
        width = problem.width
        classCount = problem.classes.count
        let grams = problem.classes.map { problem.table.gram(of: $0, kernels: problem.kernels) }
        var factors: [DoubleBlock] = []
        for row in curvatures {
            let matrix = DoubleBlock(count: width * width)
            for (position, gram) in grams.enumerated() {
                problem.kernels.addLowerTriangle(
                    problem.weight(of: position) * row[position] / Double(problem.rowCount), gram,
                    width: width, to: matrix)
            }
            for column in 0..<width where column != problem.table.featureCount {
                matrix[column * width + column] += problem.l2
            }
            guard problem.kernels.factorise(matrix, width: width) else { return nil }
            factors.append(matrix)
        }
        self.factors = factors
    }

    func apply(to values: DoubleBlock) {
        for row in 0..<classCount {
            kernels.solve(factors[factors.count == 1 ? 0 : row], width: width, row: row, of: values)
        }
        guard factors.count > 1 else { return }
        // The classes' steps sum to zero, as their gradients do.
        withExtendedLifetime(values) {
            for column in 0..<width {
                var sum = 0.0
                for row in 0..<classCount { sum += unsafe values.pointer[row * width + column] }
                let mean = sum / Double(classCount)
                for row in 0..<classCount { unsafe values.pointer[row * width + column] -= mean }
            }
        }
    }
}
