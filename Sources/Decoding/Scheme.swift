import Heads

/// A way to predict; the raw value is its key in results.json and its column in predictions.csv.
package enum Scheme: String, Sendable, CaseIterable {
    /// The backbone's own softmax.
    case oneVsAll = "one_vs_all"
    /// The head over all classes, trained like every other head: the control.
    case oneVsAllRefit = "one_vs_all_refit"
    /// Every pair head votes.
    case allVsAll = "all_vs_all"
    /// Each step asks one head and drops a class.
    case treeElimination = "tree"

    /// The scheme as a person reads it.
    package var title: String {
        switch self {
        case .oneVsAll: "one-vs-all"
        case .oneVsAllRefit: "one-vs-all refit"
        case .allVsAll: "all-vs-all"
        case .treeElimination: "tree elimination"
        }
    }

    /// What it costs to train and to ask, for heads over `featureCount` features.
    ///
    /// Traps below two classes, and above ``HeadPlan/subsetClassCountMax`` for the tree.
    package func cost(classCount: Int, featureCount: Int) -> SchemeCost {
        precondition(classCount >= 2)
        precondition(featureCount > 0)
        let perOutput = featureCount + 1
        switch self {
        case .oneVsAll, .oneVsAllRefit:
            return SchemeCost(
                headCount: 1, headsPerPrediction: 1,
                flopsPerPrediction: 2 * classCount * featureCount,
                parameterCount: classCount * perOutput)
        case .allVsAll:
            let pairCount = classCount * (classCount - 1) / 2
            return SchemeCost(
                headCount: pairCount, headsPerPrediction: pairCount,
                flopsPerPrediction: 2 * pairCount * 2 * featureCount,
                parameterCount: pairCount * 2 * perOutput)
        case .treeElimination:
            precondition(classCount <= HeadPlan.subsetClassCountMax)
            // Every class is in half of all subsets; its subset of one is not a head.
            let outputCount = classCount * (1 << (classCount - 1) - 1)
            // One head of each size from K down to 2.
            let outputsAsked = classCount * (classCount + 1) / 2 - 1
            return SchemeCost(
                headCount: 1 << classCount - classCount - 1, headsPerPrediction: classCount - 1,
                flopsPerPrediction: 2 * outputsAsked * featureCount,
                parameterCount: outputCount * perOutput)
        }
    }
}

/// What a scheme's heads cost, past the features that all schemes share.
package struct SchemeCost: Sendable, Hashable {
    /// Heads to be trained for the scheme; one-vs-all's is the backbone's own last layer.
    package let headCount: Int
    /// Heads asked for one row.
    package let headsPerPrediction: Int
    /// Floating-point operations of those heads for one row: `2 * |S| * d` each.
    package let flopsPerPrediction: Int
    /// Weights and biases of all the scheme's heads.
    package let parameterCount: Int

    /// Bytes of the parameters as float32.
    package var byteCount: Int { parameterCount * 4 }
}
