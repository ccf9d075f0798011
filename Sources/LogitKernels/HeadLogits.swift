import CLogitKernels
package import Decoding
package import Heads
package import Numerics

/// Heads asked about features, by the kernels of this CPU.
package struct HeadLogits: LogitSource {
    private let heads: PreparedHeads
    private let features: Matrix
    private let variant: LogitKernelVariant

    /// Heads and the rows that they are asked about.
    ///
    /// - Parameters:
    ///   - features: `[sample, feature]`.
    ///   - variant: changes the speed and nothing else.
    /// - Throws: `DecodingError` when heads and features are not equally wide.
    package init(
        _ heads: PreparedHeads, _ features: Matrix, variant: LogitKernelVariant = .fastest
    ) throws(DecodingError) {
        precondition(features.rowCount <= Int(Int32.max))
        try heads.bank.check(featureCount: features.columnCount)
        self.heads = heads
        self.features = features
        self.variant = variant
    }

    /// The same with heads that are asked about these rows only.
    ///
    /// - Throws: `DecodingError` when heads and features are not equally wide.
    package init(_ heads: HeadBank, _ features: Matrix) throws(DecodingError) {
        try self.init(PreparedHeads(heads), features)
    }

    /// Rows of the features.
    package var rowCount: Int { features.rowCount }

    /// The head's index in the bank; nil where there is none.
    package func classifier(of key: HeadKey) -> Int? { heads.bank.index(of: key) }

    /// Computes the logits as `LogitSource` asks.
    package func fill(
        _ logits: inout [Float], classifiers: ArraySlice<Int>, rows: ArraySlice<Int32>
    ) {
        var output = 0
        for classifier in classifiers {
            let head = heads.bank.heads[classifier]
            let count = head.block.outputCount
            let first = head.index * count
            unsafe withUnsafeTemporaryAllocation(of: Int.self, capacity: count) { outputs in
                for position in 0..<count { unsafe outputs[position] = first + position }
                unsafe compute(
                    &logits, at: output, UnsafeBufferPointer(outputs), head.block.weights,
                    head.block.biases, rows, notANumber: -.infinity)
            }
            output += count
        }
    }

    /// Computes the differences as `LogitSource` asks, without the logits.
    package func fillDifferences(
        _ differences: inout [Float], pairs: ArraySlice<Int>, rows: ArraySlice<Int32>
    ) {
        precondition(pairs.allSatisfy { $0 >= 0 && $0 < heads.pairCount })
        unsafe pairs.withUnsafeBufferPointer { outputs in
            unsafe compute(
                &differences, at: 0, outputs, heads.differences, heads.biasDifferences, rows,
                notANumber: 0)
        }
        guard !heads.irregularPairs.isEmpty else { return }
        for place in pairs.indices where heads.irregularPairs.contains(pairs[place]) {
            subtractLogits(
                into: &differences, at: place - pairs.startIndex, pairs: pairs[place...place],
                rows: rows)
        }
    }

    /// Fills places of `logits` from output `place` on with what these outputs, listed by their rows of
    /// `weights`, say of the rows.
    private func compute(
        _ logits: inout [Float], at place: Int, _ outputs: UnsafeBufferPointer<Int>,
        _ weights: [Float], _ biases: [Float], _ rows: ArraySlice<Int32>, notANumber: Float
    ) {
        precondition(rows.count <= LogitBlock.rowCountMax)
        precondition(rows.allSatisfy { $0 >= 0 && $0 < features.rowCount })
        precondition(logits.count >= (place + outputs.count) * LogitBlock.rowCountMax)
        unsafe logits.withUnsafeMutableBufferPointer { logits in
            unsafe features.values.withUnsafeBufferPointer { features in
                unsafe weights.withUnsafeBufferPointer { weights in
                    unsafe biases.withUnsafeBufferPointer { biases in
                        unsafe rows.withUnsafeBufferPointer { rows in
                            unsafe variant.fill(
                                logit_request(
                                    features: features.baseAddress, rows: rows.baseAddress,
                                    row_count: rows.count, feature_count: self.features.columnCount,
                                    weights: weights.baseAddress, biases: biases.baseAddress,
                                    outputs: outputs.baseAddress, output_count: outputs.count,
                                    logits: logits.baseAddress.map {
                                        unsafe $0 + place * LogitBlock.rowCountMax
                                    },
                                    logit_stride: LogitBlock.rowCountMax,
                                    not_a_number: notANumber))
                        }
                    }
                }
            }
        }
    }
}

extension Head {
    /// The head's logits for every row.
    ///
    /// - Parameter features: `[sample, feature]`.
    /// - Returns: `[sample, class]`.
    /// - Throws: `DecodingError` when head and features are not equally wide.
    package func logits(_ features: Matrix) throws(DecodingError) -> Matrix {
        let source = try HeadLogits(HeadBank([self]), features)
        let count = block.outputCount
        var result = Matrix(rowCount: features.rowCount, columnCount: count)
        var logits = LogitBlock.room(outputCount: count)
        for start in stride(from: 0, to: features.rowCount, by: LogitBlock.rowCountMax) {
            let end = min(start + LogitBlock.rowCountMax, features.rowCount)
            let rows = (Int32(start)..<Int32(end)).map { $0 }
            source.fill(&logits, classifiers: [0], rows: rows[...])
            for row in start..<end {
                for position in 0..<count {
                    result[row, position] =
                        logits[position * LogitBlock.rowCountMax + row - start]
                }
            }
        }
        return result
    }
}
