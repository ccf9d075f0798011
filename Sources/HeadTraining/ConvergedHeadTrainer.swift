package import Heads
package import Numerics

/// A head at its optimum, and how well it is known to be there.
package struct ConvergedHead: Sendable, Equatable {
    /// The head, its values rounded to single precision.
    package let head: Head
    /// The largest component of the objective's gradient at `head`, as rounded, in double precision.
    package let gradientNorm: Double
    /// Steps of the minimiser.
    package let iterationCount: Int
    /// Whether `gradientNorm` is within the tolerance asked for.
    package let isCertified: Bool
}

/// Trains heads to the optimum of a strictly convex objective, with a certificate.
///
/// The objective of a head over k classes, W being `[class, feature]` and b `[class]`:
///
///     f(W, b) = (1 / n) sum over rows of -c[label] w log softmax(W x + b)[label] + (l2 / 2) |W|^2
///
/// w is what the table says that the row weighs, or 1, and n the sum of w over the head's rows.
/// c is 1, or what balances the head's classes: ``ClassWeights/balanced(rowWeights:)``.
/// Biases are not penalised. Only their differences matter; of all that are equally good those are
/// taken that sum to zero, and the weights of a feature sum to zero over the classes at the optimum
/// anyway. In scikit-learn's words `l2 = 1 / (n C)` for its multinomial `LogisticRegression`; its
/// binary one, which has one vector of weights for two classes, is a pair with `l2 = 2 / (n C)`.
///
/// A head's bits depend on the features, labels and weights of its rows, the keys of its classes, `l2`
/// and the tolerance alone: not on the run's other classes, other heads, threads or the CPU. Sharing a trainer
/// between threads is safe.
package struct ConvergedHeadTrainer: Sendable {
    /// The default tolerance of gradients, which is scikit-learn's.
    package static let standardGradientTolerance = 1e-4

    /// The smallest tolerance for which rows are summed in single precision alone.
    ///
    /// Below it, rounding errors are as large as the gradients.
    static let singleToleranceMin = 2e-5

    private let table: ConvexTable
    private let isBalanced: Bool
    private let l2: Double
    private let gradientTolerance: Double
    private let kernels: ConvexKernels

    /// Checks that heads have an optimum on these rows.
    ///
    /// - Parameter isBalanced: whether rows weigh by their class, so that each of a head's classes weighs
    ///   the same in all.
    /// - Parameter variant: the kernels, all of which give the same bits; nil takes the fastest.
    /// - Throws: `unusableInput` for an `l2` or a tolerance that is not above zero, or for features
    ///   that are not finite.
    package init(
        table: FeatureTable, isBalanced: Bool = false, l2: Double,
        gradientTolerance: Double = Self.standardGradientTolerance, variant: KernelVariant? = nil
    ) throws(HeadTrainingError) {
        try Self.check(l2: l2, gradientTolerance: gradientTolerance)
        try Self.check(table)
        kernels = try ConvexKernels(variant)
        self.table = ConvexTable(table)
        self.isBalanced = isBalanced
        self.l2 = l2
        self.gradientTolerance = gradientTolerance
    }

    private static func check(
        l2: Double, gradientTolerance: Double
    ) throws(HeadTrainingError) {
        guard l2 > 0, l2.isFinite else {
            throw .unusableInput("the L2 strength must be above 0, not \(l2)")
        }
        guard gradientTolerance > 0, gradientTolerance.isFinite else {
            throw .unusableInput("the gradient tolerance must be above 0, not \(gradientTolerance)")
        }
    }

    static func check(_ table: FeatureTable) throws(HeadTrainingError) {
        let isFinite = unsafe table.features.withUnsafeBufferPointer {
            unsafe $0.allSatisfy(\.isFinite)
        }
        guard isFinite else {
            throw .unusableInput("heads have no optimum on features that are not finite")
        }
    }

    /// Trains heads, each on its own.
    ///
    /// - Parameter isCancelled: asked before every pass over a head's rows.
    /// - Returns: the heads in the order of `specs`.
    /// - Throws: `cancelled`, or `unusableInput` for a class that the table does not hold or has no
    ///   rows of.
    package func train(
        _ specs: [HeadKey], isCancelled: () -> Bool = { false }
    ) throws(HeadTrainingError) -> [ConvergedHead] {
        for spec in specs { try check(spec) }
        var heads: [ConvergedHead] = []
        for spec in specs { heads.append(try train(spec, isCancelled: isCancelled)) }
        return heads
    }

    private func check(_ spec: HeadKey) throws(HeadTrainingError) {
        try spec.check(isHeld: table.isHeld, featureCount: table.featureCount)
        for member in spec.classes.members where table.classRowCounts[member] == 0 {
            throw .unusableInput("head \(spec) has class \(member), which has no rows")
        }
    }

    private func train(
        _ spec: HeadKey, isCancelled: () -> Bool
    ) throws(HeadTrainingError) -> ConvergedHead {
        let order = ClassOrder(spec.classes, keys: table.classKeys)
        let classes = order.classes
        let problem = ConvexProblem(
            table: table, classes: classes, isBalanced: isBalanced, l2: l2, kernels: kernels)
        if let space = RowSpace(table, classes: classes, kernels: kernels) {
            let small = ConvexProblem(
                table: space.table, classes: Array(classes.indices), isBalanced: isBalanced,
                l2: l2, kernels: kernels)
            let trained = try certify(
                spec, order, ConvexMinimiser(small), judge: problem, isCancelled: isCancelled
            ) { space.weights(from: $0, in: table, kernels: kernels) }
            if trained.isCertified { return trained }
        }
        return try certify(
            spec, order, ConvexMinimiser(problem), judge: problem, isCancelled: isCancelled
        ) { $0 }
    }

    /// Minimises until the head, which `weights` makes of the minimiser's position, has a certificate.
    private func certify(
        _ spec: HeadKey, _ order: ClassOrder, _ start: ConvexMinimiser, judge: ConvexProblem,
        isCancelled: () -> Bool, weights: (DoubleBlock) -> DoubleBlock
    ) throws(HeadTrainingError) -> ConvergedHead {
        var minimiser = start
        if gradientTolerance < Self.singleToleranceMin {
            // Most of the way at half the price; where it gets stuck, the rest goes on from there.
            _ = try minimiser.minimise(
                tolerance: Self.singleToleranceMin, precision: .single,
                iterationCountMax: ConvexMinimiser.iterationCountMax, isCancelled: isCancelled)
        }
        // Rounding to single precision adds to the gradient: the room for it is found by trying.
        var tolerance = gradientTolerance / 2
        var precision: ConvexProblem.Precision =
            gradientTolerance < Self.singleToleranceMin ? .double : .single
        while true {
            let isThere = try minimiser.minimise(
                tolerance: tolerance, precision: precision,
                iterationCountMax: ConvexMinimiser.iterationCountMax, isCancelled: isCancelled)
            let head = self.head(weights(minimiser.weights), order, classes: spec.classes)
            let norm = gradientNorm(of: head, order, judge)
            let isCertified = norm <= gradientTolerance
            let isOver = !isThere || tolerance < gradientTolerance / 100
            if isCertified || precision == .double && isOver {
                return ConvergedHead(
                    head: head, gradientNorm: norm,
                    iterationCount: minimiser.iterationCount, isCertified: isCertified)
            }
            if precision == .double { tolerance /= 8 }
            precision = .double
        }
    }

    private func head(_ weights: DoubleBlock, _ order: ClassOrder, classes: ClassSet) -> Head {
        var matrix = Matrix(rowCount: classes.count, columnCount: table.featureCount)
        var biases: [Float] = []
        for (row, position) in order.positions.enumerated() {
            for column in 0..<table.featureCount {
                matrix.values[row * table.featureCount + column] = Float(
                    weights[position * table.width + column])
            }
            biases.append(Float(weights[position * table.width + table.featureCount]))
        }
        return Head(classes: classes, weights: matrix, biases: biases)
    }

    /// The largest component of the objective's gradient at a given head, however it was trained, in
    /// double precision: at most the tolerance, if the head is certified.
    ///
    /// One pass over the head's rows.
    ///
    /// - Throws: `unusableInput` for a head whose features or classes are not the table's, or a class
    ///   without rows.
    package func gradientNorm(of head: Head) throws(HeadTrainingError) -> Double {
        guard head.featureCount == table.featureCount, head.classes.count >= 2 else {
            throw .unusableInput(
                "the head over \(head.classes) reads \(head.featureCount.counted("feature")), not \(table.featureCount)"
            )
        }
        try check(head.key)
        let order = ClassOrder(head.classes, keys: table.classKeys)
        return gradientNorm(
            of: head, order,
            ConvexProblem(
                table: table, classes: order.classes, isBalanced: isBalanced, l2: l2,
                kernels: kernels))
    }

    private func gradientNorm(
        of head: Head, _ order: ClassOrder, _ problem: ConvexProblem
    ) -> Double {
        let weights = order.weights(of: head, width: table.width)
        let gradient = DoubleBlock(count: problem.weightCount)
        problem.gradient(at: weights, in: .double, into: gradient)
        return gradient.largestMagnitude
    }
}
