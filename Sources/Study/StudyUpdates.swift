package import Decoding
import Heads

/// How many updates of Adadelta the backbone or heads of a scheme got: minibatches times epochs.
package struct StudyUpdates: Sendable {
    private let settings: StudySettings
    private let rowCounts: [Int]

    /// Updates on these training rows by class.
    package init(_ settings: StudySettings, rowCounts: [Int]) {
        self.settings = settings
        self.rowCounts = rowCounts
    }

    /// The mean over what the scheme asks; nil for converged heads, which are trained in another
    /// way, and where the scheme has no head.
    ///
    /// One-vs-all asks the whole backbone, the others their heads: pairs, or all subsets.
    package func count(of scheme: Scheme, arm: CellArm) -> Double? {
        if !scheme.asksBackbone, arm == .heads(.converged) { return nil }
        let all = rowCounts.reduce(0, +)
        switch scheme {
        case .oneVsAll: return updates(rows: all, epochs: settings.epochCount)
        case .oneVsAllEqualSteps:
            return updates(rows: all, epochs: settings.epochCount + settings.headEpochCount)
        // Each class against the rest sees all rows.
        case .oneVsAllRefit, .oneVsRest: return updates(rows: all, epochs: settings.headEpochCount)
        case .softVote, .hardVote, .pairwiseCoupling, .eliminationGraph: return pair
        case .treeElimination: return subset
        // Two kinds of heads have no mean worth a name, and no study has it.
        case .shortlist: return nil
        }
    }

    /// The mean over the pairs; nil without a pair.
    package var pair: Double? {
        let counts = rowCounts.indices.flatMap { first in
            rowCounts[(first + 1)...].map {
                updates(rows: rowCounts[first] + $0, epochs: settings.headEpochCount)
            }
        }
        return counts.isEmpty ? nil : counts.reduce(0, +) / Double(counts.count)
    }

    /// The mean over all sets of two or more classes; nil without one, and for more classes than a
    /// plan of all subsets can have.
    private var subset: Double? {
        guard (2...HeadPlan.subsetClassCountMax).contains(rowCounts.count) else { return nil }
        // Rows of every set of classes: each class doubles the sets, without it and with it.
        var rows = [0]
        for count in rowCounts { rows += rows.map { $0 + count } }
        let sum = { (rows: [Int]) in
            rows.reduce(0.0) { $0 + updates(rows: $1, epochs: settings.headEpochCount) }
        }
        // The empty set has no rows and so no updates; single classes have no head.
        let headCount = rows.count - 1 - rowCounts.count
        return (sum(rows) - sum(rowCounts)) / Double(headCount)
    }

    private func updates(rows: Int, epochs: Int) -> Double {
        let batch = max(1, settings.batchSize)
        return Double((rows + batch - 1) / batch) * Double(epochs)
    }
}
