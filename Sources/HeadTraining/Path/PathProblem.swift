import CHeadKernels
import Numerics

/// The objective of one head at one penalty, summed by the path's kernels.
///
/// Vectors are `[output, width]`: the features, padded with zeros, and then the bias and zeros. Used by one
/// thread.
final class PathProblem {
    let rows: PathRows
    let basis: PathBasis
    let kernels: ConvexKernels
    let l2: Double
    let outputCount: Int
    /// Features of a row, padded.
    let stride: Int
    /// Numbers of a vector of one output; the bias is at `stride`.
    let width: Int
    /// Outputs, padded.
    let valueStride: Int
    /// Whether logits that matter are computed in double.
    var isRefined = false
    private(set) var passCount = 0

    private let packed: FloatBlock
    private let biases: FloatBlock
    private let values: PathMatrix
    private let pool: DeltaPool?
    private let blockSums: FloatBlock
    private let pairSums: FloatBlock
    private let losses = DoubleBlock(count: PathKernels.tile)

    /// Rows after which sums go on from zero, in double.
    static let blockCount = 8
    /// Bytes of deltas that are kept in any case; of more only if they are a quarter of the features.
    private static let keptByteCountMax = 64 << 20
    static let lanes = PathKernels.lanes
    static let tile = PathKernels.tile

    init(_ rows: PathRows, _ basis: PathBasis, l2: Double, kernels: ConvexKernels) {
        self.rows = rows
        self.basis = basis
        self.kernels = kernels
        self.l2 = l2
        outputCount = rows.outputs.count
        stride = rows.table.stride
        width = stride + Self.lanes
        valueStride = PathKernels.padded(outputCount)
        packed = FloatBlock(count: valueStride * stride)
        biases = FloatBlock(count: valueStride)
        values = PathMatrix(rowCount: Self.tile, stride: valueStride)
        let count = rows.rowCount * valueStride
        let isKept =
            4 * valueStride <= stride || count * MemoryLayout<Float>.stride <= Self.keptByteCountMax
        pool = isKept ? DeltaPool(count: count) : nil
        blockSums = FloatBlock(count: outputCount * stride)
        pairSums = FloatBlock(count: outputCount * valueStride)
    }

    var pathKernels: PathKernels { PathKernels(index: kernels.index) }

    /// What the rows say at a place.
    struct Evaluation {
        /// The gradient, with the penalty's part.
        let gradient: DoubleBlock
        let objective: Double
        /// The squared size of the gradient but for the biases.
        let square: Double
        /// Where that is, and the deltas there `[row, value stride]` where there is room for them.
        let position: FloatBlock
        let deltas: KeptDeltas?
        /// Sums over rows, as they weigh, of the products of two outputs' probabilities `[output, value stride]`, but for the
        /// diagonal.
        let pairs: DoubleBlock
        /// What those rows weigh; all rows where that is asked for.
        let pairWeight: Double
        /// Whether the certificate can be made of them.
        let hasAllPairs: Bool

        func gap(l2: Double) -> Double { square / (2 * l2) }
    }

    /// Sums over all rows at `weights` `[output, width]`.
    ///
    /// - Parameter hasAllPairs: whether the certificate is to be made of them.
    func evaluate(at weights: FloatBlock, hasAllPairs: Bool) -> Evaluation {
        passCount += 1
        let count = outputCount
        let gradient = DoubleBlock(count: count * width)
        let biasSums = DoubleBlock(count: count)
        let pairs = DoubleBlock(count: count * valueStride)
        let kept = pool.map { KeptDeltas($0) }
        // Of more outputs than features the pairs are most of the work.
        let step = hasAllPairs ? 1 : max(1, count / stride)
        var pairWeight = 0.0
        let path = pathKernels.table
        moveTo(weights)
        let valueRows = unsafe values.places
        blockSums.clear()
        pairSums.clear()
        var loss = 0.0
        for (number, first) in Swift.stride(from: 0, to: rows.rowCount, by: Self.tile).enumerated()
        {
            let some = min(Self.tile, rows.rowCount - first)
            setDeltas(first: first, rowCount: some, weights, biasSums)
            for row in 0..<some { loss += rows.exactWeights[first + row] * losses[row] }
            if let kept {
                unsafe (kept.block.pointer + first * valueStride).update(
                    from: values.block.pointer, count: some * valueStride)
            }
            unsafe valueRows.withUnsafeBufferPointer { valueRows in
                var sums = unsafe head_path_products()
                unsafe sums.left = valueRows.baseAddress
                unsafe sums.right = UnsafePointer(rows.pointers + first)
                unsafe sums.row_weights = rows.weights + first
                unsafe sums.row_count = some
                unsafe sums.left_count = count
                unsafe sums.right_count = stride
                unsafe sums.sums = blockSums.pointer
                unsafe sums.sum_stride = stride
                unsafe path.multiply(&sums)
            }
            unsafe pairWeight += addPairs(first: first, rowCount: some, step: step, valueRows, path)
            if (number + 1) % Self.blockCount == 0 || first + some == rows.rowCount {
                take(blockSums, stride, into: gradient, width)
                take(pairSums, valueStride, into: pairs, valueStride)
            }
        }
        let (objective, square) = finish(gradient, weights, loss: loss, biasSums)
        return Evaluation(
            gradient: gradient, objective: objective, square: square, position: weights,
            deltas: kept, pairs: pairs, pairWeight: pairWeight, hasAllPairs: step == 1)
    }

    /// Sets out to compute deltas there.
    private func moveTo(_ weights: FloatBlock) {
        unsafe pathKernels.table.pack(
            weights.pointer, width, outputCount, stride, packed.pointer)
        for output in 0..<valueStride {
            biases[output] = output < outputCount ? weights[output * width + stride] : -1e30
        }
    }

    /// The values of a tile's rows become their deltas at `weights`, where ``moveTo(_:)`` went.
    private func setDeltas(
        first: Int, rowCount: Int, _ weights: FloatBlock, _ biasSums: DoubleBlock
    ) {
        let path = pathKernels.table
        var request = unsafe head_path_rows()
        unsafe request.rows = UnsafePointer(rows.pointers + first)
        unsafe request.row_count = rowCount
        unsafe request.feature_count = stride
        unsafe request.output_count = UInt32(outputCount)
        unsafe request.stride = UInt32(valueStride)
        unsafe request.labels = UnsafePointer(rows.labels + first)
        unsafe request.row_weights = rows.weights + first
        unsafe request.packed = UnsafePointer(packed.pointer)
        unsafe request.weights = UnsafePointer(weights.pointer)
        unsafe request.weight_stride = width
        unsafe request.biases = UnsafePointer(biases.pointer)
        unsafe request.values = values.block.pointer
        unsafe request.losses = losses.pointer
        unsafe request.bias_sums = biasSums.pointer
        unsafe path.forward(&request)
        if isRefined { unsafe path.refine(&request) }
        unsafe path.softmax(&request)
    }

    /// Lends the deltas at an evaluation tile by tile: those that are kept, or computed again.
    func withDeltas(
        of state: Evaluation,
        _ body: (_ first: Int, _ rowCount: Int, _ deltas: UnsafePointer<Float>) -> Void
    ) {
        let unused = DoubleBlock(count: outputCount)
        if state.deltas == nil { moveTo(state.position) }
        for first in Swift.stride(from: 0, to: rows.rowCount, by: Self.tile) {
            let some = min(Self.tile, rows.rowCount - first)
            if let kept = state.deltas {
                unsafe body(first, some, UnsafePointer(kept.block.pointer + first * valueStride))
            } else {
                setDeltas(first: first, rowCount: some, state.position, unused)
                unsafe body(first, some, UnsafePointer(values.block.pointer))
            }
        }
    }

    /// Adds the products of two outputs' probabilities of every `step`-th row; the deltas are no more in `values` then.
    ///
    /// - Returns: what those rows weigh.
    private func addPairs(
        first: Int, rowCount: Int, step: Int, _ valueRows: [UnsafePointer<Float>?],
        _ path: head_path_kernels
    ) -> Double {
        var weights: [Float] = []
        var places: [UnsafePointer<Float>?] = unsafe []
        var sum = 0.0
        for row in Swift.stride(from: (step - first % step) % step, to: rowCount, by: step) {
            let label = unsafe Int(rows.labels[first + row])
            values[row, label] += 1
            unsafe places.append(valueRows[row])
            unsafe weights.append(rows.weights[first + row])
            sum += rows.exactWeights[first + row]
        }
        unsafe places.withUnsafeBufferPointer { places in
            unsafe weights.withUnsafeBufferPointer { weights in
                var sums = unsafe head_path_products()
                unsafe sums.left = places.baseAddress
                unsafe sums.right = places.baseAddress
                unsafe sums.row_weights = weights.baseAddress
                unsafe sums.row_count = places.count
                unsafe sums.left_count = outputCount
                unsafe sums.right_count = valueStride
                unsafe sums.sums = pairSums.pointer
                unsafe sums.sum_stride = valueStride
                unsafe sums.is_upper = true
                unsafe path.multiply(&sums)
            }
        }
        return sum
    }

    /// Adds sums of blocks to those in double, and clears them.
    func take(_ sums: FloatBlock, _ from: Int, into target: DoubleBlock, _ to: Int) {
        for output in 0..<outputCount {
            let source = unsafe sums.pointer + output * from
            let place = unsafe target.pointer + output * to
            for column in 0..<from { unsafe place[column] += Double(source[column]) }
        }
        sums.clear()
    }

    /// The biases' part of a gradient, by output.
    func biases(of gradient: DoubleBlock) -> [Double] {
        (0..<outputCount).map { gradient[$0 * width + stride] }
    }

    /// Adds the sums of `x x^T` of some rows, x being features and a 1, times what is said of each, to the upper triangle of
    /// a matrix `[width, width]`.
    func addSquares(of some: some Sequence<(row: Int, factor: Float)>, to matrix: PathMatrix) {
        var places: [UnsafePointer<Float>?] = unsafe []
        var factors: [Float] = []
        var sum = 0.0
        for (row, factor) in some {
            unsafe places.append(rows.pointers[row])
            factors.append(factor)
            sum += Double(factor)
        }
        let one = FloatBlock(count: Self.lanes)
        one[0] = 1
        let ones = unsafe [UnsafePointer<Float>?](
            repeating: UnsafePointer(one.pointer), count: Self.tile)
        unsafe places.withUnsafeBufferPointer { places in
            unsafe ones.withUnsafeBufferPointer { ones in
                unsafe factors.withUnsafeBufferPointer { factors in
                    for first in Swift.stride(from: 0, to: places.count, by: Self.tile) {
                        var sums = unsafe head_path_products()
                        unsafe sums.left = places.baseAddress.map { unsafe $0 + first }
                        unsafe sums.right = sums.left
                        unsafe sums.row_weights = factors.baseAddress.map { unsafe $0 + first }
                        unsafe sums.row_count = min(Self.tile, places.count - first)
                        unsafe sums.left_count = stride
                        unsafe sums.right_count = stride
                        unsafe sums.sums = matrix.block.pointer
                        unsafe sums.sum_stride = width
                        unsafe sums.is_upper = true
                        unsafe pathKernels.table.multiply(&sums)
                        unsafe sums.right = ones.baseAddress
                        unsafe sums.right_count = Self.lanes
                        unsafe sums.sums = matrix.block.pointer + stride
                        unsafe sums.is_upper = false
                        unsafe pathKernels.table.multiply(&sums)
                    }
                }
            }
        }
        withExtendedLifetime(one) {}
        matrix[stride, stride] += Float(sum)
    }

    /// Makes means of sums and adds the penalty: the objective and the gradient's squared size but for the biases.
    private func finish(
        _ gradient: DoubleBlock, _ weights: FloatBlock, loss: Double, _ biasSums: DoubleBlock
    ) -> (objective: Double, square: Double) {
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
            gradient[start + stride] = biasSums[output] * share
        }
        return (loss * share + l2 / 2 * size, square)
    }
}

/// Deltas of all rows, on loan from a pool.
final class KeptDeltas {
    let block: FloatBlock
    private let pool: DeltaPool

    init(_ pool: DeltaPool) {
        self.pool = pool
        block = pool.take()
    }

    deinit { pool.blocks.append(block) }
}

/// Blocks that are used again.
///
/// New memory costs as much as some of a pass. Used by one thread.
final class DeltaPool {
    fileprivate var blocks: [FloatBlock] = []
    private let count: Int

    init(count: Int) { self.count = count }

    fileprivate func take() -> FloatBlock { blocks.popLast() ?? FloatBlock(count: count) }
}
