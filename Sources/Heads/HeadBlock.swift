/// Heads of one shape, their weights side by side and their biases side by side.
///
/// The one layout of trained numbers: a result travels in blocks, the journal has a row per block, the
/// model's file two tensors per block, and the schemes compute with it. A ``Head`` is a view of a block.
package final class HeadBlock: Sendable {
    /// One or more.
    package let keys: [HeadKey]
    /// Outputs of each head.
    package let outputCount: Int
    /// Features that each head reads.
    package let featureCount: Int
    /// `[head, output, feature]`.
    package let weights: [Float]
    /// `[head, output]`.
    package let biases: [Float]

    /// A block of these tensors; nil unless there is a head, all have as many outputs, and the tensors are
    /// of their size.
    package init?(keys: [HeadKey], featureCount: Int, weights: [Float], biases: [Float]) {
        guard let outputCount = keys.first?.outputCount,
            keys.allSatisfy({ $0.outputCount == outputCount }),
            biases.count == keys.count * outputCount, weights.count == biases.count * featureCount
        else { return nil }
        self.keys = keys
        self.outputCount = outputCount
        self.featureCount = featureCount
        self.weights = weights
        self.biases = biases
    }

    /// The heads, in the block's order, without a copy.
    package var heads: [Head] { keys.indices.map { Head(self, index: $0) } }

    /// Heads in blocks, as few as their order allows: a head of another shape than the one before begins
    /// a new block.
    ///
    /// Heads that are all of one block already are that block, not a copy.
    package static func runs(of heads: some Collection<Head>) -> [HeadBlock] {
        var blocks: [HeadBlock] = []
        var rest = heads[...]
        while let first = rest.first {
            let run = rest.prefix {
                $0.block.outputCount == first.block.outputCount
                    && $0.block.featureCount == first.block.featureCount
            }
            rest = rest.dropFirst(run.count)
            let isWhole =
                run.count == first.block.keys.count
                && run.enumerated().allSatisfy { $1.block === first.block && $1.index == $0 }
            blocks.append(isWhole ? first.block : HeadBlock(gathering: run))
        }
        return blocks
    }

    /// Copies of heads of one shape; traps on other heads, and on none.
    private init(gathering heads: some Collection<Head>) {
        guard let first = heads.first else { preconditionFailure("a block has a head") }
        keys = heads.map(\.key)
        outputCount = first.block.outputCount
        featureCount = first.block.featureCount
        var weights: [Float] = []
        var biases: [Float] = []
        weights.reserveCapacity(heads.count * outputCount * featureCount)
        for head in heads {
            precondition(head.block.featureCount == featureCount)
            weights += head.weightSlice
            biases += head.biasSlice
        }
        precondition(biases.count == keys.count * outputCount)
        self.weights = weights
        self.biases = biases
    }

    /// The heads of other keys; the block itself if that is all, nil if there are none.
    package func removing(_ gone: Set<HeadKey>) -> HeadBlock? {
        let kept = heads.filter { !gone.contains($0.key) }
        return HeadBlock.runs(of: kept).first
    }
}

extension HeadBlock: Equatable {
    /// Whether keys and numbers are equal.
    package static func == (left: HeadBlock, right: HeadBlock) -> Bool {
        left === right
            || left.keys == right.keys && left.featureCount == right.featureCount
                && left.weights == right.weights && left.biases == right.biases
    }
}
