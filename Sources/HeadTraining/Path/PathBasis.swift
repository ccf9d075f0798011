import CHeadKernels
import Numerics

/// What the rows of a set of classes are like, however they are labelled: the eigenvectors of the mean of `x x^T`,
/// x being a row's features and a 1.
///
/// Of few rows, or of very many features, the axes are taken in their place.
struct PathBasis: Sendable {
    /// By eigenvector, or by feature.
    let eigenvalues: [Double]
    /// Packed for the way to the eigenvectors' coordinates and back; nil for the axes.
    let turns: (there: PackedMatrix, back: PackedMatrix)?
    /// The mean of `x x^T` `[width, width]`, both triangles; nil for the axes.
    let gram: PathMatrix?

    /// Rows by feature from which on the eigenvectors are worth what they cost.
    private static let rowsByFeature = 3
    /// Features up to which they are.
    private static let widthMax = 2_200

    init(_ table: ConvexTable, _ classes: [Int], kernels: PathKernels) {
        let stride = table.stride
        let width = stride + PathKernels.lanes
        let rowCount = classes.reduce(0) { $0 + table.classRowCounts[$1] }
        let classes = classes.sorted { table.classKeys[$0] < table.classKeys[$1] }
        let weightSum = classes.reduce(0) { $0 + table.classWeightSums[$1] }
        guard rowCount >= Self.rowsByFeature * width, width <= Self.widthMax else {
            eigenvalues = Self.diagonal(table, classes, width: width, weightSum: weightSum)
            turns = nil
            gram = nil
            return
        }
        let gram = Self.gram(table, classes, width: width, kernels: kernels)
        for index in 0..<gram.count { unsafe gram.pointer[index] /= weightSum }
        let vectors = DoubleBlock(count: width * width)
        vectors.copy(from: gram)
        guard let values = kernels.diagonalise(vectors, size: width) else {
            eigenvalues = (0..<width).map { gram[$0 * width + $0] }
            turns = nil
            self.gram = nil
            return
        }
        eigenvalues = values.map { max(0, $0) }
        let there = PathMatrix(rowCount: width, stride: width)
        there.fill(from: vectors)
        let back = PathMatrix(rowCount: width, stride: width)
        for row in 0..<width {
            for column in 0..<width { back[column, row] = there[row, column] }
        }
        turns = (kernels.pack(there), kernels.pack(back))
        let mean = PathMatrix(rowCount: width, stride: width)
        mean.fill(from: gram)
        self.gram = mean
    }

    private static func diagonal(
        _ table: ConvexTable, _ classes: [Int], width: Int, weightSum: Double
    ) -> [Double] {
        var sums = [Double](repeating: 0, count: width)
        for label in classes {
            let weights = table.weights(of: label)
            unsafe table.withRows(of: label) { rows, _ in
                for (row, weight) in weights.enumerated() {
                    for column in 0..<table.featureCount {
                        let value = unsafe Double(rows[row * table.stride + column])
                        sums[column] += Double(weight) * value * value
                    }
                }
            }
        }
        for column in 0..<width { sums[column] /= weightSum }
        sums[table.stride] = 1
        return sums
    }

    /// The sum of `x x^T` over the rows as they weigh, `[width, width]`.
    private static func gram(
        _ table: ConvexTable, _ classes: [Int], width: Int, kernels: PathKernels
    ) -> DoubleBlock {
        let total = DoubleBlock(count: width * width)
        let sums = PathMatrix(rowCount: width, stride: width)
        let rows = PathMatrix(rowCount: PathKernels.tile, stride: width)
        for row in 0..<PathKernels.tile { rows[row, table.stride] = 1 }
        let places = unsafe rows.places
        for label in classes {
            let weights = table.weights(of: label)
            unsafe table.withRows(of: label) { source, _ in
                for first in Swift.stride(from: 0, to: weights.count, by: PathKernels.tile) {
                    let some = min(PathKernels.tile, weights.count - first)
                    for row in 0..<some {
                        unsafe (rows.block.pointer + row * width).update(
                            from: source + (first + row) * table.stride, count: table.stride)
                    }
                    unsafe places.withUnsafeBufferPointer { places in
                        unsafe weights.withUnsafeBufferPointer { weights in
                            var request = unsafe head_path_products()
                            unsafe request.left = places.baseAddress
                            unsafe request.right = places.baseAddress
                            unsafe request.row_weights = weights.baseAddress.map {
                                unsafe $0 + first
                            }
                            unsafe request.row_count = some
                            unsafe request.left_count = width
                            unsafe request.right_count = width
                            unsafe request.sums = sums.block.pointer
                            unsafe request.sum_stride = width
                            unsafe request.is_upper = true
                            unsafe kernels.table.multiply(&request)
                        }
                    }
                }
            }
            for index in 0..<total.count {
                unsafe total.pointer[index] += Double(sums.block.pointer[index])
            }
            sums.block.clear()
        }
        for row in 0..<width {
            for column in 0..<row { total[row * width + column] = total[column * width + row] }
        }
        return total
    }
}
