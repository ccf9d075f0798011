import Heads
package import Numerics
import Synchronization

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

    /// Chooses the strength of the penalty by cross-validation, as ``L2CrossValidation`` describes.
    ///
    /// - Throws: `cancelled`, or what ``L2CrossValidation/init(table:seed:isBalanced:foldCount:variant:)``
    ///   throws.
    package static func chooseL2(
        table: FeatureTable, seed: UInt64, isBalanced: Bool = false, foldCount: Int = 5,
        variant: KernelVariant? = nil, isCancelled: () -> Bool = { false }
    ) throws(HeadTrainingError) -> L2Choice {
        let validation = try L2CrossValidation(
            table: table, seed: seed, isBalanced: isBalanced, foldCount: foldCount,
            variant: variant)
        var curve = L2Curve()
        while let l2 = curve.next {
            var losses: [L2CrossValidation.Losses] = []
            for fold in 0..<validation.foldCount {
                losses.append(try validation.losses(ofFold: fold, l2: l2, isCancelled: isCancelled))
            }
            curve.add(losses, l2: l2)
        }
        return curve.choice
    }
}

/// Held-out losses from one strength to the next weaker one.
package struct L2Curve: Sendable {
    private var points: [L2Choice.Point] = []

    /// No strength is tried yet.
    package init() {}

    /// The strength to try next; nil once the loss has risen for two in a row, or all were tried.
    package var next: Double? {
        let last = points.suffix(3).map(\.negativeLogLikelihood)
        let isRising = last.count == 3 && last[0] < last[1] && last[1] < last[2]
        let strengths = ConvergedHeadTrainer.l2Strengths
        return isRising || points.count == strengths.count ? nil : strengths[points.count]
    }

    /// Adds the losses of all folds, in the order of the folds.
    package mutating func add(_ folds: [L2CrossValidation.Losses], l2: Double) {
        var sums = LossSums()
        for fold in folds {
            for (value, weight) in zip(fold.values, fold.weights) {
                sums.add(value, weight: weight)
            }
        }
        points.append(
            L2Choice.Point(
                l2: l2, negativeLogLikelihood: sums.mean, standardError: sums.standardError))
    }

    /// What the strengths tried so far say; traps before the first.
    package var choice: L2Choice { L2Choice(curve: points) }
}

/// Cross-validation of the penalty on the rows themselves: the head over all classes that have rows is
/// trained without a fold, and its loss on the fold counts.
///
/// Rows of a class are ordered by `Philox.key(seed, crossValidation, row, class)` and dealt to
/// the folds in turn, the first of the class with key c to fold c. The only row of a class is never
/// held out.
/// No row is held out and trained on at once: rows must not be copies of each other, as they are
/// where small classes are resampled, or the penalty comes out too weak.
/// Folds do not depend on each other: threads may share them, and nothing changes by it.
package final class L2CrossValidation: Sendable {
    /// Of a fold's rows, at the optimum of the others.
    package struct Losses: Sendable {
        /// The negative logarithm of the probability of each row's class.
        fileprivate var values: [Double] = []
        /// What each row weighs.
        fileprivate var weights: [Double] = []
    }

    /// A fold, which one thread at a time works on.
    private final class Fold: Sendable {
        let state: Mutex<HeldOutFold>

        init(_ fold: consuming sending HeldOutFold) { state = Mutex(fold) }
    }

    private let folds: [Fold]
    /// Of a held-out row, by position of its class, besides what it weighs by itself.
    private let weights: [Double]

    /// Gradients this small, but no larger than a part of the penalty's own, change the held-out loss
    /// by less than strengths differ.
    private static func tolerance(_ l2: Double) -> Double { min(1e-3, 0.1 * l2) }

    /// - Parameter isBalanced: whether rows weigh by their class: while a head trains by the classes'
    ///   rows in its folds, and held out by those in the table. Weights of their own rows have in both.
    /// - Parameter isFrugal: whether little is kept besides the rows, for some more steps.
    /// - Throws: `unusableInput` for fewer than two folds, fewer than two classes with rows, no class
    ///   with two rows, or features that are not finite.
    package init(
        table: FeatureTable, seed: UInt64, isBalanced: Bool = false, foldCount: Int = 5,
        isFrugal: Bool = false, variant: KernelVariant? = nil
    ) throws(HeadTrainingError) {
        guard foldCount >= 2 else {
            throw .unusableInput("cross-validation needs two folds, not \(foldCount)")
        }
        try ConvergedHeadTrainer.check(table)
        let classes = ClassOrder(
            ClassSet(table.classRowCounts.indices.filter { table.classRowCounts[$0] > 0 }),
            keys: table.classKeys
        ).classes
        guard classes.count >= 2, table.classRowCounts.contains(where: { $0 > 1 }) else {
            throw .unusableInput(
                "cross-validation needs rows of two classes and two rows of one of them")
        }
        let kernels = try ConvexKernels(variant)
        let deal = RowFolds(table: table, seed: seed, count: foldCount)
        folds = (0..<foldCount).map { index in
            Fold(
                HeldOutFold(
                    deal.split(table, holdingOut: index), classes, isBalanced: isBalanced,
                    // All folds together keep half as much as one table would.
                    gramByteCountMax: isFrugal
                        ? 0 : ConvexTable.gramByteCountMax / (2 * foldCount),
                    factorByteCountMax: isFrugal ? 0 : ConvexPreconditioner.separateByteCountMax,
                    kernels))
        }
        weights =
            isBalanced
            ? ClassWeights.balanced(rowWeights: classes.map { table.weightSum(of: $0) })
            : classes.map { _ in 1 }
    }

    /// How many folds there are.
    package var foldCount: Int { folds.count }

    /// Bytes that a frugal fold takes while it trains, besides its rows.
    package static func frugalByteCount(featureCount: Int, classCount: Int) -> Int {
        let width = ConvexTable.width(featureCount: featureCount)
        // A factor, the one that follows it, and a Gram matrix.
        let square = width <= ConvexPreconditioner.widthMax ? 3 * width * width : 0
        return (square + ConvexMinimiser.vectorCountMax * classCount * width)
            * MemoryLayout<Double>.size
    }

    /// Trains without a fold, from the optimum of the strength that the fold was asked for before.
    ///
    /// - Parameter isCancelled: asked before every pass over the rows.
    /// - Throws: `cancelled`.
    package func losses(
        ofFold index: Int, l2: Double, isCancelled: () -> Bool = { false }
    ) throws(HeadTrainingError) -> Losses {
        do {
            return try folds[index].state.withLock { fold in
                try fold.losses(
                    weights: weights, l2: l2, tolerance: Self.tolerance(l2),
                    isCancelled: isCancelled)
            }
        } catch { throw error as? HeadTrainingError ?? .cancelled }
    }

    /// One fold, whose rows others chose: the head is trained on `table`, and its loss on `held` counts.
    ///
    /// - Parameters:
    ///   - held: validation rows, of the classes of `table`; one without rows in `table` does not count.
    ///   - isBalanced: whether rows weigh by their class: those held out by the classes' rows in `table`.
    ///   - isFrugal: whether little is kept besides the rows, for some more steps.
    /// - Throws: `unusableInput` for fewer than two classes with rows, no row held out that counts, or
    ///   features that are not finite.
    package init(
        table: FeatureTable, held: FeatureTable, isBalanced: Bool = false, isFrugal: Bool = false,
        variant: KernelVariant? = nil
    ) throws(HeadTrainingError) {
        precondition(table.featureCount == held.featureCount)
        precondition(table.classKeys == held.classKeys)
        try ConvergedHeadTrainer.check(table)
        try ConvergedHeadTrainer.check(held)
        let classes = ClassOrder(
            ClassSet(table.classRowCounts.indices.filter { table.classRowCounts[$0] > 0 }),
            keys: table.classKeys
        ).classes
        guard classes.count >= 2, classes.contains(where: { held.classRowCounts[$0] > 0 }) else {
            throw .unusableInput(
                "validation needs training rows of two classes and a validation row of one of them")
        }
        folds = [
            Fold(
                HeldOutFold(
                    (table, held), classes, isBalanced: isBalanced,
                    gramByteCountMax: isFrugal ? 0 : ConvexTable.gramByteCountMax / 2,
                    factorByteCountMax: isFrugal ? 0 : ConvexPreconditioner.separateByteCountMax,
                    try ConvexKernels(variant)))
        ]
        weights =
            isBalanced
            ? ClassWeights.balanced(rowWeights: classes.map { table.weightSum(of: $0) })
            : classes.map { _ in 1 }
    }
}

/// Which fold every row is held out in.
///
/// Rows of a class sort by their Philox keys and are dealt to the folds in turn, as ``L2CrossValidation`` says.
package struct RowFolds: Sendable {
    /// By class and row of the class; nil for a row that is never held out.
    package let folds: [[Int?]]

    /// The folds of a table's rows; the only row of a class is in none.
    package init(table: FeatureTable, seed: UInt64, count: Int) {
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
        let weights = table.rowWeights.map { weights in
            unsafe weights.withUnsafeBufferPointer { source in
                FloatBuffer(chosen.map { unsafe source[$0] })
            }
        }
        return FeatureTable(
            features: features, featureCount: width, classRowCounts: counts,
            classKeys: table.classKeys, rowWeights: weights)
    }
}

/// Losses of held-out rows, summed as the rows weigh.
private struct LossSums {
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
        gramByteCountMax: Int, factorByteCountMax: Int, _ kernels: ConvexKernels
    ) {
        let whole = ConvexTable(
            tables.training, gramByteCountMax: gramByteCountMax,
            factorByteCountMax: factorByteCountMax)
        space = RowSpace(whole, classes: classes, kernels: kernels)
        training = whole
        held = ConvexTable(tables.held)
        self.classes = classes
        self.isBalanced = isBalanced
        self.kernels = kernels
    }

    /// The loss of every held-out row at the optimum of the others.
    ///
    /// - Parameter classWeights: of the held-out rows by position of their class, besides their own.
    mutating func losses(
        weights classWeights: [Double], l2: Double, tolerance: Double, isCancelled: () -> Bool
    ) throws(HeadTrainingError) -> L2CrossValidation.Losses {
        var losses = L2CrossValidation.Losses()
        guard held.classRowCounts.contains(where: { $0 > 0 }) else { return losses }
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
            for (row, weight) in held.weights(of: classes[position]).enumerated() {
                losses.values.append(-Double.reproducibleLogarithm(chosen[row]))
                losses.weights.append(classWeights[position] * Double(weight))
            }
        }
        return losses
    }
}
