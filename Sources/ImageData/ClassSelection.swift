import Numerics

/// Which classes to keep, and in which order they are renumbered.
package enum ClassSelection: Hashable, Sendable, CustomStringConvertible {
    /// Every class, as numbered by the data set.
    case all
    /// These classes: the first becomes class 0, the next class 1, and so on.
    case listed([Int])

    /// The largest class number that is read; it bounds what a range like `0-4000000000` makes.
    private static let classNumberMax = 65_535

    /// Reads `all`, or numbers and ascending ranges with commas between them: `0-4`, `0,3,7`,
    /// `0-2,5`.
    ///
    /// - Throws: `.invalidRequest` for anything else, a class given twice, or fewer than two.
    ///   Whether the data set has the classes is checked by ``indices(classCount:)``.
    package init(parsing text: String) throws(DatasetError) {
        if text == "all" {
            self = .all
            return
        }
        var classes: [Int] = []
        var seen: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard let first = Self.number(ends[0]), ends.count <= 2,
                let last = ends.count == 2 ? Self.number(ends[1]) : first
            else {
                throw .invalidRequest(
                    "cannot read '\(part)' in the classes '\(text)'; write 'all', a range like "
                        + "0-4, or numbers like 0,3,7")
            }
            guard first <= last else {
                throw .invalidRequest(
                    "the class range '\(part)' runs backwards; write \(last)-\(first), or list "
                        + "the classes one by one in the order they shall have")
            }
            for index in first...last { try Self.add(index, to: &classes, seen: &seen) }
        }
        guard classes.count >= 2 else {
            throw .invalidRequest(
                "the classes '\(text)' are fewer than two; a classifier needs at least two")
        }
        self = .listed(classes)
    }

    /// The classes to keep, as the data set numbers them, in their new order.
    ///
    /// - Throws: `.invalidRequest` for a class out of range, a class listed twice, or fewer than
    ///   two classes.
    package func indices(classCount: Int) throws(DatasetError) -> [Int] {
        guard case .listed(let listed) = self else { return Array(0..<classCount) }
        var classes: [Int] = []
        var seen: Set<Int> = []
        for index in listed { try Self.add(index, to: &classes, seen: &seen) }
        guard classes.count >= 2 else {
            throw .invalidRequest(
                "only \(classes.count.counted("class")) \(classes.count == 1 ? "is" : "are") selected; a classifier needs at least two"
            )
        }
        if let outside = classes.first(where: { $0 < 0 || $0 >= classCount }) {
            throw .invalidRequest(
                "there is no class \(outside); the data set's classes are 0 to \(classCount - 1)")
        }
        return classes
    }

    /// The selection as it can be parsed again, without ranges: equal selections read alike.
    package var description: String {
        switch self {
        case .all: "all"
        case .listed(let classes): classes.map(String.init).joined(separator: ",")
        }
    }

    private static func add(
        _ index: Int, to classes: inout [Int], seen: inout Set<Int>
    ) throws(DatasetError) {
        guard seen.insert(index).inserted else {
            throw .invalidRequest("class \(index) is selected twice; name each class once")
        }
        classes.append(index)
    }

    /// A plain decimal number up to ``classNumberMax``; no sign, no space.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        guard let value = Int(text), value <= classNumberMax else { return nil }
        return value
    }
}
