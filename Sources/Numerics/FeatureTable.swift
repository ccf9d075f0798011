/// Training features grouped by class: all rows of class 0, then of class 1, and so on.
///
/// Within a class rows keep the data set's order. A row is named by (key of its class, index within
/// its class), which is what epoch order and dropout are drawn by: whoever holds a class's rows
/// computes the same numbers, whatever the other classes are.
package struct FeatureTable: Sendable {
    /// `[row, feature]`, row-major, without padding.
    package let features: FloatBuffer
    /// What each row weighs, finite and above 0: its part of a head's loss is multiplied by it; nil where
    /// all weigh 1.
    package let rowWeights: FloatBuffer?
    /// Features of a row, at least one.
    package let featureCount: Int
    /// Rows per class; classes whose rows are elsewhere have none.
    package let classRowCounts: [Int]
    /// By class, the number that names it in all runs: of a built-in data set, its class number there.
    package let classKeys: [UInt64]
    /// By class, whether its rows are here: a class that is held may still have no rows.
    package let isHeld: [Bool]
    /// First row of each class, and the row count at the end.
    package let classRowOffsets: [Int]

    /// Traps unless `features` and `rowWeights` hold exactly the rows counted, none of them of a class that
    /// is not held, or if two classes have one key: readers of keys refuse that before.
    ///
    /// - Parameter rowWeights: of each row, finite and above 0, which is for the caller to check; nil if all
    ///   weigh 1.
    /// - Parameter classKeys: by class, distinct; nil if every class's key is its index.
    /// - Parameter isHeld: by class, whether its rows are here; nil if all rows of the run are.
    package init(
        features: FloatBuffer, featureCount: Int, classRowCounts: [Int],
        classKeys: [UInt64]? = nil, isHeld: [Bool]? = nil, rowWeights: FloatBuffer? = nil
    ) {
        precondition(featureCount > 0)
        let classKeys = classKeys ?? classRowCounts.indices.map(UInt64.init)
        precondition(classKeys.count == classRowCounts.count)
        precondition(Set(classKeys).count == classKeys.count)
        let isHeld = isHeld ?? classRowCounts.map { _ in true }
        precondition(isHeld.count == classRowCounts.count)
        precondition(zip(isHeld, classRowCounts).allSatisfy { $0 || $1 == 0 })
        var offsets = [0]
        for count in classRowCounts {
            precondition(count >= 0)
            offsets.append(offsets[offsets.count - 1] + count)
        }
        precondition(features.count == offsets[offsets.count - 1] * featureCount)
        precondition(rowWeights.map { $0.count == offsets[offsets.count - 1] } ?? true)
        self.features = features
        self.rowWeights = rowWeights
        self.featureCount = featureCount
        self.classRowCounts = classRowCounts
        self.classKeys = classKeys
        self.isHeld = isHeld
        classRowOffsets = offsets
    }

    /// Groups the rows of `matrix` `[sample, feature]` by their labels.
    ///
    /// - Parameter labels: a class below `classCount` per row.
    /// - Parameter classKeys: by class, distinct; nil if every class's key is its index.
    /// - Parameter weights: of each sample, finite and not negative; those of weight 0 are left out. Nil if
    ///   all weigh 1.
    package init(
        grouping matrix: Matrix, labels: [Int], classCount: Int, classKeys: [UInt64]? = nil,
        weights: [Float]? = nil
    ) {
        precondition(labels.count == matrix.rowCount)
        let grouping = RowGrouping(
            labels: labels, classCount: classCount, classKeys: classKeys, weights: weights)
        let buffer = FloatBuffer(unfilledCount: grouping.rows.count * matrix.columnCount)
        unsafe buffer.withUnsafeMutableBufferPointer {
            unsafe matrix.copy(grouping.rows[...], into: $0)
        }
        self.init(
            features: buffer, featureCount: matrix.columnCount,
            classRowCounts: grouping.classRowCounts, classKeys: grouping.classKeys,
            rowWeights: grouping.rowWeights.map { FloatBuffer($0) })
    }

    /// Reads the rows of a grouping.
    ///
    /// - Parameter isHeld: by class, whether its rows are in the grouping; nil if all rows of the run are.
    /// - Throws: one sentence, for a file that cannot be read any more.
    package init(
        _ grouping: RowGrouping, of rows: any FeatureRows, isHeld: [Bool]? = nil
    ) throws {
        let buffer = FloatBuffer(unfilledCount: grouping.rows.count * rows.columnCount)
        try unsafe buffer.withUnsafeMutableBufferPointer {
            try unsafe rows.copy(grouping.rows[...], into: $0)
        }
        self.init(
            features: buffer, featureCount: rows.columnCount,
            classRowCounts: grouping.classRowCounts, classKeys: grouping.classKeys, isHeld: isHeld,
            rowWeights: grouping.rowWeights.map { FloatBuffer($0) })
    }

    /// What the rows of a class weigh together, added up in their order: without weights their number.
    package func weightSum(of label: Int) -> Double {
        guard let rowWeights else { return Double(classRowCounts[label]) }
        return unsafe rowWeights.withUnsafeBufferPointer { weights in
            unsafe weights[classRowOffsets[label]..<classRowOffsets[label + 1]]
                .reduce(0) { $0 + Double($1) }
        }
    }

    /// Rows held, of all classes.
    package var rowCount: Int { classRowOffsets[classRowOffsets.count - 1] }
    /// Classes of the run, those without rows among them.
    package var classCount: Int { classRowCounts.count }
}
