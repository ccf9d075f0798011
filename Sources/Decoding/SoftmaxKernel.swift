import Numerics

/// Softmax of blocks of rows, with room that blocks share: of one classifier's logits, or of the logarithms
/// of the sigmoids of one class's score against the rest each.
///
/// The highest is subtracted first, so nothing overflows. Equal infinities are a tie, and a class at minus
/// infinity has no part unless all are. Of sigmoids no logarithm is needed: over what all classes of the
/// row have in common, that of a score z is `e^(min(z, 0) - min(highest, 0)) / (1 + e^-|z|)`.
struct SoftmaxKernel {
    private let classCount: Int
    /// `[class, blockRow]`: the logits of the last block, or the scores.
    private(set) var logits: [Float]
    /// `[class, blockRow]`: `e^(logit - highest)` of the last block, the softmax up to its last division.
    private(set) var powers: [Float]
    /// Logits above it count as it: infinity for a softmax, 0 for sigmoids.
    private var ceiling = Float.infinity

    /// Room for classifiers over so many classes.
    init(classCount: Int) {
        self.classCount = classCount
        logits = LogitBlock.room(outputCount: classCount)
        powers = logits
    }

    /// Asks a classifier about a block of rows; places past them are leftovers.
    mutating func read(_ source: any LogitSource, _ classifier: Int, rows: ArraySlice<Int32>) {
        source.fill(&logits, classifiers: [classifier], rows: rows)
        ceiling = .infinity
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

    /// Asks the heads of one class against the rest each, in the order of the classes.
    mutating func read(
        _ source: any LogitSource, rests: ArraySlice<Int>, rows: ArraySlice<Int32>
    ) {
        source.fillDifferences(&logits, pairs: rests, rows: rows)
        ceiling = 0
        let blockRowCount = LogitBlock.rowCountMax
        for start in stride(from: 0, to: rows.count, by: 16) {
            var highest = logits.lanes(at: start)
            for position in 1..<classCount {
                // The lowest class is in the rest of any other, so that the rest is the first output there.
                let offset = position * blockRowCount + start
                let lanes = -logits.lanes(at: offset)
                logits.setLanes(at: offset, to: lanes)
                highest.replace(with: lanes, where: lanes .> highest)
            }
            highest.replace(with: 0, where: highest .> 0)
            for position in 0..<classCount {
                let offset = position * blockRowCount + start
                let lanes = logits.lanes(at: offset)
                let capped = lanes.replacing(with: 0, where: lanes .> 0)
                let difference = (capped - highest).replacing(with: 0, where: capped .== highest)
                let below = lanes.replacing(with: -lanes, where: lanes .> 0)
                powers.setLanes(at: offset, to: exponential(difference) / (1 + exponential(below)))
            }
        }
    }

    /// The probabilities of the block of rows read last, each of which has its highest logit as its
    /// argmax.
    func probabilities(_ members: [Int], rowCount: Int) -> ClassProbabilities {
        var winners = [Int32](repeating: 0, count: rowCount)
        var result = unsafe ClassProbabilities(members: members, rowCount: rowCount) { values in
            let whole = rowCount & ~15
            for start in stride(from: 0, to: whole, by: 16) {
                let found = unsafe fillSixteen(start, values)
                for lane in 0..<16 { winners[start + lane] = found[lane] }
            }
            for row in whole..<rowCount { winners[row] = unsafe fillOne(row, values) }
        }
        for row in 0..<rowCount { result.settle(row, on: Int(winners[row])) }
        return result
    }

    /// Fills a row's probabilities and returns the position of its highest logit.
    private func fillOne(_ row: Int, _ values: UnsafeMutableBufferPointer<Double>) -> Int32 {
        var sum = 0.0
        var best = 0
        var highest = logits[row]
        for position in 0..<classCount {
            let place = position * LogitBlock.rowCountMax + row
            sum += Double(powers[place])
            if logits[place] > highest { (best, highest) = (position, logits[place]) }
        }
        for position in 0..<classCount {
            let place = position * LogitBlock.rowCountMax + row
            let power = Double(powers[place])
            unsafe values[row * classCount + position] =
                (power == 0 ? tiny(logits[place], highest) : power) / sum
        }
        return Int32(best)
    }

    /// The same for sixteen rows, by the same operations.
    private func fillSixteen(
        _ start: Int, _ values: UnsafeMutableBufferPointer<Double>
    ) -> SIMD16<Int32> {
        var sums = SIMD16<Double>.zero
        var best = SIMD16<Int32>.zero
        var least = SIMD16<Float>(repeating: 1)
        var highest = logits.lanes(at: start)
        for position in 0..<classCount {
            let place = position * LogitBlock.rowCountMax + start
            let some = powers.lanes(at: place)
            sums += some.widened
            least.replace(with: some, where: some .< least)
            let lanes = logits.lanes(at: place)
            let isHigher = lanes .> highest
            best.replace(with: Int32(position), where: isHigher)
            highest.replace(with: lanes, where: isHigher)
        }
        for position in 0..<classCount {
            let shares =
                powers.lanes(at: position * LogitBlock.rowCountMax + start).widened / sums
            for lane in 0..<16 {
                unsafe values[(start &+ lane) &* classCount &+ position] = shares[lane]
            }
        }
        guard least.min() == 0 else { return best }
        for position in 0..<classCount {
            let place = position * LogitBlock.rowCountMax + start
            for lane in 0..<16 where powers[place + lane] == 0 {
                unsafe values[(start &+ lane) &* classCount &+ position] =
                    tiny(logits[place + lane], highest[lane]) / sums[lane]
            }
        }
        return best
    }

    /// `e^(logit - highest)` where that is no float.
    ///
    /// A temperature above 1 makes it a number again. It is too little to change a sum.
    private func tiny(_ logit: Float, _ highest: Float) -> Double {
        let highest = min(highest, ceiling)
        guard logit > -.infinity, highest < .infinity else { return 0 }
        return .reproducibleExponential(Double(logit) - Double(highest))
    }
}
