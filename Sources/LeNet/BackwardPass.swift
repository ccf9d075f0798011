import CBackboneKernels
import OneDNN

/// The network backwards: from the gradient of the logits to the gradients of all weights.
///
/// Gradients have their weights' layouts, so that the update may ignore layouts.
final class BackwardPass {
    let logitsGradient: Memory
    let hiddenGradient: Memory
    let pooledGradient: Memory
    /// In the order of `BackboneWeights.tensors`.
    let gradients: [Memory]

    private let forward: ForwardPass
    private let fc2Weights: Primitive
    private let fc2Data: Primitive
    private let fc1Data: Primitive
    private let library: LibraryBackward?
    private let denseScratch: Memory
    private let configuration: BackboneConfiguration

    init(
        _ forward: ForwardPass, _ configuration: BackboneConfiguration
    ) throws(OneDNNError) {
        self.forward = forward
        self.configuration = configuration
        let engine = forward.engine
        var gradients: [Memory] = []
        for parameter in forward.parameters {
            gradients.append(try Memory(parameter.descriptor, engine))
        }
        self.gradients = gradients
        logitsGradient = try Memory(forward.logits.descriptor, engine)
        hiddenGradient = try Memory(forward.hidden.descriptor, engine)
        pooledGradient = try Memory(forward.pooled.descriptor, engine)

        fc2Weights = try Self.denseWeights(
            forward.hidden, logitsGradient, gradients[6], gradients[7], forward.fc2Descriptor)
        fc2Data = try Self.denseData(
            hiddenGradient, logitsGradient, forward.parameters[6], forward.fc2Descriptor)
        fc1Data = try Self.denseData(
            pooledGradient, hiddenGradient, forward.parameters[4], forward.fc1Descriptor)
        let scratchCount = backbone_dense_scratch_count(
            configuration.batchSize, BackboneConfiguration.featureCount,
            Int32(configuration.threadCount))
        denseScratch = try Memory(MemoryDescriptor([scratchCount]), engine)
        library =
            if let products = forward.library {
                try LibraryBackward(
                    products, configuration, engine, hiddenGradient: hiddenGradient,
                    pooledGradient: pooledGradient, parameters: forward.parameters,
                    gradients: gradients)
            } else { nil }
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
    ///
    /// The gradient of the large weights between them is left to `computeFc1Gradient()` or, never
    /// stored, to the update.
    func throughHidden() throws(OneDNNError) {
        if let library { return try library.throughHidden() }
        try fc1Data.execute()
    }

    /// The dense layer between `pooled` and `hidden`, in memories that this object retains.
    @unsafe
    var fc1: backbone_dense {
        unsafe backbone_dense(
            row_count: configuration.batchSize,
            input_count: forward.pooled.count / configuration.batchSize,
            output_count: BackboneConfiguration.featureCount, sources: forward.pooled.floats,
            gradients: hiddenGradient.floats, bias_gradients: gradients[5].floats,
            scratch: denseScratch.floats)
    }

    /// From `hiddenGradient` to the gradients of fc1's weights and bias.
    func computeFc1Gradient() {
        var layer = unsafe fc1
        unsafe backbone_dense_gradients(
            &layer, gradients[4].floats, Int32(configuration.threadCount))
    }

    /// From `pooledGradient` of the first rows, the others having none, to the first weights.
    ///
    /// - Parameter scale: of the dropout after pooling.
    func throughConvolutions(rowCount: Int, scale: Float) throws(OneDNNError) {
        var net = unsafe forward.convolutions
        if let library { return try unsafe library.throughConvolutions(net, scale: scale) }
        var passed = unsafe backbone_convolution_gradients(
            pooled: pooledGradient.floats, scale: scale, row_count: rowCount,
            weights1: gradients[0].floats, bias1: gradients[1].floats,
            weights2: gradients[2].floats, bias2: gradients[3].floats)
        unsafe backbone_convolutions_backward(
            &net, &passed, Int32(configuration.threadCount))
    }
}
