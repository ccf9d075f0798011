/// How the heads of a run are trained; what their bits depend on besides features, labels and key.
package enum Training: Hashable, Sendable {
    /// By so many passes over the rows, with minibatches and dropout.
    case epochs(HeadHyperparameters)
    /// To the optimum under an L2 penalty of this strength, above 0.
    case optimum(l2: Double)

    /// About how many passes over its rows a head takes to its optimum, which only predicts its cost.
    private static let optimumPassCount = 40

    /// Passes over the rows: of an optimum about as many as it takes.
    package var passCount: Int {
        switch self {
        case .epochs(let hyperparameters): hyperparameters.epochCount
        case .optimum: Self.optimumPassCount
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
