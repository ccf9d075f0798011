package import Numerics

/// A trained softmax layer over groups of classes.
package struct Head: Sendable, Equatable {
    /// What it tells apart, in the order of its outputs.
    package let key: HeadKey
    /// `[output, feature]`: of single classes a row per class, ascending.
    package let weights: Matrix
    /// One value per output.
    package let biases: [Float]

    /// Traps unless weights and biases have a row per output.
    package init(key: HeadKey, weights: Matrix, biases: [Float]) {
        precondition(weights.rowCount == key.outputCount)
        precondition(biases.count == key.outputCount)
        self.key = key
        self.weights = weights
        self.biases = biases
    }

    /// A head that tells single classes apart; traps below two.
    package init(classes: ClassSet, weights: Matrix, biases: [Float]) {
        self.init(key: HeadKey(classes), weights: weights, biases: biases)
    }

    /// The classes of all groups.
    package var classes: ClassSet { key.classes }

    /// The rows of some of the classes: the head that knows no others.
    ///
    /// Traps on a class that this head does not tell apart.
    package func restricted(to subset: ClassSet) -> Head {
        let members = classes.members
        let rows = subset.members.map { member -> Int in
            guard let row = members.firstIndex(of: member) else {
                preconditionFailure("class \(member) is not in \(classes)")
            }
            return row
        }
        let width = weights.columnCount
        return Head(
            classes: subset,
            weights: Matrix(
                rowCount: rows.count, columnCount: width,
                values: rows.flatMap { weights.values[$0 * width..<($0 + 1) * width] }),
            biases: rows.map { biases[$0] })
    }

    /// Learned values: `outputs * (d + 1)`.
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

/// How heads are trained by epochs: everything besides features, labels and key that their bits depend on.
package struct HeadHyperparameters: Hashable, Sendable {
    /// Passes over the head's rows, at least 1.
    package var epochCount: Int
    /// Rows per update; the last minibatch of an epoch may be smaller and is used.
    package var batchSize: Int
    /// Adadelta's learning rate: the factor of every update, 1 in Keras.
    package var learningRate: Float
    /// Adadelta's decay of both running averages, in [0, 1).
    package var rho: Float
    /// Added under both of Adadelta's roots, above 0.
    package var epsilon: Float
    /// Share of features dropped while training, in [0, 1), rounded to 1/65,536.
    package var dropout: Float
    /// Where the weights start.
    package var initialisation: HeadInitialisation
    /// The key of every random number: initial weights, epoch orders, dropout.
    package var seed: UInt64
    /// The post's values, where none are given; nothing is checked before training.
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
