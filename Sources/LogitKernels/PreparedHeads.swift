package import Decoding
import Heads

/// Heads made ready to be asked about rows: once for a model, then for any rows.
///
/// A head of two outputs, of a pair or of one class against the rest, is asked for the difference of its
/// two logits, which needs one vector of weights, the difference of its two. Other heads' weights stay
/// where they are.
package final class PreparedHeads: Sendable {
    let bank: HeadBank
    /// Heads of two outputs are the first of the bank.
    let pairCount: Int
    /// `[pair, feature]`: the first output's weights less the second's.
    let differences: [Float]
    /// `[pair]`: the same of the biases.
    let biasDifferences: [Float]
    /// Those with a difference that is no finite number.
    ///
    /// They are asked for both logits, so that what is not a number never wins.
    let irregularPairs: Set<Int>

    /// Subtracts the weights of all heads of two outputs.
    package init(_ bank: HeadBank) {
        self.bank = bank
        let pairs = bank.heads.prefix { $0.block.outputCount == 2 }
        let width = bank.featureCount
        var biasDifferences: [Float] = []
        var irregularPairs: Set<Int> = []
        biasDifferences.reserveCapacity(pairs.count)
        differences = unsafe [Float](unsafeUninitializedCapacity: pairs.count * width) {
            differences, count in
            for (index, head) in pairs.enumerated() {
                let bias = head.block.biases[2 * head.index] - head.block.biases[2 * head.index + 1]
                // Zero times a number is zero, and not where it is no finite one.
                var check = bias * 0
                unsafe head.block.weights.withUnsafeBufferPointer { weights in
                    let start = 2 * head.index * width
                    for feature in 0..<width {
                        let difference =
                            unsafe weights[start &+ feature] - weights[start &+ width &+ feature]
                        unsafe differences[index &* width &+ feature] = difference
                        check += difference * 0
                    }
                }
                if check != 0 { irregularPairs.insert(index) }
                biasDifferences.append(bias)
            }
            count = pairs.count * width
        }
        pairCount = pairs.count
        self.biasDifferences = biasDifferences
        self.irregularPairs = irregularPairs
    }
}
