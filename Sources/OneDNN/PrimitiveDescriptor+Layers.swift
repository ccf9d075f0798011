import COneDNN

/// Products of matrices; dense layers: forward, and backward to weights and to data.
extension PrimitiveDescriptor {
    /// `source` times `weights`, `[row, inner]` times `[inner, column]`; plus `bias`, `[1, column]`,
    /// if there is one, and then ReLU if asked for.
    package static func product(
        source: MemoryDescriptor, weights: MemoryDescriptor, bias: MemoryDescriptor? = nil,
        destination: MemoryDescriptor, relu: Bool = false, _ engine: Engine
    ) throws(OneDNNError) -> PrimitiveDescriptor {
        var operation = dnnl_matmul_desc_t()
        var (source, weights, destination) = (source.raw, weights.raw, destination.raw)
        let status: dnnl_status_t
        if var bias = bias?.raw {
            status = unsafe dnnl_matmul_desc_init(
                &operation, &source, &weights, &bias, &destination)
        } else {
            status = unsafe dnnl_matmul_desc_init(
                &operation, &source, &weights, nil, &destination)
        }
        try OneDNNError.check(status, "product")
        return try unsafe PrimitiveDescriptor("product", operation: &operation, relu: relu, engine)
    }

    /// A dense layer, then ReLU if asked for.
    package static func denseForward(
        source: MemoryDescriptor, weights: MemoryDescriptor, bias: MemoryDescriptor,
        destination: MemoryDescriptor, relu: Bool, _ engine: Engine
    ) throws(OneDNNError) -> PrimitiveDescriptor {
        var operation = dnnl_inner_product_desc_t()
        var (source, weights) = (source.raw, weights.raw)
        var (bias, destination) = (bias.raw, destination.raw)
        try unsafe OneDNNError.check(
            dnnl_inner_product_forward_desc_init(
                &operation, dnnl_forward_training, &source, &weights, &bias, &destination),
            "dense layer")
        return try unsafe PrimitiveDescriptor(
            "dense layer", operation: &operation, relu: relu, engine)
    }

    /// The gradient of a dense layer's weights and bias.
    package static func denseBackwardWeights(
        source: MemoryDescriptor, weights: MemoryDescriptor, bias: MemoryDescriptor,
        destination: MemoryDescriptor, of forward: borrowing PrimitiveDescriptor
    ) throws(OneDNNError) -> PrimitiveDescriptor {
        var operation = dnnl_inner_product_desc_t()
        var (source, weights) = (source.raw, weights.raw)
        var (bias, destination) = (bias.raw, destination.raw)
        try unsafe OneDNNError.check(
            dnnl_inner_product_backward_weights_desc_init(
                &operation, &source, &weights, &bias, &destination), "dense layer's gradient")
        return try unsafe PrimitiveDescriptor(
            "dense layer's gradient", operation: &operation, hint: forward.handle, forward.engine)
    }

    /// The gradient of a dense layer's input.
    package static func denseBackwardData(
        source: MemoryDescriptor, weights: MemoryDescriptor, destination: MemoryDescriptor,
        of forward: borrowing PrimitiveDescriptor
    ) throws(OneDNNError) -> PrimitiveDescriptor {
        var operation = dnnl_inner_product_desc_t()
        var (source, weights, destination) = (source.raw, weights.raw, destination.raw)
        try unsafe OneDNNError.check(
            dnnl_inner_product_backward_data_desc_init(
                &operation, &source, &weights, &destination), "dense layer's gradient")
        return try unsafe PrimitiveDescriptor(
            "dense layer's gradient", operation: &operation, hint: forward.handle, forward.engine)
    }
}
