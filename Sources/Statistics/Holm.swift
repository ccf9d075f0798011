/// Holm's step-down correction for many tests (Holm 1979).
package enum Holm {
    /// The p-values adjusted for all tests together, in the order given.
    ///
    /// The i-th smallest of m is multiplied by `m - i` (from 0), and none may be below a smaller
    /// one's, nor above 1: what R's `p.adjust(p, "holm")` gives. Rejecting those below a level
    /// keeps the chance of any false rejection under it, however the tests depend on each other.
    ///
    /// - Throws: ``StatisticsError`` for a p-value that is not between 0 and 1.
    package static func adjusted(_ pValues: [Double]) throws(StatisticsError) -> [Double] {
        if let wrong = pValues.first(where: { !(0...1).contains($0) }) {
            throw .outOfRange("a p-value of \(wrong); give probabilities from 0 to 1")
        }
        var result = pValues
        var highest = 0.0
        let order = pValues.indices.sorted { (pValues[$0], $0) < (pValues[$1], $1) }
        for (rank, index) in order.enumerated() {
            highest = max(highest, min(1, Double(pValues.count - rank) * pValues[index]))
            result[index] = highest
        }
        return result
    }
}
