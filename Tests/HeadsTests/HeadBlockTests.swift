import Heads
import Numerics
import Testing

/// Heads as views of blocks, and blocks of heads.
@Suite struct HeadBlockTests {
    /// A head whose numbers say where they belong.
    private func head(_ classes: [Int], featureCount: Int = 2) -> Head {
        let start = Float(classes.reduce(0) { $0 * 10 + $1 })
        return Head(
            classes: ClassSet(classes),
            weights: Matrix(
                rowCount: classes.count, columnCount: featureCount,
                values: (0..<classes.count * featureCount).map { start + Float($0) / 8 }),
            biases: classes.indices.map { -start - Float($0) })
    }

    @Test func runsKeepOrderAndNumbers() {
        let heads = [[0, 1], [0, 2], [0, 1, 2], [1, 2], [1, 3]].map { head($0) }
        let blocks = HeadBlock.runs(of: heads)
        #expect(blocks.map(\.keys.count) == [2, 1, 2])
        #expect(blocks.flatMap(\.heads) == heads)
        #expect(blocks[0].weights == heads[0].weights.values + heads[1].weights.values)
        #expect(blocks[0].biases == heads[0].biases + heads[1].biases)
        #expect(HeadBlock.runs(of: [Head]()).isEmpty)
    }

    @Test func aHeadOfAnotherWidthBeginsABlock() {
        let blocks = HeadBlock.runs(of: [head([0, 1]), head([0, 2], featureCount: 3)])
        #expect(blocks.map(\.featureCount) == [2, 3])
    }

    @Test func wholeBlocksAreNotCopied() {
        let block = HeadBlock.runs(of: [head([0, 1]), head([0, 2])])[0]
        #expect(HeadBlock.runs(of: block.heads)[0] === block)
        // In another order, in part or with others it is another block.
        #expect(HeadBlock.runs(of: block.heads.reversed())[0] !== block)
        #expect(HeadBlock.runs(of: [block.heads[1]])[0].heads == [head([0, 2])])
        #expect(HeadBlock.runs(of: block.heads + [head([1, 2])])[0].keys.count == 3)
    }

    @Test func removingLeavesTheOthers() {
        let block = HeadBlock.runs(of: [[0, 1], [0, 2], [1, 2]].map { head($0) })[0]
        let pair = HeadKey(ClassSet([0, 2]))
        #expect(block.removing([pair])?.heads == [head([0, 1]), head([1, 2])])
        #expect(block.removing([]) === block)
        #expect(block.removing(Set(block.keys)) == nil)
    }

    @Test func tensorsThatDoNotFitAreNoBlock() {
        let keys = [HeadKey(ClassSet([0, 1])), HeadKey(ClassSet([0, 2]))]
        func block(_ keys: [HeadKey], weights: Int, biases: Int) -> HeadBlock? {
            HeadBlock(
                keys: keys, featureCount: 3, weights: [Float](repeating: 0, count: weights),
                biases: [Float](repeating: 0, count: biases))
        }
        #expect(block(keys, weights: 12, biases: 4) != nil)
        #expect(block(keys, weights: 11, biases: 4) == nil)
        #expect(block(keys, weights: 12, biases: 3) == nil)
        #expect(block([], weights: 0, biases: 0) == nil)
        #expect(block([keys[0], HeadKey(ClassSet([0, 1, 2]))], weights: 15, biases: 5) == nil)
    }

    @Test func bitsAndNumbersAreCompared() {
        func zero(_ sign: Float) -> Head {
            Head(
                classes: ClassSet([0, 1]), weights: Matrix(rowCount: 2, columnCount: 1),
                biases: [sign, 0])
        }
        #expect(zero(-0.0) == zero(0) && !zero(-0.0).hasEqualBits(zero(0)))
        #expect(!zero(.nan).isFinite && zero(0).isFinite)
    }
}
