/// An approximation of the inverse of a head's matrix of second derivatives.
///
/// Of that matrix only the blocks of each class with itself are kept, and in them every row of a
/// class has the class's mean of `p (1 - p)`: then they are sums of Gram matrices, which heads share.
/// Where classes are many or factors of all blocks would take too much memory, the mean of the blocks
/// stands for each.
struct ConvexPreconditioner {
    private let kernels: ConvexKernels
    private let width: Int
    /// One for all classes, or one for each: a Cholesky factor `[width, width]`.
    private let factors: [DoubleBlock]
    private let classCount: Int

    /// The widest rows for which it pays: factorising takes their third power.
    static let widthMax = 1_024
    /// The most classes of which each has a factor of its own.
    ///
    /// Putting K of them together takes time by the square of K; one for all takes some more steps.
    static let separateClassCountMax = 128
    /// Bytes of a head's factors up to which each class has one of its own.
    static let separateByteCountMax = 256 << 20

    /// Whether each class has a factor of its own.
    ///
    /// Bits depend on it, so sizes alone decide.
    private static func isSeparate(_ problem: ConvexProblem) -> Bool {
        let count = problem.classes.count
        return count <= separateClassCountMax
            && count * problem.width * problem.width * 8 <= problem.table.factorByteCountMax
    }

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
        guard problem.width <= widthMax else { return nil }
        let count = problem.classes.count
        let rows =
            isSeparate(problem)
            ? problem.curvatures(at: weights) : [problem.meanCurvatures(at: weights)]
        let scaled = rows.map { row in
            row.map { max(1e-6, $0 * Double(count) / (Double(count) - 1)) }
        }
        // Both classes of a pair curve alike.
        return ConvexPreconditioner(problem, curvatures: count == 2 ? [scaled[0]] : scaled)
    }

    private init?(_ problem: ConvexProblem, curvatures: [[Double]]) {
        guard problem.width <= Self.widthMax else { return nil }
        kernels = problem.kernels
        width = problem.width
        classCount = problem.classes.count
        func gram(_ position: Int) -> DoubleBlock {
            problem.table.gram(of: problem.classes[position], kernels: problem.kernels)
        }
        // One factor needs a class's matrix once; several hold them all, which are no more than they.
        let grams = curvatures.count > 1 ? problem.classes.indices.map(gram) : []
        var factors: [DoubleBlock] = []
        for row in curvatures {
            let matrix = DoubleBlock(count: width * width)
            for position in problem.classes.indices {
                problem.kernels.addLowerTriangle(
                    problem.weight(of: position) * row[position] / problem.weightSum,
                    grams.isEmpty ? gram(position) : grams[position], width: width, to: matrix)
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
