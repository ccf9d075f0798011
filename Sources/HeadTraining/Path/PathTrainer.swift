package import Heads
package import Numerics

/// A place on the path of one head: a penalty and the head there.
package struct PathPoint: Sendable, Equatable {
    /// scikit-learn's inverse strength of the penalty.
    package let c: Double
    /// The head at it.
    package let head: Head

    /// A head at a penalty.
    package init(c: Double, head: Head) {
        self.c = c
        self.head = head
    }
}

/// A head at one penalty, and bounds of its objective.
package struct PathHead: Sendable, Equatable {
    /// The head, its values rounded to single precision.
    package let head: Head
    /// The objective at `head`, in double precision.
    package let objective: Double
    /// No head has a smaller objective.
    package let lowerBound: Double
    /// Passes over the head's rows.
    package let passCount: Int
    /// Whether the gap is within the tolerance asked for.
    package let isCertified: Bool

    /// How far the objective is above the least at most, by its own size.
    package var relativeGap: Double { (objective - lowerBound) / objective }
}

/// Trains heads at one penalty after the other, each from where the path before left it.
package struct PathTrainer: Sendable {
    private let table: FeatureTable
    private let isBalanced: Bool
    private let gapTolerance: Double
    private let kernels: ConvexKernels

    /// Checks that heads have an optimum on these rows.
    ///
    /// - Throws: `unusableInput` for features that are not finite.
    package init(
        table: FeatureTable, isBalanced: Bool = false, gapTolerance: Double = 1e-6,
        variant: KernelVariant? = nil
    ) throws(HeadTrainingError) {
        try ConvergedHeadTrainer.check(table)
        self.table = table
        self.isBalanced = isBalanced
        self.gapTolerance = gapTolerance
        kernels = try ConvexKernels(variant)
    }

    /// The strength of the penalty that C means for a head over these rows.
    package func l2(of key: HeadKey, c: Double) -> Double {
        let weight = key.classes.members.reduce(0) { $0 + table.weightSum(of: $1) }
        return (key.outputCount == 2 ? 2 : 1) / (c * weight)
    }

    /// Trains one head.
    ///
    /// - Throws: `cancelled`, or `unusableInput` for a class without rows.
    package func train(
        _ key: HeadKey, c: Double, from start: [PathPoint], isCancelled: () -> Bool = { false }
    ) throws(HeadTrainingError) -> PathHead {
        let merged = ConvexTable(merged(key), gramByteCountMax: 0, factorByteCountMax: 0)
        let l2 = l2(of: key, c: c)
        let problem = ConvexProblem(
            table: merged, classes: Array(0..<key.outputCount), isBalanced: isBalanced, l2: l2,
            kernels: kernels)
        let width = merged.width
        var first: DoubleBlock?
        if let last = start.last {
            let block = DoubleBlock(count: problem.weightCount)
            for output in 0..<key.outputCount {
                for column in 0..<table.featureCount {
                    block[output * width + column] = Double(
                        last.head.weights.values[output * table.featureCount + column])
                }
                block[output * width + table.featureCount] = Double(last.head.biases[output])
            }
            first = block
        }
        var minimiser = ConvexMinimiser(problem, start: first)
        var tolerance = 1e-5
        while true {
            let isThere = try minimiser.minimise(
                tolerance: tolerance, precision: tolerance < 2e-5 ? .double : .single,
                iterationCountMax: ConvexMinimiser.iterationCountMax, isCancelled: isCancelled)
            let result = judge(minimiser.weights, key, problem, l2, minimiser.iterationCount)
            if result.isCertified || !isThere || tolerance < 1e-12 { return result }
            tolerance /= 8
        }
    }

    private func merged(_ key: HeadKey) -> FeatureTable {
        let groups = key.groups
        let rows = groups.flatMap(\.members).reduce(0) { $0 + table.classRowCounts[$1] }
        let features = FloatBuffer(count: rows * table.featureCount)
        var at = 0
        unsafe features.withUnsafeMutableBufferPointer { target in
            unsafe table.features.withUnsafeBufferPointer { source in
                for member in groups.flatMap(\.members) {
                    let from = table.classRowOffsets[member] * table.featureCount
                    let count = table.classRowCounts[member] * table.featureCount
                    for index in 0..<count { unsafe target[at + index] = source[from + index] }
                    at += count
                }
            }
        }
        return FeatureTable(
            features: features, featureCount: table.featureCount,
            classRowCounts: groups.map {
                $0.members.reduce(0) { $0 + table.classRowCounts[$1] }
            })
    }

    private func judge(
        _ weights: DoubleBlock, _ key: HeadKey, _ problem: ConvexProblem, _ l2: Double,
        _ passCount: Int
    ) -> PathHead {
        let width = problem.width
        let rounded = DoubleBlock(count: weights.count)
        for index in 0..<weights.count { rounded[index] = Double(Float(weights[index])) }
        let gradient = DoubleBlock(count: weights.count)
        problem.gradient(at: rounded, in: .double, into: gradient)
        var loss = 0.0
        for position in 0..<key.outputCount {
            let chosen = problem.probabilities(of: position, at: rounded)
            for row in 0..<chosen.count { loss -= Double.reproducibleLogarithm(chosen[row]) }
        }
        var squares = 0.0
        var gap = 0.0
        var values: [Float] = []
        var biases: [Float] = []
        for output in 0..<key.outputCount {
            for column in 0..<table.featureCount {
                let index = output * width + column
                squares += rounded[index] * rounded[index]
                gap += gradient[index] * gradient[index] / (2 * l2)
                values.append(Float(rounded[index]))
            }
            let bias = output * width + table.featureCount
            gap += abs(gradient[bias] * rounded[bias])
            biases.append(Float(rounded[bias]))
        }
        let objective = loss / problem.weightSum + l2 / 2 * squares
        var matrix = Matrix(rowCount: key.outputCount, columnCount: table.featureCount)
        matrix.values = values
        return PathHead(
            head: Head(key: key, weights: matrix, biases: biases), objective: objective,
            lowerBound: objective - gap, passCount: passCount,
            isCertified: gap <= gapTolerance * objective)
    }
}
