import CBackboneKernels
import OneDNN

/// The heavy products forwards in oneDNN, in numbers that may be narrower than `Float`: the second
/// convolution and the large dense layer.
///
/// Sums are fp32, and so is all that lies between the products: pixels, the first convolution,
/// pooled values and weights, of which copies are rounded here.
final class LibraryForward {
    let number: ElementType
    /// `[row, 32, height - 2, width - 2]`, channels last, after ReLU.
    let outputs1: Memory
    /// `[row, 64, height - 4, width - 4]`, channels last, before ReLU; backwards its gradient.
    let outputs2: Memory
    /// The pooled values, rounded: `[row, input]`.
    let flattened: Memory
    /// The large dense layer's weights, rounded: `[input, 256]`.
    let denseWeights: Memory
    /// The master weights have changed since their copies were made.
    var weightsAreStale = true

    let convolutionDescriptor: PrimitiveDescriptor

    private let pooled: Memory
    private let masterWeights: Memory
    private let convolution: Primitive
    private let dense: Primitive
    /// `dense` on one thread, whose results no number of threads changes.
    private let denseAlone: Primitive
    private let engine: Engine
    private let weights2Copy: Relayout
    private let scratch: Memory
    private let threadCount: Int32

    /// - Parameters:
    ///   - pooled: `[row, 64, height, width]`, channels last.
    ///   - hidden: `[row, 256]`.
    ///   - parameters: in the order of `BackboneWeights.tensors`.
    init(
        _ configuration: BackboneConfiguration, _ engine: Engine, pooled: Memory, hidden: Memory,
        parameters: [Memory]
    ) throws(OneDNNError) {
        number = configuration.precision == .bf16 ? .bfloat16 : .float32
        self.pooled = pooled
        self.engine = engine
        threadCount = Int32(configuration.threadCount)
        let rows = configuration.batchSize
        let (height, width) = (configuration.height, configuration.width)
        outputs1 = try Memory(
            MemoryDescriptor(
                [rows, 32, height - 2, width - 2], layout: .channelsLast, of: number), engine)
        outputs2 = try Memory(
            MemoryDescriptor(
                [rows, 64, height - 4, width - 4], layout: .channelsLast, of: number), engine)
        let inputs = pooled.count / rows
        let features = BackboneConfiguration.featureCount
        flattened = try Memory(MemoryDescriptor([rows, inputs], of: number), engine)
        denseWeights = try Memory(MemoryDescriptor([inputs, features], of: number), engine)
        masterWeights = parameters[4]
        convolutionDescriptor = try .convolutionForward(
            source: outputs1.descriptor,
            weights: MemoryDescriptor(
                parameters[2].descriptor.dimensions, layout: .any, of: number),
            bias: parameters[3].descriptor, destination: outputs2.descriptor, engine)
        let weights2 = try Memory(convolutionDescriptor.descriptor(of: .weights), engine)
        weights2Copy = try Relayout(parameters[2], into: weights2, engine)
        convolution = try Primitive(
            convolutionDescriptor,
            [
                .source: outputs1, .weights: weights2, .bias: parameters[3],
                .destination: outputs2,
            ])
        let bias = try Memory(viewing: parameters[5], as: MemoryDescriptor([1, features]))
        let (flattened, denseWeights) = (flattened, denseWeights)
        func makeDense() throws(OneDNNError) -> Primitive {
            try Primitive(
                .product(
                    source: flattened.descriptor, weights: denseWeights.descriptor,
                    bias: bias.descriptor, destination: hidden.descriptor, relu: true, engine),
                [.source: flattened, .weights: denseWeights, .bias: bias, .destination: hidden])
        }
        dense = try makeDense()
        denseAlone = try engine.onOneThread(makeDense)
        let scratchCount = backbone_narrow_scratch_count(
            configuration.channelCount, height, width, threadCount)
        scratch = try Memory(MemoryDescriptor([scratchCount]), engine)
    }

    /// What the kernels call the numbers.
    var kernelNumber: backbone_number {
        number == .bfloat16 ? backbone_number_bf16 : backbone_number_fp32
    }

    /// The convolutional half as the kernels see it, in memories that this object retains.
    ///
    /// - Parameter gradients1: shaped like `outputs1`; what only the way back looks at.
    @unsafe
    func narrow(_ net: backbone_convolutions, gradients1: Memory) -> backbone_narrow {
        unsafe backbone_narrow(
            net: net, number: kernelNumber, outputs1: outputs1.elements,
            outputs2: outputs2.elements, gradients1: gradients1.elements, scratch: scratch.floats)
    }

    /// From the input of `net` to its pooled values.
    func convolve(_ net: backbone_convolutions) throws(OneDNNError) {
        if weightsAreStale {
            try weights2Copy.execute()
            unsafe backbone_narrow_copy(
                masterWeights.floats, denseWeights.elements, kernelNumber, masterWeights.count,
                threadCount)
            weightsAreStale = false
        }
        var narrow = unsafe narrow(net, gradients1: outputs1)
        unsafe backbone_narrow_first(&narrow, threadCount)
        try convolution.execute()
        unsafe backbone_narrow_pool(&narrow, threadCount)
    }

    /// From the pooled values to the hidden ones, while training.
    func computeHidden() throws(OneDNNError) {
        flatten()
        try dense.execute()
    }

    /// From the pooled values to the hidden ones, the same bits with any number of threads.
    func computeFeatures() throws(OneDNNError) {
        flatten()
        try engine.onOneThread { () throws(OneDNNError) in try denseAlone.execute() }
    }

    private func flatten() {
        unsafe backbone_narrow_copy(
            pooled.floats, flattened.elements, kernelNumber, pooled.count, threadCount)
    }
}
