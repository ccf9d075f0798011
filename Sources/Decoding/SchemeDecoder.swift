package import Heads
package import Numerics

/// Predictions of the schemes for many rows at once.
///
/// Every function takes a range of rows, so that a caller can split a test set over threads, and
/// returns one class index per row of the range. A row's prediction depends on that row alone.
/// Ties go to the lowest class index. A logit that is not a number counts as minus infinity.
package enum SchemeDecoder {
    /// One-vs-all, and its refit control: the highest logit of one head over all classes.
    ///
    /// - Parameters:
    ///   - features: `[sample, feature]`.
    ///   - rows: the rows to predict; all when nil. Traps outside the matrix.
    ///   - head: the backbone's own last layer, or the head refitted over all classes.
    /// - Throws: ``DecodingError`` when head and features are not equally wide.
    package static func oneVsAll(
        _ features: Matrix, rows: Range<Int>? = nil, head: Head
    ) throws(DecodingError) -> [Int] {
        let rows = try checked(rows, of: features)
        try checkWidth(of: head, features)
        let members = head.classes.members
        var predictions = [Int](repeating: 0, count: rows.count)
        let kernel = LogitKernel(features: features)
        var logits = [Float](repeating: 0, count: members.count * LogitKernel.blockRowCount)
        for block in blocks(of: rows) {
            kernel.fill(&logits, head: head, rows: block[...])
            for index in block.indices {
                let row = Int(block[index]) - rows.lowerBound
                predictions[row] = members[highest(logits, row: index, count: members.count)]
            }
        }
        return predictions
    }

    /// All-vs-all: sums each class's softmax outputs over its pair heads; the highest sum wins.
    ///
    /// The softmax outputs are added as multiples of 2^-48 in integers. That is exact, so a sum
    /// depends neither on the order of the heads nor on the names of the classes, and equal logits
    /// give equal votes.
    ///
    /// - Parameters:
    ///   - features: `[sample, feature]`.
    ///   - rows: the rows to predict; all when nil. Traps outside the matrix.
    ///   - classes: the classes to choose from, at most ``votingClassCountMax``.
    ///   - heads: holds a head for every pair of `classes`, and whatever else.
    /// - Throws: ``DecodingError`` naming a pair without a head, or when widths differ.
    package static func allVsAll(
        _ features: Matrix, rows: Range<Int>? = nil, classes: ClassSet, heads: HeadBank
    ) throws(DecodingError) -> [Int] {
        let rows = try checked(rows, of: features)
        let members = classes.members
        guard (2...votingClassCountMax).contains(members.count) else {
            throw .classCount(members.count, max: votingClassCountMax)
        }
        let pairs = try pairHeads(of: members, features, heads)
        var predictions = [Int](repeating: 0, count: rows.count)
        forEachVote(features, rows, members.count, pairs) { block, votes in
            for index in block.indices {
                let row = Int(block[index]) - rows.lowerBound
                predictions[row] = members[highest(votes, row: index, count: members.count)]
            }
        }
        return predictions
    }

    /// The most classes whose votes are sure not to overflow: each is asked `2^48` at most.
    package static let votingClassCountMax = 1 << 14

    /// Tree elimination: asks the head of the remaining classes and drops its lowest, to the last.
    ///
    /// Compares logits, which order classes as softmax does and cannot underflow: a class whose
    /// probability would round to zero is still told from one even less likely, and one dropped
    /// is in no later head. Of classes tied for the lowest the one with the highest index goes.
    /// Rows are grouped by their remaining classes, and a head is asked once for its group. Asks
    /// K-1 heads per row.
    ///
    /// - Parameters:
    ///   - features: `[sample, feature]`.
    ///   - rows: the rows to predict; all when nil. Traps outside the matrix.
    ///   - classes: the classes to start with.
    ///   - heads: holds a head for every subset that a row reaches; all subsets are enough.
    /// - Throws: ``DecodingError`` naming a class set that is reached and has no head, or when
    ///   widths differ.
    package static func treeElimination(
        _ features: Matrix, rows: Range<Int>? = nil, classes: ClassSet, heads: HeadBank
    ) throws(DecodingError) -> [Int] {
        let rows = try checked(rows, of: features)
        guard classes.count >= 2 else { throw .classCount(classes.count, max: .max) }
        var elimination = Elimination(features: features, rows: rows, classes: classes)
        for _ in 1..<classes.count { try elimination.dropLowest(asking: heads) }
        return elimination.survivors
    }
}

extension SchemeDecoder {
    static func checked(
        _ rows: Range<Int>?, of features: Matrix
    ) throws(DecodingError) -> Range<Int> {
        let rows = rows ?? 0..<features.rowCount
        precondition(rows.lowerBound >= 0)
        precondition(rows.upperBound <= features.rowCount)
        precondition(features.rowCount <= Int(Int32.max))
        return rows
    }

    static func checkWidth(of head: Head, _ features: Matrix) throws(DecodingError) {
        guard head.weights.columnCount == features.columnCount else {
            throw .widthMismatch(
                head.classes, head: head.weights.columnCount, expected: features.columnCount)
        }
    }

    /// A pair's head and the positions of its classes, the lower first.
    typealias PairHead = (head: Head, first: Int, second: Int)

    /// The heads of all pairs of `members`.
    static func pairHeads(
        of members: [Int], _ features: Matrix, _ heads: HeadBank
    ) throws(DecodingError) -> [PairHead] {
        var pairs: [PairHead] = []
        pairs.reserveCapacity(members.count * (members.count - 1) / 2)
        for second in 1..<members.count {
            for first in 0..<second {
                let head = try heads.head(over: ClassSet([members[first], members[second]]))
                try checkWidth(of: head, features)
                pairs.append((head, first, second))
            }
        }
        return pairs
    }

    /// Calls `body` with every block of rows and its votes `[class, blockRow]`, summed over pairs.
    static func forEachVote(
        _ features: Matrix, _ rows: Range<Int>, _ classCount: Int, _ pairs: [PairHead],
        _ body: (_ block: [Int32], _ votes: [Int64]) -> Void
    ) {
        let kernel = LogitKernel(features: features)
        var logits = [Float](repeating: 0, count: 2 * LogitKernel.blockRowCount)
        var votes = [Int64](repeating: 0, count: classCount * LogitKernel.blockRowCount)
        for block in blocks(of: rows) {
            for index in votes.indices { votes[index] = 0 }
            for pair in pairs {
                kernel.fill(&logits, head: pair.head, rows: block[...])
                addVotes(logits, rowCount: block.count, to: &votes, pair.first, pair.second)
            }
            body(block, votes)
        }
    }

    /// The rows in blocks that a kernel takes.
    static func blocks(of rows: Range<Int>) -> some Sequence<[Int32]> {
        stride(from: rows.lowerBound, to: rows.upperBound, by: LogitKernel.blockRowCount).lazy.map {
            (Int32($0)..<Int32(min($0 + LogitKernel.blockRowCount, rows.upperBound))).map { $0 }
        }
    }

    /// The position of the highest value of `[position, blockRow]` in a row; the lowest on a tie.
    @inline(__always)
    static func highest<Value: Comparable>(
        _ values: [Value], row: Int, count: Int
    ) -> Int {
        var best = 0
        for position in 1..<count
        where values[position * LogitKernel.blockRowCount + row]
            > values[best * LogitKernel.blockRowCount + row]
        {
            best = position
        }
        return best
    }

    /// Adds the softmax of a pair's logits `[2, blockRow]` to the votes of its classes.
    ///
    /// With the difference `x` of the lower from the higher logit, the two outputs are
    /// `1 / (1 + e^x)` and `e^x / (1 + e^x)`, which is the softmax with the highest logit
    /// subtracted first. Logits past `rowCount` are leftovers and are not counted.
    private static func addVotes(
        _ logits: [Float], rowCount: Int, to votes: inout [Int64], _ first: Int, _ second: Int
    ) {
        let blockRowCount = LogitKernel.blockRowCount
        for start in stride(from: 0, to: rowCount, by: 16) {
            let left = SIMD16(logits[start..<start + 16])
            let right = SIMD16(logits[blockRowCount + start..<blockRowCount + start + 16])
            let leftWins = left .>= right
            let difference = (left - right).replacing(with: right - left, where: leftWins)
            // Equal infinities differ by NaN, and are a tie.
            let power = exponential(difference.replacing(with: 0, where: left .== right))
            let high = 1 / (1 + power)
            let low = power / (1 + power)
            let leftVote = low.replacing(with: high, where: leftWins)
            let rightVote = high.replacing(with: low, where: leftWins)
            for lane in 0..<min(16, rowCount - start) {
                let row = start + lane
                votes[first * blockRowCount + row] += Int64(leftVote[lane] * 0x1p48)
                votes[second * blockRowCount + row] += Int64(rightVote[lane] * 0x1p48)
            }
        }
    }
}
