/// Softmax of blocks of rows under one classifier, with room that blocks share.
///
/// The highest logit is subtracted first, so nothing overflows. Equal infinities are a tie, and a
/// class at minus infinity has no part unless all are.
struct SoftmaxKernel {
    private let classCount: Int
    /// `[class, blockRow]`: the logits of the last block.
    private(set) var logits: [Float]
    /// `[class, blockRow]`: `e^(logit - highest)` of the last block, the softmax up to its last division.
    private(set) var powers: [Float]

    /// Room for classifiers over so many classes.
    init(classCount: Int) {
        self.classCount = classCount
        logits = LogitBlock.room(outputCount: classCount)
        powers = logits
    }

    /// Asks a classifier about a block of rows; places past them are leftovers.
    mutating func read(_ source: any LogitSource, _ classifier: Int, rows: ArraySlice<Int32>) {
        source.fill(&logits, classifiers: [classifier], rows: rows)
        let blockRowCount = LogitBlock.rowCountMax
        for start in stride(from: 0, to: rows.count, by: 16) {
            var highest = logits.lanes(at: start)
            for position in 1..<classCount {
                let offset = position * blockRowCount + start
                let lanes = logits.lanes(at: offset)
                highest.replace(with: lanes, where: lanes .> highest)
            }
            for position in 0..<classCount {
                let offset = position * blockRowCount + start
                let lanes = logits.lanes(at: offset)
                // Equal infinities differ by NaN.
                let difference = (lanes - highest).replacing(with: 0, where: lanes .== highest)
                powers.setLanes(at: offset, to: exponential(difference))
            }
        }
    }

    /// The probabilities of the block of rows read last, each of which has its highest logit as its
    /// argmax.
    func probabilities(_ members: [Int], rowCount: Int) -> ClassProbabilities {
        var result = ClassProbabilities(members: members, rowCount: rowCount)
        for row in 0..<rowCount {
            var sum = 0.0
            var best = 0
            for position in 0..<classCount {
                let place = position * LogitBlock.rowCountMax + row
                sum += Double(powers[place])
                if logits[place] > logits[best * LogitBlock.rowCountMax + row] { best = position }
            }
            for position in 0..<classCount {
                result[row, position] =
                    Double(powers[position * LogitBlock.rowCountMax + row]) / sum
            }
            result.settle(row, on: best)
        }
        return result
    }
}
