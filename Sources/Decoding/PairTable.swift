/// The answers of all pair heads for one block of rows.
struct PairTable: Sendable {
    /// `[pair, blockRow]`: how likely a pair's loser is, in units of its winner: `e^-|difference|`.
    private(set) var odds: [Float]
    /// `[pair, blockRow]`: whether the lower class wins, which it does on a tie.
    private(set) var lowerWins: [Bool]

    init(classCount: Int) {
        let count = classCount * (classCount - 1) / 2 * LogitKernel.blockRowCount
        odds = [Float](repeating: 0, count: count)
        lowerWins = [Bool](repeating: true, count: count)
    }

    /// Where the answer of the pair of positions `first < second` stands for a row of the block.
    @inline(__always)
    static func index(_ first: Int, _ second: Int, row: Int) -> Int {
        (second * (second - 1) / 2 + first) * LogitKernel.blockRowCount + row
    }

    /// Takes the logits `[2, blockRow]` of one pair.
    mutating func set(_ first: Int, _ second: Int, logits: [Float], rowCount: Int) {
        let blockRowCount = LogitKernel.blockRowCount
        let target = Self.index(first, second, row: 0)
        for start in stride(from: 0, to: rowCount, by: 16) {
            let left = SIMD16(logits[start..<start + 16])
            let right = SIMD16(logits[blockRowCount + start..<blockRowCount + start + 16])
            let wins = left .>= right
            let difference = (left - right).replacing(with: right - left, where: wins)
            // Equal infinities differ by NaN, and are a tie.
            let power = exponential(difference.replacing(with: 0, where: left .== right))
            for lane in 0..<16 {
                odds[target + start + lane] = power[lane]
                lowerWins[target + start + lane] = wins[lane]
            }
        }
    }

    /// Platt's DAG for one row: fills `shares` (by position, summing to 1), returns the survivor.
    ///
    /// The classes stand in a list, ascending. The head of the first and the last in the list is
    /// asked and the loser leaves, K-1 times (their section 2, "the decision DAG is equivalent to
    /// operating on a list"). Any order would do, and the paper found no difference; a tie keeps
    /// the lower class.
    ///
    /// Each class but the survivor is beaten exactly once, so the asked pairs are a tree over the
    /// classes with the survivor at its root, and there is exactly one distribution whose ratios
    /// are those of all the asked heads: the survivor weighs 1, any other class what beat it weighs
    /// times its odds against that. No weight is above that of the class that beat it, so the
    /// survivor is the argmax. An equal weight needs ties all the way up, each of which the lower
    /// class survived, so of equal classes it is also the lowest. Heads derived from one softmax
    /// layer give back that softmax.
    func eliminate(row: Int, shares: inout [Double], losers: inout [Int]) -> Int {
        var first = 0
        var last = shares.count - 1
        // By position: what beat it. Losers in the order of their defeat are outside in, so their
        // odds wait in `shares` until the survivor is known.
        var defeats = 0
        while first < last {
            let index = Self.index(first, last, row: row)
            let loser = lowerWins[index] ? last : first
            let winner = lowerWins[index] ? first : last
            shares[loser] = Double(odds[index])
            losers[2 * defeats] = loser
            losers[2 * defeats + 1] = winner
            defeats += 1
            if lowerWins[index] { last -= 1 } else { first += 1 }
        }
        shares[first] = 1
        var total = 1.0
        // Backwards, so that a winner's weight is known before its losers'.
        for defeat in (0..<defeats).reversed() {
            let loser = losers[2 * defeat]
            shares[loser] *= shares[losers[2 * defeat + 1]]
            total += shares[loser]
        }
        for position in shares.indices { shares[position] /= total }
        return first
    }

    /// Votes of one row: fills `shares` with each class's part of all votes, returns the winner.
    func vote(row: Int, shares: inout [Double]) -> Int {
        for position in shares.indices { shares[position] = 0 }
        for second in 1..<shares.count {
            for first in 0..<second {
                let wins = lowerWins[Self.index(first, second, row: row)]
                shares[wins ? first : second] += 1
            }
        }
        let total = Double(shares.count * (shares.count - 1) / 2)
        var best = 0
        for position in shares.indices {
            if shares[position] > shares[best] { best = position }
        }
        for position in shares.indices { shares[position] /= total }
        return best
    }
}
