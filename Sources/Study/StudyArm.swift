/// How a study's heads are trained.
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
