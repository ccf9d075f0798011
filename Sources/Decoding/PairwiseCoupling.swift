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
/// ``tolerance``. From equal probabilities ten heads reach that in some 15 rounds; up to
/// ``startClassCountMax`` classes start from the solution of the equations, and mostly end there.
///
/// Every step waits for the one before, so ``rowCount`` rows are solved side by side, a lane each. A
/// row that is done stands still, and its bits are those that it would have alone.
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
    /// Classes up to which the equations are solved for a start: it costs their third power.
    package static let startClassCountMax = 64
    /// Rows that are solved at once.
    package static let rowCount = 4

    /// How many classes are coupled, at least 2.
    package let classCount: Int
    /// `[first, second]`: the probability of the first within the pair.
    private var pairs: [SIMD4<Double>]
    /// Q, row-major.
    private var quadratic: [SIMD4<Double>]
    /// Room for the elimination of ``start()``, of Q's size; none where they are not used.
    private var factors: [SIMD4<Double>]
    /// Q p.
    private var product: [SIMD4<Double>]
    /// p, the probabilities of the last ``solve()``, by position.
    package private(set) var probabilities: [SIMD4<Double>]

    /// Room for the pairs of `classCount` classes; traps below two.
    package init(classCount: Int) {
        precondition(classCount >= 2)
        self.classCount = classCount
        pairs = [SIMD4<Double>](
            repeating: SIMD4(repeating: 0.5), count: classCount * classCount)
        quadratic = pairs
        factors = classCount <= Self.startClassCountMax ? pairs : []
        product = [SIMD4<Double>](repeating: .zero, count: classCount)
        probabilities = product
    }

    /// Says how likely `first` is within the pair of `first` and `second`, for each row; traps when they
    /// are equal.
    package mutating func setPair(
        _ first: Int, _ second: Int, probabilities: SIMD4<Double>
    ) {
        precondition(first != second)
        let low = Self.pairProbabilityMin
        let clipped = probabilities.clamped(
            lowerBound: SIMD4(repeating: low), upperBound: SIMD4(repeating: 1 - low))
        pairs[first * classCount + second] = clipped
        pairs[second * classCount + first] = 1 - clipped
    }

    /// The same from how likely the loser is in units of the winner, negative where `second` wins.
    mutating func setPair(_ first: Int, _ second: Int, signedOdds: SIMD4<Float>) {
        let odds = SIMD4<Double>(signedOdds.replacing(with: -signedOdds, where: signedOdds .< 0))
        let bits = unsafe unsafeBitCast(signedOdds, to: SIMD4<Int32>.self)
        // The sign of minus zero counts.
        let lowerWins = SIMD4<Int64>(truncatingIfNeeded: bits) .>= 0
        setPair(
            first, second,
            probabilities: odds.replacing(with: 1, where: lowerWins) / (1 + odds))
    }

    /// Finds ``probabilities`` for the pairs set, and returns each row's winner's position.
    ///
    /// The start depends on the pairs alone, so the same pairs give the same bits.
    package mutating func solve() -> SIMD4<Int> {
        fillQuadratic()
        start()
        for _ in 0..<Self.roundCountMax {
            Self.multiply(quadratic, probabilities, into: &product)
            var square = SIMD4<Double>.zero
            for position in 0..<classCount {
                square += probabilities[position] * product[position]
            }
            var isOff = SIMDMask<SIMD4<Int64>>(repeating: false)
            for value in product {
                let rest = value - square
                // Not a number is off.
                isOff .|= .!(rest .< Self.tolerance .& rest .> -Self.tolerance)
            }
            if !any(isOff) { break }
            Self.improve(square, where: isOff, quadratic, &product, &probabilities)
        }
        var winners = SIMD4<Int>.zero
        for lane in 0..<Self.rowCount { winners[lane] = settle(lane) }
        return winners
    }

    /// Puts ``probabilities`` where the rounds begin.
    ///
    /// With `Q p = c e` for some c and all p together 1, `(Q + e e') p` is a multiple of e. That matrix is
    /// positive definite, also where Q is singular because all pairs fit together, so it is eliminated
    /// without looking for pivots. A row whose solution is not all above 0 starts from equal probabilities.
    private mutating func start() {
        let classCount = classCount
        let equal = SIMD4(repeating: 1 / Double(classCount))
        guard !factors.isEmpty else {
            for position in 0..<classCount { probabilities[position] = equal }
            return
        }
        var sum = SIMD4<Double>.zero
        unsafe factors.withUnsafeMutableBufferPointer { factors in
            unsafe probabilities.withUnsafeMutableBufferPointer { solution in
                for place in 0..<classCount * classCount {
                    unsafe factors[place] = quadratic[place] + 1
                }
                for column in 0..<classCount { unsafe solution[column] = .one }
                for column in 0..<classCount {
                    let pivot = unsafe 1 / factors[column &* classCount &+ column]
                    for row in column + 1..<classCount {
                        let start = row &* classCount
                        // The matrix is symmetric, and its upper half is kept up to date.
                        let factor = unsafe factors[column &* classCount &+ row] * pivot
                        for other in row..<classCount {
                            unsafe factors[start &+ other] -=
                                factor * factors[column &* classCount &+ other]
                        }
                        unsafe solution[row] -= factor * solution[column]
                    }
                }
                for row in (0..<classCount).reversed() {
                    var value = unsafe solution[row]
                    for other in row + 1..<classCount {
                        value -= unsafe factors[row &* classCount &+ other] * solution[other]
                    }
                    value /= unsafe factors[row &* classCount &+ row]
                    unsafe solution[row] = value
                    sum += value
                }
            }
        }
        var isGood = SIMDMask<SIMD4<Int64>>(repeating: true)
        for position in 0..<classCount {
            let probability = probabilities[position] / sum
            isGood .&= probability .> 0 .& probability .<= 1
            probabilities[position] = probability
        }
        for position in 0..<classCount {
            probabilities[position] = equal.replacing(with: probabilities[position], where: isGood)
        }
    }

    /// Makes the lowest of the tied the argmax; the sum stays as it is.
    private mutating func settle(_ lane: Int) -> Int {
        var top = 0
        for position in 1..<classCount
        where probabilities[position][lane] > probabilities[top][lane] { top = position }
        let highest = probabilities[top][lane]
        var winner = 0
        while winner < top, probabilities[winner][lane] <= highest - Self.tieWidth { winner += 1 }
        probabilities[top][lane] = probabilities[winner][lane]
        probabilities[winner][lane] = highest
        return winner
    }

    private mutating func fillQuadratic() {
        for row in 0..<classCount {
            var diagonal = SIMD4<Double>.zero
            for column in 0..<classCount where column != row {
                let other = pairs[column * classCount + row]
                diagonal += other * other
                quadratic[row * classCount + column] = -other * pairs[row * classCount + column]
            }
            quadratic[row * classCount + row] = diagonal
        }
    }

    /// Fills `product` with Q p.
    ///
    /// Q is symmetric to the bit, so a column at a time adds what a row at a time would, in the same
    /// order, and many rows at once.
    private static func multiply(
        _ quadratic: [SIMD4<Double>], _ probabilities: [SIMD4<Double>],
        into product: inout [SIMD4<Double>]
    ) {
        let classCount = probabilities.count
        unsafe product.withUnsafeMutableBufferPointer { product in
            unsafe quadratic.withUnsafeBufferPointer { quadratic in
                unsafe product.update(repeating: .zero)
                for (column, probability) in probabilities.enumerated() {
                    let start = column * classCount
                    for row in 0..<classCount {
                        unsafe product[row] += quadratic[start &+ row] * probability
                    }
                }
            }
        }
    }

    /// One round of algorithm 2 for the rows that are off; `square` is p' Q p.
    private static func improve(
        _ square: SIMD4<Double>, where isOff: SIMDMask<SIMD4<Int64>>,
        _ quadratic: [SIMD4<Double>], _ product: inout [SIMD4<Double>],
        _ probabilities: inout [SIMD4<Double>]
    ) {
        let classCount = probabilities.count
        var square = square
        unsafe product.withUnsafeMutableBufferPointer { product in
            unsafe probabilities.withUnsafeMutableBufferPointer { probabilities in
                unsafe quadratic.withUnsafeBufferPointer { quadratic in
                    for row in 0..<classCount {
                        let start = row * classCount
                        let diagonal = unsafe quadratic[start + row]
                        let own = unsafe product[row]
                        // No step at all where a row is done.
                        let step = SIMD4<Double>.zero.replacing(
                            with: (square - own) / diagonal, where: isOff)
                        let scale = 1 / (1 + step)
                        square = (square + step * (step * diagonal + 2 * own)) * scale * scale
                        unsafe probabilities[row] += step
                        for column in 0..<classCount {
                            unsafe product[column] =
                                (product[column] + step * quadratic[start &+ column]) * scale
                            unsafe probabilities[column] *= scale
                        }
                    }
                }
            }
        }
    }
}
