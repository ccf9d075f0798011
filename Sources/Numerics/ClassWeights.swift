/// What a training row weighs by its class, so that every class weighs the same in all.
package enum ClassWeights {
    /// `n / (K n_c)` for a class of `n_c` of the `n` rows of K classes.
    ///
    /// This is scikit-learn's `class_weight="balanced"`; the mean weight of a row is 1. K counts the
    /// classes that have rows. A class without rows has weight 1, which nothing is multiplied by.
    package static func balanced(rowCounts: [Int]) -> [Double] {
        balanced(rowWeights: rowCounts.map(Double.init))
    }

    /// The same where rows weigh something by themselves: `n_c` is the sum of the weights of a class's
    /// rows, and `n` that of all.
    ///
    /// This is scikit-learn's with a `sample_weight`, since version 1.9.
    package static func balanced(rowWeights: [Double]) -> [Double] {
        let sum = rowWeights.reduce(0, +)
        let classCount = Double(rowWeights.count { $0 > 0 })
        return rowWeights.map { $0 > 0 ? sum / (classCount * $0) : 1 }
    }
}
