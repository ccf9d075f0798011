/// A row-major matrix of `Float`, owned as one contiguous array.
///
/// Rows are samples and columns are features or classes, `[row, column]`, wherever the project
/// passes numbers between modules. Copies are cheap until written.
package struct Matrix: Sendable, Equatable {
    /// Rows, 0 or more.
    package let rowCount: Int
    /// Columns, 0 or more.
    package let columnCount: Int
    /// `rowCount * columnCount` values, row by row.
    package var values: [Float]

    /// Wraps `values`; traps unless there are exactly `rowCount * columnCount` of them.
    package init(rowCount: Int, columnCount: Int, values: [Float]) {
        precondition(rowCount >= 0)
        precondition(columnCount >= 0)
        precondition(values.count == rowCount * columnCount)
        self.rowCount = rowCount
        self.columnCount = columnCount
        self.values = values
    }

    /// A matrix of zeros.
    package init(rowCount: Int, columnCount: Int) {
        self.init(
            rowCount: rowCount, columnCount: columnCount,
            values: [Float](repeating: 0, count: rowCount * columnCount))
    }

    /// One value; traps outside the matrix.
    package subscript(row: Int, column: Int) -> Float {
        get {
            precondition(column >= 0 && column < columnCount)
            return values[row * columnCount + column]
        }
        set {
            precondition(column >= 0 && column < columnCount)
            values[row * columnCount + column] = newValue
        }
    }

    /// The rows listed, in that order; all of them as they are are not copied.
    package func selecting(_ rows: [Int]) -> Matrix {
        if rows.elementsEqual(0..<rowCount) { return self }
        var chosen: [Float] = []
        chosen.reserveCapacity(rows.count * columnCount)
        for index in rows { chosen.append(contentsOf: row(index)) }
        return Matrix(rowCount: rows.count, columnCount: columnCount, values: chosen)
    }

    /// The values of one row, without a copy.
    package func row(_ index: Int) -> ArraySlice<Float> {
        values[index * columnCount..<(index + 1) * columnCount]
    }
}
