package import Numerics

/// A trained softmax layer over groups of classes: one head of a ``HeadBlock``.
package struct Head: Sendable {
    /// Where its numbers are.
    package let block: HeadBlock
    /// Its place in the block.
    package let index: Int

    /// A head of a block; traps on a place that the block has not.
    package init(_ block: HeadBlock, index: Int) {
        precondition(block.keys.indices.contains(index))
        self.block = block
        self.index = index
    }

    /// A head in a block of its own; traps unless weights and biases have a row per output.
    package init(key: HeadKey, weights: Matrix, biases: [Float]) {
        precondition(weights.rowCount == key.outputCount)
        guard
            let block = HeadBlock(
                keys: [key], featureCount: weights.columnCount, weights: weights.values,
                biases: biases)
        else { preconditionFailure("a head has a bias per output") }
        self.init(block, index: 0)
    }

    /// A head that tells single classes apart; traps below two.
    package init(classes: ClassSet, weights: Matrix, biases: [Float]) {
        self.init(key: HeadKey(classes), weights: weights, biases: biases)
    }

    /// What it tells apart, in the order of its outputs.
    package var key: HeadKey { block.keys[index] }

    /// The classes of all groups.
    package var classes: ClassSet { key.classes }

    /// One a group.
    package var outputCount: Int { block.outputCount }

    /// Features that it reads.
    package var featureCount: Int { block.featureCount }

    /// `[output, feature]`, row by row: of single classes a row per class, ascending.
    package var weightSlice: ArraySlice<Float> {
        let count = outputCount * featureCount
        return block.weights[index * count..<(index + 1) * count]
    }

    /// One value per output.
    package var biasSlice: ArraySlice<Float> {
        block.biases[index * outputCount..<(index + 1) * outputCount]
    }

    /// A copy of ``weightSlice``, `[output, feature]`.
    package var weights: Matrix {
        Matrix(rowCount: outputCount, columnCount: featureCount, values: Array(weightSlice))
    }

    /// A copy of ``biasSlice``.
    package var biases: [Float] { Array(biasSlice) }

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
        let (weights, biases) = (weights, biases)
        return Head(
            classes: subset,
            weights: Matrix(
                rowCount: rows.count, columnCount: featureCount,
                values: rows.flatMap {
                    weights.values[$0 * featureCount..<($0 + 1) * featureCount]
                }),
            biases: rows.map { biases[$0] })
    }

    /// Learned values: `outputs * (d + 1)`.
    package var parameterCount: Int { outputCount * (featureCount + 1) }

    /// Whether all weights and biases are finite.
    package var isFinite: Bool {
        weightSlice.allSatisfy(\.isFinite) && biasSlice.allSatisfy(\.isFinite)
    }

    /// Equality of bits, which for finite numbers differs from `==` in the sign of zeros.
    package func hasEqualBits(_ other: Head) -> Bool {
        key == other.key && featureCount == other.featureCount
            && zip(weightSlice, other.weightSlice).allSatisfy { $0.bitPattern == $1.bitPattern }
            && zip(biasSlice, other.biasSlice).allSatisfy { $0.bitPattern == $1.bitPattern }
    }
}

extension Head: Equatable {
    /// Whether keys and numbers are equal, whatever blocks they are in.
    package static func == (left: Head, right: Head) -> Bool {
        left.key == right.key && left.featureCount == right.featureCount
            && left.weightSlice == right.weightSlice && left.biasSlice == right.biasSlice
    }
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
    /// Whether the rows of a head weigh by their class, so that each of the head's classes weighs the
    /// same in all.
    package var isBalanced: Bool

    /// The post's values, where none are given; nothing is checked before training.
    package init(
        epochCount: Int = 20, batchSize: Int = 128, learningRate: Float = 1, rho: Float = 0.95,
        epsilon: Float = 1e-7, dropout: Float = 0.5, initialisation: HeadInitialisation = .glorot,
        seed: UInt64 = 0, isBalanced: Bool = false
    ) {
        self.epochCount = epochCount
        self.batchSize = batchSize
        self.learningRate = learningRate
        self.rho = rho
        self.epsilon = epsilon
        self.dropout = dropout
        self.initialisation = initialisation
        self.seed = seed
        self.isBalanced = isBalanced
    }
}
