import CBackboneKernels
import OneDNN

/// The network forwards: one minibatch from pixels to logits.
///
/// The convolutional half is our own code, the dense half oneDNN's. Activations lie with their
/// channels last, weights with their outputs last; nothing is copied into another layout in a
/// step. In another precision than our own `fp32` the heavy products are `library`'s.
final class ForwardPass {
    let engine: Engine

    // input: [row, channel, height, width], plain; hidden: [row, 256]; logits: [row, class]
    let input: Memory
    let conv1Output: Memory
    let pooled: Memory
    /// One byte each, in memory that counts in floats: where in its square a pooled value was.
    let poolChoices: Memory
    let hidden: Memory
    let logits: Memory
    /// In the order of `BackboneWeights.tensors`.
    let parameters: [Memory]

    let fc1Descriptor: PrimitiveDescriptor
    let fc2Descriptor: PrimitiveDescriptor

    /// Computes the heavy products unless the precision is our own `fp32`.
    let library: LibraryForward?

    private let configuration: BackboneConfiguration
    private let scratch: Memory
    private let fc1: Primitive
    /// `fc1` on one thread, whose results no number of threads changes.
    private let fc1Alone: Primitive
    private let fc2: Primitive

    init(_ configuration: BackboneConfiguration, _ engine: Engine) throws(OneDNNError) {
        self.configuration = configuration
        self.engine = engine
        let rows = configuration.batchSize
        let (height, width) = (configuration.height, configuration.width)
        let pooledShape = [64, configuration.pooledHeight, configuration.pooledWidth]
        let features = BackboneConfiguration.featureCount
        let shapes = configuration.weightShapes

        input = try Memory(
            MemoryDescriptor([rows, configuration.channelCount, height, width]), engine)
        let isOwn = configuration.precision == .fp32
        conv1Output = try Memory(
            MemoryDescriptor(
                [isOwn ? rows : 1, 32, height - 2, width - 2], layout: .channelsLast), engine)
        pooled = try Memory(
            MemoryDescriptor([rows] + pooledShape, layout: .channelsLast), engine)
        poolChoices = try Memory(MemoryDescriptor([(pooled.count + 3) / 4]), engine)
        let pooledDescriptor = pooled.descriptor
        func describeFC1() throws(OneDNNError) -> PrimitiveDescriptor {
            try .denseForward(
                source: pooledDescriptor,
                weights: MemoryDescriptor([features] + pooledShape, layout: .outputsLast),
                bias: MemoryDescriptor(shapes[5]),
                destination: MemoryDescriptor([rows, features]), relu: true, engine)
        }
        fc1Descriptor = try describeFC1()
        hidden = try Memory(fc1Descriptor.descriptor(of: .destination), engine)
        fc2Descriptor = try .denseForward(
            source: hidden.descriptor, weights: MemoryDescriptor(shapes[6], layout: .any),
            bias: MemoryDescriptor(shapes[7]),
            destination: MemoryDescriptor([rows, configuration.classCount]), relu: false, engine)
        logits = try Memory(fc2Descriptor.descriptor(of: .destination), engine)

        let weights1 = try Memory(MemoryDescriptor(shapes[0], layout: .outputsLast), engine)
        let bias1 = try Memory(MemoryDescriptor(shapes[1]), engine)
        let weights2 = try Memory(MemoryDescriptor(shapes[2], layout: .outputsLast), engine)
        let bias2 = try Memory(MemoryDescriptor(shapes[3]), engine)
        let weights3 = try Memory(fc1Descriptor.descriptor(of: .weights), engine)
        let bias3 = try Memory(fc1Descriptor.descriptor(of: .bias), engine)
        let weights4 = try Memory(fc2Descriptor.descriptor(of: .weights), engine)
        let bias4 = try Memory(fc2Descriptor.descriptor(of: .bias), engine)
        parameters = [weights1, bias1, weights2, bias2, weights3, bias3, weights4, bias4]

        let scratchCount =
            isOwn
            ? backbone_convolution_scratch_count(
                configuration.channelCount, height, width, Int32(configuration.threadCount)) : 1
        scratch = try Memory(MemoryDescriptor([scratchCount]), engine)
        let fc1Bindings: KeyValuePairs<Argument, Memory> = [
            .source: pooled, .weights: weights3, .bias: bias3, .destination: hidden,
        ]
        fc1 = try Primitive(fc1Descriptor, fc1Bindings)
        fc1Alone = try engine.onOneThread { () throws(OneDNNError) in
            try Primitive(describeFC1(), fc1Bindings)
        }
        fc2 = try Primitive(
            fc2Descriptor,
            [.source: hidden, .weights: weights4, .bias: bias4, .destination: logits])
        library =
            isOwn
            ? nil
            : try LibraryForward(
                configuration, engine, pooled: pooled, hidden: hidden, parameters: parameters)
    }

    /// From `input` to `pooled`, of the first `rowCount` rows at least; nil: of all.
    ///
    /// A row's values depend on that row alone. Those of rows left out stay as they were.
    func convolve(rowCount: Int? = nil) throws(OneDNNError) {
        if let library { return try unsafe library.convolve(convolutions) }
        var net = unsafe convolutions
        if let rowCount { unsafe net.row_count = rowCount }
        unsafe backbone_convolutions_forward(&net, Int32(configuration.threadCount))
    }

    /// From `pooled` to `hidden`, while training.
    func computeHidden() throws(OneDNNError) {
        if let library { return try library.computeHidden() }
        try fc1.execute()
    }

    /// From `pooled` to `hidden`, the same bits with any number of threads.
    func computeFeatures() throws(OneDNNError) {
        if let library { return try library.computeFeatures() }
        try engine.onOneThread { () throws(OneDNNError) in try fc1Alone.execute() }
    }

    /// From `hidden` to `logits`.
    func computeLogits() throws(OneDNNError) {
        try fc2.execute()
    }

    /// The convolutional half as the kernels see it, in memories that this object retains.
    @unsafe
    var convolutions: backbone_convolutions {
        let choices = unsafe UnsafeMutableRawPointer(poolChoices.floats)
        return unsafe backbone_convolutions(
            row_count: configuration.batchSize, channel_count: configuration.channelCount,
            height: configuration.height, width: configuration.width, input: input.floats,
            weights1: parameters[0].floats, bias1: parameters[1].floats,
            weights2: parameters[2].floats, bias2: parameters[3].floats,
            outputs1: conv1Output.floats, pooled: pooled.floats,
            choices: choices.assumingMemoryBound(to: UInt8.self), scratch: scratch.floats)
    }
}
