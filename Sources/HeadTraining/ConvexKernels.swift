import CHeadKernels

/// The kernels in double precision of a variant; all variants give equal bits.
struct ConvexKernels: Sendable {
    /// What feature counts are padded to.
    static let laneCount = Int(HEAD_CONVEX_LANES)
    /// Rows of the scratch memory that sums over rows need.
    static let tileRowCount = Int(HEAD_CONVEX_ROWS)

    let index: UInt32

    /// Those of a variant, or of the fastest one for nil.
    init(_ variant: KernelVariant?) throws(HeadTrainingError) {
        if let variant {
            index = variant.index
        } else {
            index = try KernelVariant.select(nil).index
        }
    }

    private var table: head_convex_kernels {
        unsafe head_kernel_variant_at(index).pointee.convex
    }

    func accumulate(_ request: head_convex_rows) {
        var request = unsafe request
        unsafe table.accumulate(&request)
    }

    /// Adds `rows^T diag(weights) rows` to the lower triangle of `matrix`, every row being features and a
    /// 1; without weights all are 1.
    func gram(
        rows: UnsafePointer<Float>, weights: UnsafePointer<Float>?, stride: Int, rowCount: Int,
        featureCount: Int, width: Int, scratch: DoubleBlock, into matrix: DoubleBlock
    ) {
        precondition(featureCount < width && featureCount <= stride)
        precondition(matrix.count == width * width)
        precondition(scratch.count >= Self.tileRowCount * width)
        unsafe table.gram(
            rows, weights, stride, rowCount, featureCount, width, scratch.pointer, matrix.pointer)
    }

    func dot(_ left: DoubleBlock, _ right: DoubleBlock) -> Double {
        precondition(left.count == right.count)
        return unsafe table.dot(left.pointer, right.pointer, left.count)
    }

    /// `target += factor * values`.
    func add(_ factor: Double, _ values: DoubleBlock, to target: DoubleBlock) {
        precondition(values.count == target.count)
        unsafe table.add_multiple(factor, values.pointer, target.pointer, values.count)
    }

    /// `target += factor * values` of the lower triangles of two matrices.
    func addLowerTriangle(
        _ factor: Double, _ values: DoubleBlock, width: Int, to target: DoubleBlock
    ) {
        precondition(values.count == width * width && target.count == width * width)
        for row in 0..<width {
            unsafe table.add_multiple(
                factor, values.pointer + row * width, target.pointer + row * width, row + 1)
        }
    }

    /// Factorises the lower triangle in place; false if the matrix is not positive definite.
    func factorise(_ matrix: DoubleBlock, width: Int) -> Bool {
        precondition(matrix.count == width * width)
        return unsafe table.factorise(matrix.pointer, width)
    }

    /// Row `row` of `values` becomes the solution for it.
    func solve(_ factor: DoubleBlock, width: Int, row: Int, of values: DoubleBlock) {
        precondition(factor.count == width * width)
        precondition(row >= 0 && (row + 1) * width <= values.count)
        unsafe table.solve(factor.pointer, width, values.pointer + row * width)
    }
}
