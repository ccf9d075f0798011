import Numerics

/// The second derivatives by the biases: M, the mean of `diag(p) - p p^T`, factorised.
struct PathBiases {
    /// By output, its own second derivative.
    let diagonal: [Double]
    private let factor: DoubleBlock
    private let size: Int
    private let kernels: ConvexKernels

    /// Nil where no bias changes anything.
    init?(_ problem: PathProblem, _ state: PathProblem.Evaluation) {
        kernels = problem.kernels
        let count = problem.outputCount
        let lanes = ConvexKernels.laneCount
        size = (count + lanes - 1) / lanes * lanes
        guard state.pairWeight > 0 else { return nil }
        let share = 1 / state.pairWeight
        factor = DoubleBlock(count: size * size)
        var diagonal = [Double](repeating: 0, count: count)
        for output in 0..<count {
            for other in 0..<output {
                let pair = state.pairs[other * problem.valueStride + output] * share
                factor[output * size + other] = -pair
                diagonal[output] += pair
                diagonal[other] += pair
            }
        }
        self.diagonal = diagonal
        let mean = diagonal.reduce(0, +) / Double(count)
        guard mean > 0 else { return nil }
        // Adding the same to all biases changes nothing: of all that solve it the ones that sum to zero.
        for row in 0..<size {
            for column in 0..<row where row < count {
                factor[row * size + column] += mean / Double(count)
            }
            factor[row * size + row] = row < count ? diagonal[row] + mean / Double(count) : mean
        }
        guard kernels.factorise(factor, width: size) else { return nil }
    }

    /// What M turns into `slopes`, by output.
    func solve(_ slopes: [Double]) -> [Double] {
        let solution = DoubleBlock(count: size)
        for (output, slope) in slopes.enumerated() { solution[output] = slope }
        kernels.solve(factor, width: size, row: 0, of: solution)
        return slopes.indices.map { solution[$0] }
    }
}

/// How far a head's objective is above the least at most, by its dual.
///
/// For each row the dual takes a distribution q over the outputs, and the mean of `y - q` over the rows must be zero, as
/// biases are not penalised. The head's own probabilities p miss it by the biases' gradient b. With
/// `q[j] = p[j] (1 + v[j] - p v)`, M being the mean of `diag(p) - p p^T` and v what `M v` is -b for, it is
/// met exactly, while no `v[j] - v[k]` is above 1. As `log(q / p) <= q / p - 1`, the entropy of q is that of p by
/// its tangent less at most `v M v`; the tangent's part cancels with the penalty's, and the objective is above its least
/// value by at most
///
///     -b v + (|G| + |E|)^2 / (2 l2),   |E[j]| <= max(v[j] - v[k]) M[j][j] max |x|
///
/// with G the gradient by the weights and E the mean of `(q - p) x^T`.
struct PathCertificate {
    /// The bound; nil where there is none.
    let gap: Double?
    /// What about takes the biases to where they are best for the weights.
    let biasStep: [Double]?

    init(_ problem: PathProblem, _ state: PathProblem.Evaluation) {
        let slopes = problem.biases(of: state.gradient)
        let bare = state.gap(l2: problem.l2)
        guard state.hasAllPairs, state.objective.isFinite, let biases = PathBiases(problem, state)
        else {
            let isMet = state.objective.isFinite && slopes.allSatisfy { $0 == 0 }
            gap = isMet ? bare : nil
            biasStep = nil
            return
        }
        let step = biases.solve(slopes.map { -$0 })
        biasStep = step
        var (least, most, product, moved) = (Double.infinity, -Double.infinity, 0.0, 0.0)
        for (output, value) in step.enumerated() {
            least = min(least, value)
            most = max(most, value)
            product -= slopes[output] * value
            moved += biases.diagonal[output] * biases.diagonal[output]
        }
        let range = most - least
        guard range <= 1 else {
            gap = nil
            return
        }
        let shift = range * moved.squareRoot() * problem.rows.largestNorm
        let size = state.square.squareRoot() + shift
        gap = max(0, product) + size * size / (2 * problem.l2)
    }
}
