/// Rows of floats that are made one at a time, so that nobody holds a second copy of large weights.
package struct FloatRows: Sendable {
    /// Rows, 0 or more.
    package let rowCount: Int
    /// Values of each row, 0 or more.
    package let columnCount: Int
    private let row: @Sendable (Int) -> [Float]

    /// Rows that `row` makes by index; each is asked twice at most.
    package init(
        rowCount: Int, columnCount: Int, _ row: @escaping @Sendable (_ index: Int) -> [Float]
    ) {
        precondition(rowCount >= 0 && columnCount >= 0)
        self.rowCount = rowCount
        self.columnCount = columnCount
        self.row = row
    }

    /// One row; traps outside, or where it was made with another width.
    package subscript(_ index: Int) -> [Float] {
        precondition((0..<rowCount).contains(index))
        let values = row(index)
        precondition(values.count == columnCount)
        return values
    }
}
