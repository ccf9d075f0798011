package import Heads
package import Numerics

/// Classifiers over class sets and the rows that they answer for: what every scheme asks.
///
/// A classifier is named by a number from 0, which is looked up once by its class set.
package protocol LogitSource: Sendable {
    /// Rows there are answers for, 0 or more and at most `Int32.max`.
    var rowCount: Int { get }

    /// The number of the classifier over exactly these classes; nil when there is none.
    func classifier(over classes: ClassSet) -> Int?

    /// Fills `logits` with the outputs of the classifiers listed, one after the other:
    /// `[output, blockRow]`, ``LogitBlock/rowCountMax`` apart, a classifier's outputs ascending by class.
    ///
    /// What is not a number becomes minus infinity, so that it never wins and is dropped first. Places
    /// past the rows listed hold anything. Traps on more rows than a block has, a row or a classifier
    /// that does not exist, or too little room.
    func fill(_ logits: inout [Float], classifiers: ArraySlice<Int>, rows: ArraySlice<Int32>)
}

/// How rows are cut into blocks.
package enum LogitBlock {
    /// The most rows that are asked at once.
    package static let rowCountMax = 64

    /// Room for so many outputs of a block.
    static func room(outputCount: Int) -> [Float] {
        [Float](repeating: 0, count: outputCount * rowCountMax)
    }
}

extension LogitSource {
    /// The number of the classifier over exactly these classes.
    ///
    /// - Throws: ``DecodingError`` naming the class set when there is none.
    func required(_ classes: ClassSet) throws(DecodingError) -> Int {
        guard let index = classifier(over: classes) else { throw .missingHead(classes) }
        return index
    }
}

/// Heads asked about features.
package struct HeadLogits: LogitSource {
    private let heads: HeadBank
    private let features: Matrix

    /// Heads and the rows that they are asked about.
    ///
    /// - Parameter features: `[sample, feature]`.
    /// - Throws: ``DecodingError`` when heads and features are not equally wide.
    package init(_ heads: HeadBank, _ features: Matrix) throws(DecodingError) {
        precondition(features.rowCount <= Int(Int32.max))
        if let first = heads.heads.first, heads.featureCount != features.columnCount {
            throw .widthMismatch(
                first.classes, head: heads.featureCount, expected: features.columnCount)
        }
        self.heads = heads
        self.features = features
    }

    /// Rows of the features.
    package var rowCount: Int { features.rowCount }

    /// The head's index in the bank; nil where there is none.
    package func classifier(over classes: ClassSet) -> Int? { heads.index(of: classes) }

    /// Computes the logits as ``LogitSource`` asks.
    package func fill(
        _ logits: inout [Float], classifiers: ArraySlice<Int>, rows: ArraySlice<Int32>
    ) {
        LogitKernel(features, rows: rows).fill(&logits, classifiers.lazy.map { heads.heads[$0] })
    }
}

/// Logits computed before, by class set: what whole networks said of the rows.
package struct StoredLogits: LogitSource {
    /// Samples that logits are held of.
    package let rowCount: Int
    private let values: [Matrix]
    private let indices: [ClassSet: Int]

    /// The logits of classifiers over these class sets, which are passed on bit for bit.
    ///
    /// - Parameter logits: by class set, `[sample, class]`, all of the same samples, all finite.
    /// - Throws: ``DecodingError`` for two classifiers over one set, a number of columns that is not
    ///   the set's, sample counts that differ, or a logit that is not finite.
    package init(_ logits: [(classes: ClassSet, values: Matrix)]) throws(DecodingError) {
        let rowCount = logits.first?.values.rowCount ?? 0
        precondition(rowCount <= Int(Int32.max))
        var indices: [ClassSet: Int] = [:]
        for (index, (classes, values)) in logits.enumerated() {
            guard values.columnCount == classes.count else {
                throw .widthMismatch(classes, head: values.columnCount, expected: classes.count)
            }
            guard values.rowCount == rowCount else {
                throw .labelMismatch(
                    "the classifier over \(classes) knows \(values.rowCount.counted("row")), not \(rowCount)"
                )
            }
            guard values.values.allSatisfy(\.isFinite) else {
                throw .labelMismatch(
                    "the classifier over \(classes) has a logit that is not finite")
            }
            guard indices.updateValue(index, forKey: classes) == nil else {
                throw .duplicateHead(classes)
            }
        }
        self.rowCount = rowCount
        self.values = logits.map(\.values)
        self.indices = indices
    }

    /// The index among those given; nil where there is none.
    package func classifier(over classes: ClassSet) -> Int? { indices[classes] }

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
