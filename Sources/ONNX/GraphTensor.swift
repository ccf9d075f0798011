package import Formats

/// A constant of a graph, row-major.
package struct GraphTensor: Sendable {
    /// The values of a constant.
    package enum Content: Sendable {
        case floats([Float])
        case doubles([Double])
        case integers([Int64])
        case texts([String])
        case rows(FloatRows)
    }

    /// Lengths of the dimensions, outermost first; empty for a single value.
    package let shape: [Int]
    /// As many values as the shape says.
    package let content: Content

    /// Traps unless there are as many values as the shape says.
    package init(_ shape: [Int], _ content: Content) {
        let count =
            switch content {
            case .floats(let values): values.count
            case .doubles(let values): values.count
            case .integers(let values): values.count
            case .texts(let values): values.count
            case .rows(let rows): rows.rowCount * rows.columnCount
            }
        precondition(shape.reduce(1, *) == count)
        self.shape = shape
        self.content = content
    }

    /// One float.
    static func float(_ value: Float) -> GraphTensor { GraphTensor([], .floats([value])) }

    /// A list of floats.
    static func floats(_ values: [Float]) -> GraphTensor {
        GraphTensor([values.count], .floats(values))
    }

    /// One double.
    static func double(_ value: Double) -> GraphTensor { GraphTensor([], .doubles([value])) }

    /// A list of integers, which is what operators take axes and bounds as.
    static func integers(_ values: some Sequence<Int>) -> GraphTensor {
        let values = values.map { Int64($0) }
        return GraphTensor([values.count], .integers(values))
    }

    /// `[row, column]`, all rows equally long.
    static func table(_ rows: [[Int]]) -> GraphTensor {
        GraphTensor(
            [rows.count, rows.first?.count ?? 0], .integers(rows.flatMap { $0.map { Int64($0) } }))
    }

    /// `[row, column]` by a formula.
    static func floats(
        _ rowCount: Int, _ columnCount: Int, _ value: (_ row: Int, _ column: Int) -> Float
    ) -> GraphTensor {
        GraphTensor(
            [rowCount, columnCount],
            .floats(
                (0..<rowCount).flatMap { row in (0..<columnCount).map { value(row, $0) } }))
    }
}
