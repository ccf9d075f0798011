import CHeadKernels
import Numerics

/// The objective of one head at one penalty, summed by the path's kernels.
///
/// Vectors are `[output, width]`: the features, padded with zeros, and then the bias and zeros. Used by one
/// thread.
final class PathProblem {
    let rows: PathRows
    let kernels: ConvexKernels
    let l2: Double
    let outputCount: Int
    /// Features of a row, padded.
    let stride: Int
    /// Numbers of a vector of one output; the bias is at `stride`.
    let width: Int
    /// Outputs, padded.
    let valueStride: Int
    /// What is listed at least.
    var least: Float = 0.01
    /// Whether logits that matter are computed in double.
    var isRefined = false
    private(set) var passCount = 0

    private let packed: FloatBlock
    private let biases: FloatBlock
    private let values: FloatBlock
    private let blockSums: FloatBlock
    private let momentSums: FloatBlock
    private let losses = DoubleBlock(count: Int(HEAD_PATH_ROWS))

    /// Rows after which sums go on from zero, in double.
    private static let blockCount = 8
    static let lanes = Int(HEAD_PATH_PANEL)
    static let tile = Int(HEAD_PATH_ROWS)

    init(_ rows: PathRows, l2: Double, kernels: ConvexKernels) {
        self.rows = rows
        self.kernels = kernels
        self.l2 = l2
        outputCount = rows.outputs.count
        stride = rows.table.stride
        width = stride + Self.lanes
        valueStride = (outputCount + Self.lanes - 1) / Self.lanes * Self.lanes
        packed = FloatBlock(count: valueStride * stride)
        biases = FloatBlock(count: valueStride)
        values = FloatBlock(count: Self.tile * valueStride)
        blockSums = FloatBlock(count: outputCount * stride)
        momentSums = FloatBlock(count: outputCount * valueStride)
    }

    var path: head_path_kernels {
        unsafe head_kernel_variant_at(kernels.index).pointee.path
    }

    /// What the rows say at a place.
    struct Evaluation {
        /// The gradient, with the penalty's part.
        let gradient: DoubleBlock
        let objective: Double
        /// The squared size of the gradient but for the biases.
        let square: Double
        let list: PathList
        /// Means of the products of two outputs' deltas `[output, output]`, and of deltas by the rows' output; where
        /// asked for.
        let moments: (products: DoubleBlock, byLabel: DoubleBlock)?

        func gap(l2: Double) -> Double { square / (2 * l2) }
    }

    /// Sums over all rows at `weights` `[output, width]`.
    ///
    /// - Parameter hasMoments: whether the certificate is to be made of them.
    func evaluate(at weights: FloatBlock, hasMoments: Bool) -> Evaluation {
        passCount += 1
        let count = outputCount
        let gradient = DoubleBlock(count: count * width)
        let biasStride = hasMoments ? count : 0
        let biasSums = DoubleBlock(count: hasMoments ? count * count : count)
        let products = DoubleBlock(count: hasMoments ? count * valueStride : 0)
        let list = PathList(rowCount: rows.rowCount, outputCount: count, least: least)
        let path = path
        unsafe path.pack(weights.pointer, width, count, stride, packed.pointer)
        for output in 0..<valueStride {
            biases[output] = output < count ? weights[output * width + stride] : -1e30
        }
        let valueRows = unsafe makeValueRows()
        defer { unsafe valueRows.deallocate() }
        blockSums.clear()
        momentSums.clear()
        var loss = 0.0
        for (number, first) in Swift.stride(from: 0, to: rows.rowCount, by: Self.tile).enumerated()
        {
            let some = min(Self.tile, rows.rowCount - first)
            var request = unsafe head_path_rows()
            unsafe request.rows = UnsafePointer(rows.pointers + first)
            unsafe request.row_count = some
            unsafe request.feature_count = stride
            unsafe request.output_count = UInt32(count)
            unsafe request.stride = UInt32(valueStride)
            unsafe request.labels = UnsafePointer(rows.labels + first)
            unsafe request.row_weights = rows.weights + first
            unsafe request.packed = UnsafePointer(packed.pointer)
            unsafe request.weights = UnsafePointer(weights.pointer)
            unsafe request.weight_stride = width
            unsafe request.biases = UnsafePointer(biases.pointer)
            unsafe request.values = values.pointer
            unsafe request.losses = losses.pointer
            unsafe request.bias_sums = biasSums.pointer
            unsafe request.bias_stride = biasStride
            unsafe path.forward(&request)
            if isRefined { unsafe path.refine(&request) }
            unsafe path.softmax(&request)
            for row in 0..<some { loss += rows.exactWeights[first + row] * losses[row] }
            unsafe list.select(&request, first: first, path)
            var sums = unsafe head_path_products()
            unsafe sums.left = UnsafePointer(valueRows)
            unsafe sums.right = UnsafePointer(rows.pointers + first)
            unsafe sums.row_weights = rows.weights + first
            unsafe sums.row_count = some
            unsafe sums.left_count = count
            unsafe sums.right_count = stride
            unsafe sums.sums = blockSums.pointer
            unsafe sums.sum_stride = stride
            unsafe path.multiply(&sums)
            if hasMoments {
                unsafe sums.right = UnsafePointer(valueRows)
                unsafe sums.right_count = valueStride
                unsafe sums.sums = momentSums.pointer
                unsafe sums.sum_stride = valueStride
                unsafe path.multiply(&sums)
            }
            if (number + 1) % Self.blockCount == 0 || first + some == rows.rowCount {
                take(blockSums, stride, into: gradient, width)
                if hasMoments { take(momentSums, valueStride, into: products, valueStride) }
            }
        }
        return finish(
            gradient, weights, loss: loss, biasSums, biasStride, list, hasMoments ? products : nil)
    }

    /// Where the values of each row of a tile are.
    private func makeValueRows() -> UnsafeMutablePointer<UnsafePointer<Float>?> {
        let rows = UnsafeMutablePointer<UnsafePointer<Float>?>.allocate(capacity: Self.tile)
        for row in 0..<Self.tile {
            unsafe (rows + row).initialize(
                to: UnsafePointer(values.pointer + row * valueStride))
        }
        return unsafe rows
    }

    /// Sets ``least`` by some of the rows: most of what curves is to be listed, in few entries.
    func chooseLeast(at weights: FloatBlock) {
        let path = path
        let some = min(Self.tile, rows.rowCount)
        let places = unsafe (0..<some).map { unsafe rows.pointers[$0 * rows.rowCount / some] }
        let labels = (0..<some).map { unsafe rows.labels[$0 * rows.rowCount / some] }
        let ones = [Float](repeating: 1, count: some)
        let sums = DoubleBlock(count: outputCount)
        unsafe path.pack(weights.pointer, width, outputCount, stride, packed.pointer)
        for output in 0..<valueStride {
            biases[output] = output < outputCount ? weights[output * width + stride] : -1e30
        }
        unsafe places.withUnsafeBufferPointer { places in
            unsafe labels.withUnsafeBufferPointer { labels in
                unsafe ones.withUnsafeBufferPointer { ones in
                    var request = unsafe head_path_rows()
                    unsafe request.rows = places.baseAddress
                    unsafe request.row_count = some
                    unsafe request.feature_count = stride
                    unsafe request.output_count = UInt32(outputCount)
                    unsafe request.stride = UInt32(valueStride)
                    unsafe request.labels = labels.baseAddress
                    unsafe request.row_weights = ones.baseAddress
                    unsafe request.packed = UnsafePointer(packed.pointer)
                    unsafe request.biases = UnsafePointer(biases.pointer)
                    unsafe request.values = values.pointer
                    unsafe request.losses = losses.pointer
                    unsafe request.bias_sums = sums.pointer
                    unsafe path.forward(&request)
                    unsafe path.softmax(&request)
                }
            }
        }
        var chosen = Self.thresholds[0]
        for threshold in Self.thresholds {
            var (listed, all, entryCount) = (0.0, 0.0, 0)
            for row in 0..<some {
                for output in 0..<outputCount {
                    let delta = values[row * valueStride + output]
                    let curvature = Double(abs(delta) * (1 - abs(delta)))
                    all += curvature
                    if (output == Int(labels[row]) ? 1 + delta : delta) >= threshold {
                        listed += curvature
                        entryCount += 1
                    }
                }
            }
            if entryCount > Self.entriesMax * some { break }
            chosen = threshold
            if listed >= Self.listedShare * all { break }
        }
        least = chosen
    }

    private static let thresholds: [Float] = [
        0.05, 0.02, 0.01, 0.005, 0.002, 1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5,
    ]
    private static let entriesMax = 6
    private static let listedShare = 0.9

    /// Adds sums of blocks to those in double, and clears them.
    private func take(_ sums: FloatBlock, _ from: Int, into target: DoubleBlock, _ to: Int) {
        for output in 0..<outputCount {
            let source = unsafe sums.pointer + output * from
            let place = unsafe target.pointer + output * to
            for column in 0..<from { unsafe place[column] += Double(source[column]) }
        }
        sums.clear()
    }

    private func finish(
        _ gradient: DoubleBlock, _ weights: FloatBlock, loss: Double, _ biasSums: DoubleBlock,
        _ biasStride: Int, _ list: PathList, _ products: DoubleBlock?
    ) -> Evaluation {
        let share = 1 / rows.weightSum
        var size = 0.0
        var square = 0.0
        for output in 0..<outputCount {
            let start = output * width
            for column in 0..<stride {
                let weight = unsafe Double(weights.pointer[start + column])
                let value = unsafe gradient.pointer[start + column] * share + l2 * weight
                unsafe gradient.pointer[start + column] = value
                size += weight * weight
                square += value * value
            }
            var bias = 0.0
            if products == nil {
                bias = biasSums[output]
            } else {
                for label in 0..<outputCount { bias += biasSums[label * biasStride + output] }
            }
            gradient[start + stride] = bias * share
        }
        return Evaluation(
            gradient: gradient, objective: loss * share + l2 / 2 * size, square: square, list: list,
            moments: products.map { ($0, biasSums) })
    }
}
