/// Which heads a run trains, in the one order everything refers to: by size, then lexicographically.
package struct HeadPlan: Sendable {
    /// Which heads a plan holds.
    package enum Kind: String, Sendable, CaseIterable {
        /// Every pair of classes: what all-vs-all needs.
        case pairs
        /// Every subset of two classes or more: what tree elimination needs, pairs included.
        case subsets
    }

    /// Which class sets have a head.
    package let kind: Kind
    /// Classes of the run, at least two.
    package let classCount: Int
    /// `heads[i].id` is `i`.
    package let heads: [HeadSpec]
    private let identifiers: [ClassSet: HeadID]

    /// The largest class count for which all subsets are listed at once (2^20 heads).
    package static let subsetClassCountMax = 20

    /// The whole plan for `classCount` classes; traps below two classes, or above
    /// ``subsetClassCountMax`` for subsets: callers refuse those first.
    package init(_ kind: Kind, classCount: Int) {
        precondition(classCount >= 2)
        let sizes: ClosedRange<Int>
        switch kind {
        case .pairs: sizes = 2...2
        case .subsets:
            precondition(classCount <= Self.subsetClassCountMax)
            sizes = 2...classCount
        }
        var heads: [HeadSpec] = []
        for size in sizes {
            var members = Array(0..<size)
            while true {
                heads.append(HeadSpec(id: HeadID(UInt32(heads.count)), classes: ClassSet(members)))
                // The next combination in lexicographic order: the last member that can still move.
                guard
                    let moving = members.indices.last(where: {
                        members[$0] < classCount - size + $0
                    })
                else { break }
                members[moving] += 1
                for index in members.index(after: moving)..<size {
                    members[index] = members[index - 1] + 1
                }
            }
        }
        self.kind = kind
        self.classCount = classCount
        self.heads = heads
        identifiers = Dictionary(uniqueKeysWithValues: heads.map { ($0.classes, $0.id) })
    }

    /// The head over exactly these classes, if the plan has one.
    package func id(of classes: ClassSet) -> HeadID? {
        identifiers[classes]
    }

    /// What to train under that number; traps outside the plan.
    package subscript(id: HeadID) -> HeadSpec { heads[Int(id.rawValue)] }
}
