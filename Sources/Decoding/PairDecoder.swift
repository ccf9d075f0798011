import Heads

/// Asks all pair heads about one block of rows and answers for every scheme over pairs.
struct PairDecoder {
    /// Pairs asked at a time: their logits stay in the second-level cache.
    private static let chunkPairCount = 128
    /// Bytes of the table of all pairs; a block has fewer rows where there are many pairs.
    private static let tableByteCountMax = 32 << 20
    /// Sixteen rows are added up at once.
    private static let groupCount = LogitBlock.rowCountMax / 16

    private let members: [Int]
    /// The classifier of each pair, in the order (0,1), (0,2), (1,2), (0,3) and so on.
    private let classifiers: [Int]
    private let asksVotes: Bool
    private let asksCounts: Bool
    private let asksTable: Bool
    /// `[class, group]` of four rows: softmax outputs as multiples of 2^-48, summed over pairs.
    private var votes: [SIMD4<Int64>]
    /// `[class, group]` of sixteen rows: pairs won.
    private var counts: [SIMD16<Int32>]
    /// `[pair, blockRow]`, ``blockRowCount`` apart: the odds of ``PairAnswers``, negative where the
    /// higher class wins; minus zero too.
    private var table: [Float]
    private var coupling: PairwiseCoupling
    private var differences: [Float]
    /// Rows read at once.
    let blockRowCount: Int

    /// Room for the schemes, which ask pairs, over at least two classes.
    init(_ schemes: [Scheme], members: [Int], classifiers: [Int]) {
        self.members = members
        self.classifiers = classifiers
        asksVotes = schemes.contains(.softVote)
        asksCounts = schemes.contains(.hardVote)
        asksTable = schemes.contains { $0 == .pairwiseCoupling || $0 == .eliminationGraph }
        blockRowCount =
            asksTable
            ? Self.blockRowCount(pairCount: classifiers.count) : LogitBlock.rowCountMax
        let places = members.count * Self.groupCount
        votes = [SIMD4<Int64>](repeating: .zero, count: asksVotes ? 4 * places : 0)
        counts = [SIMD16<Int32>](repeating: .zero, count: asksCounts ? places : 0)
        table = [Float](repeating: 0, count: asksTable ? classifiers.count * blockRowCount : 0)
        // Quadratic room, which only its scheme needs.
        coupling = PairwiseCoupling(
            classCount: schemes.contains(.pairwiseCoupling) ? members.count : 2)
        differences = LogitBlock.room(
            outputCount: min(Self.chunkPairCount, classifiers.count))
    }

    /// As many rows as fit the table: a multiple of 16, or fewer than 16, and at least one.
    static func blockRowCount(pairCount: Int) -> Int {
        let fitting = tableByteCountMax / (pairCount * MemoryLayout<Float>.size)
        return fitting < 16 ? max(1, fitting) : min(LogitBlock.rowCountMax, fitting & ~15)
    }

    /// Asks all pairs about the rows, at most ``blockRowCount`` of them.
    mutating func read(_ rows: ArraySlice<Int32>, _ source: any LogitSource) {
        for index in votes.indices { votes[index] = .zero }
        for index in counts.indices { counts[index] = .zero }
        var first = 0
        var second = 1
        for start in stride(from: 0, to: classifiers.count, by: Self.chunkPairCount) {
            let chunk = classifiers[start..<min(start + Self.chunkPairCount, classifiers.count)]
            source.fillDifferences(&differences, pairs: chunk, rows: rows)
            for pair in chunk.indices {
                add(pair, at: pair - start, first, second, rowCount: rows.count)
                first += 1
                if first == second { (first, second) = (0, second + 1) }
            }
        }
    }

    /// Takes in the differences of the pair of positions `first < second`.
    ///
    /// Those past `rowCount` are leftovers, which count for rows that nobody asks for.
    @inline(__always)
    private mutating func add(
        _ pair: Int, at place: Int, _ first: Int, _ second: Int, rowCount: Int
    ) {
        for start in stride(from: 0, to: rowCount, by: 16) {
            let difference = differences.lanes(at: place * LogitBlock.rowCountMax + start)
            let left = first * Self.groupCount + start / 16
            let right = second * Self.groupCount + start / 16
            if asksCounts {
                // -1 where the higher class wins.
                let lost = SIMD16<Int32>.zero.replacing(with: -1, where: difference .< 0)
                counts[left] &+= lost &+ 1
                counts[right] &-= lost
            }
            guard asksVotes || asksTable else { continue }
            let answers = PairAnswers(difference)
            if asksVotes {
                let high = 1 / (1 + answers.odds)
                let low = answers.odds / (1 + answers.odds)
                add(low.replacing(with: high, where: answers.lowerWins), to: 4 * left)
                add(high.replacing(with: low, where: answers.lowerWins), to: 4 * right)
            }
            if asksTable {
                let target = pair * blockRowCount + start
                let signed = answers.signedOdds
                for lane in 0..<min(16, rowCount - start) { table[target + lane] = signed[lane] }
            }
        }
    }

    /// Votes of sixteen rows with these probabilities.
    @inline(__always)
    private mutating func add(_ probabilities: SIMD16<Float>, to place: Int) {
        votes[place] &+= Self.whole(probabilities.lowHalf.lowHalf)
        votes[place + 1] &+= Self.whole(probabilities.lowHalf.highHalf)
        votes[place + 2] &+= Self.whole(probabilities.highHalf.lowHalf)
        votes[place + 3] &+= Self.whole(probabilities.highHalf.highHalf)
    }

    /// Probabilities as multiples of 2^-48, rounded down.
    ///
    /// Adding 2^52 to a number below it rounds to a whole one, which then is the low bits of the sum.
    @inline(__always)
    private static func whole(_ probabilities: SIMD4<Float>) -> SIMD4<Int64> {
        let scaled = probabilities.widened * 0x1p48
        let nearest = (scaled + 0x1p52) - 0x1p52
        let down = nearest - SIMD4<Double>.zero.replacing(with: 1, where: nearest .> scaled)
        let bits = unsafe unsafeBitCast(down + 0x1p52, to: SIMD4<Int64>.self)
        return bits &- Int64(bitPattern: (0x1p52).bitPattern)
    }

    /// What a scheme believes about the rows read last.
    mutating func probabilities(of scheme: Scheme, rowCount: Int) -> ClassProbabilities {
        switch scheme {
        case .softVote: return softVotes(rowCount)
        case .hardVote: return hardVotes(rowCount)
        case .pairwiseCoupling: return coupled(rowCount)
        case .eliminationGraph: return eliminated(rowCount)
        default: preconditionFailure("\(scheme) asks no pairs")
        }
    }

    /// Shares of the pairs; equal counts are equal shares, so the argmax is that of the counts.
    private func hardVotes(_ rowCount: Int) -> ClassProbabilities {
        let classCount = members.count
        let shares = (0..<classCount).map { Double($0) / Double(classifiers.count) }
        return unsafe ClassProbabilities(members: members, rowCount: rowCount) { values in
            unsafe counts.withUnsafeBytes { counts in
                let counts = unsafe counts.assumingMemoryBound(to: Int32.self)
                for position in 0..<classCount {
                    for row in 0..<rowCount {
                        unsafe values[row &* classCount &+ position] =
                            shares[Int(counts[position &* LogitBlock.rowCountMax &+ row])]
                    }
                }
            }
        }
    }

    private func softVotes(_ rowCount: Int) -> ClassProbabilities {
        let classCount = members.count
        var result = ClassProbabilities(members: members, rowCount: rowCount)
        unsafe votes.withUnsafeBytes { votes in
            let votes = unsafe votes.assumingMemoryBound(to: Int64.self)
            for row in 0..<rowCount {
                // All votes together may pass 64 bits from 257 classes on, so they are summed in two
                // parts.
                var high: Int64 = 0
                var low: Int64 = 0
                var best = 0
                var most: Int64 = -1
                for position in 0..<classCount {
                    let vote = unsafe votes[position &* LogitBlock.rowCountMax &+ row]
                    if vote > most { (best, most) = (position, vote) }
                    high &+= vote >> 16
                    low &+= vote & 0xFFFF
                }
                let total =
                    classCount <= 256
                    ? Double(high << 16 + low) : Double(high) * 0x1p16 + Double(low)
                for position in 0..<classCount {
                    result[row, position] =
                        unsafe Double(votes[position &* LogitBlock.rowCountMax &+ row]) / total
                }
                result.settle(row, on: best)
            }
        }
        return result
    }

    private mutating func coupled(_ rowCount: Int) -> ClassProbabilities {
        var result = ClassProbabilities(members: members, rowCount: rowCount)
        for start in stride(from: 0, to: rowCount, by: PairwiseCoupling.rowCount) {
            // Past the last row it stands again.
            let rows = (0..<PairwiseCoupling.rowCount).map { min(start + $0, rowCount - 1) }
            var pair = 0
            for second in 1..<members.count {
                for first in 0..<second {
                    var signed = SIMD4<Float>.zero
                    for (lane, row) in rows.enumerated() {
                        signed[lane] = table[pair * blockRowCount + row]
                    }
                    coupling.setPair(first, second, signedOdds: signed)
                    pair += 1
                }
            }
            let winners = coupling.solve()
            for lane in 0..<min(PairwiseCoupling.rowCount, rowCount - start) {
                for position in members.indices {
                    result[start + lane, position] = coupling.probabilities[position][lane]
                }
                result.settle(start + lane, on: winners[lane])
            }
        }
        return result
    }

    private func eliminated(_ rowCount: Int) -> ClassProbabilities {
        var result = ClassProbabilities(members: members, rowCount: rowCount)
        var shares = [Double](repeating: 0, count: members.count)
        var losers = [Int](repeating: 0, count: 2 * members.count)
        for row in 0..<rowCount {
            let survivor = eliminate(row, &shares, &losers)
            for position in members.indices { result[row, position] = shares[position] }
            result.settle(row, on: survivor)
        }
        return result
    }

    /// The answer of the pair of positions `first < second` for a row of the block.
    @inline(__always)
    private func answer(_ first: Int, _ second: Int, _ row: Int) -> (odds: Float, lowerWins: Bool) {
        let signed = table[(second * (second - 1) / 2 + first) * blockRowCount + row]
        return (signed.magnitude, signed.sign == .plus)
    }

    /// What every pair says of a row of the block, in the order of the pairs' higher classes.
    func answers(_ row: Int) -> [PairAnswer] {
        (1..<members.count).flatMap { second in
            (0..<second).map { pairAnswer($0, second, row) }
        }
    }

    /// What the pairs say that the DAG asks about a row of the block, in the order in which it asks them.
    func path(_ row: Int) -> [PairAnswer] {
        var shares = [Double](repeating: 0, count: members.count)
        var losers = [Int](repeating: 0, count: 2 * members.count)
        _ = eliminate(row, &shares, &losers)
        return (0..<members.count - 1).map { defeat in
            let (loser, winner) = (losers[2 * defeat], losers[2 * defeat + 1])
            return pairAnswer(min(loser, winner), max(loser, winner), row)
        }
    }

    private func pairAnswer(_ first: Int, _ second: Int, _ row: Int) -> PairAnswer {
        PairAnswer(
            lower: members[first], higher: members[second],
            signedOdds: table[(second * (second - 1) / 2 + first) * blockRowCount + row])
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
    private func eliminate(_ row: Int, _ shares: inout [Double], _ losers: inout [Int]) -> Int {
        var first = 0
        var last = shares.count - 1
        // By position: what beat it. Losers in the order of their defeat are outside in, so their
        // odds wait in `shares` until the survivor is known.
        var defeats = 0
        while first < last {
            let answer = answer(first, last, row)
            let loser = answer.lowerWins ? last : first
            let winner = answer.lowerWins ? first : last
            shares[loser] = Double(answer.odds)
            losers[2 * defeats] = loser
            losers[2 * defeats + 1] = winner
            defeats += 1
            if answer.lowerWins { last -= 1 } else { first += 1 }
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
}

/// What one pair head says of sixteen rows, by how far its lower class's logit is above the other.
///
/// With the difference `x` of the lower from the higher logit, the softmax outputs of a pair are
/// `1 / (1 + e^x)` and `e^x / (1 + e^x)`, which is the softmax with the highest logit subtracted first.
struct PairAnswers {
    /// How likely the loser is, in units of the winner: `e^-|difference|`.
    let odds: SIMD16<Float>
    /// Whether the lower class wins, which it does on a tie.
    let lowerWins: SIMDMask<SIMD16<Int32>>

    @inline(__always)
    init(_ difference: SIMD16<Float>) {
        let wins = difference .>= 0
        odds = exponential(difference.replacing(with: -difference, where: wins))
        lowerWins = wins
    }

    /// ``odds``, which are 0 or above, with a minus where the higher class wins; minus zero too, which
    /// negation would lose.
    @inline(__always)
    var signedOdds: SIMD16<Float> { (odds * -1).replacing(with: odds, where: lowerWins) }
}
