package import Heads
import Numerics

/// Trained heads by class set: what a scheme asks.
package struct HeadBank: Sendable {
    /// The heads in plan order: by size, then lexicographically.
    package let heads: [Head]
    /// Features every head reads; 0 without heads.
    package let featureCount: Int
    private let indices: [ClassSet: Int]

    /// A bank of the heads, given in any order.
    ///
    /// - Throws: ``DecodingError`` for two heads over one class set, or heads of unequal widths.
    package init(_ heads: [Head]) throws(DecodingError) {
        let width = heads.first?.featureCount ?? 0
        let sorted = heads.sorted { $0.key < $1.key }
        var indices: [ClassSet: Int] = [:]
        indices.reserveCapacity(heads.count)
        for (index, head) in sorted.enumerated() {
            guard head.featureCount == width else {
                throw .widthMismatch(head.classes, head: head.featureCount, expected: width)
            }
            guard indices.updateValue(index, forKey: head.classes) == nil else {
                throw .duplicateHead(head.classes)
            }
        }
        self.heads = sorted
        self.indices = indices
        featureCount = width
    }

    /// The head over exactly these classes.
    ///
    /// - Throws: ``DecodingError`` naming the class set when there is none.
    package func head(over classes: ClassSet) throws(DecodingError) -> Head {
        guard let index = indices[classes] else { throw .missingHead(classes) }
        return heads[index]
    }

    /// The position in ``heads`` of the head over exactly these classes; nil when there is none.
    package func index(of classes: ClassSet) -> Int? { indices[classes] }

    /// Says whether heads fit features of a width.
    ///
    /// - Throws: ``DecodingError`` when there are heads, and of another width.
    package func check(featureCount: Int) throws(DecodingError) {
        guard let first = heads.first, self.featureCount != featureCount else { return }
        throw .widthMismatch(first.classes, head: self.featureCount, expected: featureCount)
    }

    /// Whether there is a head over exactly these classes.
    package func contains(_ classes: ClassSet) -> Bool { indices[classes] != nil }
}
