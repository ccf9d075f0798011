import Heads

/// Has one-vs-all choose a few classes for each row, and the pairs among them decide.
///
/// A nested dichotomy, as elimination is: one-vs-all says how likely the row is to be of each class that
/// is not on its list, and the pairs share the rest among those that are. So probabilities sum to 1,
/// and none is zero that one-vs-all has above zero.
///
/// **The argmax is the pairs' winner.** It has the largest of m parts of what the list has together,
/// hence at least the mean, and every class outside has at most what each on the list had. It has as
/// much only if they are all equal, and of equal classes the lowest are on the list.
struct ShortlistDecoder {
    private let members: [Int]
    /// The classifier of each pair of all classes, as ``PairDecoder`` lists them.
    private let pairs: [Int]
    /// Classes on a list.
    private let count: Int
    private var coupling: PairwiseCoupling
    /// `[row, place]`: positions of the lists of the rows that are coupled at once, ascending.
    private var lists: [Int]
    /// `[row, class]`: the logits of those rows.
    private var logits: [Float]
    /// The pairs of a row's list, in the order of ``PairDecoder``.
    private var asked: [Int]
    /// The largest keys of a row so far, falling.
    private var keys: [UInt64]
    private var differences: [Float]
    /// `[pair]`: a row's differences, and sixteen pairs at a time their signed odds.
    private var answers: [Float]
    /// `[pair, row]` of the rows that are coupled at once.
    private var odds: [SIMD4<Float>]

    /// Room for lists of at most `count` of at least two classes; traps below two.
    init(members: [Int], pairs: [Int], count: Int) {
        precondition(count >= 2 && pairs.count == members.count * (members.count - 1) / 2)
        self.members = members
        self.pairs = pairs
        self.count = min(count, members.count)
        let pairCount = self.count * (self.count - 1) / 2
        coupling = PairwiseCoupling(classCount: self.count)
        lists = [Int](repeating: 0, count: PairwiseCoupling.rowCount * self.count)
        logits = [Float](repeating: 0, count: PairwiseCoupling.rowCount * members.count)
        asked = [Int](repeating: 0, count: pairCount)
        keys = [UInt64](repeating: 0, count: self.count)
        differences = LogitBlock.room(outputCount: pairCount)
        answers = [Float](repeating: 0, count: (pairCount + 15) & ~15)
        odds = [SIMD4<Float>](repeating: .zero, count: pairCount)
    }

    /// What the scheme believes about a block of rows that `softmax` has read.
    mutating func probabilities(
        _ softmax: SoftmaxKernel, _ block: ArraySlice<Int32>, _ heads: any LogitSource
    ) -> ClassProbabilities {
        var result = softmax.probabilities(members, rowCount: block.count)
        for start in stride(from: 0, to: block.count, by: PairwiseCoupling.rowCount) {
            let rowCount = min(PairwiseCoupling.rowCount, block.count - start)
            take(softmax.logits, start)
            for lane in 0..<PairwiseCoupling.rowCount {
                // Past the last row it stands again.
                guard lane < rowCount else {
                    setOdds(lane)
                    continue
                }
                let row = block.startIndex + start + lane
                choose(lane)
                ask(heads, block[row...row], lane)
                setOdds(lane)
            }
            var pair = 0
            for second in 1..<count {
                for first in 0..<second {
                    coupling.setPair(first, second, signedOdds: odds[pair])
                    pair += 1
                }
            }
            let winners = coupling.solve()
            for lane in 0..<rowCount { share(lane, winners[lane], start + lane, &result) }
        }
        return result
    }

    /// The list of the first row of a block that `softmax` has read, and what its pairs say.
    mutating func answers(
        _ softmax: SoftmaxKernel, _ row: ArraySlice<Int32>, _ heads: any LogitSource
    ) -> (listed: [Int], answers: [PairAnswer]) {
        take(softmax.logits, 0)
        choose(0)
        ask(heads, row, 0)
        let listed = lists.prefix(count).map { members[$0] }
        let pairs = (1..<count).flatMap { second in
            (0..<second).map { first in
                PairAnswer(
                    lower: listed[first], higher: listed[second],
                    signedOdds: answers[second * (second - 1) / 2 + first])
            }
        }
        return (listed, pairs)
    }

    /// Copies logits of the rows from `start` on: a row's lie far apart, and four rows' side by side.
    private mutating func take(_ block: [Float], _ start: Int) {
        let (width, classCount) = (LogitBlock.rowCountMax, members.count)
        precondition(start + PairwiseCoupling.rowCount <= width)
        precondition(block.count >= classCount * width)
        unsafe block.withUnsafeBufferPointer { block in
            unsafe logits.withUnsafeMutableBufferPointer { logits in
                for position in 0..<classCount {
                    for lane in 0..<PairwiseCoupling.rowCount {
                        unsafe logits[lane &* classCount &+ position] =
                            unsafe block[position &* width &+ start &+ lane]
                    }
                }
            }
        }
    }

    @inline(__always)
    private static func key(_ logit: Float, _ position: Int) -> UInt64 {
        // Minus zero becomes zero; then negative numbers order the other way round.
        let bits = (logit + 0).bitPattern
        let ordered = bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits
        return UInt64(ordered) << 32 | UInt64(~UInt32(position))
    }

    /// Lists the classes with a row's highest logits, of equal ones the lowest.
    private mutating func choose(_ lane: Int) {
        unsafe logits.withUnsafeBufferPointer { all in
            unsafe lists.withUnsafeMutableBufferPointer { lists in
                let logits = unsafe UnsafeBufferPointer(
                    rebasing: all[lane * members.count..<(lane + 1) * members.count])
                var list = unsafe UnsafeMutableBufferPointer(
                    rebasing: lists[lane * count..<(lane + 1) * count])
                // Keys that order as logits and, where they are equal, as falling positions do. The least
                // stands last; a new one sinks to its place without a branch on the way.
                unsafe keys.withUnsafeMutableBufferPointer { keys in
                    unsafe keys.update(repeating: 0)
                    for position in 0..<logits.count {
                        var key = unsafe Self.key(logits[position], position)
                        if unsafe key <= keys[keys.count &- 1] { continue }
                        for place in keys.indices {
                            let other = unsafe keys[place]
                            unsafe keys[place] = max(other, key)
                            key = min(other, key)
                        }
                    }
                    for place in keys.indices {
                        unsafe list[place] = Int(~keys[place] & 0xFFFF_FFFF)
                    }
                }
                unsafe list.sort()
            }
        }
    }

    /// Fills ``answers`` with the signed odds of the pairs of a list.
    private mutating func ask(_ heads: any LogitSource, _ row: ArraySlice<Int32>, _ lane: Int) {
        var pair = 0
        for second in 1..<count {
            let higher = lists[lane * count + second]
            let start = higher * (higher - 1) / 2
            for first in 0..<second {
                asked[pair] = pairs[start + lists[lane * count + first]]
                pair += 1
            }
        }
        heads.fillDifferences(&differences, pairs: asked[...], rows: row)
        for pair in asked.indices { answers[pair] = differences[pair * LogitBlock.rowCountMax] }
        for start in stride(from: 0, to: answers.count, by: 16) {
            answers.setLanes(at: start, to: PairAnswers(answers.lanes(at: start)).signedOdds)
        }
    }

    /// Makes ``answers`` those of one of the rows that are coupled at once.
    private mutating func setOdds(_ lane: Int) {
        unsafe odds.withUnsafeMutableBytes { odds in
            let odds = unsafe odds.assumingMemoryBound(to: Float.self)
            for pair in asked.indices {
                unsafe odds[pair * PairwiseCoupling.rowCount + lane] = answers[pair]
            }
        }
    }

    /// Shares what one-vs-all has for a row's list among its classes.
    private func share(
        _ lane: Int, _ winner: Int, _ row: Int, _ result: inout ClassProbabilities
    ) {
        let list = lists[lane * count..<(lane + 1) * count]
        // All classes have all there is, whatever rounding says.
        let together = count == members.count ? 1 : list.reduce(0) { $0 + result[row, $1] }
        for (place, position) in list.enumerated() {
            result[row, position] = together * coupling.probabilities[place][lane]
        }
        result.settle(row, on: list[list.startIndex + winner])
    }
}
