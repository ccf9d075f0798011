package import Heads
package import Numerics
import Synchronization

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

extension PathPoint {
    /// How many times the way from one point to the next is to be gone again, as a power of C would whose growth is
    /// theirs.
    ///
    /// - Parameters:
    ///   - two: the points' penalties.
    ///   - sizes: the squared sizes of their weights.
    static func factor(_ two: [Double], to c: Double, sizes: [Double]) -> Double? {
        guard two[0] > 0, two[1] > 0, two[0].isFinite, two[1].isFinite else { return nil }
        let step = Double.reproducibleLogarithm(two[1]) - Double.reproducibleLogarithm(two[0])
        let next = Double.reproducibleLogarithm(c) - Double.reproducibleLogarithm(two[1])
        guard step != 0, step.sign == next.sign else { return nil }
        var factor = next / step
        if sizes[0] > 0, sizes[1] > 0 {
            let growth =
                (Double.reproducibleLogarithm(sizes[1]) - Double.reproducibleLogarithm(sizes[0]))
                / (2 * step)
            let power = min(1.5, max(0, growth))
            if power > 1e-3 {
                factor =
                    (Double.reproducibleExponential(power * next) - 1)
                    / (1 - Double.reproducibleExponential(-power * step))
            }
        }
        // Further than this no line is to be trusted.
        return min(factor, 4)
    }
}

/// How well a head at one penalty is known to be at its optimum.
package struct GapCertificate: Codable, Sendable, Equatable {
    /// The objective at the head, as rounded: the mean weighted loss and half of `l2 |W|^2`.
    package let objective: Double
    /// No head has a smaller objective, but for rounding: logits of rows are of single precision, and the bound is
    /// good to some 1e-7 of itself.
    package let lowerBound: Double
    /// Passes over the head's rows.
    package let passCount: Int
    /// Products with second derivatives, which pass over them too.
    package let productCount: Int
    /// Whether the gap is within the tolerance asked for.
    package let isCertified: Bool

    /// How far the objective is above the least at most, by its own size.
    package var relativeGap: Double { (objective - lowerBound) / objective }
}

/// A head at one penalty, its values rounded to single precision, and bounds of its objective.
package struct PathHead: Sendable, Equatable {
    /// The head.
    package let head: Head
    /// How well it is known to be at its optimum.
    package let certificate: GapCertificate
}

/// Trains a head at one penalty after the other, each from where the path before left it, to a certified
/// gap of the objective.
///
/// The objective is ``ConvergedHeadTrainer``'s, of single classes or of groups of them. A head's bits depend on
/// the features, labels and weights of its rows, the keys of its classes, C, the points that it starts from and the
/// tolerance alone: not on the run's other classes, other heads, threads or the CPU. Sharing a trainer between
/// threads is safe.
package struct PathTrainer: Sendable {
    let table: ConvexTable
    /// By class, the length of its longest row.
    let classNorms: [Double]
    let isBalanced: Bool
    let gapTolerance: Double
    let kernels: ConvexKernels
    private let bases = BasisCache()
    /// By class, the sums of squares of its rows' features, as they weigh.
    private let squares: [DoubleBlock]

    /// Checks that heads have an optimum on these rows.
    ///
    /// - Parameter isBalanced: whether rows weigh by their group, so that each of a head's groups weighs the same
    ///   in all.
    /// - Parameter gapTolerance: of the objective's gap, by the objective's size.
    /// - Parameter variant: the kernels, all of which give the same bits; nil takes the fastest.
    /// - Throws: `unusableInput` for a tolerance that is not above zero, or for features that are not finite.
    package init(
        table: FeatureTable, isBalanced: Bool = false, gapTolerance: Double = 1e-6,
        variant: KernelVariant? = nil
    ) throws(HeadTrainingError) {
        guard gapTolerance > 0, gapTolerance.isFinite else {
            throw .unusableInput("the gap's tolerance must be above 0, not \(gapTolerance)")
        }
        try ConvergedHeadTrainer.check(table)
        kernels = try ConvexKernels(variant)
        self.table = ConvexTable(table.withoutTinyFeatures(), gramByteCountMax: 0)
        classNorms = PathRows.classNorms(self.table)
        squares = PathBasis.squares(self.table)
        self.isBalanced = isBalanced
        self.gapTolerance = gapTolerance
    }

    /// The strength of the penalty that C means for a head over these rows.
    ///
    /// One over C and what the rows weigh; of two outputs twice that, as scikit-learn's binary vector is the difference of
    /// ours.
    package func l2(of key: HeadKey, c: Double) -> Double {
        let weight = key.classes.members.reduce(0) { $0 + table.classWeightSums[$1] }
        return (key.outputCount == 2 ? 2 : 1) / (c * weight)
    }

    /// Trains one head at one penalty.
    ///
    /// - Parameters:
    ///   - start: up to two earlier points of the path, the nearest last: the start follows the line through two.
    ///   - isCancelled: asked before every pass over the head's rows.
    /// - Throws: `cancelled`, or `unusableInput` for a C that is not above zero, a class without rows, or points of
    ///   another head.
    package func train(
        _ key: HeadKey, c: Double, from start: [PathPoint], isCancelled: () -> Bool = { false }
    ) throws(HeadTrainingError) -> PathHead {
        guard key.outputCount > 2 else {
            return try train(
                [PathRequest(key: key, c: c, start: start)], isCancelled: isCancelled)[0]
        }
        try check(key, c: c, start)
        let (groups, order) = ordered(key)
        if isCancelled() { throw .cancelled }
        let rows = PathRows(
            table, outputs: order.map { groups[$0] }, isBalanced: isBalanced,
            classNorms: classNorms)
        let problem = PathProblem(
            rows, basis(of: key), l2: l2(of: key, c: c), kernels: kernels)
        let (position, first) = try begin(problem, order, c, start, isCancelled)
        var solver = PathSolver(problem, tolerance: gapTolerance, at: position)
        let end = try solver.minimise(from: first, isCancelled: isCancelled)
        let gap = end.gap ?? end.objective
        return PathHead(
            head: head(solver.position, problem, order, key),
            certificate: GapCertificate(
                objective: end.objective, lowerBound: end.objective - min(gap, end.objective),
                passCount: problem.passCount, productCount: solver.productCount,
                isCertified: gap <= gapTolerance * end.objective))
    }

    /// The classes of each group, and the groups in the order of sums: by the lowest key.
    func ordered(_ key: HeadKey) -> (groups: [[Int]], order: [Int]) {
        let groups = key.groups.map { group in
            group.members.sorted { table.classKeys[$0] < table.classKeys[$1] }
        }
        let order = groups.indices.sorted {
            table.classKeys[groups[$0][0]] < table.classKeys[groups[$1][0]]
        }
        return (groups, order)
    }

    /// What the head's rows are like, as it was found before if heads of the same rows came before.
    func basis(of key: HeadKey) -> PathBasis {
        let members = key.classes.members
        guard
            PathBasis.isTurned(table, members, isShared: members.count > 2)
        else { return PathBasis(axesOf: table, members, squares: squares) }
        return bases.find(members) {
            PathBasis(table, members, squares: squares, kernels: PathKernels(index: kernels.index))
        }
    }

    func check(
        _ key: HeadKey, c: Double, _ start: [PathPoint]
    ) throws(HeadTrainingError) {
        guard c > 0, c.isFinite else { throw .unusableInput("C must be above 0, not \(c)") }
        try HeadKey(key.classes).check(isHeld: table.isHeld, featureCount: table.featureCount)
        for member in key.classes.members where table.classRowCounts[member] == 0 {
            throw .unusableInput("head \(key) has class \(member), which has no rows")
        }
        let strength = l2(of: key, c: c)
        guard strength > 0, strength.isFinite else {
            throw .unusableInput("C = \(c) is no penalty that can be computed with")
        }
        for point in start
        where point.head.key != key || point.head.featureCount != table.featureCount {
            throw .unusableInput("head \(key) cannot start from a head of \(point.head.key)")
        }
    }

    // MARK: - Where it starts

    /// A start, and what the rows say there.
    private func begin(
        _ problem: PathProblem, _ order: [Int], _ c: Double, _ start: [PathPoint],
        _ isCancelled: () -> Bool
    ) throws(HeadTrainingError) -> (FloatBlock, PathProblem.Evaluation) {
        guard let last = start.last else {
            let position = shares(problem)
            return (position, problem.evaluate(at: position, hasAllPairs: false))
        }
        let position = self.position(last.head, problem, order)
        guard start.count > 1, let ahead = extrapolated(position, problem, order, c, start) else {
            return (position, problem.evaluate(at: position, hasAllPairs: false))
        }
        let reached = problem.evaluate(at: ahead, hasAllPairs: false)
        var slope = 0.0
        for index in 0..<position.count {
            slope += reached.gradient[index] * Double(ahead[index] - position[index])
        }
        // Of a convex function a slope that still falls says that all before was higher.
        if slope <= 0 || reached.gap(l2: problem.l2) < 0.1 * reached.objective {
            return (ahead, reached)
        }
        if isCancelled() { throw .cancelled }
        let behind = problem.evaluate(at: position, hasAllPairs: false)
        return behind.objective < reached.objective ? (position, behind) : (ahead, reached)
    }

    /// Biases by what the outputs weigh, and no weights.
    private func shares(_ problem: PathProblem) -> FloatBlock {
        let count = problem.outputCount
        let position = FloatBlock(count: count * problem.width)
        var sums = [Double](repeating: 0, count: count)
        for row in 0..<problem.rows.rowCount {
            sums[Int(unsafe problem.rows.labels[row])] += problem.rows.exactWeights[row]
        }
        let logarithms = sums.map { Double.reproducibleLogarithm($0) }
        let mean = logarithms.reduce(0, +) / Double(count)
        for output in 0..<count {
            position[output * problem.width + problem.stride] = Float(logarithms[output] - mean)
        }
        return position
    }

    private func position(_ head: Head, _ problem: PathProblem, _ order: [Int]) -> FloatBlock {
        let position = FloatBlock(count: problem.outputCount * problem.width)
        let (weights, biases) = (head.weights, head.biasSlice)
        for (output, place) in order.enumerated() {
            for column in 0..<table.featureCount {
                position[output * problem.width + column] = weights[place, column]
            }
            position[output * problem.width + problem.stride] = biases[biases.startIndex + place]
        }
        return position
    }

    /// Goes on from two points.
    private func extrapolated(
        _ last: FloatBlock, _ problem: PathProblem, _ order: [Int], _ c: Double,
        _ start: [PathPoint]
    ) -> FloatBlock? {
        let before = position(start[start.count - 2].head, problem, order)
        var sizes = [0.0, 0.0]
        for output in 0..<problem.outputCount {
            for column in 0..<problem.stride {
                let index = output * problem.width + column
                sizes[0] += Double(before[index]) * Double(before[index])
                sizes[1] += Double(last[index]) * Double(last[index])
            }
        }
        guard let factor = PathPoint.factor(start.suffix(2).map(\.c), to: c, sizes: sizes) else {
            return nil
        }
        let ahead = FloatBlock(count: last.count)
        for index in 0..<last.count {
            ahead[index] = Float(
                Double(last[index]) + factor * (Double(last[index]) - Double(before[index])))
        }
        return ahead
    }

    private func head(
        _ position: FloatBlock, _ problem: PathProblem, _ order: [Int], _ key: HeadKey
    ) -> Head {
        var weights = Matrix(rowCount: problem.outputCount, columnCount: table.featureCount)
        var biases = [Float](repeating: 0, count: problem.outputCount)
        for (output, place) in order.enumerated() {
            for column in 0..<table.featureCount {
                weights[place, column] = position[output * problem.width + column]
            }
            biases[place] = position[output * problem.width + problem.stride]
        }
        return Head(key: key, weights: weights, biases: biases)
    }
}

/// The basis that was asked for last.
private final class BasisCache: Sendable {
    private let last = Mutex<(members: [Int], basis: PathBasis)?>(nil)

    /// Two threads may both compute one; they get the same, and neither waits.
    func find(_ members: [Int], make: () -> PathBasis) -> PathBasis {
        if let known = last.withLock({ $0 }), known.members == members { return known.basis }
        let basis = make()
        last.withLock { $0 = (members, basis) }
        return basis
    }
}
