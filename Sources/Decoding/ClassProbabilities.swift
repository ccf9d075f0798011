package import Heads

/// What a scheme believes: a probability for every class and row, and the class it predicts.
///
/// ``predictions`` is the argmax of the rows and nothing else, ties to the lowest class, so a
/// prediction and its probabilities can never disagree. Where a scheme decides by numbers finer
/// than its probabilities (logits, integer votes), two classes it tells apart may round to the same
/// probability; the decided one is then raised by one unit in the last place.
package struct ClassProbabilities: Sendable, Equatable {
    /// The classes, ascending, in whose order the columns stand.
    package let classes: [Int]
    /// Rows, 0 or more.
    package let rowCount: Int
    /// `[sample, class]`, row-major; each row is 0 or above and sums to 1 within rounding.
    package private(set) var values: [Double]

    /// Wraps probabilities; traps unless there is one per row and class, and at least one class.
    package init(classes: ClassSet, rowCount: Int, values: [Double]) {
        self.init(members: classes.members, rowCount: rowCount, values: values)
    }

    init(members: [Int], rowCount: Int, values: [Double]) {
        precondition(!members.isEmpty)
        precondition(rowCount >= 0)
        precondition(values.count == rowCount * members.count)
        classes = members
        self.rowCount = rowCount
        self.values = values
    }

    /// Rows of zeros, to be filled.
    init(members: [Int], rowCount: Int) {
        self.init(
            members: members, rowCount: rowCount,
            values: [Double](repeating: 0, count: rowCount * members.count))
    }

    /// Probabilities that `fill` puts in place, `[sample, class]`, every one of them.
    init(
        members: [Int], rowCount: Int, fill: (UnsafeMutableBufferPointer<Double>) -> Void
    ) {
        let count = rowCount * members.count
        self.init(
            members: members, rowCount: rowCount,
            values: unsafe [Double](unsafeUninitializedCapacity: count) { values, filled in
                unsafe fill(values)
                filled = count
            })
    }

    /// One row's probabilities, in the order of ``classes``, without a copy.
    package func row(_ index: Int) -> ArraySlice<Double> {
        values[index * classes.count..<(index + 1) * classes.count]
    }

    /// The most probable class of each row; of equally probable ones the lowest.
    package var predictions: [Int] { (0..<rowCount).map { classes[topPosition(of: $0)] } }

    /// The column of a row's most probable class.
    func topPosition(of row: Int) -> Int {
        let start = row * classes.count
        var best = start
        for index in start + 1..<start + classes.count where values[index] > values[best] {
            best = index
        }
        return best - start
    }

    @inline(__always)
    subscript(row: Int, position: Int) -> Double {
        get { values[row * classes.count + position] }
        set { values[row * classes.count + position] = newValue }
    }

    /// Makes `position` the argmax of a row that decided for it, if rounding hid that.
    mutating func settle(_ row: Int, on position: Int) {
        let top = topPosition(of: row)
        if top != position { self[row, position] = self[row, top].nextUp }
    }
}
