/// How the answers of all pair heads become one prediction; the raw value is its key in JSON.
package enum PairRule: String, Sendable, CaseIterable {
    /// Each class's softmax outputs summed over its heads: the post's all-vs-all. Probabilities are
    /// the sums over the number of pairs.
    case softVote = "all_vs_all"
    /// One vote per head for its likelier class (Friedman 1996; Max Wins); a tied head votes for
    /// its lower class. Probabilities are the shares of the votes: the lowest class may have none.
    case hardVote = "all_vs_all_hard_vote"
    /// The probabilities that fit all pairs best (Wu, Lin and Weng 2004, method 2).
    case pairwiseCoupling = "all_vs_all_coupling"
    /// Elimination over pairs in a decision DAG (Platt, Cristianini and Shawe-Taylor 2000).
    case eliminationGraph = "dag"

    /// The rule as a person reads it.
    package var title: String {
        switch self {
        case .softVote: "all-vs-all, soft vote"
        case .hardVote: "all-vs-all, hard vote"
        case .pairwiseCoupling: "all-vs-all, pairwise coupling"
        case .eliminationGraph: "DAG elimination over pairs"
        }
    }
}
