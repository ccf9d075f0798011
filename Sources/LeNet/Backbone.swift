package import Numerics
import OneDNN

/// LeNet: two convolutions, pooling and two dense layers, trained and then used for its features.
///
/// Convolution 32 3x3, ReLU, convolution 64 3x3, ReLU, 2x2 maximum pooling, dropout, dense 256,
/// ReLU, dropout, dense to the classes, softmax; no padding. What training gives depends to the bit
/// on the configuration, its threads among it, the data, the type of processor and oneDNN's version;
/// the features of given weights depend neither on threads nor on the size of minibatches. An
/// instance is used by one thread at a time, though not always the same one.
package final class Backbone {
    /// What it was made with.
    package let configuration: BackboneConfiguration

    /// The version of oneDNN, on which the backbone's bits depend besides CPU type and threads.
    package static var libraryVersion: String { Engine.libraryVersion }
    let engine: Engine
    let forward: ForwardPass
    /// Made by the first training step; a backbone that only computes features has none.
    var training: TrainingState?

    /// A fresh backbone, Glorot-uniform by the configuration's seed.
    package convenience init(_ configuration: BackboneConfiguration) throws(BackboneError) {
        try self.init(configuration, weights: .glorotUniform(configuration))
    }

    /// A backbone with given weights, and nothing yet in Adadelta's memory.
    package init(
        _ configuration: BackboneConfiguration, weights: BackboneWeights
    ) throws(BackboneError) {
        try configuration.check()
        guard configuration.precision.isAvailable else {
            throw .invalidConfiguration(
                "this processor has no bf16 instructions; use the precision fp32")
        }
        try weights.check(configuration)
        self.configuration = configuration
        let (engine, forward) = try BackboneError.wrapping {
            () throws(OneDNNError) -> (Engine, ForwardPass) in
            let engine = try Engine(threadCount: configuration.threadCount)
            return (engine, try ForwardPass(configuration, engine))
        }
        self.engine = engine
        self.forward = forward
        try load(weights, into: forward.parameters)
    }

    /// A backbone that goes on training where another stopped.
    package convenience init(
        _ configuration: BackboneConfiguration, checkpoint: BackboneCheckpoint
    ) throws(BackboneError) {
        try self.init(configuration, weights: checkpoint.weights)
        try checkpoint.squaredGradients.check(configuration)
        try checkpoint.squaredUpdates.check(configuration)
        let training = try preparedTraining()
        try load(checkpoint.squaredGradients, into: training.squaredGradients)
        try load(checkpoint.squaredUpdates, into: training.squaredUpdates)
    }

    /// Rows whose features are computed at once; a backbone with minibatches of as many needs no other.
    package static let featureRowCount = 64

    /// The weights as they are now.
    package func weights() throws(BackboneError) -> BackboneWeights {
        try store(forward.parameters)
    }

    /// The weights and Adadelta's memory as they are now.
    package func checkpoint() throws(BackboneError) -> BackboneCheckpoint {
        let training = try preparedTraining()
        return BackboneCheckpoint(
            weights: try weights(), squaredGradients: try store(training.squaredGradients),
            squaredUpdates: try store(training.squaredUpdates))
    }

    /// The dense layer's outputs after ReLU, without dropout, for every image: `[sample, 256]`.
    ///
    /// Their bits depend neither on the number of threads nor on the size of minibatches, which both
    /// change the order of sums in the library's dense layer: it is always asked for
    /// ``featureRowCount`` rows, on one thread.
    ///
    /// - Parameters:
    ///   - pixels: `[sample, channel, row, column]`, bytes.
    ///   - onMinibatch: called with the number of rows done after each minibatch; what it throws
    ///     ends the computation.
    /// - Throws: `BackboneError.invalidData` unless `pixels` are whole images; and what
    ///   `onMinibatch` throws.
    package func features(
        pixels: [UInt8], onMinibatch: (Int) throws -> Void = { _ in }
    ) throws -> Matrix {
        guard configuration.batchSize == Self.featureRowCount else {
            var configuration = configuration
            configuration.batchSize = Self.featureRowCount
            let other = try Backbone(configuration, weights: weights())
            return try other.features(pixels: pixels, onMinibatch: onMinibatch)
        }
        let rowCount = try configuration.rowCount(pixels: pixels)
        let width = BackboneConfiguration.featureCount
        engine.adoptCurrentThread()
        var values: [Float] = []
        values.reserveCapacity(rowCount * width)
        for first in stride(from: 0, to: rowCount, by: configuration.batchSize) {
            let rows = Array(first..<min(first + configuration.batchSize, rowCount))
            loadInput(pixels, rows: rows.map { UInt32($0) })
            try BackboneError.wrapping { () throws(OneDNNError) in
                try forward.convolve(rowCount: rows.count)
                try forward.computeFeatures()
            }
            let hidden = unsafe UnsafeBufferPointer(
                start: forward.hidden.floats, count: rows.count * width)
            unsafe values.append(contentsOf: hidden)
            try onMinibatch(first + rows.count)
        }
        return Matrix(rowCount: rowCount, columnCount: width, values: values)
    }

    /// Fills the memories from row-major weights.
    private func load(
        _ weights: BackboneWeights, into memories: [Memory]
    ) throws(BackboneError) {
        engine.adoptCurrentThread()
        for (tensor, memory) in zip(weights.tensors, memories) {
            try BackboneError.wrapping { () throws(OneDNNError) in
                try Relayout.load(
                    tensor.values, shape: memory.descriptor.dimensions, into: memory, engine)
            }
        }
        forward.library?.weightsAreStale = true
    }

    /// The row-major weights in the memories.
    func store(_ memories: [Memory]) throws(BackboneError) -> BackboneWeights {
        engine.adoptCurrentThread()
        var tensors: [BackboneTensor] = []
        for (shape, memory) in zip(configuration.weightShapes, memories) {
            let values = try BackboneError.wrapping { () throws(OneDNNError) in
                try Relayout.values(of: memory, shape: memory.descriptor.dimensions, engine)
            }
            tensors.append(BackboneTensor(shape: shape, values: values))
        }
        return BackboneWeights(tensors: tensors)
    }

    /// Adadelta's memory and the way backwards, made when first needed.
    func preparedTraining() throws(BackboneError) -> TrainingState {
        if let training { return training }
        engine.adoptCurrentThread()
        let made = try BackboneError.wrapping { () throws(OneDNNError) in
            try TrainingState(forward, configuration)
        }
        training = made
        return made
    }
}
