/// A set of class indices, as a bit set of any width.
///
/// Ordered by size, then lexicographically by its ascending class list: the order in which
/// `digests.heads` and every table list heads. Sets below class 128 and pairs of any classes take no
/// memory of their own, and comparing two sets takes none.
package struct ClassSet: Hashable, Sendable {
    /// Equal sets have equal storage: each kind is used only where those before it do not fit.
    private enum Storage: Hashable, Sendable {
        /// Classes below 128: bit `c % 64` of the word of `c / 64`.
        case small(UInt64, UInt64)
        /// Two classes, ascending.
        case pair(UInt32, UInt32)
        /// Bit `c % 64` of word `c / 64` is class `c`; the last word is not zero.
        case words([UInt64])
    }

    private let storage: Storage

    private init(_ storage: Storage) {
        self.storage = storage
    }

    /// Traps on a class that 32 bits do not hold.
    private init(words: [UInt64]) {
        var words = words
        while words.last == 0 { words.removeLast() }
        if words.count <= 2 {
            self.init(.small(words.first ?? 0, words.count > 1 ? words[1] : 0))
            return
        }
        var members: [UInt32] = []
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0, members.count < 3 {
                members.append(UInt32(index * 64 + rest.trailingZeroBitCount))
                rest &= rest - 1
            }
        }
        self.init(members.count == 2 ? .pair(members[0], members[1]) : .words(words))
    }

    /// The set of the given classes.
    ///
    /// Duplicates count once. Traps on a negative class.
    package init(_ classes: some Sequence<Int>) {
        var low: (UInt64, UInt64) = (0, 0)
        var words: [UInt64] = []
        for index in classes {
            precondition(index >= 0)
            let bit: UInt64 = 1 << UInt64(index % 64)
            switch index / 64 {
            case 0: low.0 |= bit
            case 1: low.1 |= bit
            case let word:
                if word >= words.count {
                    words.append(contentsOf: repeatElement(0, count: word + 1 - words.count))
                }
                words[word] |= bit
            }
        }
        if words.isEmpty {
            self.init(.small(low.0, low.1))
        } else {
            words[0] = low.0
            words[1] = low.1
            self.init(words: words)
        }
    }

    /// The set of two different classes; traps on equal or negative ones.
    package init(pair first: Int, _ second: Int) {
        precondition(first != second && first >= 0 && second >= 0)
        let (low, high) = (min(first, second), max(first, second))
        if high < 128 {
            self.init([low, high])
        } else {
            self.init(.pair(UInt32(low), UInt32(high)))
        }
    }

    /// All classes below `classCount`.
    package static func all(_ classCount: Int) -> ClassSet {
        ClassSet(0..<classCount)
    }

    /// How many classes are in the set.
    package var count: Int {
        switch storage {
        case .small(let low, let high): low.nonzeroBitCount + high.nonzeroBitCount
        case .pair: 2
        case .words(let words): words.reduce(0) { $0 + $1.nonzeroBitCount }
        }
    }

    private var wordCount: Int {
        switch storage {
        case .small: 2
        case .pair(_, let second): Int(second) / 64 + 1
        case .words(let words): words.count
        }
    }

    private func word(_ index: Int) -> UInt64 {
        switch storage {
        case .small(let low, let high): return index == 0 ? low : index == 1 ? high : 0
        case .pair(let first, let second):
            let low: UInt64 = Int(first) / 64 == index ? 1 << UInt64(first % 64) : 0
            let high: UInt64 = Int(second) / 64 == index ? 1 << UInt64(second % 64) : 0
            return low | high
        case .words(let words): return index < words.count ? words[index] : 0
        }
    }

    /// The classes, ascending.
    package var members: [Int] {
        if case .pair(let first, let second) = storage { return [Int(first), Int(second)] }
        var result: [Int] = []
        result.reserveCapacity(count)
        for index in 0..<wordCount {
            var rest = word(index)
            while rest != 0 {
                result.append(index * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return result
    }

    /// Whether a class is in the set.
    package func contains(_ index: Int) -> Bool {
        index >= 0 && word(index / 64) >> UInt64(index % 64) & 1 == 1
    }

    /// Whether no class is in both sets.
    package func isDisjoint(with other: ClassSet) -> Bool {
        (0..<min(wordCount, other.wordCount)).allSatisfy { word($0) & other.word($0) == 0 }
    }

    /// The classes that are in either set.
    package func union(_ other: ClassSet) -> ClassSet {
        ClassSet(words: (0..<max(wordCount, other.wordCount)).map { word($0) | other.word($0) })
    }

    /// The set without one class.
    package func removing(_ index: Int) -> ClassSet {
        guard contains(index) else { return self }
        return ClassSet(
            words: (0..<wordCount).map {
                $0 == index / 64 ? word($0) & ~(1 << UInt64(index % 64) as UInt64) : word($0)
            })
    }

    /// A 64-bit name of a set of classes, given their keys: what initial weights are drawn by.
    ///
    /// FNV-1a over the ascending keys, 32 little-endian bits each. A key of 2^32 or more has 64 bits, and
    /// after them 256, which is no byte: so lists of keys that differ never hash the same numbers. Two
    /// sets with the same name would share initial weights and nothing else.
    package static func fingerprint(ofKeys keys: [UInt64]) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func add(_ value: UInt64) {
            hash ^= value
            hash &*= 0x100_0000_01B3
        }
        for key in keys.sorted() {
            let isShort = key >> 32 == 0
            for byte in 0..<(isShort ? 4 : 8) as Range<UInt64> { add(key >> (8 * byte) & 0xFF) }
            if !isShort { add(0x100) }
        }
        return hash
    }
}

extension ClassSet: Comparable {
    package static func < (left: ClassSet, right: ClassSet) -> Bool {
        let (leftCount, rightCount) = (left.count, right.count)
        if leftCount != rightCount { return leftCount < rightCount }
        // Of sets of one size, the one that has the lowest class that only one of them has is first.
        for index in 0..<max(left.wordCount, right.wordCount) {
            let (mine, other) = (left.word(index), right.word(index))
            let difference = mine ^ other
            if difference != 0 { return mine & (difference & (0 &- difference)) != 0 }
        }
        return false
    }
}

extension ClassSet: CustomStringConvertible {
    package var description: String {
        "{" + members.map(String.init).joined(separator: ",") + "}"
    }
}
