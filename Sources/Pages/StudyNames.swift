import Display
import Study

/// What the parts of a study are called for people.
enum StudyNames {
    /// Names as their makers write them; others as they are.
    static func dataset(_ name: String) -> String {
        switch name {
        case "mnist": "MNIST"
        case "fashion-mnist": "Fashion-MNIST"
        case "cifar10": "CIFAR-10"
        default: name
        }
    }

    /// `3 trials`, or `3 to 10 trials`.
    static func trials(_ counts: ClosedRange<Int>) -> String {
        let most = Format.count(counts.upperBound, "trial")
        return counts.lowerBound == counts.upperBound ? most : "\(counts.lowerBound) to \(most)"
    }

    /// The arm within a sentence.
    static func armInWords(_ arm: CellArm) -> String {
        switch arm {
        case .backbone: arm.title
        case .heads(.frozen): "heads on frozen features"
        case .heads(.zero): "heads from zeros"
        case .heads(.derived): "heads derived from the backbone"
        case .heads(.converged): "converged heads"
        case .heads(.warm): "warm-started whole nets"
        case .heads(.scratch): "whole nets from scratch"
        }
    }

    /// A share of rows: `1%`, `0.5%`, `100%`.
    static func fraction(_ share: Double) -> String {
        let text = Format.trimmed(share * 100, places: 3)
        return text == "-" ? text : text + "%"
    }

    /// A share of rows as the title of a group: `1% of the rows`.
    static func rows(_ share: Double) -> String { fraction(share) + " of the rows" }

    /// `first, second and third`.
    static func list(_ parts: [String], and word: String = "and") -> String {
        guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
        return parts.dropLast().joined(separator: ", ") + " \(word) " + last
    }

    /// The names without duplicates, in their order.
    static func unique<Name: Equatable>(_ names: [Name]) -> [Name] {
        names.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }
}

/// Numbers of a study as its page and table show them.
enum StudyFormat {
    /// What stands where nothing was measured or nothing can be computed.
    static let nothing = "–"
    static let minus = "−"

    /// Percent without its sign, with its standard deviation if there is one: `88.81 ± 1.20`.
    static func meanAndDeviation(_ cell: StudyCell, plusMinus: String = "±") -> String {
        let mean = Format.decimal(cell.meanAccuracy * 100, places: 2)
        guard let deviation = cell.standardDeviation else { return mean }
        return "\(mean) \(plusMinus) \(Format.decimal(deviation * 100, places: 2))"
    }

    /// A difference of shares in percentage points with its sign: `+4.60`, `−0.12`, `0.00`.
    static func points(_ difference: Double, places: Int = 2) -> String {
        signed(difference * 100, places: places)
    }

    static func signed(_ value: Double, places: Int) -> String {
        let text = Format.decimal(value, places: places)
        if text == "-" { return nothing }
        if text.hasPrefix("-") { return minus + text.dropFirst() }
        return value > 0 && text.contains { $0 != "0" && $0 != "." } ? "+" + text : text
    }

    /// Both ends of an interval of differences of shares, in points: `−3.1 to +1.2`.
    static func interval(_ interval: [Double]?, places: Int = 2) -> String {
        guard let ends = StudyReport.ends(of: interval) else { return nothing }
        return points(ends.lower, places: places) + " to " + points(ends.upper, places: places)
    }

    /// A p-value: three digits, and none below .0001.
    static func pValue(_ value: Double?) -> String {
        guard let value, value.isFinite else { return nothing }
        if value < 0.0001 { return "&lt; .0001" }
        if value >= 0.9995 { return "1" }
        return String(Format.decimal(value, places: value < 0.01 ? 4 : 3).dropFirst())
    }

    static func number(_ value: Double?, places: Int) -> String {
        guard let value else { return nothing }
        let text = Format.decimal(value, places: places)
        if text == "-" { return nothing }
        return text.hasPrefix("-") ? minus + text.dropFirst() : text
    }
}
