package import Heads
package import Numerics

extension Head {
    /// The head's logits for every row, in the one order of operations in which schemes compute them.
    ///
    /// - Parameter features: `[sample, feature]`.
    /// - Returns: `[sample, class]`.
    /// - Throws: ``DecodingError`` when head and features are not equally wide.
    package func logits(_ features: Matrix) throws(DecodingError) -> Matrix {
        try SchemeDecoder.checkWidth(of: self, features)
        let rows = try SchemeDecoder.checked(nil, of: features)
        var result = Matrix(rowCount: rows.count, columnCount: biases.count)
        let kernel = LogitKernel(features: features)
        var block = [Float](repeating: 0, count: biases.count * LogitKernel.blockRowCount)
        for numbers in SchemeDecoder.blocks(of: rows) {
            kernel.fill(&block, head: self, rows: numbers[...])
            for (index, row) in numbers.enumerated() {
                for position in biases.indices {
                    result[Int(row), position] = block[position * LogitKernel.blockRowCount + index]
                }
            }
        }
        return result
    }
}
