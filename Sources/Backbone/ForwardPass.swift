import OneDNN

/// The network forwards: one minibatch from pixels to logits.
///
/// oneDNN chooses the layouts of weights and activations, and they stay in them. ReLU is fused
/// into the layer before it.
final class ForwardPass {
    let engine: Engine

    // input: [row, channel, height, width], plain; hidden: [row, 256]; logits: [row, class]
    let input: Memory
    let conv1Output: Memory
    /// Overwritten by its own gradient when going backwards: pooling's outputs tell ReLU's zeros.
    let conv2Output: Memory
    let pooled: Memory
    let poolWorkspace: Memory
    let hidden: Memory
    let logits: Memory
    let poolLayout: MemoryDescriptor.ChannelLayout
    /// In the order of `BackboneWeights.tensors`.
    let parameters: [Memory]

    let conv1Descriptor: PrimitiveDescriptor
    let conv2Descriptor: PrimitiveDescriptor
    let poolDescriptor: PrimitiveDescriptor
    let fc1Descriptor: PrimitiveDescriptor
    let fc2Descriptor: PrimitiveDescriptor

    private let conv1: Primitive
    private let conv2: Primitive
    private let pool: Primitive
    private let fc1: Primitive
    private let fc2: Primitive

    init(_ configuration: BackboneConfiguration, _ engine: Engine) throws(OneDNNError) {
        self.engine = engine
        let rows = configuration.batchSize
        let (height, width) = (configuration.height, configuration.width)
        let pooledShape = [64, configuration.pooledHeight, configuration.pooledWidth]
        let features = BackboneConfiguration.featureCount
        let shapes = configuration.weightShapes

        input = try Memory(
            MemoryDescriptor([rows, configuration.channelCount, height, width]), engine)
        conv1Descriptor = try .convolutionForward(
            source: input.descriptor, weights: MemoryDescriptor(shapes[0], layout: .any),
            bias: MemoryDescriptor(shapes[1]),
            destination: MemoryDescriptor([rows, 32, height - 2, width - 2], layout: .any), engine)
        conv1Output = try Memory(conv1Descriptor.descriptor(of: .destination), engine)
        conv2Descriptor = try .convolutionForward(
            source: conv1Output.descriptor, weights: MemoryDescriptor(shapes[2], layout: .any),
            bias: MemoryDescriptor(shapes[3]),
            destination: MemoryDescriptor([rows, 64, height - 4, width - 4], layout: .any), engine)
        conv2Output = try Memory(conv2Descriptor.descriptor(of: .destination), engine)
        poolDescriptor = try .maximumPoolingForward(
            source: conv2Output.descriptor,
            destination: MemoryDescriptor([rows] + pooledShape, layout: .any), engine)
        pooled = try Memory(poolDescriptor.descriptor(of: .destination), engine)
        poolWorkspace = try Memory(poolDescriptor.descriptor(of: .workspace), engine)
        poolLayout = try pooled.descriptor.channelLayout()
        fc1Descriptor = try .denseForward(
            source: pooled.descriptor,
            weights: MemoryDescriptor([features] + pooledShape, layout: .any),
            bias: MemoryDescriptor(shapes[5]), destination: MemoryDescriptor([rows, features]),
            relu: true, engine)
        hidden = try Memory(fc1Descriptor.descriptor(of: .destination), engine)
        fc2Descriptor = try .denseForward(
            source: hidden.descriptor, weights: MemoryDescriptor(shapes[6], layout: .any),
            bias: MemoryDescriptor(shapes[7]),
            destination: MemoryDescriptor([rows, configuration.classCount]), relu: false, engine)
        logits = try Memory(fc2Descriptor.descriptor(of: .destination), engine)

        let weights1 = try Memory(conv1Descriptor.descriptor(of: .weights), engine)
        let bias1 = try Memory(conv1Descriptor.descriptor(of: .bias), engine)
        let weights2 = try Memory(conv2Descriptor.descriptor(of: .weights), engine)
        let bias2 = try Memory(conv2Descriptor.descriptor(of: .bias), engine)
        let weights3 = try Memory(fc1Descriptor.descriptor(of: .weights), engine)
        let bias3 = try Memory(fc1Descriptor.descriptor(of: .bias), engine)
        let weights4 = try Memory(fc2Descriptor.descriptor(of: .weights), engine)
        let bias4 = try Memory(fc2Descriptor.descriptor(of: .bias), engine)
        parameters = [weights1, bias1, weights2, bias2, weights3, bias3, weights4, bias4]

        conv1 = try Primitive(
            conv1Descriptor,
            [.source: input, .weights: weights1, .bias: bias1, .destination: conv1Output])
        conv2 = try Primitive(
            conv2Descriptor,
            [.source: conv1Output, .weights: weights2, .bias: bias2, .destination: conv2Output])
        pool = try Primitive(
            poolDescriptor,
            [.source: conv2Output, .destination: pooled, .workspace: poolWorkspace])
        fc1 = try Primitive(
            fc1Descriptor,
            [.source: pooled, .weights: weights3, .bias: bias3, .destination: hidden])
        fc2 = try Primitive(
            fc2Descriptor,
            [.source: hidden, .weights: weights4, .bias: bias4, .destination: logits])
    }

    /// From `input` to `pooled`.
    func convolve() throws(OneDNNError) {
        try conv1.execute()
        try conv2.execute()
        try pool.execute()
    }

    /// From `pooled` to `hidden`.
    func computeHidden() throws(OneDNNError) {
        try fc1.execute()
    }

    /// From `hidden` to `logits`.
    func computeLogits() throws(OneDNNError) {
        try fc2.execute()
    }
}
