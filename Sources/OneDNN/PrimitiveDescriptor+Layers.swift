import COneDNN

/// The layers of the backbone: forward, and backward to weights and to data.
///
/// Convolutions and pooling have no padding. The library chooses between direct and Winograd
/// convolution (`dnnl_convolution_auto`).
extension PrimitiveDescriptor {
    /// Convolution with stride 1, then ReLU.
    package static func convolutionForward(
        source: MemoryDescriptor, weights: MemoryDescriptor, bias: MemoryDescriptor,
        destination: MemoryDescriptor, _ engine: Engine
    ) throws(OneDNNError) -> PrimitiveDescriptor {
        var operation = dnnl_convolution_desc_t()
        var (source, weights) = (source.raw, weights.raw)
        var (bias, destination) = (bias.raw, destination.raw)
        try unsafe OneDNNError.check(
            dnnl_convolution_forward_desc_init(
                &operation, dnnl_forward_training, dnnl_convolution_auto, &source, &weights, &bias,
                &destination, [1, 1], [0, 0], [0, 0]), "convolution")
        return try unsafe PrimitiveDescriptor(
            "convolution", operation: &operation, relu: true, engine)
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
                &operation, dnnl_convolution_auto, &source, &weights, &bias, &destination, [1, 1],
                [0, 0], [0, 0]), "convolution gradient")
        return try unsafe PrimitiveDescriptor(
            "convolution gradient", operation: &operation, hint: forward.handle, forward.engine)
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
                &operation, dnnl_convolution_auto, &source, &weights, &destination, [1, 1], [0, 0],
                [0, 0]), "convolution gradient")
        return try unsafe PrimitiveDescriptor(
            "convolution gradient", operation: &operation, hint: forward.handle, forward.engine)
    }

    /// The largest of each 2x2 square; an odd last row or column is left out.
    package static func maximumPoolingForward(
        source: MemoryDescriptor, destination: MemoryDescriptor, _ engine: Engine
    ) throws(OneDNNError) -> PrimitiveDescriptor {
        var operation = dnnl_pooling_desc_t()
        var (source, destination) = (source.raw, destination.raw)
        try unsafe OneDNNError.check(
            dnnl_pooling_forward_desc_init(
                &operation, dnnl_forward_training, dnnl_pooling_max, &source, &destination, [2, 2],
                [2, 2], [0, 0], [0, 0]), "pooling")
        return try unsafe PrimitiveDescriptor("pooling", operation: &operation, engine)
    }

    /// The gradient of pooling's input: each square's gradient goes to where its largest was.
    package static func maximumPoolingBackward(
        source: MemoryDescriptor, destination: MemoryDescriptor,
        of forward: borrowing PrimitiveDescriptor
    ) throws(OneDNNError) -> PrimitiveDescriptor {
        var operation = dnnl_pooling_desc_t()
        var (source, destination) = (source.raw, destination.raw)
        try unsafe OneDNNError.check(
            dnnl_pooling_backward_desc_init(
                &operation, dnnl_pooling_max, &source, &destination, [2, 2], [2, 2], [0, 0],
                [0, 0]), "pooling gradient")
        return try unsafe PrimitiveDescriptor(
            "pooling gradient", operation: &operation, hint: forward.handle, forward.engine)
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
