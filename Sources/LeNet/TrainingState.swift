import CBackboneKernels
import OneDNN

/// What training needs beside the forward pass: the way backwards, Adadelta's memory, and one
/// minibatch's rows and losses.
@safe
final class TrainingState {
    let backward: BackwardPass
    let squaredGradients: [Memory]
    let squaredUpdates: [Memory]

    /// Capacity for one minibatch, so that a step allocates nothing.
    var rows: [UInt32] = []
    var labels: [Int32] = []
    var losses: [Float]
    var hits: [UInt8]

    // Pointers into memories that this object and the forward pass retain.
    private let segments: [backbone_parameter]
    private let fc1Weights: backbone_parameter
    private let forward: ForwardPass

    init(
        _ forward: ForwardPass, _ configuration: BackboneConfiguration
    ) throws(OneDNNError) {
        self.forward = forward
        let backward = try BackwardPass(forward, configuration)
        var gradientMeans: [Memory] = []
        var updateMeans: [Memory] = []
        var segments: [backbone_parameter] = unsafe []
        for (weights, gradient) in zip(forward.parameters, backward.gradients) {
            let gradientMean = try Memory(weights.descriptor, forward.engine)
            let updateMean = try Memory(weights.descriptor, forward.engine)
            gradientMeans.append(gradientMean)
            updateMeans.append(updateMean)
            unsafe segments.append(
                backbone_parameter(
                    weights: weights.floats, gradients: gradient.floats,
                    squared_gradients: gradientMean.floats, squared_updates: updateMean.floats,
                    count: weights.count))
        }
        self.backward = backward
        squaredGradients = gradientMeans
        squaredUpdates = updateMeans
        unsafe fc1Weights = segments.remove(at: 4)
        unsafe self.segments = segments
        let batchSize = configuration.batchSize
        rows.reserveCapacity(batchSize)
        labels.reserveCapacity(batchSize)
        losses = [Float](repeating: 0, count: batchSize)
        hits = [UInt8](repeating: 0, count: batchSize)
    }

    /// One step of Adadelta for all weights; fc1's gradient is computed on the way.
    func update(_ configuration: BackboneConfiguration) {
        let threads = Int32(configuration.threadCount)
        var rates = backbone_adadelta_rates(
            learning_rate: configuration.learningRate, rho: configuration.rho,
            epsilon: configuration.epsilon)
        var layer = unsafe backward.fc1
        var weights = unsafe fc1Weights
        unsafe backbone_dense_update(&layer, &weights, &rates, threads)
        unsafe segments.withUnsafeBufferPointer { list in
            guard let start = list.baseAddress else { return }
            unsafe backbone_adadelta(start, list.count, &rates, threads)
        }
        forward.library?.weightsAreStale = true
    }
}
