import Study

/// How many updates of Adadelta what a scheme asks has had: minibatches of its rows times epochs.
struct StudyUpdates {
    private let settings: StudySettings
    private let rowCounts: [Int]

    /// Of training rows by class.
    init(_ settings: StudySettings, rowCounts: [Int]) {
        self.settings = settings
        self.rowCounts = rowCounts
    }

    /// In the mean over what the scheme asks; nil for heads that no updates of this kind lead to.
    ///
    /// One-vs-all asks the whole backbone, the others their heads: pairs, or all subsets.
    func count(of scheme: StudyScheme, arm: String) -> Double? {
        if !scheme.asksBackbone, arm == StudyArm.converged.rawValue { return nil }
        let all = rowCounts.reduce(0, +)
        switch scheme {
        case .oneVsAll: return updates(rows: all, epochs: settings.epochCount)
        case .oneVsAllEqualSteps:
            return updates(rows: all, epochs: settings.epochCount + settings.headEpochCount)
        case .oneVsAllRefit: return updates(rows: all, epochs: settings.headEpochCount)
        case .softVote, .hardVote, .pairwiseCoupling, .eliminationGraph: return pair
        case .treeElimination: return mean { _ in true }
        }
    }

    /// In the mean over the pairs.
    var pair: Double? { mean { $0 == 2 } }

    private func updates(rows: Int, epochs: Int) -> Double {
        let batch = max(1, settings.batchSize)
        return Double((rows + batch - 1) / batch) * Double(epochs)
    }

    /// In the mean over heads with these numbers of classes; nil for more classes than a study has.
    private func mean(_ isWanted: (Int) -> Bool) -> Double? {
        guard (2...16).contains(rowCounts.count) else { return nil }
        var sum = 0.0
        var count = 0
        for set in 1..<1 << rowCounts.count where set.nonzeroBitCount > 1 {
            guard isWanted(set.nonzeroBitCount) else { continue }
            let rows = rowCounts.indices.reduce(0) { $0 + (set >> $1 & 1) * rowCounts[$1] }
            sum += updates(rows: rows, epochs: settings.headEpochCount)
            count += 1
        }
        return sum / Double(count)
    }
}
