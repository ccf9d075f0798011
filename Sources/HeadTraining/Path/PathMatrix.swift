import CHeadKernels

/// Numbers in single precision, `[row, stride]`, the stride being a multiple of 16.
struct PathMatrix: Sendable {
    let rowCount: Int
    let stride: Int
    let block: FloatBlock

    /// Zeros.
    init(rowCount: Int, stride: Int) {
        self.rowCount = rowCount
        self.stride = stride
        block = FloatBlock(count: rowCount * stride)
    }

    subscript(row: Int, column: Int) -> Float {
        get { block[row * stride + column] }
        nonmutating set { block[row * stride + column] = newValue }
    }

    /// Where each row is; valid while the block lives.
    var places: [UnsafePointer<Float>?] {
        unsafe (0..<rowCount).map { unsafe UnsafePointer(block.pointer + $0 * stride) }
    }

    func fill(from source: DoubleBlock) {
        precondition(source.count == block.count)
        for index in 0..<block.count {
            unsafe block.pointer[index] = Float(source.pointer[index])
        }
    }
}

/// A matrix in the order in which the kernels multiply by its transpose.
struct PackedMatrix: Sendable {
    /// Rows of the matrix, and of what is packed: a multiple of 16.
    let rowCount: Int
    let paddedRowCount: Int
    let width: Int
    let block: FloatBlock
}

/// The path's kernels of a variant; all variants give equal bits.
struct PathKernels: Sendable {
    static let lanes = Int(HEAD_PATH_PANEL)
    static let tile = Int(HEAD_PATH_ROWS)

    let index: UInt32

    var table: head_path_kernels {
        unsafe head_kernel_variant_at(index).pointee.path
    }

    static func padded(_ count: Int) -> Int { (count + lanes - 1) / lanes * lanes }

    func pack(_ matrix: PathMatrix) -> PackedMatrix {
        let padded = Self.padded(matrix.rowCount)
        let block = FloatBlock(count: padded * matrix.stride)
        unsafe table.pack(
            matrix.block.pointer, matrix.stride, matrix.rowCount, matrix.stride, block.pointer)
        return PackedMatrix(
            rowCount: matrix.rowCount, paddedRowCount: padded, width: matrix.stride, block: block)
    }

    /// The products of each row of the one with each row of the other.
    func products(_ left: PathMatrix, _ right: PackedMatrix) -> PathMatrix {
        precondition(left.stride == right.width)
        let result = PathMatrix(rowCount: left.rowCount, stride: right.paddedRowCount)
        let biases = FloatBlock(count: right.paddedRowCount)
        unsafe left.places.withUnsafeBufferPointer { places in
            for first in Swift.stride(from: 0, to: left.rowCount, by: Self.tile) {
                var request = unsafe head_path_rows()
                unsafe request.rows = places.baseAddress.map { unsafe $0 + first }
                unsafe request.row_count = min(Self.tile, left.rowCount - first)
                unsafe request.feature_count = left.stride
                unsafe request.output_count = UInt32(right.paddedRowCount)
                unsafe request.stride = UInt32(right.paddedRowCount)
                unsafe request.packed = UnsafePointer(right.block.pointer)
                unsafe request.biases = UnsafePointer(biases.pointer)
                unsafe request.values = result.block.pointer + first * result.stride
                unsafe table.forward(&request)
            }
        }
        withExtendedLifetime((left, right, biases)) {}
        return result
    }

    /// The transpose of `left`, its first columns, times `right`: `[columnCount, right.stride]`.
    func transposedProduct(
        _ left: PathMatrix, columnCount: Int, _ right: PathMatrix
    ) -> PathMatrix {
        precondition(left.rowCount == right.rowCount && columnCount <= left.stride)
        let result = PathMatrix(rowCount: columnCount, stride: right.stride)
        let weights = [Float](repeating: 1, count: left.rowCount)
        unsafe left.places.withUnsafeBufferPointer { places in
            unsafe right.places.withUnsafeBufferPointer { others in
                unsafe weights.withUnsafeBufferPointer { weights in
                    for first in Swift.stride(from: 0, to: left.rowCount, by: Self.tile) {
                        var sums = unsafe head_path_products()
                        unsafe sums.left = places.baseAddress.map { unsafe $0 + first }
                        unsafe sums.right = others.baseAddress.map { unsafe $0 + first }
                        unsafe sums.row_weights = weights.baseAddress.map { unsafe $0 + first }
                        unsafe sums.row_count = min(Self.tile, left.rowCount - first)
                        unsafe sums.left_count = columnCount
                        unsafe sums.right_count = right.stride
                        unsafe sums.sums = result.block.pointer
                        unsafe sums.sum_stride = result.stride
                        unsafe table.multiply(&sums)
                    }
                }
            }
        }
        withExtendedLifetime((left, right)) {}
        return result
    }

    /// The eigenvalues of a symmetric matrix `[size, size]`, ascending, and, one a row, its eigenvectors in its
    /// place; nil if they are not found.
    func diagonalise(_ matrix: DoubleBlock, size: Int) -> [Double]? {
        precondition(matrix.count == size * size)
        var values = [Double](repeating: 0, count: size)
        let scratch = DoubleBlock(count: size)
        let isFound = unsafe values.withUnsafeMutableBufferPointer { values in
            guard let values = values.baseAddress else { return true }
            return unsafe table.diagonalise(matrix.pointer, size, values, scratch.pointer)
        }
        return isFound ? values : nil
    }
}
