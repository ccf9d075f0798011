/// Class probabilities from pair probabilities: Wu, Lin and Weng, "Probability Estimates for
/// Multi-class Classification by Pairwise Coupling", JMLR 5 (2004), method 2 (section 4, problem 21
/// and algorithm 2).
///
/// Of all p that sum to 1 it finds the one with the least sum over i, j of
/// `(r_ji p_i - r_ij p_j)^2`, where `r_ij` is the probability of i within the pair i, j. That is
/// `p' Q p / 2` with `Q_tt` the sum of `r_st^2` and `Q_ts = -r_st r_ts`, and at the minimum
/// `(Q p)_t = p' Q p` for all t (their theorem 2). Algorithm 2 cycles over t, makes that equation
/// true for t, and normalises; it converges (theorem 3) and keeps every p above 0.
///
/// Deviations, as in LIBSVM's `multiclass_probability`: pair probabilities are kept 1e-7 away from 0
/// and 1. Unlike it (0.005/K and 100 rounds), a row is done when no equation is off by more than
/// ``tolerance``, which ten heads reach in some 15 rounds.
package struct PairwiseCoupling: Sendable {
    /// The most that `(Q p)_t` and `p' Q p` may differ in the end.
    package static let tolerance = 1e-12
    /// Rounds over all classes after which the result is taken as it is.
    package static let roundCountMax = 1_000
    /// The closest a pair probability may be to 0 and to 1.
    package static let pairProbabilityMin = 1e-7
    /// Classes less than this under the highest are tied with it, and the lowest of them wins:
    /// what the tolerance leaves undecided must not decide.
    package static let tieWidth = 1e-10

    /// How many classes are coupled, at least 2.
    package let classCount: Int
    /// `[first, second]`: the probability of the first within the pair.
    private var pairs: [Double]
    /// Q, row-major.
    private var quadratic: [Double]
    /// Q p.
    private var product: [Double]
    /// p, the probabilities of the last ``solve()``, by position.
    package private(set) var probabilities: [Double]

    /// Room for the pairs of `classCount` classes; traps below two.
    package init(classCount: Int) {
        precondition(classCount >= 2)
        self.classCount = classCount
        pairs = [Double](repeating: 0.5, count: classCount * classCount)
        quadratic = pairs
        product = [Double](repeating: 0, count: classCount)
        probabilities = product
    }

    /// Says how likely `first` is within the pair of `first` and `second`; traps when they are equal.
    package mutating func setPair(_ first: Int, _ second: Int, probability: Double) {
        precondition(first != second)
        let low = Self.pairProbabilityMin
        let clipped = min(max(probability, low), 1 - low)
        pairs[first * classCount + second] = clipped
        pairs[second * classCount + first] = 1 - clipped
    }

    /// Finds ``probabilities`` for the pairs set, and returns the winner's position.
    ///
    /// Starts from equal probabilities, so the same pairs give the same bits.
    package mutating func solve() -> Int {
        fillQuadratic()
        for position in 0..<classCount { probabilities[position] = 1 / Double(classCount) }
        for _ in 0..<Self.roundCountMax {
            var square = 0.0
            for row in 0..<classCount {
                var sum = 0.0
                for column in 0..<classCount {
                    sum += quadratic[row * classCount + column] * probabilities[column]
                }
                product[row] = sum
                square += probabilities[row] * sum
            }
            if product.allSatisfy({ abs($0 - square) < Self.tolerance }) { break }
            improve(square)
        }
        var top = 0
        for position in 1..<classCount where probabilities[position] > probabilities[top] {
            top = position
        }
        let bound = probabilities[top] - Self.tieWidth
        let winner = probabilities.firstIndex { $0 > bound } ?? top
        // The argmax is the winner then, and the sum stays as it is.
        probabilities.swapAt(winner, top)
        return winner
    }

    private mutating func fillQuadratic() {
        for row in 0..<classCount {
            var diagonal = 0.0
            for column in 0..<classCount where column != row {
                let other = pairs[column * classCount + row]
                diagonal += other * other
                quadratic[row * classCount + column] = -other * pairs[row * classCount + column]
            }
            quadratic[row * classCount + row] = diagonal
        }
    }

    /// One round of algorithm 2; `square` is p' Q p.
    private mutating func improve(_ square: Double) {
        var square = square
        for row in 0..<classCount {
            let diagonal = quadratic[row * classCount + row]
            let step = (square - product[row]) / diagonal
            let scale = 1 / (1 + step)
            square = (square + step * (step * diagonal + 2 * product[row])) * scale * scale
            probabilities[row] += step
            for column in 0..<classCount {
                product[column] =
                    (product[column] + step * quadratic[row * classCount + column]) * scale
                probabilities[column] *= scale
            }
        }
    }
}
