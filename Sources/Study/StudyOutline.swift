package import Decoding

/// An index of a data set's cells and comparisons by fraction, arm and scheme.
package struct StudyOutline: Sendable {
    /// What was found on the data set.
    package let dataset: StudyDataset
    /// Ascending.
    package let fractions: [Double]
    /// The arms of heads, in the order of the cells: all but the backbone.
    package let arms: [CellArm]
    /// In ``Scheme``'s order.
    package let schemes: [Scheme]
    private let cells: [Place: StudyCell]

    private struct Place: Hashable {
        let fraction: Double
        let arm: CellArm
        let scheme: Scheme
    }

    /// The index of this data set.
    package init(_ dataset: StudyDataset) {
        self.dataset = dataset
        var cells: [Place: StudyCell] = [:]
        var arms: [CellArm] = []
        // A cell without trials or with a figure that is not finite has nothing to show.
        for cell in dataset.cells where !cell.accuracies.isEmpty && cell.meanAccuracy.isFinite {
            let place = Place(fraction: cell.fraction, arm: cell.arm, scheme: cell.scheme)
            cells[place] = cells[place] ?? cell
            if !arms.contains(cell.arm) { arms.append(cell.arm) }
        }
        self.cells = cells
        fractions = Set(cells.keys.map(\.fraction)).sorted()
        self.arms = arms.filter { $0 != .backbone }
        schemes = Scheme.allCases.filter(Set(cells.keys.map(\.scheme)).contains)
    }

    /// The backbone's own and then the arms of heads.
    package var allArms: [CellArm] {
        (cells.keys.contains { $0.arm == .backbone } ? [.backbone] : []) + arms
    }

    /// Fractions shown where all of them would be too many: the smallest and the largest.
    package var outerFractions: [Double] {
        guard let first = fractions.first, let last = fractions.last else { return [] }
        return first == last ? [first] : [first, last]
    }

    /// The cell at a place; nil where nothing was measured.
    package func ownCell(_ fraction: Double, _ arm: CellArm, _ scheme: Scheme) -> StudyCell? {
        cells[Place(fraction: fraction, arm: arm, scheme: scheme)]
    }

    /// Training rows at a fraction; nil where unknown.
    package func rows(_ fraction: Double) -> StudyRows? {
        dataset.rows.first { $0.fraction == fraction }
    }

    /// The cell of a scheme shown on an arm's line: the backbone's own where the
    /// scheme asks no heads.
    package func cell(_ fraction: Double, _ arm: CellArm, _ scheme: Scheme) -> StudyCell? {
        let own = ownCell(fraction, arm, scheme)
        return own ?? (scheme.asksBackbone ? ownCell(fraction, .backbone, scheme) : nil)
    }

    /// A scheme against a control on the same heads, or the backbone.
    package func comparison(
        _ fraction: Double, _ arm: CellArm, _ scheme: Scheme, over control: Scheme
    ) -> StudyComparison? {
        dataset.comparisons.first {
            $0.fraction == fraction && $0.arm == arm && $0.scheme == scheme
                && $0.against == control
                && ($0.againstArm == arm || $0.againstArm == .backbone)
                && $0.meanDifference.isFinite && $0.trialCount > 0
        }
    }
}

extension StudyCell {
    /// The share of each class's test rows predicted right, over all trials; nil without a confusion
    /// matrix, or where a class has no test rows.
    package func recalls(_ classCount: Int) -> [Double]? {
        guard classCount > 0, confusion.count == classCount * classCount else { return nil }
        let shares = (0..<classCount).map { label -> Double in
            let row = confusion[label * classCount..<(label + 1) * classCount]
            return Double(row[row.startIndex + label]) / Double(row.reduce(0, +))
        }
        return shares.allSatisfy(\.isFinite) ? shares : nil
    }
}
