import Heads
import Numerics

/// Logits of heads for a few rows at a time, in one fixed order of operations per number.
///
/// A logit is `bias + sum of weight * feature`: feature `f` is added in lane `f % 16` in ascending
/// order (multiply, round, add, round: never fused), the lanes by one tree of halves. So a logit
/// depends on its row and its head only: not on the rows beside it, on the CPU, or on threads.
struct LogitKernel {
    /// `[sample, feature]`.
    let features: Matrix

    /// Rows per block: 64 rows of 256 features stay in the second-level cache.
    static let blockRowCount = 64

    /// Fills `logits` `[class, blockRow]` (`blockRowCount` apart) for the rows listed.
    ///
    /// What is not a number becomes minus infinity, so that it never wins and is dropped first.
    /// Traps on more than ``blockRowCount`` rows, a row outside the matrix, or unequal widths.
    func fill(_ logits: inout [Float], head: Head, rows: ArraySlice<Int32>) {
        let width = features.columnCount
        precondition(rows.count <= Self.blockRowCount)
        precondition(rows.allSatisfy { $0 >= 0 && $0 < features.rowCount })
        precondition(head.weights.columnCount == width)
        unsafe features.values.withUnsafeBufferPointer { values in
            unsafe head.weights.values.withUnsafeBufferPointer { weights in
                for (position, bias) in head.biases.enumerated() {
                    let weight = unsafe row(position, of: weights, width)
                    let target = position * Self.blockRowCount - rows.startIndex
                    var index = rows.startIndex
                    while index + 1 < rows.endIndex {
                        let first = unsafe row(Int(rows[index]), of: values, width)
                        let second = unsafe row(Int(rows[index + 1]), of: values, width)
                        let pair = unsafe dots(weight, first, second)
                        logits[target + index] = ordered(pair.0 + bias)
                        logits[target + index + 1] = ordered(pair.1 + bias)
                        index += 2
                    }
                    if index < rows.endIndex {
                        let last = unsafe row(Int(rows[index]), of: values, width)
                        logits[target + index] = unsafe ordered(dots(weight, last, last).0 + bias)
                    }
                }
            }
        }
    }

    private func ordered(_ logit: Float) -> Float {
        logit.isNaN ? -.infinity : logit
    }

    @inline(__always)
    private func row(
        _ index: Int, of values: UnsafeBufferPointer<Float>, _ width: Int
    ) -> UnsafeBufferPointer<Float> {
        unsafe UnsafeBufferPointer(rebasing: values[index * width..<(index + 1) * width])
    }

    // Two rows share the loads of the weights; more would not fit the sixteen registers of SSE2,
    // which is what Swift compiles for on x86-64.
    @inline(__always)
    private func dots(
        _ weight: UnsafeBufferPointer<Float>, _ first: UnsafeBufferPointer<Float>,
        _ second: UnsafeBufferPointer<Float>
    ) -> (Float, Float) {
        var sum0 = SIMD16<Float>(repeating: 0)
        var sum1 = SIMD16<Float>(repeating: 0)
        let weightBytes = UnsafeRawBufferPointer(weight)
        let firstBytes = UnsafeRawBufferPointer(first)
        let secondBytes = UnsafeRawBufferPointer(second)
        let whole = weight.count & ~15
        for offset in stride(from: 0, to: whole * 4, by: 64) {
            let lanes = unsafe weightBytes.loadUnaligned(
                fromByteOffset: offset, as: SIMD16<Float>.self)
            sum0 +=
                unsafe lanes
                * firstBytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self)
            sum1 +=
                unsafe lanes
                * secondBytes.loadUnaligned(fromByteOffset: offset, as: SIMD16<Float>.self)
        }
        if whole < weight.count {
            var lanes = SIMD16<Float>(repeating: 0)
            var lanes0 = SIMD16<Float>(repeating: 0)
            var lanes1 = SIMD16<Float>(repeating: 0)
            for index in whole..<weight.count {
                unsafe lanes[index - whole] = weight[index]
                unsafe lanes0[index - whole] = first[index]
                unsafe lanes1[index - whole] = second[index]
            }
            sum0 += lanes * lanes0
            sum1 += lanes * lanes1
        }
        return (reduce(sum0), reduce(sum1))
    }

    @inline(__always)
    private func reduce(_ lanes: SIMD16<Float>) -> Float {
        let eight = lanes.lowHalf + lanes.highHalf
        let four = eight.lowHalf + eight.highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }
}
