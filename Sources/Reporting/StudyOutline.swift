import Study

/// What there is of a data set, and where.
struct StudyOutline {
    let dataset: StudyDataset
    /// Ascending.
    let fractions: [Double]
    /// The arms of heads, in the order of the cells: all but the backbone.
    let arms: [String]
    /// ``StudyScheme``'s order first, then what it does not know.
    let schemes: [String]
    private let cells: [Place: StudyCell]

    private struct Place: Hashable {
        let fraction: Double
        let arm: String
        let scheme: String
    }

    init(_ dataset: StudyDataset) {
        self.dataset = dataset
        var cells: [Place: StudyCell] = [:]
        var arms: [String] = []
        var schemes: [String] = []
        // A cell without trials or with a figure that is no number has nothing to show.
        for cell in dataset.cells where !cell.accuracies.isEmpty && cell.meanAccuracy.isFinite {
            let place = Place(fraction: cell.fraction, arm: cell.arm, scheme: cell.scheme)
            cells[place] = cells[place] ?? cell
            if !arms.contains(cell.arm) { arms.append(cell.arm) }
            if !schemes.contains(cell.scheme) { schemes.append(cell.scheme) }
        }
        self.cells = cells
        fractions = Set(cells.keys.map(\.fraction)).sorted()
        self.arms = arms.filter { $0 != StudyNames.backbone }
        let known = StudyScheme.allCases.map(\.rawValue)
        self.schemes =
            known.filter(schemes.contains) + schemes.filter { !known.contains($0) }
    }

    /// The backbone's own and then the arms of heads.
    var allArms: [String] {
        let hasBackbone = cells.keys.contains { $0.arm == StudyNames.backbone }
        return (hasBackbone ? [StudyNames.backbone] : []) + arms
    }

    /// Fractions shown where all of them would be too many: the smallest and the largest.
    var outerFractions: [Double] {
        guard let first = fractions.first, let last = fractions.last else { return [] }
        return first == last ? [first] : [first, last]
    }

    func cell(_ fraction: Double, _ arm: String, _ scheme: String) -> StudyCell? {
        cells[Place(fraction: fraction, arm: arm, scheme: scheme)]
    }

    /// Training rows at a fraction; nil where they are not known.
    func rows(_ fraction: Double) -> StudyRows? {
        dataset.rows.first { $0.fraction == fraction }
    }

    /// The cell of a scheme that a person sees on an arm's line: the backbone's own where the
    /// scheme asks no heads.
    func cell(_ fraction: Double, _ arm: String, _ scheme: StudyScheme) -> StudyCell? {
        let own = cell(fraction, arm, scheme.rawValue)
        return own
            ?? (scheme.asksBackbone ? cell(fraction, StudyNames.backbone, scheme.rawValue) : nil)
    }

    /// A scheme against a control on the same heads, or the backbone.
    func comparison(
        _ fraction: Double, _ arm: String, _ scheme: StudyScheme, over control: StudyScheme
    ) -> StudyComparison? {
        dataset.comparisons.first {
            $0.fraction == fraction && $0.arm == arm && $0.scheme == scheme.rawValue
                && $0.against == control.rawValue
                && ($0.againstArm == arm || $0.againstArm == StudyNames.backbone)
                && $0.meanDifference.isFinite && $0.trialCount > 0
        }
    }
}
