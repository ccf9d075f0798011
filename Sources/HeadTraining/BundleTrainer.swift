package import Heads
package import Numerics

/// Trains bundles of heads by epochs, or to their optimum.
///
/// A head's bits depend on the features, labels and weights of its rows, the keys of its classes and
/// the hyperparameters alone.
/// Sharing a trainer between threads is safe.
package struct BundleTrainer: Sendable {
    /// The largest component of the gradient of a head that counts as being at its optimum.
    ///
    /// A hundredth of the default of `ConvergedHeadTrainer` and scikit-learn: at an `l2` of 0.001 on 6,000
    /// rows theirs leaves probabilities up to 0.2 from those of the optimum, this one 0.001.
    package static let optimumGradientTolerance = 1e-6
    private enum Method {
        case epochs(HeadTrainer)
        case optimum(ConvergedHeadTrainer)
    }

    private let method: Method

    /// Checks that heads can be trained.
    ///
    /// - Parameter derivedFrom: the backbone's own output layer over all classes; needed by
    ///   `HeadInitialisation.derived` and unused otherwise.
    /// - Throws: `unusableInput` for hyperparameters out of range, a missing or misshapen
    ///   `derivedFrom`, features that are not finite where an optimum is asked for, or rows with weights
    ///   of their own where none is.
    package init(
        table: FeatureTable, training: Training, derivedFrom: Head?, variant: KernelVariant
    ) throws(HeadTrainingError) {
        switch training {
        case .optimum(let l2, let isBalanced):
            method = .optimum(
                try ConvergedHeadTrainer(
                    table: table, isBalanced: isBalanced, l2: l2,
                    gradientTolerance: Self.optimumGradientTolerance, variant: variant))
        case .epochs(let hyperparameters):
            method = .epochs(
                try HeadTrainer(
                    table: table, hyperparameters: hyperparameters, derivedFrom: derivedFrom,
                    variant: variant))
        }
    }

    /// Trains heads.
    ///
    /// - Parameter isCancelled: asked some hundred times a second; where rows are many, every pass.
    /// - Returns: the heads in the order of `keys`.
    /// - Throws: `cancelled`, or `unusableInput` for a class that the table does not hold, too many weights
    ///   or, where an optimum is asked for, a class without rows.
    package func train(
        _ keys: [HeadKey], isCancelled: () -> Bool = { false }
    ) throws(HeadTrainingError) -> [Head] {
        switch method {
        case .epochs(let trainer): try trainer.train(keys, isCancelled: isCancelled)
        case .optimum(let trainer):
            try trainer.train(keys, isCancelled: isCancelled).map(\.head)
        }
    }
}
