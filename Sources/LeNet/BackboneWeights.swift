package import Heads
import Numerics

/// One tensor of a backbone, row-major.
package struct BackboneTensor: Sendable, Hashable {
    /// Lengths of the dimensions, outermost first.
    package let shape: [Int]
    /// As many as the shape says, row-major.
    package let values: [Float]

    /// Traps unless there are as many values as the shape says.
    package init(shape: [Int], values: [Float]) {
        precondition(values.count == shape.reduce(1, *))
        self.shape = shape
        self.values = values
    }
}

/// A backbone's weights in the shapes PyTorch uses, or anything else of those shapes.
package struct BackboneWeights: Sendable, Equatable {
    /// `[32, channel, 3, 3]`.
    package var conv1Weight: BackboneTensor
    /// `[32]`.
    package var conv1Bias: BackboneTensor
    /// `[64, 32, 3, 3]`.
    package var conv2Weight: BackboneTensor
    /// `[64]`.
    package var conv2Bias: BackboneTensor
    /// `[256, input]`, the inputs flattened in the order channel, row, column.
    package var fc1Weight: BackboneTensor
    /// `[256]`.
    package var fc1Bias: BackboneTensor
    /// `[class, 256]`.
    package var fc2Weight: BackboneTensor
    /// `[class]`.
    package var fc2Bias: BackboneTensor

    /// Weights of eight tensors; `Backbone` checks their shapes.
    package init(
        conv1Weight: BackboneTensor, conv1Bias: BackboneTensor, conv2Weight: BackboneTensor,
        conv2Bias: BackboneTensor, fc1Weight: BackboneTensor, fc1Bias: BackboneTensor,
        fc2Weight: BackboneTensor, fc2Bias: BackboneTensor
    ) {
        self.conv1Weight = conv1Weight
        self.conv1Bias = conv1Bias
        self.conv2Weight = conv2Weight
        self.conv2Bias = conv2Bias
        self.fc1Weight = fc1Weight
        self.fc1Bias = fc1Bias
        self.fc2Weight = fc2Weight
        self.fc2Bias = fc2Bias
    }

    /// Traps unless there are eight, in the order of `tensors`.
    init(tensors: [BackboneTensor]) {
        precondition(tensors.count == Self.names.count)
        self.init(
            conv1Weight: tensors[0], conv1Bias: tensors[1], conv2Weight: tensors[2],
            conv2Bias: tensors[3], fc1Weight: tensors[4], fc1Bias: tensors[5],
            fc2Weight: tensors[6], fc2Bias: tensors[7])
    }

    /// Names of the tensors, in the order of `tensors`.
    package static let names = [
        "conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "fc1.weight", "fc1.bias",
        "fc2.weight", "fc2.bias",
    ]

    /// The eight tensors, first layer first, weights before biases.
    package var tensors: [BackboneTensor] {
        [
            conv1Weight, conv1Bias, conv2Weight, conv2Bias, fc1Weight, fc1Bias, fc2Weight, fc2Bias,
        ]
    }

    /// Glorot-uniform weights and zero biases, a function of the configuration's seed and shapes.
    ///
    /// Weight `i` of layer `l` is word `i % 4` of block `(i / 4, l, 0)`. The limit is
    /// `sqrt(6 / (fanIn + fanOut))`, with a convolution's 3x3 field counted in both fans, as Keras
    /// does (Glorot and Bengio, AISTATS 2010, equation 16).
    package static func glorotUniform(
        _ configuration: BackboneConfiguration
    ) throws(BackboneError) -> BackboneWeights {
        try configuration.check()
        let tensors = configuration.weightShapes.enumerated().map { index, shape in
            let count = shape.reduce(1, *)
            guard shape.count > 1 else {
                return BackboneTensor(shape: shape, values: [Float](repeating: 0, count: count))
            }
            let field = shape.dropFirst(2).reduce(1, *)
            let limit = (6 / Float((shape[0] + shape[1]) * field)).squareRoot()
            var values: [Float] = []
            values.reserveCapacity(count + 3)
            for block in 0..<(count + 3) / 4 {
                let words = Philox.block(
                    seed: configuration.seed, purpose: .backboneInitialisation, UInt32(block),
                    UInt32(index / 2), 0, index: 0)
                for lane in 0..<4 {
                    values.append((2 * Philox.uniform(words[lane]) - 1) * limit)
                }
            }
            values.removeLast(values.count - count)
            return BackboneTensor(shape: shape, values: values)
        }
        return BackboneWeights(tensors: tensors)
    }

    /// The same backbone for some of its classes, in the order given: only their output rows stay.
    ///
    /// Traps on a class that the backbone has not.
    package func keepingClasses(_ classes: [Int]) -> BackboneWeights {
        let width = fc2Weight.shape[1]
        var kept = self
        kept.fc2Weight = BackboneTensor(
            shape: [classes.count, width],
            values: classes.flatMap { fc2Weight.values[$0 * width..<($0 + 1) * width] })
        kept.fc2Bias = BackboneTensor(
            shape: [classes.count], values: classes.map { fc2Bias.values[$0] })
        return kept
    }

    /// The output layer as a head over all classes: the one-vs-all scheme.
    package var outputHead: Head {
        let classCount = fc2Bias.values.count
        return Head(
            classes: .all(classCount),
            weights: Matrix(
                rowCount: classCount, columnCount: BackboneConfiguration.featureCount,
                values: fc2Weight.values),
            biases: fc2Bias.values)
    }

    /// - Throws: `BackboneError.invalidWeights` unless the shapes are the configuration's.
    func check(_ configuration: BackboneConfiguration) throws(BackboneError) {
        for (index, shape) in configuration.weightShapes.enumerated() {
            let found = tensors[index].shape
            guard found == shape else {
                throw .invalidWeights(Self.names[index], found: found, wanted: shape)
            }
        }
    }
}

/// All that training goes on from after an epoch, bit for bit.
package struct BackboneCheckpoint: Sendable, Equatable {
    /// The weights after the epoch.
    package var weights: BackboneWeights
    /// Adadelta's running mean of squared gradients, in the weights' shapes.
    package var squaredGradients: BackboneWeights
    /// Adadelta's running mean of squared updates, in the weights' shapes.
    package var squaredUpdates: BackboneWeights

    /// A checkpoint of its parts; `Backbone` checks their shapes.
    package init(
        weights: BackboneWeights, squaredGradients: BackboneWeights,
        squaredUpdates: BackboneWeights
    ) {
        self.weights = weights
        self.squaredGradients = squaredGradients
        self.squaredUpdates = squaredUpdates
    }
}
