import CHeadKernels
import Numerics

/// Gradients of one head summed in single precision, by the kernels that train minibatches.
///
/// Used by one thread.
@safe
final class SinglePrecisionSums {
    private let table: ConvexTable
    private let kernels: ConvexKernels
    private let classCount: Int
    private let values: FloatBuffer
    private let classes: UnsafeMutableBufferPointer<UInt16>

    /// Rows after which sums go on from zero, in double: rounding grows with their size.
    private static let blockRowCount = 1_024

    init(table: ConvexTable, classCount: Int, kernels: ConvexKernels) {
        self.table = table
        self.kernels = kernels
        self.classCount = classCount
        values = FloatBuffer(
            count: classCount * Int(HEAD_TILE_ROWS)
                + 2 * (classCount - 1) * (table.stride + 1))
        unsafe classes = .allocate(capacity: classCount)
        for position in 0..<classCount {
            unsafe classes.initializeElement(at: position, to: UInt16(position))
        }
    }

    deinit {
        unsafe classes.deallocate()
    }

    /// Lends `values` by their parts: scratch for logits, two matrices `[class, stride]`, and a bias
    /// a class of both.
    private func withState(_ body: (inout head_state) -> Void) {
        unsafe values.withUnsafeMutableBufferPointer { memory in
            guard let start = memory.baseAddress else { return }
            let matrix = (classCount - 1) * table.stride
            let differences = unsafe start + classCount * Int(HEAD_TILE_ROWS)
            var state = unsafe head_state()
            unsafe state.class_count = UInt32(classCount)
            unsafe state.feature_count = UInt32(table.stride)
            unsafe state.classes = UnsafePointer(classes.baseAddress)
            unsafe state.logits = start
            unsafe state.differences = differences
            unsafe state.gradients = differences + matrix
            unsafe state.bias_differences = differences + 2 * matrix
            unsafe state.bias_gradients = differences + 2 * matrix + (classCount - 1)
            unsafe body(&state)
        }
    }

    /// Sets the weights from `differences` `[class, width]`.
    func setWeights(_ differences: DoubleBlock) {
        unsafe withState { state in
            for row in 0..<classCount - 1 {
                let source = unsafe differences.pointer + row * table.width
                let target = unsafe state.differences + row * table.stride
                for column in 0..<table.featureCount {
                    unsafe target[column] = Float(source[column])
                }
                unsafe state.bias_differences[row] = Float(source[table.featureCount])
            }
        }
    }

    /// Adds the rows of class `label`, which is at `position` in the head, to `sums` `[class, width]`.
    func add(rowsOf label: Int, position: Int, to sums: DoubleBlock) {
        let rowCount = table.classRowCounts[label]
        unsafe table.withRows(of: label) { rows, weights in
            for first in stride(from: 0, to: rowCount, by: Self.blockRowCount) {
                let some = unsafe weights.map { unsafe $0 + first }
                unsafe withState { state in
                    let biases = classCount - 1
                    unsafe state.gradients.update(repeating: 0, count: biases * table.stride)
                    unsafe state.bias_gradients.update(repeating: 0, count: biases)
                    unsafe head_kernel_variant_at(kernels.index).pointee.accumulate_rows(
                        &state, rows + first * table.stride, some, table.stride,
                        min(Self.blockRowCount, rowCount - first), UInt32(position))
                    unsafe take(state, into: sums)
                }
            }
        }
    }

    private func take(_ state: head_state, into sums: DoubleBlock) {
        for row in 0..<classCount - 1 {
            let source = unsafe state.gradients + row * table.stride
            let target = unsafe sums.pointer + row * table.width
            for column in 0..<table.featureCount {
                unsafe target[column] += Double(source[column])
            }
            unsafe target[table.featureCount] += Double(state.bias_gradients[row])
        }
    }
}
