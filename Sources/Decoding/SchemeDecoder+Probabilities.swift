package import Heads
package import Numerics

extension SchemeDecoder {
    /// One-vs-all's probabilities: the softmax of one head.
    ///
    /// The argmax is what ``oneVsAll(_:rows:head:)`` predicts. See there for parameters and errors.
    package static func oneVsAllProbabilities(
        _ features: Matrix, rows: Range<Int>? = nil, head: Head
    ) throws(DecodingError) -> ClassProbabilities {
        let rows = try checked(rows, of: features)
        try checkWidth(of: head, features)
        let members = head.classes.members
        var result = ClassProbabilities(members: members, rowCount: rows.count)
        let kernel = LogitKernel(features: features)
        var logits = [Float](repeating: 0, count: members.count * LogitKernel.blockRowCount)
        var powers = logits
        for block in blocks(of: rows) {
            kernel.fill(&logits, head: head, rows: block[...])
            SoftmaxKernel.fill(
                &powers, logits: logits, classCount: members.count, rowCount: block.count)
            for index in block.indices {
                let row = Int(block[index]) - rows.lowerBound
                var sum = 0.0
                for position in members.indices {
                    sum += Double(powers[position * LogitKernel.blockRowCount + index])
                }
                for position in members.indices {
                    result[row, position] =
                        Double(powers[position * LogitKernel.blockRowCount + index]) / sum
                }
                result.settle(row, on: highest(logits, row: index, count: members.count))
            }
        }
        return result
    }

    /// The most classes whose pair answers are held at once for a block of rows: 160 MB.
    package static let pairTableClassCountMax = 1 << 10

    /// All-vs-all's probabilities by one of the rules over pair heads.
    ///
    /// The argmax is the rule's prediction; that of ``PairRule/softVote`` is what
    /// ``allVsAll(_:rows:classes:heads:)`` predicts, from the same integer votes.
    ///
    /// - Parameters:
    ///   - features: `[sample, feature]`.
    ///   - rows: the rows to predict; all when nil. Traps outside the matrix.
    ///   - classes: from two classes to ``votingClassCountMax`` for the soft vote and
    ///     ``pairTableClassCountMax`` for the other rules.
    ///   - heads: holds a head for every pair of `classes`, and whatever else. Elimination decides
    ///     by K-1 of them per row, but all are asked: rows in blocks cost less than rows alone.
    /// - Throws: ``DecodingError`` naming a pair without a head, or when widths differ.
    package static func pairProbabilities(
        _ features: Matrix, rows: Range<Int>? = nil, classes: ClassSet, heads: HeadBank,
        rule: PairRule
    ) throws(DecodingError) -> ClassProbabilities {
        let rows = try checked(rows, of: features)
        let members = classes.members
        let classCountMax = rule == .softVote ? votingClassCountMax : pairTableClassCountMax
        guard (2...classCountMax).contains(members.count) else {
            throw .classCount(members.count, max: classCountMax)
        }
        let pairs = try pairHeads(of: members, features, heads)
        var result = ClassProbabilities(members: members, rowCount: rows.count)
        if rule == .softVote {
            forEachVote(features, rows, members.count, pairs) { block, votes in
                share(votes, block, first: rows.lowerBound, in: &result)
            }
            return result
        }
        var table = PairTable(classCount: members.count)
        var decider = PairDecider(rule: rule, classCount: members.count)
        let kernel = LogitKernel(features: features)
        var logits = [Float](repeating: 0, count: 2 * LogitKernel.blockRowCount)
        for block in blocks(of: rows) {
            for pair in pairs {
                kernel.fill(&logits, head: pair.head, rows: block[...])
                table.set(pair.first, pair.second, logits: logits, rowCount: block.count)
            }
            for index in block.indices {
                let row = Int(block[index]) - rows.lowerBound
                let winner = decider.decide(table, row: index)
                for position in members.indices {
                    result[row, position] = decider.shares[position]
                }
                result.settle(row, on: winner)
            }
        }
        return result
    }

    /// Makes probabilities of a block's votes.
    private static func share(
        _ votes: [Int64], _ block: [Int32], first: Int, in result: inout ClassProbabilities
    ) {
        let positions = result.classes.indices
        for index in block.indices {
            let row = Int(block[index]) - first
            var total: Int64 = 0
            for position in positions {
                total += votes[position * LogitKernel.blockRowCount + index]
            }
            for position in positions {
                result[row, position] =
                    Double(votes[position * LogitKernel.blockRowCount + index]) / Double(total)
            }
            result.settle(row, on: highest(votes, row: index, count: positions.count))
        }
    }
}

/// Turns one row's pair answers into probabilities by a rule, with room that rows share.
private struct PairDecider {
    private let rule: PairRule
    private var coupling: PairwiseCoupling
    private var losers: [Int]
    /// Of the last row, by position.
    private(set) var shares: [Double]

    init(rule: PairRule, classCount: Int) {
        self.rule = rule
        // Quadratic room, which only its rule needs.
        coupling = PairwiseCoupling(classCount: rule == .pairwiseCoupling ? classCount : 2)
        losers = [Int](repeating: 0, count: 2 * classCount)
        shares = [Double](repeating: 0, count: classCount)
    }

    mutating func decide(_ table: PairTable, row: Int) -> Int {
        switch rule {
        case .softVote: preconditionFailure("soft votes are counted over blocks")
        case .hardVote: return table.vote(row: row, shares: &shares)
        case .eliminationGraph:
            return table.eliminate(row: row, shares: &shares, losers: &losers)
        case .pairwiseCoupling:
            for second in 1..<shares.count {
                for first in 0..<second {
                    let index = PairTable.index(first, second, row: row)
                    let odds = Double(table.odds[index])
                    let loser = odds / (1 + odds)
                    coupling.setPair(
                        first, second,
                        probability: table.lowerWins[index] ? 1 / (1 + odds) : loser)
                }
            }
            let winner = coupling.solve()
            shares = coupling.probabilities
            return winner
        }
    }
}
