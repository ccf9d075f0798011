package import Heads
package import Numerics

/// Classifiers and the rows that they answer for: what every scheme asks.
///
/// A classifier is named by a number from 0, which is looked up once by what it tells apart.
package protocol LogitSource: Sendable {
    /// Rows there are answers for, 0 or more and at most `Int32.max`.
    var rowCount: Int { get }

    /// The number of the classifier that tells this apart; nil when there is none.
    func classifier(of key: HeadKey) -> Int?

    /// Fills `logits` with the outputs of the classifiers listed, one after the other:
    /// `[output, blockRow]`, ``LogitBlock/rowCountMax`` apart, a classifier's outputs in the order of its groups.
    ///
    /// What is not a number becomes minus infinity, so that it never wins and is dropped first. Places
    /// past the rows listed hold anything. Traps on more rows than a block has, a row or a classifier
    /// that does not exist, or too little room.
    func fill(_ logits: inout [Float], classifiers: ArraySlice<Int>, rows: ArraySlice<Int32>)

    /// Fills `differences` with how far the first logit of each classifier is above its second, of a pair
    /// that of its lower class above that of its higher: `[pair, blockRow]`, ``LogitBlock/rowCountMax``
    /// apart.
    ///
    /// What is not a number becomes 0, a tie. Places past the rows listed hold anything. A difference
    /// depends on its row and its pair only. Traps as ``fill(_:classifiers:rows:)``.
    ///
    /// - Parameter pairs: numbers of classifiers of two outputs.
    func fillDifferences(
        _ differences: inout [Float], pairs: ArraySlice<Int>, rows: ArraySlice<Int32>)
}

extension LogitSource {
    /// Subtracts the logits of each pair, for a source that computes nothing itself.
    package func fillDifferences(
        _ differences: inout [Float], pairs: ArraySlice<Int>, rows: ArraySlice<Int32>
    ) {
        subtractLogits(into: &differences, at: 0, pairs: pairs, rows: rows)
    }

    /// Fills places of `differences` from pair `place` on with the logits of each pair subtracted.
    ///
    /// Equal infinities are a tie.
    package func subtractLogits(
        into differences: inout [Float], at place: Int, pairs: ArraySlice<Int>,
        rows: ArraySlice<Int32>
    ) {
        let width = LogitBlock.rowCountMax
        var logits = LogitBlock.room(outputCount: 2 * pairs.count)
        fill(&logits, classifiers: pairs, rows: rows)
        for pair in 0..<pairs.count {
            for start in stride(from: 0, to: rows.count, by: 16) {
                let source = 2 * pair * width + start
                let difference = logits.lanes(at: source) - logits.lanes(at: source + width)
                differences.setLanes(
                    at: (place + pair) * width + start,
                    to: difference.replacing(with: 0, where: difference .!= difference))
            }
        }
    }
}

/// How rows are cut into blocks.
package enum LogitBlock {
    /// The most rows that are asked at once.
    package static let rowCountMax = 64

    /// Room for so many outputs of a block.
    package static func room(outputCount: Int) -> [Float] {
        [Float](repeating: 0, count: outputCount * rowCountMax)
    }
}

extension LogitSource {
    /// The number of the classifier over exactly these classes; nil when there is none.
    package func classifier(over classes: ClassSet) -> Int? {
        classes.count < 2 ? nil : classifier(of: HeadKey(classes))
    }

    /// The number of the classifier over exactly these classes, of which there are at least two.
    ///
    /// - Throws: ``DecodingError`` naming the class set when there is none.
    func required(_ classes: ClassSet) throws(DecodingError) -> Int {
        try required(HeadKey(classes))
    }

    /// The number of the classifier that tells this apart.
    ///
    /// - Throws: ``DecodingError`` naming it when there is none.
    func required(_ key: HeadKey) throws(DecodingError) -> Int {
        guard let index = classifier(of: key) else { throw .missingHead(key) }
        return index
    }
}

/// Logits computed before, by what they tell apart: what whole networks said of the rows.
package struct StoredLogits: LogitSource {
    /// Samples that logits are held of.
    package let rowCount: Int
    private let values: [Matrix]
    private let indices: [HeadKey: Int]

    /// The logits of these classifiers, which are passed on bit for bit.
    ///
    /// - Parameter logits: by key, `[sample, output]`, all of the same samples, all finite.
    /// - Throws: ``DecodingError`` for two classifiers of one key, a number of columns that is not the
    ///   key's outputs, sample counts that differ, or a logit that is not finite.
    package init(_ logits: [(key: HeadKey, values: Matrix)]) throws(DecodingError) {
        let rowCount = logits.first?.values.rowCount ?? 0
        precondition(rowCount <= Int(Int32.max))
        var indices: [HeadKey: Int] = [:]
        for (index, (key, values)) in logits.enumerated() {
            guard values.columnCount == key.outputCount else {
                throw .widthMismatch(key, head: values.columnCount, expected: key.outputCount)
            }
            guard values.rowCount == rowCount else {
                throw .labelMismatch(
                    "the classifier over \(key) knows \(values.rowCount.counted("row")), not \(rowCount)"
                )
            }
            guard values.values.allSatisfy(\.isFinite) else {
                throw .labelMismatch(
                    "the classifier over \(key) has a logit that is not finite")
            }
            guard indices.updateValue(index, forKey: key) == nil else {
                throw .duplicateHead(key)
            }
        }
        self.rowCount = rowCount
        self.values = logits.map(\.values)
        self.indices = indices
    }

    /// The index among those given; nil where there is none.
    package func classifier(of key: HeadKey) -> Int? { indices[key] }

    /// Copies the logits as ``LogitSource`` asks.
    package func fill(
        _ logits: inout [Float], classifiers: ArraySlice<Int>, rows: ArraySlice<Int32>
    ) {
        precondition(rows.count <= LogitBlock.rowCountMax)
        var target = 0
        for classifier in classifiers {
            let values = values[classifier]
            for column in 0..<values.columnCount {
                for (index, row) in rows.enumerated() {
                    logits[target + index] = values[Int(row), column]
                }
                target += LogitBlock.rowCountMax
            }
        }
    }
}
