import Hashing

/// The classes that training labels name, numbered in an order that depends on the labels alone.
package struct ClassLabels: Sendable {
    /// A name per class: by number if all labels are whole numbers, otherwise in the order of code
    /// points.
    package let names: [String]
    /// A key per class that depends on its label alone, whatever other classes there are.
    ///
    /// Of a whole number from 0 and below 2^32 it is that number. Of any other label it is the first
    /// 64 bits, little-endian, of the BLAKE2b-256 of its text in UTF-8, with the top bit set.
    package let keys: [UInt64]

    /// By the bytes of their names: text that only looks the same is another label.
    private let classes: [[UInt8]: Int]

    /// The classes of training rows.
    ///
    /// - Throws: ``FormatError`` for fewer than two classes, and two labels of one key.
    package init(training column: LabelColumn) throws(FormatError) {
        var labels: [(name: String, key: UInt64)]
        switch column.labels {
        case .integers(let values):
            labels = values.sorted().map { value in
                (
                    String(value),
                    UInt32(exactly: value).map { UInt64($0) } ?? Self.key(String(value))
                )
            }
        case .texts(let texts):
            labels = texts.map { ($0, Self.key($0)) }
            labels.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        }
        guard labels.count >= 2 else {
            throw .malformed(
                column.path,
                "all rows have the label \(labels.first?.name ?? ""); a classifier needs at least two classes"
            )
        }
        try Self.refuseEqualKeys(labels, column.path)
        names = labels.map(\.name)
        keys = labels.map(\.key)
        var classes: [[UInt8]: Int] = [:]
        for (index, name) in names.enumerated() { classes[Array(name.utf8)] = index }
        self.classes = classes
    }

    /// The class of each row.
    ///
    /// A label is looked up by its text, so whole numbers match the same numbers in text.
    ///
    /// - Throws: ``FormatError`` that names the file and the first row of a label that no training row
    ///   has.
    package func labels(_ column: LabelColumn) throws(FormatError) -> [Int] {
        let found = column.labels.names.map { classes[Array($0.utf8)] }
        if let row = column.places.firstIndex(where: { found[$0] == nil }) {
            let unknown = found.indices.filter { found[$0] == nil }
                .map { String(column.labels.names[$0].prefix(80)) }
            let others = unknown.dropFirst()
            let more =
                others.isEmpty
                ? ""
                : "; other such labels: " + others.prefix(20).joined(separator: ", ")
                    + (others.count > 20 ? " and \(others.count - 20) more" : "")
            throw .malformed(
                column.path,
                "row \(row) (counted from 0) has the label \(unknown[0]), which no training row has\(more); leave such rows out, or train on rows of them"
            )
        }
        return column.places.compactMap { found[$0] }
    }

    /// The key of a label that is not a small whole number.
    package static func key(_ text: String) -> UInt64 {
        let digest = BLAKE2b.digest(Array(text.utf8))
        return digest[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } | 1 << 63
    }

    /// Refuses two labels of one key, whose heads would draw the same random numbers.
    package static func refuseEqualKeys(
        _ labels: [(name: String, key: UInt64)], _ path: String
    ) throws(FormatError) {
        let byKey = labels.sorted { $0.key < $1.key }
        for (left, right) in zip(byKey, byKey.dropFirst()) where left.key == right.key {
            throw .malformed(
                path,
                "the labels \(left.name) and \(right.name) have one key by chance; rename one of them"
            )
        }
    }
}
