import Numerics

/// The objective of one head: mean cross-entropy over its rows as they weigh, by themselves and by their
/// class, and the penalty.
///
/// Weights are `[class, width]`, a row per class of the head; the bias is in column `featureCount`.
/// Used by one thread.
final class ConvexProblem {
    /// How rows are summed.
    enum Precision {
        /// At twice the speed or more, and good to some 1e-6 of a mean.
        case single
        case double
    }

    let table: ConvexTable
    let classes: [Int]
    let l2: Double
    let kernels: ConvexKernels
    /// What the head's rows weigh by themselves, all together: without weights their number.
    let weightSum: Double
    /// What a row of each class weighs by it, by position in the head; nil where all weigh the same.
    private let classWeights: [Double]?
    /// Where classes weigh differently: sums over the rows of one.
    private let classSums: DoubleBlock
    private let differences: DoubleBlock
    private let sums: DoubleBlock
    private let squares: DoubleBlock
    private let scratch: ConvexTable.Scratch
    private let single: SinglePrecisionSums

    var width: Int { table.width }
    var weightCount: Int { classes.count * width }

    init(
        table: ConvexTable, classes: [Int], isBalanced: Bool, l2: Double, kernels: ConvexKernels
    ) {
        self.table = table
        self.classes = classes
        self.l2 = l2
        self.kernels = kernels
        let sums = classes.map { table.classWeightSums[$0] }
        weightSum = sums.reduce(0, +)
        classWeights = isBalanced ? ClassWeights.balanced(rowWeights: sums) : nil
        let width = table.width
        classSums = DoubleBlock(count: isBalanced ? (classes.count - 1) * width : 0)
        differences = DoubleBlock(count: (classes.count - 1) * width)
        self.sums = DoubleBlock(count: (classes.count - 1) * width)
        squares = DoubleBlock(count: 2 * classes.count)
        scratch = ConvexTable.Scratch(width: width, classCountMax: classes.count)
        single = SinglePrecisionSums(table: table, classCount: classes.count, kernels: kernels)
    }

    /// Sets `gradient` to the objective's gradient at `weights`.
    ///
    /// In single precision the sums over rows are; the rest never is.
    func gradient(at weights: DoubleBlock, in precision: Precision, into gradient: DoubleBlock) {
        setDifferences(weights)
        sums.clear()
        if precision == .single { single.setWeights(differences) }
        for position in classes.indices {
            guard let classWeights else {
                add(position, in: precision, to: sums)
                continue
            }
            classSums.clear()
            add(position, in: precision, to: classSums)
            kernels.add(classWeights[position], classSums, to: sums)
        }
        ConvexSums.finish(
            sums, at: weights, weightSum: weightSum, l2: l2, featureCount: table.featureCount,
            width: width, kernels: kernels, into: gradient)
    }

    private func add(_ position: Int, in precision: Precision, to sums: DoubleBlock) {
        switch precision {
        case .single: single.add(rowsOf: classes[position], position: position, to: sums)
        case .double: accumulate(position, sums: sums, squares: nil)
        }
    }

    /// What a row of a class weighs by it, the class being a position in the head.
    func weight(of position: Int) -> Double { classWeights?[position] ?? 1 }

    /// Mean over the rows of a class, as they weigh, of `p (1 - p)`, p being a class's probability: `[class, class
    /// of the rows]`, both positions in the head.
    func curvatures(at weights: DoubleBlock) -> [[Double]] {
        let count = classes.count
        var result = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
        visitCurvatures(at: weights) { position, rowClass, value in
            result[position][rowClass] = value
        }
        return result
    }

    /// The mean over the head's classes of what ``curvatures(at:)`` gives: by class of the rows.
    func meanCurvatures(at weights: DoubleBlock) -> [Double] {
        var result = [Double](repeating: 0, count: classes.count)
        visitCurvatures(at: weights) { _, rowClass, value in result[rowClass] += value }
        return result.map { $0 / Double(classes.count) }
    }

    private func visitCurvatures(at weights: DoubleBlock, _ body: (Int, Int, Double) -> Void) {
        setDifferences(weights)
        let count = classes.count
        for rowClass in classes.indices {
            squares.clear()
            accumulate(rowClass, sums: nil, squares: squares)
            let share = 1 / table.classWeightSums[classes[rowClass]]
            for position in 0..<count {
                // delta is p, less 1 for the rows' own class: p (1 - p) is |delta| less its square.
                let sum = squares[count + position]
                let magnitude = position == rowClass ? -sum : sum
                body(position, rowClass, max(0, magnitude - squares[position]) * share)
            }
        }
    }

    /// The probability of their own class of every row of a class.
    func probabilities(of position: Int, at weights: DoubleBlock) -> DoubleBlock {
        setDifferences(weights)
        let chosen = DoubleBlock(count: table.classRowCounts[classes[position]])
        accumulate(position, sums: nil, squares: nil, chosen: chosen)
        return chosen
    }

    private func setDifferences(_ weights: DoubleBlock) {
        ConvexSums.setDifferences(differences, of: weights, width: width)
    }

    private func accumulate(
        _ position: Int, sums: DoubleBlock?, squares: DoubleBlock?, chosen: DoubleBlock? = nil
    ) {
        table.accumulate(
            rowsOf: classes[position], position: position, classCount: classes.count,
            differences: differences, sums: sums, squares: squares, chosen: chosen, scratch,
            kernels: kernels)
    }
}
