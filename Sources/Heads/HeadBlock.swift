import Numerics

/// Heads of one number of outputs, their weights and biases side by side: two tensors of a model's file.
package struct HeadBlock: Sendable, Equatable {
    /// Ascending; at least one.
    package let keys: [HeadKey]
    /// Outputs of each head.
    package let outputCount: Int
    /// Features that each head reads.
    package let featureCount: Int
    /// `[head, output, feature]`.
    package let weights: [Float]
    /// `[head, output]`.
    package let biases: [Float]

    /// A block of these tensors; nil unless the keys ascend strictly, have `outputCount` outputs each, and
    /// the tensors are of their size.
    package init?(
        keys: [HeadKey], outputCount: Int, featureCount: Int, weights: [Float], biases: [Float]
    ) {
        guard !keys.isEmpty, keys.allSatisfy({ $0.outputCount == outputCount }),
            zip(keys, keys.dropFirst()).allSatisfy({ $0 < $1 }),
            biases.count == keys.count * outputCount, weights.count == biases.count * featureCount
        else { return nil }
        self.keys = keys
        self.outputCount = outputCount
        self.featureCount = featureCount
        self.weights = weights
        self.biases = biases
    }

    /// Heads in blocks, ascending by outputs; nil if two have one key, or not all are equally wide.
    package static func blocks(of heads: [Head]) -> [HeadBlock]? {
        let ordered = heads.sorted { $0.key < $1.key }
        var blocks: [HeadBlock] = []
        var start = 0
        while start < ordered.count {
            let count = ordered[start].key.outputCount
            let end =
                ordered[start...].firstIndex { $0.key.outputCount != count } ?? ordered.count
            let group = ordered[start..<end]
            let width = ordered[0].weights.columnCount
            guard group.allSatisfy({ $0.weights.columnCount == width }) else { return nil }
            var weights: [Float] = []
            weights.reserveCapacity(group.count * count * width)
            for head in group { weights += head.weights.values }
            guard
                let block = HeadBlock(
                    keys: group.map(\.key), outputCount: count, featureCount: width,
                    weights: weights, biases: group.flatMap(\.biases))
            else { return nil }
            blocks.append(block)
            start = end
        }
        return blocks
    }

    /// The heads, one by one.
    package var heads: [Head] {
        let size = outputCount * featureCount
        return keys.indices.map { index in
            Head(
                key: keys[index],
                weights: Matrix(
                    rowCount: outputCount, columnCount: featureCount,
                    values: Array(weights[index * size..<(index + 1) * size])),
                biases: Array(biases[index * outputCount..<(index + 1) * outputCount]))
        }
    }
}
