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
