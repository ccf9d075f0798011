/// What a training row weighs by its class, so that every class weighs the same in all.
package enum ClassWeights {
    /// `n / (K n_c)` for a class of `n_c` of the `n` rows of K classes.
    ///
    /// This is scikit-learn's `class_weight="balanced"`; the mean weight of a row is 1. K counts the
    /// classes that have rows. A class without rows has weight 1, which nothing is multiplied by.
    package static func balanced(rowCounts: [Int]) -> [Double] {
        let rowCount = rowCounts.reduce(0, +)
        let classCount = rowCounts.count { $0 > 0 }
        return rowCounts.map { $0 > 0 ? Double(rowCount) / Double(classCount * $0) : 1 }
    }
}
