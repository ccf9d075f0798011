package import Heads
import Numerics

/// Trained heads by what they tell apart: what a scheme asks.
package struct HeadBank: Sendable {
    /// The heads in plan order: by size, then lexicographically.
    package let heads: [Head]
    /// Features every head reads; 0 without heads.
    package let featureCount: Int
    private let indices: [HeadKey: Int]

    /// A bank of the heads, given in any order.
    ///
    /// - Throws: ``DecodingError`` for two heads of one key, or heads of unequal widths.
    package init(_ heads: [Head]) throws(DecodingError) {
        let width = heads.first?.featureCount ?? 0
        let sorted = heads.sorted { $0.key < $1.key }
        var indices: [HeadKey: Int] = [:]
        indices.reserveCapacity(heads.count)
        for (index, head) in sorted.enumerated() {
            guard head.featureCount == width else {
                throw .widthMismatch(head.key, head: head.featureCount, expected: width)
            }
            guard indices.updateValue(index, forKey: head.key) == nil else {
                throw .duplicateHead(head.key)
            }
        }
        self.heads = sorted
        self.indices = indices
        featureCount = width
    }

    /// The head of a key.
    ///
    /// - Throws: ``DecodingError`` naming it when there is none.
    package func head(of key: HeadKey) throws(DecodingError) -> Head {
        guard let index = indices[key] else { throw .missingHead(key) }
        return heads[index]
    }

    /// The head over exactly these classes, of which there are at least two.
    ///
    /// - Throws: ``DecodingError`` naming the class set when there is none.
    package func head(over classes: ClassSet) throws(DecodingError) -> Head {
        try head(of: HeadKey(classes))
    }

    /// The position of a head in ``heads``; nil when there is none.
    package func index(of key: HeadKey) -> Int? { indices[key] }

    /// Says whether heads fit features of a width.
    ///
    /// - Throws: ``DecodingError`` when there are heads, and of another width.
    package func check(featureCount: Int) throws(DecodingError) {
        guard let first = heads.first, self.featureCount != featureCount else { return }
        throw .widthMismatch(first.key, head: self.featureCount, expected: featureCount)
    }

    /// Whether there is a head over exactly these classes.
    package func contains(_ classes: ClassSet) -> Bool {
        classes.count >= 2 && indices[HeadKey(classes)] != nil
    }
}
