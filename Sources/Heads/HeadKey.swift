/// What names a head: the groups of classes that it tells apart.
///
/// Pairs and subsets are groups of one class each. One-vs-rest has one class and all others
/// (``rest(_:of:)``); output codes, nested dichotomies and hierarchies are groups of several too: types,
/// wire and journal have room for them. A head is never named by a position in a plan.
package struct HeadKey: Hashable, Sendable {
    private enum Storage: Hashable, Sendable {
        /// Every class is a group by itself, in ascending order.
        case classes(ClassSet)
        /// At least one group has several classes; in the order of their lowest class.
        case groups([ClassSet])
    }

    private let storage: Storage

    /// A head that tells single classes apart; traps below two: what comes from a peer or a person is
    /// refused before.
    package init(_ classes: ClassSet) {
        precondition(classes.count >= 2)
        storage = .classes(classes)
    }

    /// A head that tells groups apart, in any order; nil unless there are two or more, none is empty and
    /// no class is in two.
    package init?(groups: [ClassSet]) {
        guard groups.count >= 2, groups.allSatisfy({ $0.count > 0 }) else { return nil }
        var union = ClassSet([])
        for group in groups {
            guard union.isDisjoint(with: group) else { return nil }
            union = union.union(group)
        }
        if groups.allSatisfy({ $0.count == 1 }) {
            storage = .classes(union)
        } else {
            // Disjoint, so no two have the same lowest class.
            storage = .groups(
                groups.map { ($0.members[0], $0) }.sorted { $0.0 < $1.0 }.map(\.1))
        }
    }

    /// The head that tells one class from all the others; of two classes it is their pair.
    ///
    /// Traps unless the class is one of at least two.
    package static func rest(_ own: Int, of classes: ClassSet) -> HeadKey {
        precondition(classes.contains(own))
        guard let key = HeadKey(groups: [ClassSet([own]), classes.removing(own)]) else {
            preconditionFailure("one class has no rest")
        }
        return key
    }

    /// Of a head that tells one class from several others: that class, and its output; nil for other
    /// heads.
    ///
    /// The lowest of all classes is output 0, any other class is output 1.
    package var own: (classIndex: Int, output: Int)? {
        guard case .groups(let groups) = storage, groups.count == 2,
            let output = groups.firstIndex(where: { $0.count == 1 })
        else { return nil }
        return (groups[output].members[0], output)
    }

    /// The classes of all groups: the rows that the head is trained on.
    package var classes: ClassSet {
        switch storage {
        case .classes(let classes): classes
        case .groups(let groups): groups.reduce(ClassSet([])) { $0.union($1) }
        }
    }

    /// Outputs of the head: one a group.
    package var outputCount: Int {
        switch storage {
        case .classes(let classes): classes.count
        case .groups(let groups): groups.count
        }
    }

    /// Whether every group is a single class.
    package var tellsSingleClasses: Bool {
        if case .classes = storage { true } else { false }
    }

    /// The groups, in the order of the outputs: by their lowest class.
    package var groups: [ClassSet] {
        switch storage {
        case .classes(let classes): classes.members.map { ClassSet([$0]) }
        case .groups(let groups): groups
        }
    }

    /// Floating-point operations to train this head: `4 * outputs * d` per row and epoch, forward and
    /// gradient, by the textbook's count (what a kernel saves is not subtracted).
    ///
    /// - Parameter rowCount: rows whose class is in one of the groups.
    package func trainingFlops(rowCount: Int, featureCount: Int, epochCount: Int) -> Double {
        4 * Double(outputCount) * Double(featureCount) * Double(rowCount) * Double(epochCount)
    }
}

extension HeadKey: Comparable {
    /// By outputs, then lexicographically: heads of single classes as their sets are ordered, before those
    /// of groups with as many outputs.
    package static func < (left: HeadKey, right: HeadKey) -> Bool {
        switch (left.storage, right.storage) {
        case (.classes(let mine), .classes(let other)):
            return mine < other
        default:
            if left.outputCount != right.outputCount { return left.outputCount < right.outputCount }
            if left.tellsSingleClasses != right.tellsSingleClasses {
                return left.tellsSingleClasses
            }
            return left.groups.lexicographicallyPrecedes(right.groups)
        }
    }
}

extension HeadKey: CustomStringConvertible, LosslessStringConvertible {
    /// As the journal has it: groups separated by commas, classes of a group by plus signs.
    package var text: String { texts().joined(separator: ",") }

    /// The texts of the first groups; of a group of more than `memberCountMax` classes the first few.
    ///
    /// Without a set for every class: of all of very many classes each is large.
    private func texts(upTo countMax: Int = .max, memberCountMax: Int = .max) -> [String] {
        switch storage {
        case .classes(let classes):
            classes.members.prefix(countMax).map(String.init)
        case .groups(let groups):
            groups.prefix(countMax).map { group in
                let members = group.members
                let isWhole = members.count <= memberCountMax
                return (isWhole ? members[...] : members.prefix(8)).map(String.init)
                    .joined(separator: "+") + (isWhole ? "" : "+…")
            }
        }
    }

    /// Groups that ``description`` lists, and classes of each.
    private static let describedCountMax = 32

    /// For people: `{0,3}`, or `{0+1,3}`; of very many groups the first ones and their number, and of very
    /// many classes in a group the first ones.
    package var description: String {
        let countMax = Self.describedCountMax
        guard outputCount > countMax else {
            return "{\(texts(memberCountMax: countMax).joined(separator: ","))}"
        }
        let first = texts(upTo: 8, memberCountMax: countMax).joined(separator: ",")
        return "{\(first), … \(outputCount) in all}"
    }

    /// Reads ``text``; nil for any other text, and for classes from 2^20 on.
    package init?(_ text: String) {
        var groups: [[Int]] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            var members: [Int] = []
            for word in part.split(separator: "+", omittingEmptySubsequences: false) {
                guard let member = Int(word), (0..<1 << 20).contains(member),
                    member > members.last ?? -1
                else { return nil }
                members.append(member)
            }
            groups.append(members)
        }
        if groups.allSatisfy({ $0.count == 1 }) {
            let classes = ClassSet(groups.joined())
            guard classes.count >= 2 else { return nil }
            self.init(classes)
        } else {
            self.init(groups: groups.map { ClassSet($0) })
        }
        // Written in one way only: leading zeros, classes repeated and in another order are not.
        guard self.text == text else { return nil }
    }
}
