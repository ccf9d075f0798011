package import Formats

/// A linear layer: `weights` are `[output, feature]`, and there is a bias per output.
package struct LinearLayer: Sendable {
    /// `[output, feature]`.
    package let weights: FloatRows
    /// One per output.
    package let biases: [Float]

    /// Traps unless there is a bias per output.
    package init(weights: FloatRows, biases: [Float]) {
        precondition(weights.rowCount == biases.count)
        self.weights = weights
        self.biases = biases
    }
}

/// The heads over all subsets of one size.
package struct SubsetLayer: Sendable {
    /// Classes, ascending; all subsets are of one size.
    package let subsets: [[Int]]
    /// An output per subset and class.
    package let layer: LinearLayer

    /// Traps unless there is an output for each class of each subset.
    package init(subsets: [[Int]], layer: LinearLayer) {
        precondition(layer.biases.count == subsets.reduce(0) { $0 + $1.count })
        self.subsets = subsets
        self.layer = layer
    }
}
