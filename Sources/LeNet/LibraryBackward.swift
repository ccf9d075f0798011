import CBackboneKernels
import OneDNN

/// The heavy products backwards, as `LibraryForward` is forwards.
///
/// The large dense layer's weights have their gradient from our own kernel, in fp32, since the
/// update follows block by block.
final class LibraryBackward {
    private let forward: LibraryForward
    private let hiddenGradient: Memory
    private let narrowHiddenGradient: Memory
    private let pooledGradient: Memory
    private let gradients1: Memory
    private let weights1Gradient: Memory
    private let bias1Gradient: Memory

    private let denseData: Primitive
    private let convolutionWeights: Primitive
    private let convolutionData: Primitive
    private let weights2Copy: Relayout
    private let weights2Gradient: Relayout
    private let threadCount: Int32

    /// - Parameters:
    ///   - hiddenGradient: `[row, 256]`.
    ///   - pooledGradient: `[row, 64, height, width]`, channels last.
    ///   - parameters: in the order of `BackboneWeights.tensors`, like `gradients`.
    init(
        _ forward: LibraryForward, _ configuration: BackboneConfiguration, _ engine: Engine,
        hiddenGradient: Memory, pooledGradient: Memory, parameters: [Memory], gradients: [Memory]
    ) throws(OneDNNError) {
        self.forward = forward
        self.hiddenGradient = hiddenGradient
        self.pooledGradient = pooledGradient
        threadCount = Int32(configuration.threadCount)
        let number = forward.number
        narrowHiddenGradient = try Memory(
            MemoryDescriptor(hiddenGradient.descriptor.dimensions, of: number), engine)
        gradients1 = try Memory(forward.outputs1.descriptor, engine)
        weights1Gradient = gradients[0]
        bias1Gradient = gradients[1]

        // The weights are the forward pass's, read the other way round.
        let shape = forward.denseWeights.descriptor.dimensions
        let transposed = try Memory(
            viewing: forward.denseWeights,
            as: MemoryDescriptor([shape[1], shape[0]], layout: .transposed, of: number))
        let flatGradient = try Memory(
            viewing: pooledGradient, as: MemoryDescriptor([configuration.batchSize, shape[0]]))
        denseData = try Primitive(
            .product(
                source: narrowHiddenGradient.descriptor, weights: transposed.descriptor,
                destination: flatGradient.descriptor, engine),
            [.source: narrowHiddenGradient, .weights: transposed, .destination: flatGradient])

        let weightsDescriptor = try PrimitiveDescriptor.convolutionBackwardWeights(
            source: forward.outputs1.descriptor,
            weights: MemoryDescriptor(parameters[2].descriptor.dimensions, layout: .any),
            bias: gradients[3].descriptor, destination: forward.outputs2.descriptor,
            of: forward.convolutionDescriptor)
        let sums = try Memory(weightsDescriptor.descriptor(of: .weightsGradient), engine)
        weights2Gradient = try Relayout(sums, into: gradients[2], engine)
        convolutionWeights = try Primitive(
            weightsDescriptor,
            [
                .source: forward.outputs1, .destinationGradient: forward.outputs2,
                .weightsGradient: sums, .biasGradient: gradients[3],
            ])

        let dataDescriptor = try PrimitiveDescriptor.convolutionBackwardData(
            source: gradients1.descriptor,
            weights: MemoryDescriptor(
                parameters[2].descriptor.dimensions, layout: .any, of: number),
            destination: forward.outputs2.descriptor, of: forward.convolutionDescriptor)
        let weights2 = try Memory(dataDescriptor.descriptor(of: .weights), engine)
        weights2Copy = try Relayout(parameters[2], into: weights2, engine)
        convolutionData = try Primitive(
            dataDescriptor,
            [
                .sourceGradient: gradients1, .destinationGradient: forward.outputs2,
                .weights: weights2,
            ])
    }

    /// From the hidden values' gradient to the pooled ones'.
    func throughHidden() throws(OneDNNError) {
        unsafe backbone_narrow_copy(
            hiddenGradient.floats, narrowHiddenGradient.elements, forward.kernelNumber,
            hiddenGradient.count, threadCount)
        try denseData.execute()
    }

    /// From the pooled values' gradient, all rows', to the first weights.
    ///
    /// - Parameter scale: of the dropout after pooling.
    func throughConvolutions(_ net: backbone_convolutions, scale: Float) throws(OneDNNError) {
        try weights2Copy.execute()
        var narrow = unsafe forward.narrow(net, gradients1: gradients1)
        unsafe backbone_narrow_unpool(&narrow, pooledGradient.floats, scale, threadCount)
        try convolutionWeights.execute()
        try weights2Gradient.execute()
        try convolutionData.execute()
        unsafe backbone_narrow_first_back(
            &narrow, weights1Gradient.floats, bias1Gradient.floats, threadCount)
    }
}
