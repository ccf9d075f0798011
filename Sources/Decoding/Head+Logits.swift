package import Heads
package import Numerics

extension Head {
    /// The head's logits for every row, in the one order of operations in which schemes compute them.
    ///
    /// - Parameter features: `[sample, feature]`.
    /// - Returns: `[sample, class]`.
    /// - Throws: ``DecodingError`` when head and features are not equally wide.
    package func logits(_ features: Matrix) throws(DecodingError) -> Matrix {
        let source = try HeadLogits(HeadBank([self]), features)
        var result = Matrix(rowCount: features.rowCount, columnCount: biases.count)
        var block = LogitBlock.room(outputCount: biases.count)
        SchemeDecoder.forEachBlock(of: 0..<features.rowCount) { rows in
            source.fill(&block, classifiers: [0], rows: rows[...])
            for (index, row) in rows.enumerated() {
                for position in biases.indices {
                    result[Int(row), position] = block[position * LogitBlock.rowCountMax + index]
                }
            }
        }
        return result
    }
}
