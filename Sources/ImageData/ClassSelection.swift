import Formats
import Numerics

/// Which classes to keep, and in which order they are renumbered.
package enum ClassSelection: Hashable, Sendable, CustomStringConvertible {
    /// Every class, as numbered by the data set.
    case all
    /// These classes: the first becomes class 0, the next class 1, and so on.
    case listed([Int])
    /// The classes of these names, likewise: those of a user's own files.
    case named([String])

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

    /// Reads `all`, or names of classes with commas between them, as in `cat,dog`.
    ///
    /// Names that hold commas or quotes are quoted as RFC 4180 has it: `"cat, black",dog`. A class named
    /// all is `"all"`.
    ///
    /// - Throws: `.invalidRequest` for quotes that are not closed, an empty name, or a name given twice.
    ///   Whether there are such classes, and two of them, is checked by ``indices(classNames:)``.
    package init(names text: String) throws(DatasetError) {
        if text == "all" {
            self = .all
            return
        }
        guard let names = CSVFields.fields(of: text), !names.contains("") else {
            throw .invalidRequest(
                "cannot read the classes '\(text)'; write names with commas between them, those with "
                    + "commas or quotes in them as in \"a, b\",\"say \"\"c\"\"\"")
        }
        var seen: Set<[UInt8]> = []
        for name in names where !seen.insert(Array(name.utf8)).inserted {
            throw .invalidRequest("the class \(name) is selected twice; name each class once")
        }
        self = .named(names)
    }

    /// The classes to keep, by their numbers among those of these names, in their new order.
    ///
    /// Of whole numbers a range like `0-4` is all classes from 0 to 4 that there are, unless a class is
    /// named so.
    ///
    /// - Throws: `.invalidRequest` for a class that there is none of, one listed twice, or fewer than two
    ///   classes.
    package func indices(classNames: [String]) throws(DatasetError) -> [Int] {
        guard case .named(let names) = self else {
            return try indices(classCount: classNames.count)
        }
        var numbers: [[UInt8]: Int] = [:]
        for (index, name) in classNames.enumerated() { numbers[Array(name.utf8)] = index }
        var classes: [Int] = []
        var seen: Set<Int> = []
        for name in names {
            let found = numbers[Array(name.utf8)].map { [$0] } ?? Self.range(name, of: classNames)
            guard !found.isEmpty else {
                let known = classNames.prefix(20).map(CSVFields.quoted).joined(separator: ",")
                throw .invalidRequest(
                    "there is no class \(name); the labels are \(known)\(classNames.count > 20 ? " and \(classNames.count - 20) more" : "")"
                )
            }
            for index in found {
                try Self.add(index, named: classNames[index], to: &classes, seen: &seen)
            }
        }
        return try Self.listed(classes).indices(classCount: classNames.count)
    }

    /// The numbers of the classes that it names, one or more, of those that there are.
    ///
    /// - Throws: `.invalidRequest` for a class that there is none of, and one listed twice.
    package func indices(ofSome classNames: [String]) throws(DatasetError) -> [Int] {
        guard case .named(let names) = self else { return Array(classNames.indices) }
        // Two at least are asked for together: one that was named, and any other.
        guard names.count == 1, let other = classNames.first(where: { $0 != names[0] }) else {
            return try indices(classNames: classNames)
        }
        let both = try Self.named([names[0], other]).indices(classNames: classNames)
        return Array(both.dropLast())
    }

    /// The classes whose names are whole numbers from one to the other; none of anything else.
    private static func range(_ text: String, of classNames: [String]) -> [Int] {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
            .map { number($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last else {
            return []
        }
        return classNames.indices.filter { index in
            Int(classNames[index]).map { (first...last).contains($0) } ?? false
        }
    }

    /// The classes to keep, as the data set numbers them, in their new order.
    ///
    /// - Throws: `.invalidRequest` for a class out of range, a class listed twice, or fewer than
    ///   two classes.
    package func indices(classCount: Int) throws(DatasetError) -> [Int] {
        let listed: [Int]
        switch self {
        case .all: return Array(0..<classCount)
        case .listed(let classes): listed = classes
        case .named(let names):
            throw .invalidRequest(
                "the classes \(names.joined(separator: ",")) are named; give their numbers")
        }
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
        case .named(let names): names.map(CSVFields.quoted).joined(separator: ",")
        }
    }

    private static func add(
        _ index: Int, named name: String? = nil, to classes: inout [Int], seen: inout Set<Int>
    ) throws(DatasetError) {
        guard seen.insert(index).inserted else {
            throw .invalidRequest(
                "class \(name ?? "\(index)") is selected twice; name each class once")
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
