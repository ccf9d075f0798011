import Formats

/// Outputs of a large layer of which each row asks a few of its own: out of one product with all, or by
/// weights that the row gathers for itself, whichever is faster.
struct OwnOutputs {
    /// Outputs of a product that are computed in the time in which a row takes the weights of one.
    private static let productOutputsPerGathered = 64

    let layer: LinearLayer
    /// Outputs that a row asks.
    let count: Int

    /// `[N, count]`.
    ///
    /// - Parameter indices: `[N, count]`, of the layer's outputs.
    func values(
        of indices: GraphValue, _ features: GraphValue, _ builder: inout GraphBuilder
    ) -> GraphValue {
        if layer.biases.count <= Self.productOutputsPerGathered * count {
            return builder.add(
                "GatherElements", builder.product(features, layer), indices,
                with: ["axis": .integer(1)])
        }
        let weights = builder.constant(
            GraphTensor([layer.weights.rowCount, layer.weights.columnCount], .rows(layer.weights)))
        let biases = builder.constant(.floats(layer.biases))
        let column = builder.add("Unsqueeze", features, .integers([2]))
        let products = builder.add("MatMul", builder.add("Gather", weights, indices), column)
        return builder.add(
            "Add", builder.add("Squeeze", products, .integers([2])),
            builder.add("Gather", biases, indices))
    }
}
