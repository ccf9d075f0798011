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
    /// Positions of a row's list, ascending.
    private var chosen: [Int]
    /// Their pairs, in the order of ``PairDecoder``.
    private var asked: [Int]
    private var differences: [Float]
    /// `[pair]` of a lane for each row that is coupled at once.
    private var odds: [SIMD4<Float>]

    /// Room for lists of at most `count` of at least two classes; traps below two.
    init(members: [Int], pairs: [Int], count: Int) {
        precondition(count >= 2 && pairs.count == members.count * (members.count - 1) / 2)
        self.members = members
        self.pairs = pairs
        self.count = min(count, members.count)
        let pairCount = self.count * (self.count - 1) / 2
        coupling = PairwiseCoupling(classCount: self.count)
        chosen = [Int](repeating: 0, count: self.count)
        asked = [Int](repeating: 0, count: pairCount)
        // The sixteen rows of a vector of answers are sixteen pairs of one row here.
        differences = LogitBlock.room(outputCount: pairCount)
        odds = [SIMD4<Float>](repeating: .zero, count: pairCount + 15)
    }

    /// What the scheme believes about a block of rows that `softmax` has read.
    mutating func probabilities(
        _ softmax: SoftmaxKernel, _ block: ArraySlice<Int32>, _ heads: any LogitSource
    ) -> ClassProbabilities {
        var result = softmax.probabilities(members, rowCount: block.count)
        var lists = [Int](repeating: 0, count: PairwiseCoupling.rowCount * count)
        for start in stride(from: 0, to: block.count, by: PairwiseCoupling.rowCount) {
            let rowCount = min(PairwiseCoupling.rowCount, block.count - start)
            for lane in 0..<rowCount {
                let row = block.startIndex + start + lane
                choose(softmax, start + lane)
                for (place, position) in chosen.enumerated() {
                    lists[lane * count + place] = position
                }
                ask(heads, block[row...row], lane)
            }
            // Past the last row it stands again.
            for pair in asked.indices {
                for lane in rowCount..<PairwiseCoupling.rowCount {
                    odds[pair][lane] = odds[pair][rowCount - 1]
                }
            }
            var pair = 0
            for second in 1..<count {
                for first in 0..<second {
                    coupling.setPair(first, second, signedOdds: odds[pair])
                    pair += 1
                }
            }
            let winners = coupling.solve()
            for lane in 0..<rowCount {
                share(lists[lane * count..<(lane + 1) * count], lane, start + lane, &result)
                result.settle(start + lane, on: lists[lane * count + winners[lane]])
            }
        }
        return result
    }

    /// The classes with the highest logits, of equal ones the lowest.
    private mutating func choose(_ softmax: SoftmaxKernel, _ row: Int) {
        unsafe softmax.logits.withUnsafeBufferPointer { logits in
            unsafe chosen.withUnsafeMutableBufferPointer { chosen in
                let width = LogitBlock.rowCountMax
                var filled = 0
                // By falling logit until all are seen.
                for position in 0..<members.count {
                    let logit = unsafe logits[position &* width &+ row]
                    if filled == chosen.count {
                        let lowest = unsafe logits[chosen[filled &- 1] &* width &+ row]
                        if !(logit > lowest) { continue }
                        filled -= 1
                    }
                    var place = filled
                    while place > 0,
                        unsafe logit > logits[chosen[place &- 1] &* width &+ row]
                    {
                        unsafe chosen[place] = chosen[place &- 1]
                        place &-= 1
                    }
                    unsafe chosen[place] = position
                    filled += 1
                }
                unsafe chosen.sort()
            }
        }
    }

    /// Puts the answers of the pairs of ``chosen`` about a row in a lane of ``odds``.
    private mutating func ask(_ heads: any LogitSource, _ row: ArraySlice<Int32>, _ lane: Int) {
        var pair = 0
        for second in 1..<count {
            let start = chosen[second] * (chosen[second] - 1) / 2
            for first in 0..<second {
                asked[pair] = pairs[start + chosen[first]]
                pair += 1
            }
        }
        heads.fillDifferences(&differences, pairs: asked[...], rows: row)
        for start in stride(from: 0, to: asked.count, by: 16) {
            var sixteen = SIMD16<Float>.zero
            for place in 0..<min(16, asked.count - start) {
                sixteen[place] = differences[(start + place) * LogitBlock.rowCountMax]
            }
            let signed = PairAnswers(sixteen).signedOdds
            for place in 0..<16 { odds[start + place][lane] = signed[place] }
        }
    }

    /// Shares what one-vs-all has for a list among its classes.
    private func share(
        _ list: ArraySlice<Int>, _ lane: Int, _ row: Int, _ result: inout ClassProbabilities
    ) {
        // All classes have all there is, whatever rounding says.
        let together = count == members.count ? 1 : list.reduce(0) { $0 + result[row, $1] }
        for (place, position) in list.enumerated() {
            result[row, position] = together * coupling.probabilities[place][lane]
        }
    }
}
