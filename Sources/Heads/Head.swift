package import Numerics

/// The number of a head within a run's plan: its position in ``HeadPlan/heads``.
package struct HeadID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Position in the plan, from 0; the wire and the journal carry it as it is.
    package let rawValue: UInt32

    /// The head at a position of the plan.
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
    /// The head's place in the plan.
    package let id: HeadID
    /// The classes told apart; rows of all others are not trained on.
    package let classes: ClassSet

    /// Traps below two classes: what comes from a peer or a person is refused before.
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
    /// The classes told apart, in whose ascending order weights and biases stand.
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
    /// Trains to the optimum under an L2 penalty of this strength, above 0, in place of training by
    /// epochs; nil trains by epochs.
    ///
    /// There is one optimum, so the head's bits depend on nothing else here; `epochCount` is about how
    /// many passes over the rows it takes, for reckoning what heads cost.
    package var optimumL2: Double?

    /// The post's values, where none are given; nothing is checked before training.
    package init(
        epochCount: Int = 20, batchSize: Int = 128, learningRate: Float = 1, rho: Float = 0.95,
        epsilon: Float = 1e-7, dropout: Float = 0.5, initialisation: HeadInitialisation = .glorot,
        seed: UInt64 = 0, optimumL2: Double? = nil
    ) {
        self.epochCount = epochCount
        self.batchSize = batchSize
        self.learningRate = learningRate
        self.rho = rho
        self.epsilon = epsilon
        self.dropout = dropout
        self.initialisation = initialisation
        self.seed = seed
        self.optimumL2 = optimumL2
    }
}
