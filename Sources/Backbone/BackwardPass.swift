import OneDNN

/// The network backwards: from the gradient of the logits to the gradients of all weights.
///
/// Gradients have their weights' layouts, so that the update may ignore layouts. Where a
/// convolution wants another layout than its forward pass, the few weights concerned are copied.
final class BackwardPass {
    let logitsGradient: Memory
    let hiddenGradient: Memory
    let pooledGradient: Memory
    let conv1Gradient: Memory
    /// In the order of `BackboneWeights.tensors`.
    let gradients: [Memory]

    private let fc2Weights: Primitive
    private let fc2Data: Primitive
    private let fc1Weights: Primitive
    private let fc1Data: Primitive
    private let pool: Primitive
    private let conv2Weights: ConvolutionWeightsGradient
    private let conv2DataRelayout: Relayout?
    private let conv2Data: Primitive
    private let conv1Weights: ConvolutionWeightsGradient

    init(_ forward: ForwardPass) throws(OneDNNError) {
        let engine = forward.engine
        var gradients: [Memory] = []
        for parameter in forward.parameters {
            gradients.append(try Memory(parameter.descriptor, engine))
        }
        self.gradients = gradients
        logitsGradient = try Memory(forward.logits.descriptor, engine)
        hiddenGradient = try Memory(forward.hidden.descriptor, engine)
        pooledGradient = try Memory(forward.pooled.descriptor, engine)
        conv1Gradient = try Memory(forward.conv1Output.descriptor, engine)

        fc2Weights = try Self.denseWeights(
            forward.hidden, logitsGradient, gradients[6], gradients[7], forward.fc2Descriptor)
        fc2Data = try Self.denseData(
            hiddenGradient, logitsGradient, forward.parameters[6], forward.fc2Descriptor)
        fc1Weights = try Self.denseWeights(
            forward.pooled, hiddenGradient, gradients[4], gradients[5], forward.fc1Descriptor)
        fc1Data = try Self.denseData(
            pooledGradient, hiddenGradient, forward.parameters[4], forward.fc1Descriptor)

        let poolDescriptor = try PrimitiveDescriptor.maximumPoolingBackward(
            source: forward.conv2Output.descriptor, destination: pooledGradient.descriptor,
            of: forward.poolDescriptor)
        pool = try Primitive(
            poolDescriptor,
            [
                .sourceGradient: forward.conv2Output, .destinationGradient: pooledGradient,
                .workspace: forward.poolWorkspace,
            ])

        conv2Weights = try ConvolutionWeightsGradient(
            source: forward.conv1Output, gradient: forward.conv2Output, weights: gradients[2],
            bias: gradients[3], of: forward.conv2Descriptor, engine)
        let weights = forward.parameters[2]
        let dataDescriptor = try PrimitiveDescriptor.convolutionBackwardData(
            source: conv1Gradient.descriptor,
            weights: MemoryDescriptor([64, 32, 3, 3], layout: .any),
            destination: forward.conv2Output.descriptor, of: forward.conv2Descriptor)
        let wanted = try dataDescriptor.descriptor(of: .weights)
        conv2DataRelayout =
            wanted == weights.descriptor
            ? nil : try Relayout(weights, into: Memory(wanted, engine), engine)
        conv2Data = try Primitive(
            dataDescriptor,
            [
                .sourceGradient: conv1Gradient, .destinationGradient: forward.conv2Output,
                .weights: conv2DataRelayout?.destination ?? weights,
            ])
        conv1Weights = try ConvolutionWeightsGradient(
            source: forward.input, gradient: conv1Gradient, weights: gradients[0],
            bias: gradients[1], of: forward.conv1Descriptor, engine)
    }

    private static func denseWeights(
        _ source: Memory, _ gradient: Memory, _ weights: Memory, _ bias: Memory,
        _ forward: borrowing PrimitiveDescriptor
    ) throws(OneDNNError) -> Primitive {
        let descriptor = try PrimitiveDescriptor.denseBackwardWeights(
            source: source.descriptor, weights: weights.descriptor, bias: bias.descriptor,
            destination: gradient.descriptor, of: forward)
        return try Primitive(
            descriptor,
            [
                .source: source, .destinationGradient: gradient, .weightsGradient: weights,
                .biasGradient: bias,
            ])
    }

    private static func denseData(
        _ sourceGradient: Memory, _ gradient: Memory, _ weights: Memory,
        _ forward: borrowing PrimitiveDescriptor
    ) throws(OneDNNError) -> Primitive {
        let descriptor = try PrimitiveDescriptor.denseBackwardData(
            source: sourceGradient.descriptor, weights: weights.descriptor,
            destination: gradient.descriptor, of: forward)
        return try Primitive(
            descriptor,
            [.sourceGradient: sourceGradient, .destinationGradient: gradient, .weights: weights])
    }

    /// From `logitsGradient` to `hiddenGradient`.
    func throughLogits() throws(OneDNNError) {
        try fc2Weights.execute()
        try fc2Data.execute()
    }

    /// From `hiddenGradient`, taken back through ReLU and dropout, to `pooledGradient`.
    func throughHidden() throws(OneDNNError) {
        try fc1Weights.execute()
        try fc1Data.execute()
    }

    /// From `pooledGradient`, taken back through ReLU and dropout, to `conv1Gradient`.
    func throughPooled() throws(OneDNNError) {
        try pool.execute()
        try conv2Weights.execute()
        try conv2DataRelayout?.execute()
        try conv2Data.execute()
    }

    /// From `conv1Gradient`, taken back through ReLU, to the first weights.
    func throughConv1() throws(OneDNNError) {
        try conv1Weights.execute()
    }
}

/// The gradient of a convolution's weights, in the layout its forward pass uses.
private struct ConvolutionWeightsGradient: ~Copyable {
    private let primitive: Primitive
    private let relayout: Relayout?

    init(
        source: Memory, gradient: Memory, weights: Memory, bias: Memory,
        of forward: borrowing PrimitiveDescriptor, _ engine: Engine
    ) throws(OneDNNError) {
        let descriptor = try PrimitiveDescriptor.convolutionBackwardWeights(
            source: source.descriptor, weights: weights.descriptor.withAnyLayout(),
            bias: bias.descriptor, destination: gradient.descriptor, of: forward)
        let wanted = try descriptor.descriptor(of: .weightsGradient)
        let relayout =
            wanted == weights.descriptor
            ? nil : try Relayout(Memory(wanted, engine), into: weights, engine)
        primitive = try Primitive(
            descriptor,
            [
                .source: source, .destinationGradient: gradient,
                .weightsGradient: relayout?.source ?? weights, .biasGradient: bias,
            ])
        self.relayout = relayout
    }

    func execute() throws(OneDNNError) {
        try primitive.execute()
        try relayout?.execute()
    }
}
