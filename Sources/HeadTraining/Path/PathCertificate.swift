import Numerics

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

    init(_ problem: PathProblem, _ evaluation: PathProblem.Evaluation) {
        gap = Self.gap(problem, evaluation)
    }

    private static func gap(
        _ problem: PathProblem, _ evaluation: PathProblem.Evaluation
    ) -> Double? {
        guard let moments = evaluation.moments, evaluation.objective.isFinite else { return nil }
        let count = problem.outputCount
        let lanes = ConvexKernels.laneCount
        let size = (count + lanes - 1) / lanes * lanes
        let share = 1 / problem.rows.weightSum
        let matrix = DoubleBlock(count: size * size)
        var diagonal = [Double](repeating: 0, count: count)
        var slopes = diagonal
        let (products, byLabel) = moments
        for output in 0..<count {
            let start = output * problem.valueStride
            slopes[output] = evaluation.gradient[output * problem.width + problem.stride]
            let own = byLabel[output * count + output] * share
            diagonal[output] = slopes[output] - 2 * own - products[start + output] * share
            for other in 0..<output {
                matrix[output * size + other] =
                    -share
                    * (products[start + other] + byLabel[output * count + other]
                        + byLabel[other * count + output])
            }
        }
        let mean = diagonal.reduce(0, +) / Double(count)
        guard mean > 0 else {
            return slopes.allSatisfy { $0 == 0 } ? evaluation.gap(l2: problem.l2) : nil
        }
        // Adding the same to all of v changes nothing: of all that solve it the one that sums to zero.
        for row in 0..<size {
            for column in 0..<row where row < count {
                matrix[row * size + column] += mean / Double(count)
            }
            matrix[row * size + row] =
                row < count ? diagonal[row] + mean / Double(count) : mean
        }
        guard problem.kernels.factorise(matrix, width: size) else { return nil }
        let solution = DoubleBlock(count: size)
        for output in 0..<count { solution[output] = -slopes[output] }
        problem.kernels.solve(matrix, width: size, row: 0, of: solution)
        var (least, most, biases, moved) = (Double.infinity, -Double.infinity, 0.0, 0.0)
        for output in 0..<count {
            let value = solution[output]
            least = min(least, value)
            most = max(most, value)
            biases -= slopes[output] * value
            moved += diagonal[output] * diagonal[output]
        }
        let range = most - least
        guard range <= 1 else { return nil }
        let shift = range * moved.squareRoot() * problem.rows.largestNorm
        let size2 = evaluation.square.squareRoot() + shift
        return max(0, biases) + size2 * size2 / (2 * problem.l2)
    }
}
