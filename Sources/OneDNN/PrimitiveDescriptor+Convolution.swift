import COneDNN

/// Convolutions of stride 1 without padding: forward, and backward to weights and to data.
extension PrimitiveDescriptor {
    /// A convolution with bias.
    package static func convolutionForward(
        source: MemoryDescriptor, weights: MemoryDescriptor, bias: MemoryDescriptor,
        destination: MemoryDescriptor, _ engine: Engine
    ) throws(OneDNNError) -> PrimitiveDescriptor {
        var operation = dnnl_convolution_desc_t()
        var (source, weights) = (source.raw, weights.raw)
        var (bias, destination) = (bias.raw, destination.raw)
        try unsafe OneDNNError.check(
            dnnl_convolution_forward_desc_init(
                &operation, dnnl_forward_training, dnnl_convolution_direct, &source, &weights,
                &bias, &destination, [1, 1], [0, 0], [0, 0]), "convolution")
        return try unsafe PrimitiveDescriptor("convolution", operation: &operation, engine)
    }

    /// The gradient of a convolution's weights and bias.
    package static func convolutionBackwardWeights(
        source: MemoryDescriptor, weights: MemoryDescriptor, bias: MemoryDescriptor,
        destination: MemoryDescriptor, of forward: borrowing PrimitiveDescriptor
    ) throws(OneDNNError) -> PrimitiveDescriptor {
        var operation = dnnl_convolution_desc_t()
        var (source, weights) = (source.raw, weights.raw)
        var (bias, destination) = (bias.raw, destination.raw)
        try unsafe OneDNNError.check(
            dnnl_convolution_backward_weights_desc_init(
                &operation, dnnl_convolution_direct, &source, &weights, &bias, &destination,
                [1, 1], [0, 0], [0, 0]), "convolution's gradient")
        return try unsafe PrimitiveDescriptor(
            "convolution's gradient", operation: &operation, hint: forward.handle, forward.engine)
    }

    /// The gradient of a convolution's input.
    package static func convolutionBackwardData(
        source: MemoryDescriptor, weights: MemoryDescriptor, destination: MemoryDescriptor,
        of forward: borrowing PrimitiveDescriptor
    ) throws(OneDNNError) -> PrimitiveDescriptor {
        var operation = dnnl_convolution_desc_t()
        var (source, weights, destination) = (source.raw, weights.raw, destination.raw)
        try unsafe OneDNNError.check(
            dnnl_convolution_backward_data_desc_init(
                &operation, dnnl_convolution_direct, &source, &weights, &destination,
                [1, 1], [0, 0], [0, 0]), "convolution's gradient")
        return try unsafe PrimitiveDescriptor(
            "convolution's gradient", operation: &operation, hint: forward.handle, forward.engine)
    }
}
