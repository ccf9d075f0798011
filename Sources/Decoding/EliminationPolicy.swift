/// How many classes tree elimination drops per step, and when it stops.
///
/// Every policy asks the head of the remaining classes and never drops the most probable one. It
/// ends when one class remains. Dropping one class per step is the post's tree elimination;
/// dropping all but one is the refitted one-vs-all.
package enum EliminationPolicy: Hashable, Sendable {
    /// Drops that many of the least probable classes, or all but one where fewer remain; at least 1.
    case lowest(Int)
    /// Drops all classes whose probability in the asked head is below this, the least probable in
    /// any case; from 0 to 1.
    case below(Double)
    /// Drops one class per step, and stops when the leader is certain: when the asked head gives it
    /// at least this much more probability than its runner-up; from 0 to 1.
    case certain(margin: Double)

    /// The policy as a person reads it.
    package var title: String {
        switch self {
        case .lowest(let count): "drop \(count)"
        case .below(let threshold): "drop below \(threshold)"
        case .certain(let margin): "stop at margin \(margin)"
        }
    }
}

/// What an elimination said and what it asked for.
package struct EliminationOutcome: Sendable, Equatable {
    /// By row; the argmax is the survivor.
    package let probabilities: ClassProbabilities
    /// By row: heads asked, from 1 to K-1.
    package let headsAsked: [Int]
    /// By row: classes of the heads asked, summed; times `2 d` it is floating-point operations.
    package let outputsAsked: [Int]
    /// By row: whether every head asked had the same most probable class.
    package let topNeverChanged: [Bool]

    /// Heads asked per row, on average; 0 without rows.
    package var headsPerRow: Double { Self.mean(headsAsked) }

    /// Classes of the heads asked per row, on average; 0 without rows.
    package var outputsPerRow: Double { Self.mean(outputsAsked) }

    /// Floating-point operations of the heads asked per row, on average: `2 |S| d` each.
    package func flopsPerRow(featureCount: Int) -> Double {
        outputsPerRow * 2 * Double(featureCount)
    }

    /// The share of rows whose top class never changed from head to head; 0 without rows.
    package var topNeverChangedShare: Double { Self.mean(topNeverChanged.map { $0 ? 1 : 0 }) }

    private static func mean(_ values: [Int]) -> Double {
        values.isEmpty ? 0 : Double(values.reduce(0, +)) / Double(values.count)
    }
}
