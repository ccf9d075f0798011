import CHeadKernels
import Numerics
import Synchronization

/// A feature table as heads at their optimum want it: every row followed by a 1, whose weight is the
/// bias, and padded with zeros; and Gram matrices of the classes' rows, computed when asked for.
final class ConvexTable: Sendable {
    let featureCount: Int
    /// Values of a row in double precision: features, the 1 and zeros.
    let width: Int
    /// Values of a row in single precision, which knows the bias apart: features and what follows.
    let singleWidth: Int
    /// Values from one row to the next: whole cache lines.
    let stride: Int
    let classRowCounts: [Int]
    let classKeys: [UInt64]
    /// By class, whether its rows are here.
    let isHeld: [Bool]
    private let classRowOffsets: [Int]
    private let rows: FloatBuffer
    private let grams: Mutex<[DoubleBlock?]>

    init(_ table: FeatureTable) {
        featureCount = table.featureCount
        let lanes = ConvexKernels.laneCount
        width = (table.featureCount + 1 + lanes - 1) / lanes * lanes
        let lines = Int(HEAD_LANES)
        singleWidth = (table.featureCount + lines - 1) / lines * lines
        stride = (table.featureCount + lines) / lines * lines
        classRowCounts = table.classRowCounts
        classKeys = table.classKeys
        isHeld = table.isHeld
        classRowOffsets = table.classRowOffsets
        let columnCount = table.featureCount
        let stride = stride
        let rows = FloatBuffer(count: table.rowCount * stride)
        unsafe rows.withUnsafeMutableBufferPointer { target in
            unsafe table.features.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                for row in 0..<table.rowCount {
                    unsafe (to + row * stride).update(
                        from: from + row * columnCount, count: columnCount)
                    unsafe to[row * stride + columnCount] = 1
                }
            }
        }
        self.rows = rows
        grams = Mutex([DoubleBlock?](repeating: nil, count: table.classCount))
    }

    /// Lends a class's rows, `[row, stride]`.
    func withRows(of label: Int, _ body: (UnsafePointer<Float>) -> Void) {
        unsafe rows.withUnsafeBufferPointer { rows in
            guard let address = rows.baseAddress, classRowCounts[label] > 0 else { return }
            unsafe body(address + classRowOffsets[label] * stride)
        }
    }

    /// The features of one row.
    func row(_ index: Int, of label: Int) -> DoubleBlock {
        precondition(index >= 0 && index < classRowCounts[label])
        let result = DoubleBlock(count: featureCount)
        unsafe withRows(of: label) { rows in
            for column in 0..<featureCount {
                result[column] = Double(unsafe rows[index * stride + column])
            }
        }
        return result
    }

    /// Sum over a class's rows of `row^T row`; only its lower triangle means anything.
    func gram(of label: Int, kernels: ConvexKernels) -> DoubleBlock {
        if let known = grams.withLock({ $0[label] }) { return known }
        // Two threads may both compute a matrix; they get the same one, and neither waits.
        let matrix = DoubleBlock(count: width * width)
        let scratch = DoubleBlock(count: ConvexKernels.tileRowCount * width)
        unsafe withRows(of: label) { rows in
            unsafe kernels.gram(
                rows: rows, stride: stride, rowCount: classRowCounts[label], width: width,
                scratch: scratch,
                into: matrix)
        }
        grams.withLock { $0[label] = matrix }
        return matrix
    }
}
