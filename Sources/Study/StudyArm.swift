/// How a study's heads come about.
package enum StudyArm: String, Codable, Sendable, CaseIterable, Hashable {
    /// On the frozen features, from fresh weights: what the post says.
    case frozen
    /// On the frozen features, from zeros.
    case zero
    /// On the frozen features, from the backbone's own output rows: before the first step every
    /// scheme equals one-vs-all.
    case derived
    /// On the frozen features, at the optimum of the regularised cross-entropy.
    case converged
    /// Whole networks, started from the backbone.
    case warm
    /// Whole networks, started from fresh weights: what the post's code does.
    case scratch

    /// The name for people.
    package var title: String {
        switch self {
        case .frozen: "frozen features"
        case .zero: "frozen features, zero start"
        case .derived: "frozen features, derived start"
        case .converged: "frozen features, converged"
        case .warm: "whole nets, warm start"
        case .scratch: "whole nets, from scratch"
        }
    }

    /// Whether each head is a network of its own.
    package var trainsNetworks: Bool { self == .warm || self == .scratch }
}

/// A way to predict in a study; the raw value is its key in results.json and results.csv.
package enum StudyScheme: String, Codable, Sendable, CaseIterable, Hashable {
    /// The backbone's own softmax.
    case oneVsAll = "one_vs_all"
    /// The backbone trained for as many further epochs as heads are.
    case oneVsAllEqualSteps = "one_vs_all_equal_steps"
    /// The head over all classes, trained like every other head.
    case oneVsAllRefit = "one_vs_all_refit"
    /// Every pair head votes with its probabilities.
    case softVote = "all_vs_all"
    /// Every pair head votes for one class.
    case hardVote = "all_vs_all_hard_vote"
    /// Wu, Lin and Weng 2004, method 2.
    case pairwiseCoupling = "all_vs_all_coupling"
    /// Elimination over pairs in a decision DAG.
    case eliminationGraph = "dag"
    /// Each step asks one head and drops its lowest class.
    case treeElimination = "tree"

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
        }
    }

    /// Whether it asks no heads but the backbone's outputs.
    package var asksBackbone: Bool { self == .oneVsAll || self == .oneVsAllEqualSteps }
}
