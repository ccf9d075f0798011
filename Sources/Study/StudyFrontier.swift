import Decoding

/// The elimination policies on the heads of one arm at one fraction, and which of them are worth
/// their operations.
package struct StudyFrontier: Sendable {
    /// Accuracy that a cheaper policy may lose against the post's, as a share of one.
    package static let tolerance = 0.001

    /// The policies with sound figures, in the report's order.
    package let points: [PolicyOutcome]

    /// The policies of a data set at this place.
    package init(_ dataset: StudyDataset, _ fraction: Double, _ arm: CellArm) {
        points = dataset.frontier.filter { $0.fraction == fraction && $0.arm == arm }.map(\.outcome)
            .filter { $0.accuracy.isFinite && $0.flopsPerRow.isFinite && $0.flopsPerRow > 0 }
    }

    /// By point: whether no other is at least as good in accuracy and operations and better in one.
    package var isUnbeaten: [Bool] {
        points.map { point in
            !points.contains { other in
                other.accuracy >= point.accuracy && other.flopsPerRow <= point.flopsPerRow
                    && (other.accuracy > point.accuracy || other.flopsPerRow < point.flopsPerRow)
            }
        }
    }

    /// The post's policy, and the cheapest one within ``tolerance`` of its accuracy; nil where the
    /// post's is not there.
    package var saving: (base: PolicyOutcome, cheapest: PolicyOutcome)? {
        let post = EliminationPolicy.lowest(1).title
        guard let base = points.first(where: { $0.policy == post }) else { return nil }
        let near = points.filter { $0.accuracy >= base.accuracy - Self.tolerance }
        return near.min { $0.flopsPerRow < $1.flopsPerRow }.map { (base, $0) }
    }
}
