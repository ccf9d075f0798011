import Heads
package import Numerics

/// The strength of the penalty that cross-validation chose, and what it was chosen from.
package struct L2Choice: Sendable, Equatable {
    /// A strength that was tried.
    package struct Point: Sendable, Equatable {
        /// The strength.
        package let l2: Double
        /// Mean over the held-out rows, as they weigh, of the negative logarithm of their class's
        /// probability.
        package let negativeLogLikelihood: Double
        /// The standard error of that mean.
        package let standardError: Double
    }

    /// The strength with the least held-out loss, the stronger of equals.
    package let l2: Double
    /// The strongest whose loss is within one standard error of the least one (Breiman, Friedman,
    /// Olshen and Stone 1984, section 3.4.3): for rows that the features were learnt from, which
    /// make weak penalties look better than they are on new ones.
    package let cautiousL2: Double
    /// All that were tried, the strongest first.
    package let curve: [Point]

    init(curve: [Point]) {
        var best = curve[0]
        for point in curve where point.negativeLogLikelihood < best.negativeLogLikelihood {
            best = point
        }
        let limit = best.negativeLogLikelihood + best.standardError
        let cautious = curve.first { $0.negativeLogLikelihood <= limit } ?? best
        self.curve = curve
        l2 = best.l2
        cautiousL2 = cautious.l2
    }
}

extension ConvergedHeadTrainer {
    /// The strengths that are tried, the strongest first; where the loss has risen for two in a row,
    /// the weaker ones, which take longest, are left out.
    package static let l2Strengths = [
        10, 3, 1, 0.3, 0.1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6,
    ]

    /// Gradients this small, but no larger than a part of the penalty's own, change the held-out loss
    /// by less than strengths differ.
    private static func curveTolerance(_ l2: Double) -> Double { min(1e-3, 0.1 * l2) }

    /// Chooses the strength of the penalty by cross-validation on the rows themselves: the head over
    /// all classes that have rows is trained without a fold, and its loss on the fold counts.
    ///
    /// Rows of a class are ordered by `Philox.key(seed, crossValidation, row, class)` and dealt to
    /// the folds in turn, the first of the class with key c to fold c. The only row of a class is never
    /// held out.
    /// No row is held out and trained on at once: rows must not be copies of each other, as they are
    /// where small classes are resampled, or the penalty comes out too weak.
    ///
    /// - Parameter isBalanced: whether rows weigh by their class: while a head trains by the classes'
    ///   rows in its folds, and held out by those in the table.
    /// - Parameter isCancelled: asked before every pass over the rows.
    /// - Throws: `cancelled`, or `unusableInput` for fewer than two folds, fewer than two classes
    ///   with rows, no class with two rows, or features that are not finite.
    package static func chooseL2(
        table: FeatureTable, seed: UInt64, isBalanced: Bool = false, foldCount: Int = 5,
        variant: KernelVariant? = nil, isCancelled: () -> Bool = { false }
    ) throws(HeadTrainingError) -> L2Choice {
        guard foldCount >= 2 else {
            throw .unusableInput("cross-validation needs two folds, not \(foldCount)")
        }
        try check(table)
        let classes = ClassOrder(
            ClassSet(table.classRowCounts.indices.filter { table.classRowCounts[$0] > 0 }),
            keys: table.classKeys
        ).classes
        guard classes.count >= 2, table.classRowCounts.contains(where: { $0 > 1 }) else {
            throw .unusableInput(
                "cross-validation needs rows of two classes and two rows of one of them")
        }
        let kernels = try ConvexKernels(variant)
        let folds = RowFolds(table: table, seed: seed, count: foldCount)
        var held: [HeldOutFold] = []
        for index in 0..<foldCount {
            held.append(
                HeldOutFold(
                    folds.split(table, holdingOut: index), classes, isBalanced: isBalanced, kernels)
            )
        }
        let rowCounts = classes.map { table.classRowCounts[$0] }
        let weights =
            isBalanced
            ? ClassWeights.balanced(rowCounts: rowCounts) : rowCounts.map { _ in 1 }
        var curve: [L2Choice.Point] = []
        for l2 in l2Strengths {
            var losses = HeldOutLosses()
            for index in held.indices where held[index].rowCount > 0 {
                try held[index].addLosses(
                    to: &losses, weights: weights, l2: l2, tolerance: curveTolerance(l2),
                    isCancelled: isCancelled)
            }
            curve.append(
                L2Choice.Point(
                    l2: l2, negativeLogLikelihood: losses.mean,
                    standardError: losses.standardError))
            let last = curve.suffix(3).map(\.negativeLogLikelihood)
            if last.count == 3, last[0] < last[1], last[1] < last[2] { break }
        }
        return L2Choice(curve: curve)
    }
}

/// Which fold every row is held out in.
private struct RowFolds {
    /// By class and row of the class; nil for a row that is never held out.
    private var folds: [[Int?]]

    init(table: FeatureTable, seed: UInt64, count: Int) {
        folds = table.classRowCounts.enumerated().map { label, rowCount in
            let classKey = table.classKeys[label]
            let keys = (0..<rowCount).map {
                Philox.key(
                    seed: seed, purpose: .crossValidation, row: $0, ofClass: classKey, 0)
            }
            var result = [Int?](repeating: nil, count: rowCount)
            guard rowCount > 1 else { return result }
            let order = (0..<rowCount).sorted { (keys[$0], $0) < (keys[$1], $1) }
            let first = Int(classKey % UInt64(count))
            for (rank, row) in order.enumerated() { result[row] = (rank + first) % count }
            return result
        }
    }

    /// The rows to train on, and the fold's.
    func split(
        _ table: FeatureTable, holdingOut fold: Int
    ) -> (training: FeatureTable, held: FeatureTable) {
        (
            select(table) { $0 != fold },
            select(table) { $0 == fold }
        )
    }

    private func select(_ table: FeatureTable, _ isWanted: (Int?) -> Bool) -> FeatureTable {
        var chosen: [Int] = []
        var counts: [Int] = []
        for (label, rows) in folds.enumerated() {
            let wanted = rows.indices.filter { isWanted(rows[$0]) }
            counts.append(wanted.count)
            chosen += wanted.map { table.classRowOffsets[label] + $0 }
        }
        let width = table.featureCount
        let features = FloatBuffer(unfilledCount: chosen.count * width)
        unsafe features.withUnsafeMutableBufferPointer { target in
            unsafe table.features.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                for (row, origin) in chosen.enumerated() {
                    unsafe (to + row * width).initialize(from: from + origin * width, count: width)
                }
            }
        }
        return FeatureTable(
            features: features, featureCount: width, classRowCounts: counts,
            classKeys: table.classKeys)
    }
}

/// Losses of held-out rows, summed as the rows weigh.
private struct HeldOutLosses {
    private var weight = 0.0
    private var loss = 0.0
    /// Sums of squared weights, alone, times the loss and times its square.
    private var squares = (weight: 0.0, loss: 0.0, squaredLoss: 0.0)

    mutating func add(_ value: Double, weight: Double) {
        self.weight += weight
        loss += weight * value
        squares.weight += weight * weight
        squares.loss += weight * weight * value
        squares.squaredLoss += weight * weight * value * value
    }

    var mean: Double { loss / weight }

    /// Of the mean, which is a ratio of two sums: the root of `sum of (w (loss - mean))^2` over the sum
    /// of weights (Cochran 1977, section 2.11).
    var standardError: Double {
        let spread = squares.squaredLoss - mean * (2 * squares.loss - mean * squares.weight)
        return max(0, spread).squareRoot() / weight
    }
}

/// The head over all classes without a fold, from one strength to the next.
private struct HeldOutFold {
    private let training: ConvexTable
    private let space: RowSpace?
    private let held: ConvexTable
    private let classes: [Int]
    private let isBalanced: Bool
    private let kernels: ConvexKernels
    private var weights: DoubleBlock?

    init(
        _ tables: (training: FeatureTable, held: FeatureTable), _ classes: [Int], isBalanced: Bool,
        _ kernels: ConvexKernels
    ) {
        let whole = ConvexTable(tables.training)
        space = RowSpace(whole, classes: classes, kernels: kernels)
        training = whole
        held = ConvexTable(tables.held)
        self.classes = classes
        self.isBalanced = isBalanced
        self.kernels = kernels
    }

    /// Rows held out.
    var rowCount: Int { held.classRowCounts.reduce(0, +) }

    /// Adds the loss of every held-out row at the optimum of the others.
    ///
    /// - Parameter weights: of the held-out rows by position of their class.
    mutating func addLosses(
        to losses: inout HeldOutLosses, weights rowWeights: [Double], l2: Double,
        tolerance: Double, isCancelled: () -> Bool
    ) throws(HeadTrainingError) {
        let problem = ConvexProblem(
            table: space?.table ?? training,
            classes: space == nil ? classes : Array(classes.indices), isBalanced: isBalanced,
            l2: l2, kernels: kernels)
        var minimiser = ConvexMinimiser(problem, start: weights)
        _ = try minimiser.minimise(
            tolerance: tolerance,
            precision: tolerance < ConvergedHeadTrainer.singleToleranceMin ? .double : .single,
            iterationCountMax: ConvexMinimiser.iterationCountMax, isCancelled: isCancelled)
        weights = minimiser.weights
        let features =
            space?.weights(from: minimiser.weights, in: training, kernels: kernels)
            ?? minimiser.weights
        let judge = ConvexProblem(
            table: held, classes: classes, isBalanced: false, l2: l2, kernels: kernels)
        for position in classes.indices {
            let chosen = judge.probabilities(of: position, at: features)
            for row in 0..<chosen.count {
                losses.add(
                    -Double.reproducibleLogarithm(chosen[row]), weight: rowWeights[position])
            }
        }
    }
}
