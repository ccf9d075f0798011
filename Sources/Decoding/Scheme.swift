import Heads

/// A way to predict; the raw value is its key in results.json, predictions.csv and every other file.
package enum Scheme: String, Codable, CodingKeyRepresentable, Sendable, CaseIterable, Hashable {
    /// The backbone's own softmax; without a backbone, the head over all classes.
    case oneVsAll = "one_vs_all"
    /// The backbone trained for as many further epochs as heads are: a study's control.
    case oneVsAllEqualSteps = "one_vs_all_equal_steps"
    /// The head over all classes, trained like every other head: the control.
    case oneVsAllRefit = "one_vs_all_refit"
    /// Each class's softmax outputs summed over its pair heads: the post's all-vs-all. Probabilities
    /// are the sums over the number of pairs.
    case softVote = "all_vs_all"
    /// One vote per pair head for its likelier class (Friedman 1996; Max Wins); a tied head votes for
    /// its lower class. Probabilities are the shares of the votes: the lowest class may have none.
    case hardVote = "all_vs_all_hard_vote"
    /// The probabilities that fit all pairs best (Wu, Lin and Weng 2004, method 2).
    case pairwiseCoupling = "all_vs_all_coupling"
    /// Elimination over pairs in a decision DAG (Platt, Cristianini and Shawe-Taylor 2000).
    case eliminationGraph = "dag"
    /// Each step asks the head of the remaining classes and drops the lowest.
    case treeElimination = "tree"
    /// One-vs-all's most probable classes, ``shortlistClassCount`` of them, and then their pairs, coupled.
    case shortlist = "shortlist"
    /// One head a class, which tells it from all others. The class whose own logit is furthest above the
    /// rest's wins; probabilities are the sigmoids of these scores, made to sum to 1 (as scikit-learn's
    /// `OneVsRestClassifier` has them).
    case oneVsRest = "one_vs_rest"

    /// Classes that one-vs-all puts on a shortlist.
    package static let shortlistClassCount = 10

    /// What a scheme asks.
    package enum Operand: Hashable, Sendable {
        /// The backbone's own outputs.
        case output
        /// The head over all classes.
        case allClasses
        /// The heads of all pairs.
        case pairs
        /// The heads of the subsets that rows reach.
        case subsets
        /// One-vs-all, and then the heads of some pairs.
        case outputAndPairs
        /// The heads of each class against the rest.
        case rest
    }

    /// What it asks.
    package var asks: Operand {
        switch self {
        case .oneVsAll, .oneVsAllEqualSteps: .output
        case .oneVsAllRefit: .allClasses
        case .softVote, .hardVote, .pairwiseCoupling, .eliminationGraph: .pairs
        case .treeElimination: .subsets
        case .shortlist: .outputAndPairs
        case .oneVsRest: .rest
        }
    }

    /// Those that ask heads of a plan, for so many classes.
    ///
    /// A shortlist of all classes is their pairs, coupled, and is left out. One-vs-rest asks heads that no
    /// ``HeadPlan/Kind`` has.
    package static func overHeads(classCount: Int) -> [Scheme] {
        allCases.filter {
            !$0.asksBackbone && $0 != .oneVsRest
                && ($0 != .shortlist || classCount > shortlistClassCount)
        }
    }

    /// Whether it asks no heads but the backbone's outputs.
    package var asksBackbone: Bool { asks == .output }

    /// The scheme as a person reads it.
    package var title: String {
        switch self {
        case .oneVsAll: "one-vs-all"
        case .oneVsAllEqualSteps: "one-vs-all, equal steps"
        case .oneVsAllRefit: "one-vs-all refit"
        case .softVote: "all-vs-all, soft vote"
        case .hardVote: "all-vs-all, hard vote"
        case .pairwiseCoupling: "all-vs-all, coupling"
        case .eliminationGraph: "DAG elimination"
        case .treeElimination: "tree elimination"
        case .shortlist: "shortlist"
        case .oneVsRest: "one-vs-rest"
        }
    }

    /// The scheme in a word or two.
    package var shortTitle: String {
        switch self {
        case .oneVsAll: "one-vs-all"
        case .oneVsAllEqualSteps: "equal steps"
        case .oneVsAllRefit: "refit"
        case .softVote: "soft vote"
        case .hardVote: "hard vote"
        case .pairwiseCoupling: "coupling"
        case .eliminationGraph: "DAG"
        case .treeElimination: "tree"
        case .shortlist: "shortlist"
        case .oneVsRest: "one-vs-rest"
        }
    }

    /// The scheme in full, where room is plentiful.
    package var fullTitle: String {
        switch self {
        case .pairwiseCoupling: "all-vs-all, pairwise coupling"
        case .eliminationGraph: "DAG elimination over pairs"
        case .shortlist: "shortlist, then pairwise coupling"
        default: title
        }
    }

    /// The scheme as the post names it, for those that it proposes.
    package var postTitle: String { self == .softVote ? "all-vs-all" : title }

    /// What it costs to train and to ask, for heads over `featureCount` features.
    ///
    /// Traps below two classes, and above ``HeadPlan/subsetClassCountMax`` for the tree.
    package func cost(classCount: Int, featureCount: Int) -> SchemeCost {
        precondition(classCount >= 2)
        precondition(featureCount > 0)
        let perOutput = featureCount + 1
        switch asks {
        case .output, .allClasses:
            return SchemeCost(
                headCount: 1, headsPerPrediction: 1,
                flopsPerPrediction: 2 * classCount * featureCount,
                parameterCount: classCount * perOutput)
        case .pairs:
            let pairCount = classCount * (classCount - 1) / 2
            // The DAG decides by one pair for each class that leaves.
            let askedCount = self == .eliminationGraph ? classCount - 1 : pairCount
            return SchemeCost(
                headCount: pairCount, headsPerPrediction: askedCount,
                flopsPerPrediction: 2 * askedCount * 2 * featureCount,
                parameterCount: pairCount * 2 * perOutput)
        case .outputAndPairs:
            let listed = min(classCount, Self.shortlistClassCount)
            let askedCount = listed * (listed - 1) / 2
            let pairCount = classCount * (classCount - 1) / 2
            return SchemeCost(
                headCount: pairCount + 1, headsPerPrediction: askedCount + 1,
                flopsPerPrediction: 2 * (classCount + askedCount * 2) * featureCount,
                parameterCount: (classCount + pairCount * 2) * perOutput)
        case .rest:
            // Of two classes it is their pair.
            let headCount = classCount == 2 ? 1 : classCount
            return SchemeCost(
                headCount: headCount, headsPerPrediction: headCount,
                flopsPerPrediction: 2 * headCount * 2 * featureCount,
                parameterCount: headCount * 2 * perOutput)
        case .subsets:
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
