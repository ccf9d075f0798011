package import Tensors

/// The number of a head within a run's plan: its position in ``HeadPlan/heads``.
package struct HeadID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(_ rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static func < (left: HeadID, right: HeadID) -> Bool {
        left.rawValue < right.rawValue
    }

    package var description: String { "head \(rawValue)" }
}

/// What to train: a head's number and its class set (two classes or more).
package struct HeadSpec: Hashable, Sendable {
    package let id: HeadID
    package let classes: ClassSet

    package init(id: HeadID, classes: ClassSet) {
        precondition(classes.count >= 2)
        self.id = id
        self.classes = classes
    }

    /// Floating-point operations to train this head: `4 * |S| * d` per row and epoch, forward and
    /// gradient, by the textbook's count (what a kernel saves is not subtracted).
    ///
    /// - Parameter rowCount: rows whose class is in the head's set.
    package func trainingFlops(rowCount: Int, featureCount: Int, epochCount: Int) -> Double {
        4 * Double(classes.count) * Double(featureCount) * Double(rowCount) * Double(epochCount)
    }
}

/// A trained softmax layer over a class set.
package struct Head: Sendable, Equatable {
    package let classes: ClassSet
    /// `[class, feature]`, a row per class of `classes`, ascending.
    package let weights: Matrix
    /// One value per class of `classes`, ascending.
    package let biases: [Float]

    /// Traps unless weights and biases have a row per class.
    package init(classes: ClassSet, weights: Matrix, biases: [Float]) {
        precondition(weights.rowCount == classes.count)
        precondition(biases.count == classes.count)
        self.classes = classes
        self.weights = weights
        self.biases = biases
    }

    /// Learned values: `|S| * (d + 1)`.
    package var parameterCount: Int { weights.values.count + biases.count }
}

/// Where a head's weights start.
package enum HeadInitialisation: String, Sendable, CaseIterable {
    /// Uniform in plus or minus sqrt(6 / (d + |S|)), biases zero (Glorot and Bengio 2010): the post's.
    case glorot
    /// All zeros.
    case zero
    /// The backbone's own output rows of the head's classes.
    case derived
}

/// Everything besides features, labels and class set that a head's bits depend on.
package struct HeadHyperparameters: Hashable, Sendable {
    package var epochCount: Int
    /// Rows per update; the last minibatch of an epoch may be smaller and is used.
    package var batchSize: Int
    package var learningRate: Float
    package var rho: Float
    package var epsilon: Float
    /// Share of features dropped while training, in [0, 1), rounded to 1/65,536.
    package var dropout: Float
    package var initialisation: HeadInitialisation
    package var seed: UInt64

    package init(
        epochCount: Int = 20, batchSize: Int = 128, learningRate: Float = 1, rho: Float = 0.95,
        epsilon: Float = 1e-7, dropout: Float = 0.5, initialisation: HeadInitialisation = .glorot,
        seed: UInt64 = 0
    ) {
        self.epochCount = epochCount
        self.batchSize = batchSize
        self.learningRate = learningRate
        self.rho = rho
        self.epsilon = epsilon
        self.dropout = dropout
        self.initialisation = initialisation
        self.seed = seed
    }
}
