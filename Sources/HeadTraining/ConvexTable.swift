import Synchronization
import Tensors

/// A feature table as heads at their optimum want it: every row followed by a 1, whose weight is the
/// bias, and padded with zeros; and Gram matrices of the classes' rows, computed when asked for.
final class ConvexTable: Sendable {
    let featureCount: Int
    /// Values of a row: features, the 1 and zeros.
    let width: Int
    let classRowCounts: [Int]
    private let classRowOffsets: [Int]
    private let rows: FloatBuffer
    private let grams: Mutex<[DoubleBlock?]>

    init(_ table: FeatureTable) {
        featureCount = table.featureCount
        let lanes = ConvexKernels.laneCount
        width = (table.featureCount + 1 + lanes - 1) / lanes * lanes
        classRowCounts = table.classRowCounts
        classRowOffsets = table.classRowOffsets
        let columnCount = table.featureCount
        let width = width
        let rows = FloatBuffer(count: table.rowCount * width)
        unsafe rows.withUnsafeMutableBufferPointer { target in
            unsafe table.features.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                for row in 0..<table.rowCount {
                    unsafe (to + row * width).update(
                        from: from + row * columnCount, count: columnCount)
                    unsafe to[row * width + columnCount] = 1
                }
            }
        }
        self.rows = rows
        grams = Mutex([DoubleBlock?](repeating: nil, count: table.classCount))
    }

    /// Lends a class's rows, `[row, width]`.
    func withRows(of label: Int, _ body: (UnsafePointer<Float>) -> Void) {
        unsafe rows.withUnsafeBufferPointer { rows in
            guard let address = rows.baseAddress, classRowCounts[label] > 0 else { return }
            unsafe body(address + classRowOffsets[label] * width)
        }
    }

    /// Sum over a class's rows of `row^T row`; only its lower triangle means anything.
    func gram(of label: Int, kernels: ConvexKernels) -> DoubleBlock {
        if let known = grams.withLock({ $0[label] }) { return known }
        // Two threads may both compute a matrix; they get the same one, and neither waits.
        let matrix = DoubleBlock(count: width * width)
        let scratch = DoubleBlock(count: ConvexKernels.tileRowCount * width)
        unsafe withRows(of: label) { rows in
            unsafe kernels.gram(
                rows: rows, rowCount: classRowCounts[label], width: width, scratch: scratch,
                into: matrix)
        }
        grams.withLock { $0[label] = matrix }
        return matrix
    }
}
