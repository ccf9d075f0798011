import CHeadKernels
import Heads
import Numerics

/// The heads of a bundle while they train: weights, averages and gradients in one block of memory.
///
/// Used by the one thread that trains the bundle.
@safe
final class HeadStates {
    private let orders: [ClassOrder]
    private let featureCount: Int
    private let paddedFeatureCount: Int
    private let variant: KernelVariant
    private let arena: FloatBuffer
    private let classes: UnsafeMutableBufferPointer<UInt16>
    private let states: UnsafeMutableBufferPointer<head_state>
    private let classWeights: FloatBuffer

    /// - Parameter orders: the classes of every head, in whose order its values lie.
    /// - Parameter classWeights: what a row of each class weighs, by head and position; nil where all
    ///   weigh the same.
    init(
        orders: [ClassOrder], classWeights: [[Double]]?, featureCount: Int, paddedFeatureCount: Int,
        variant: KernelVariant
    ) {
        self.orders = orders
        self.featureCount = featureCount
        self.paddedFeatureCount = paddedFeatureCount
        self.variant = variant
        let counts = orders.map(\.classes.count)
        let sizes = counts.map { Self.floatCount(classCount: $0, featureCount: paddedFeatureCount) }
        let logitCount = (counts.max() ?? 0) * Int(HEAD_TILE_ROWS)
        arena = FloatBuffer(count: logitCount + sizes.reduce(0, +))
        unsafe classes = .allocate(capacity: max(1, counts.reduce(0, +)))
        unsafe states = .allocate(capacity: max(1, orders.count))
        self.classWeights = FloatBuffer(count: classWeights?.joined().count ?? 0)
        unsafe arena.withUnsafeMutableBufferPointer { memory in
            // All heads are trained by one thread, one after the other: they share the logits.
            guard let logits = memory.baseAddress, var list = unsafe classes.baseAddress else {
                return
            }
            var next = unsafe logits + logitCount
            for (index, order) in orders.enumerated() {
                for (position, member) in order.classes.enumerated() {
                    unsafe list[position] = UInt16(member)
                }
                var state = unsafe Self.layOut(
                    at: next, classes: list, classCount: counts[index],
                    featureCount: paddedFeatureCount)
                unsafe state.logits = logits
                unsafe states.initializeElement(at: index, to: state)
                unsafe next += sizes[index]
                unsafe list += counts[index]
            }
        }
        if let classWeights { setClassWeights(classWeights) }
    }

    /// Lets every head look at its own part of one list.
    private func setClassWeights(_ weights: [[Double]]) {
        unsafe classWeights.withUnsafeMutableBufferPointer { memory in
            guard var next = memory.baseAddress else { return }
            for (index, values) in weights.enumerated() {
                unsafe states[index].class_weights = UnsafePointer(next)
                for value in values {
                    unsafe next.pointee = Float(value)
                    unsafe next += 1
                }
            }
        }
    }

    deinit {
        unsafe classes.deallocate()
        unsafe states.deallocate()
    }

    /// Floats of one head: three matrices of k rows and two of k - 1, and as many biases, each
    /// kind of bias in whole lanes so that every matrix starts on a 64-byte boundary.
    private static func floatCount(classCount: Int, featureCount: Int) -> Int {
        (5 * classCount - 2) * featureCount + 5 * biasCount(classCount)
    }

    private static func biasCount(_ classCount: Int) -> Int {
        (classCount + 15) / 16 * 16
    }

    private static func layOut(
        at start: UnsafeMutablePointer<Float>, classes: UnsafePointer<UInt16>, classCount: Int,
        featureCount: Int
    ) -> head_state {
        let matrix = classCount * featureCount
        let smaller = matrix - featureCount
        let bias = biasCount(classCount)
        let biases = unsafe start + 3 * matrix + 2 * smaller
        var state = unsafe head_state()
        unsafe state.class_count = UInt32(classCount)
        unsafe state.feature_count = UInt32(featureCount)
        unsafe state.classes = classes
        unsafe state.weights = start
        unsafe state.squared_gradients = start + matrix
        unsafe state.squared_updates = start + 2 * matrix
        unsafe state.differences = start + 3 * matrix
        unsafe state.gradients = start + 3 * matrix + smaller
        unsafe state.biases = biases
        unsafe state.bias_squared_gradients = biases + bias
        unsafe state.bias_squared_updates = biases + 2 * bias
        unsafe state.bias_differences = biases + 3 * bias
        unsafe state.bias_gradients = biases + 4 * bias
        return unsafe state
    }

    /// Sets a head's weights by (position of the class in the head, feature).
    func setWeights(_ index: Int, _ value: (Int, Int) -> Float) {
        let state = unsafe states[index]
        for position in 0..<Int(unsafe state.class_count) {
            for feature in 0..<featureCount {
                unsafe state.weights[position * paddedFeatureCount + feature] =
                    value(position, feature)
            }
        }
    }

    /// Sets a head's biases, by position of the class in the head.
    func setBiases(_ index: Int, _ values: [Float]) {
        let state = unsafe states[index]
        for (position, value) in values.enumerated() {
            unsafe state.biases[position] = value
        }
    }

    /// Makes a head ready to train from the weights it has.
    func begin(_ index: Int) {
        guard let state = unsafe states.baseAddress else { return }
        unsafe head_kernel_variant_at(variant.index).pointee.begin(state + index)
    }

    /// Trains every head on its rows of a window.
    func consume(_ window: StreamWindow, _ hyperparameters: HeadHyperparameters) {
        var parameters = Self.parameters(hyperparameters)
        let kernels = unsafe head_kernel_variant_at(variant.index)
        unsafe withUnsafeTemporaryAllocation(
            of: UInt16.self, capacity: window.rowCount + 2 * Int(HEAD_PENDING_MAX)
        ) {
            scratch in
            unsafe window.withWindow { window in
                unsafe kernels?.pointee.consume_window(
                    states.baseAddress, states.count, &parameters, window, scratch.baseAddress)
            }
        }
    }

    /// Applies the last, smaller minibatch of an epoch to every head.
    func endEpoch(_ window: StreamWindow, _ hyperparameters: HeadHyperparameters) {
        var parameters = Self.parameters(hyperparameters)
        let kernels = unsafe head_kernel_variant_at(variant.index)
        unsafe window.withWindow { window in
            unsafe kernels?.pointee.end_epoch(
                states.baseAddress, states.count, &parameters, window.pointee.buffer,
                window.pointee.labels)
        }
    }

    private static func parameters(_ values: HeadHyperparameters) -> head_parameters {
        head_parameters(
            learning_rate: values.learningRate, rho: values.rho, epsilon: values.epsilon,
            batch_size: UInt32(values.batchSize))
    }

    /// The weights as they are now, without padding, classes by ascending index.
    func head(_ index: Int, classes: ClassSet) -> Head {
        let state = unsafe states[index]
        let positions = orders[index].positions
        var weights = Matrix(rowCount: positions.count, columnCount: featureCount)
        for (row, position) in positions.enumerated() {
            for feature in 0..<featureCount {
                weights.values[row * featureCount + feature] =
                    unsafe state.weights[position * paddedFeatureCount + feature]
            }
        }
        let biases = positions.map { unsafe state.biases[$0] }
        return Head(classes: classes, weights: weights, biases: biases)
    }
}
