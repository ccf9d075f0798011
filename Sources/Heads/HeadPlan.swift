/// Which heads a run trains, in the one order everything refers to: by size, then lexicographically.
package struct HeadPlan: Sendable {
    /// Which heads a plan holds.
    package enum Kind: String, Sendable, CaseIterable {
        /// Every pair of classes: what all-vs-all needs.
        case pairs
        /// Every subset of two classes or more: what tree elimination needs, pairs included.
        case subsets
    }

    /// Classes of the run, at least two.
    package let classCount: Int
    /// Ascending.
    package let heads: [HeadKey]

    /// The largest class count for which all subsets are listed at once (2^20 heads).
    package static let subsetClassCountMax = 20

    /// A plan of these heads, in any order; traps below two classes and on a head given twice.
    package init(heads: [HeadKey], classCount: Int) {
        precondition(classCount >= 2)
        self.classCount = classCount
        self.heads = heads.sorted()
        precondition(zip(self.heads, self.heads.dropFirst()).allSatisfy { $0 < $1 })
    }

    /// The whole plan for `classCount` classes; traps below two classes, or above
    /// ``subsetClassCountMax`` for subsets: callers refuse those first.
    ///
    /// - Parameter withAllClasses: whether pairs come with the head over all classes, which is one-vs-all
    ///   where there is no backbone.
    package init(_ kind: Kind, classCount: Int, withAllClasses: Bool = false) {
        precondition(classCount >= 2)
        let sizes: ClosedRange<Int>
        switch kind {
        case .pairs: sizes = 2...2
        case .subsets:
            precondition(classCount <= Self.subsetClassCountMax)
            sizes = 2...classCount
        }
        var heads: [HeadKey] = []
        for size in sizes {
            var members = Array(0..<size)
            while true {
                heads.append(HeadKey(ClassSet(members)))
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
        if withAllClasses, kind == .pairs, classCount > 2 {
            heads.append(HeadKey(.all(classCount)))
        }
        self.classCount = classCount
        self.heads = heads
    }

    /// The position of a head in ``heads``, if the plan has it; O(log n).
    package func position(of key: HeadKey) -> Int? {
        var (low, high) = (0, heads.count)
        while low < high {
            let middle = (low + high) / 2
            if heads[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low < heads.count && heads[low] == key ? low : nil
    }
}
