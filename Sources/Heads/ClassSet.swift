/// A set of class indices, as a bit set of any width.
///
/// Ordered by size, then lexicographically by its ascending class list: the order in which
/// `digests.heads` and every table list heads.
package struct ClassSet: Hashable, Sendable {
    /// Bit `c % 64` of word `c / 64` is class `c`; the last word is never zero.
    private var words: [UInt64]

    /// The set of the given classes.
    ///
    /// Duplicates count once. Traps on a negative class.
    package init(_ classes: some Sequence<Int>) {
        words = []
        for index in classes {
            precondition(index >= 0)
            let word = index / 64
            if word >= words.count {
                words.append(contentsOf: repeatElement(0, count: word + 1 - words.count))
            }
            words[word] |= 1 << UInt64(index % 64)
        }
    }

    /// All classes below `classCount`.
    package static func all(_ classCount: Int) -> ClassSet {
        ClassSet(0..<classCount)
    }

    /// How many classes are in the set.
    package var count: Int {
        words.reduce(0) { $0 + $1.nonzeroBitCount }
    }

    /// The classes, ascending.
    package var members: [Int] {
        var result: [Int] = []
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                result.append(index * 64 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
        return result
    }

    /// Whether a class is in the set.
    package func contains(_ index: Int) -> Bool {
        let word = index / 64
        return index >= 0 && word < words.count && words[word] >> UInt64(index % 64) & 1 == 1
    }

    /// The set without one class.
    package func removing(_ index: Int) -> ClassSet {
        var result = self
        if contains(index) {
            result.words[index / 64] &= ~(1 << UInt64(index % 64))
            while result.words.last == 0 { result.words.removeLast() }
        }
        return result
    }

    /// The fingerprint of the set where every class's key is its index.
    package var fingerprint: UInt64 { Self.fingerprint(ofKeys: members.map(UInt64.init)) }

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
        let leftCount = left.count
        let rightCount = right.count
        if leftCount != rightCount { return leftCount < rightCount }
        return left.members.lexicographicallyPrecedes(right.members)
    }
}

extension ClassSet: CustomStringConvertible {
    package var description: String {
        "{" + members.map(String.init).joined(separator: ",") + "}"
    }
}
