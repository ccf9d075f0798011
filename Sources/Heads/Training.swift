/// How the heads of a run are trained; what their bits depend on besides features, labels and key.
package enum Training: Hashable, Sendable {
    /// By so many passes over the rows, with minibatches and dropout.
    case epochs(HeadHyperparameters)
    /// To the optimum under an L2 penalty of this strength, above 0; `isBalanced` as in
    /// ``isBalanced``.
    case optimum(l2: Double, isBalanced: Bool = false)

    /// About how many passes over its rows a head takes to its optimum, which only predicts its cost.
    private static let optimumPassCount = 40

    /// Passes over the rows: of an optimum about as many as it takes.
    package var passCount: Int {
        switch self {
        case .epochs(let hyperparameters): hyperparameters.epochCount
        case .optimum: Self.optimumPassCount
        }
    }

    /// Whether the rows of a head weigh by their class, so that each of the head's classes weighs the
    /// same in all.
    package var isBalanced: Bool {
        switch self {
        case .epochs(let hyperparameters): hyperparameters.isBalanced
        case .optimum(_, let isBalanced): isBalanced
        }
    }

    /// Whether heads start from the backbone's own output rows.
    package var isDerived: Bool {
        if case .epochs(let hyperparameters) = self {
            hyperparameters.initialisation == .derived
        } else {
            false
        }
    }
}
