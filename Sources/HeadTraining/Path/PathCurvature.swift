import CHeadKernels
import Numerics

/// The second derivatives at a place: products with them, and about with their inverse.
///
/// Used by one thread.
struct PathCurvature {
    private let problem: PathProblem
    private let kernels: PathKernels
    private let state: PathProblem.Evaluation
    private let vectors: PathMatrix
    private let packedVectors: FloatBlock
    private let biases: FloatBlock
    private let values: PathMatrix
    private let sums: FloatBlock

    private var width: Int { problem.width }
    private var stride: Int { problem.stride }
    private var outputCount: Int { problem.outputCount }

    init(_ problem: PathProblem, _ state: PathProblem.Evaluation) {
        self.problem = problem
        self.state = state
        kernels = problem.pathKernels
        vectors = PathMatrix(rowCount: problem.outputCount, stride: problem.width)
        packedVectors = FloatBlock(count: problem.valueStride * problem.stride)
        biases = FloatBlock(count: problem.valueStride)
        values = PathMatrix(rowCount: PathKernels.tile, stride: problem.valueStride)
        sums = FloatBlock(count: problem.outputCount * problem.stride)
    }

    /// Sets `result` to the product of the second derivatives, and the penalty's, with `source`.
    func multiply(_ source: DoubleBlock, into result: DoubleBlock) {
        // At about 1 their products with small probabilities are normal numbers, others being slow.
        let most = source.largestMagnitude
        let scale =
            most > 0 && most.isFinite
            ? Double(sign: .plus, exponent: -most.exponent, significand: 1) : 1
        for index in 0..<source.count {
            unsafe vectors.block.pointer[index] = Float(source.pointer[index] * scale)
        }
        result.clear()
        sums.clear()
        unsafe kernels.table.pack(
            vectors.block.pointer, width, outputCount, stride, packedVectors.pointer)
        for output in 0..<outputCount { biases[output] = vectors[output, stride] }
        let biasSums = DoubleBlock(count: outputCount)
        let places = unsafe values.places
        var tileCount = 0
        unsafe problem.withDeltas(of: state) { first, rowCount, deltas in
            unsafe add(first: first, rowCount: rowCount, deltas, places, biasSums)
            tileCount += 1
            if tileCount % PathProblem.blockCount == 0 || first + rowCount == problem.rows.rowCount
            {
                problem.take(sums, stride, into: result, width)
            }
        }
        let share = 1 / (problem.rows.weightSum * scale)
        for output in 0..<outputCount {
            let start = output * width
            for column in 0..<stride {
                unsafe result.pointer[start + column] =
                    result.pointer[start + column] * share
                    + problem.l2 * source.pointer[start + column]
            }
            result[start + stride] = biasSums[output] * share
        }
    }

    /// Adds a tile's rows to ``sums``.
    private func add(
        first: Int, rowCount: Int, _ deltas: UnsafePointer<Float>,
        _ places: [UnsafePointer<Float>?], _ biasSums: DoubleBlock
    ) {
        let path = kernels.table
        let rows = problem.rows
        var request = unsafe head_path_rows()
        unsafe request.rows = UnsafePointer(rows.pointers + first)
        unsafe request.row_count = rowCount
        unsafe request.feature_count = stride
        unsafe request.output_count = UInt32(outputCount)
        unsafe request.stride = UInt32(problem.valueStride)
        unsafe request.labels = UnsafePointer(rows.labels + first)
        unsafe request.row_weights = rows.weights + first
        unsafe request.packed = UnsafePointer(packedVectors.pointer)
        unsafe request.biases = UnsafePointer(biases.pointer)
        unsafe request.values = values.block.pointer
        unsafe request.bias_sums = biasSums.pointer
        unsafe path.forward(&request)
        unsafe path.differentiate(&request, deltas)
        unsafe places.withUnsafeBufferPointer { places in
            var products = unsafe head_path_products()
            unsafe products.left = places.baseAddress
            unsafe products.right = UnsafePointer(rows.pointers + first)
            unsafe products.row_weights = rows.weights + first
            unsafe products.row_count = rowCount
            unsafe products.left_count = outputCount
            unsafe products.right_count = stride
            unsafe products.sums = sums.pointer
            unsafe products.sum_stride = stride
            unsafe path.multiply(&products)
        }
    }
}
