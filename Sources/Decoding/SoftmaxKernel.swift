/// Softmax of a block of rows, up to its last division.
///
/// The highest logit is subtracted first, so nothing overflows. Equal infinities are a tie, and a
/// class at minus infinity has no part unless all are.
enum SoftmaxKernel {
    /// Fills `powers` `[class, blockRow]` with `e^(logit - highest)` of `logits`, of the same shape.
    ///
    /// Columns past `rowCount` are leftovers.
    static func fill(
        _ powers: inout [Float], logits: [Float], classCount: Int, rowCount: Int
    ) {
        let blockRowCount = LogitKernel.blockRowCount
        for start in stride(from: 0, to: rowCount, by: 16) {
            var highest = SIMD16(logits[start..<start + 16])
            for position in 1..<classCount {
                let offset = position * blockRowCount + start
                let lanes = SIMD16(logits[offset..<offset + 16])
                highest.replace(with: lanes, where: lanes .> highest)
            }
            for position in 0..<classCount {
                let offset = position * blockRowCount + start
                let lanes = SIMD16(logits[offset..<offset + 16])
                // Equal infinities differ by NaN.
                let difference = (lanes - highest).replacing(with: 0, where: lanes .== highest)
                let power = exponential(difference)
                for lane in 0..<16 { powers[offset + lane] = power[lane] }
            }
        }
    }
}
