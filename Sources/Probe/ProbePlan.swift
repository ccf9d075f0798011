package import Heads
import Numerics

/// Heads that one piece of a probe trains together: those of a scheme, or some of them.
package enum ProbeFamily: String, Codable, Sendable, CaseIterable, Hashable {
    /// The one head over all classes: softmax.
    case oneVsAll = "one_vs_all"
    /// A head of two outputs for each class: the class, and all others.
    case oneVsRest = "one_vs_rest"
    /// A head for every pair of classes.
    case allVsAll = "all_vs_all"

    /// The heads, in the one order everything refers to: those that are trained together.
    ///
    /// Heads of two outputs share their passes over the rows that they have in common: pairs of the same few classes, and
    /// classes against the rest by as many as a kernel takes at once.
    package func groups(classCount: Int) -> [[HeadKey]] {
        switch self {
        case .oneVsAll: return [[HeadKey(.all(classCount))]]
        case .oneVsRest:
            // Of two classes both heads would be the pair.
            guard classCount > 2 else { return [[HeadKey(.all(2))]] }
            return Self.parts(of: classCount, by: 16).map { labels in
                labels.map { .rest($0, of: .all(classCount)) }
            }
        case .allVsAll:
            // Of few classes more groups, for there are to be some for each worker.
            let parts = Self.parts(
                of: classCount, by: classCount <= 32 ? 4 : classCount <= 96 ? 8 : 12)
            var groups: [[HeadKey]] = []
            for (place, some) in parts.enumerated() {
                for others in parts[place...] {
                    let pairs = some.flatMap { first in
                        others.filter { $0 > first }.map { HeadKey(ClassSet(pair: first, $0)) }
                    }
                    if !pairs.isEmpty { groups.append(pairs) }
                }
            }
            return groups
        }
    }

    /// `0..<count` in parts of about the same size, at most `size`.
    private static func parts(of count: Int, by size: Int) -> [Range<Int>] {
        let number = (count + size - 1) / size
        return (0..<number).map { count * $0 / number..<count * ($0 + 1) / number }
    }
}

/// The rows that heads of a probe are trained on.
package enum ProbeRows: Codable, Sendable, Hashable {
    /// The training rows, beside which there are validation rows.
    case training
    /// The training rows without those of a fold.
    case fold(Int)
    /// Training and validation rows: the heads that the model gets.
    case all
}

/// What one task of a probe does: some heads of a family at one penalty, on some rows.
package struct ProbeUnit: Codable, Sendable, Hashable, CustomStringConvertible {
    /// Whose heads.
    package let family: ProbeFamily
    /// Which of them: a position in ``ProbePlan/groups(of:)``.
    package let group: Int
    /// On which rows.
    package let rows: ProbeRows
    /// The penalty, a position in ``ProbePlan/cValues``; -1 where the choice says which.
    package let step: Int

    /// A unit of these parts.
    package init(family: ProbeFamily, group: Int, rows: ProbeRows, step: Int) {
        self.family = family
        self.group = group
        self.rows = rows
        self.step = step
    }

    /// The same heads on the same rows at another penalty.
    func at(_ step: Int) -> ProbeUnit {
        ProbeUnit(family: family, group: group, rows: rows, step: step)
    }

    /// As the journal has it.
    package var description: String {
        let place =
            switch rows {
            case .training: "training"
            case .fold(let fold): "fold \(fold)"
            case .all: "all"
            }
        return "\(family.rawValue) \(group) \(place) \(step < 0 ? "chosen" : String(step))"
    }
}

/// All that a probe trains, and what waits for what.
///
/// A path leads from the strongest penalty to the weakest: each head begins where its path was before.
/// What begins where is fixed by the classes, the values of C and the rows, not by who is there.
package struct ProbePlan: Sendable {
    /// The values of C, ascending, no two equal.
    package let cValues: [Double]
    /// How many classes there are.
    package let classCount: Int
    /// Whose heads are trained, in this order.
    package let families: [ProbeFamily]
    /// Folds of the training rows; none where there are validation rows.
    package let foldCount: Int
    /// All units in the order of their numbers: what begins early first.
    package let units: [ProbeUnit]
    /// Where the rows of the sweep are: training rows, or each fold's.
    package let places: [ProbeRows]
    private let numbers: [ProbeUnit: Int]
    private let heads: [ProbeFamily: [[HeadKey]]]

    /// With fewer paths than this, each is cut in two that leave every other penalty out, so that two
    /// workers have something to do.
    private static let pathCountMin = 4

    /// A plan for these values of C, in any order.
    ///
    /// - Parameter foldCount: 0 where there are validation rows.
    package init(
        cValues: [Double], classCount: Int, families: [ProbeFamily], foldCount: Int
    ) {
        precondition(!cValues.isEmpty && classCount >= 2 && foldCount != 1)
        let cValues = Set(cValues).sorted()
        self.cValues = cValues
        self.classCount = classCount
        self.families = families
        self.foldCount = foldCount
        places = foldCount == 0 ? [.training] : (0..<foldCount).map { .fold($0) }
        let groups = families.map { $0.groups(classCount: classCount) }
        let counts = groups.map(\.count)
        heads = Dictionary(uniqueKeysWithValues: zip(families, groups))
        var units: [ProbeUnit] = []
        for step in cValues.indices {
            for (family, count) in zip(families, counts) {
                for rows in places {
                    for group in 0..<count {
                        units.append(
                            ProbeUnit(family: family, group: group, rows: rows, step: step))
                    }
                }
            }
        }
        for (family, count) in zip(families, counts) {
            for group in 0..<count {
                units.append(ProbeUnit(family: family, group: group, rows: .all, step: -1))
            }
        }
        self.units = units
        numbers = Dictionary(
            uniqueKeysWithValues: units.enumerated().map { ($0.element, $0.offset) })
    }

    /// The number of a unit of this plan.
    package func number(of unit: ProbeUnit) -> Int? { numbers[unit] }

    /// A family's heads, as units train them together; none of a family that is not of this plan.
    package func groups(of family: ProbeFamily) -> [[HeadKey]] { heads[family] ?? [] }

    /// The heads of a unit; nil for one that is not of this plan.
    package func heads(of unit: ProbeUnit) -> [HeadKey]? {
        numbers[unit].map { _ in groups(of: unit.family)[unit.group] }
    }

    /// From a penalty to the next one of the same path.
    package func stepLength(of family: ProbeFamily) -> Int {
        groups(of: family).count * max(1, foldCount) < Self.pathCountMin ? 2 : 1
    }

    /// The units of the sweep where a unit of it begins: at most two, the nearest last.
    package func origins(of unit: ProbeUnit) -> [ProbeUnit] {
        guard unit.step >= 0 else { return [] }
        let length = stepLength(of: unit.family)
        return [2, 1].compactMap { back in
            let step = unit.step - back * length
            return step < 0 ? nil : unit.at(step)
        }
    }

    /// The unit of the sweep that begins where this one ended.
    package func successor(of unit: ProbeUnit) -> ProbeUnit? {
        guard unit.step >= 0 else { return nil }
        let step = unit.step + stepLength(of: unit.family)
        return step < cValues.count ? unit.at(step) : nil
    }
}
