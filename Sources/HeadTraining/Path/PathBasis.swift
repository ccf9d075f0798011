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

    /// Rows by feature from which on the eigenvectors are worth what they cost, where many outputs or heads have them.
    private static let rowsByFeature = 3
    /// Features up to which they are.
    private static let widthMax = 2_200

    private init(
        eigenvalues: [Double], turns: (there: PackedMatrix, back: PackedMatrix)?,
        gram: PathMatrix?
    ) {
        self.eigenvalues = eigenvalues
        self.turns = turns
        self.gram = gram
    }

    /// Whether the eigenvectors are worth what they cost.
    ///
    /// - Parameter isShared: whether more than one vector has the use of them.
    static func isTurned(_ table: ConvexTable, _ classes: [Int], isShared: Bool) -> Bool {
        let width = table.stride + PathKernels.lanes
        let rowCount = classes.reduce(0) { $0 + table.classRowCounts[$1] }
        return rowCount >= (isShared ? rowsByFeature : width / 3) * width && width <= widthMax
    }

    /// The axes.
    init(axesOf table: ConvexTable, _ classes: [Int], squares: [DoubleBlock]) {
        let weightSum = classes.reduce(0) { $0 + table.classWeightSums[$1] }
        var sums = [Double](repeating: 0, count: table.stride + PathKernels.lanes)
        for label in classes.sorted(by: { table.classKeys[$0] < table.classKeys[$1] }) {
            for column in 0..<table.stride { sums[column] += squares[label][column] }
        }
        for column in 0..<table.stride { sums[column] /= weightSum }
        sums[table.stride] = 1
        eigenvalues = sums
        turns = nil
        gram = nil
    }

    init(
        _ table: ConvexTable, _ classes: [Int], squares: [DoubleBlock], kernels: PathKernels
    ) {
        let width = table.stride + PathKernels.lanes
        let ordered = classes.sorted { table.classKeys[$0] < table.classKeys[$1] }
        let weightSum = ordered.reduce(0) { $0 + table.classWeightSums[$1] }
        let gram = Self.gram(table, ordered, width: width, kernels: kernels)
        for index in 0..<gram.count { unsafe gram.pointer[index] /= weightSum }
        let vectors = DoubleBlock(count: width * width)
        vectors.copy(from: gram)
        guard let values = kernels.diagonalise(vectors, size: width) else {
            self.init(axesOf: table, classes, squares: squares)
            return
        }
        let there = PathMatrix(rowCount: width, stride: width)
        there.fill(from: vectors)
        let back = PathMatrix(rowCount: width, stride: width)
        for row in 0..<width {
            for column in 0..<width { back[column, row] = there[row, column] }
        }
        let mean = PathMatrix(rowCount: width, stride: width)
        mean.fill(from: gram)
        self.init(
            eigenvalues: values.map { max(0, $0) },
            turns: (kernels.pack(there), kernels.pack(back)), gram: mean)
    }

    /// By class, the sums of squares of its rows' features, as they weigh.
    static func squares(_ table: ConvexTable) -> [DoubleBlock] {
        table.classRowCounts.indices.map { label in
            let sums = DoubleBlock(count: table.stride)
            let weights = table.weights(of: label)
            unsafe table.withRows(of: label) { rows, _ in
                for (row, weight) in weights.enumerated() {
                    let values = unsafe rows + row * table.stride
                    for column in 0..<table.stride {
                        let value = unsafe Double(values[column])
                        unsafe sums.pointer[column] += Double(weight) * value * value
                    }
                }
            }
            return sums
        }
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
