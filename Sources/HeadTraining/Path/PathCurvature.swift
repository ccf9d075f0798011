import CHeadKernels
import Numerics

/// The second derivatives of a problem at a place, about: exact between the probabilities that are listed; of all
/// others each class's sum times the mean of `x x^T` over the rows, as much as they leave out.
///
/// And an approximation of the inverse, which keeps only the blocks of each class with itself: a Cholesky factor a class,
/// or one of the mean of the blocks where most is left out or factors would take too much memory.
@safe
final class PathCurvature {
    private let problem: PathProblem
    /// Rows with two entries or more, and these.
    private var rowPlaces: [UnsafePointer<Float>?] = unsafe []
    private var weights: [Float] = []
    private var counts: [UInt32] = []
    private var classes: [UInt32] = []
    private var values: [Float] = []
    /// By output: what is left out, a mean over the rows.
    private var rest: [Double]
    /// `x x^T` of what is left out, and its bias: `[width, width]`, of which the upper triangle means anything.
    private let common: FloatBlock
    private let packedCommon: FloatBlock
    private let zeros: FloatBlock
    private let vectors: FloatBlock
    private let products: FloatBlock
    private let commonProducts: FloatBlock
    private let scratch: FloatBlock
    private var factors: [FloatBlock] = []
    private var scales: [FloatBlock] = []

    /// Bytes of factors up to which each class has one of its own.
    private static let factorByteCountMax = 256 << 20
    /// The share of the curvature that lists must have for it to pay.
    private static let listedShareMin = 0.15

    private var width: Int { problem.width }
    private var outputCount: Int { problem.outputCount }

    init(_ problem: PathProblem, _ list: PathList) {
        self.problem = problem
        let (width, count) = (problem.width, problem.outputCount)
        rest = list.small
        common = FloatBlock(count: width * width)
        packedCommon = FloatBlock(count: width * width)
        zeros = FloatBlock(count: width)
        vectors = FloatBlock(count: count * width)
        products = FloatBlock(count: count * width)
        commonProducts = FloatBlock(count: count * width)
        scratch = FloatBlock(count: count)
        let (listed, restWeights) = take(list)
        let share = 1 / problem.rows.weightSum
        for output in 0..<count { rest[output] *= share }
        let left = rest.reduce(0, +)
        setCommon(restWeights)
        let listedShare = listed * share / (listed * share + left)
        let isSeparate =
            listedShare > Self.listedShareMin && count > 2
            && count * width * width * MemoryLayout<Float>.stride <= Self.factorByteCountMax
        if isSeparate { factoriseEach() } else { factoriseMean(left) }
    }

    /// Sorts the list out: rows whose entries see each other, and what the others leave, by row.
    ///
    /// - Returns: the sum of `p (1 - p)` of the entries, and by row what it leaves out.
    private func take(_ list: PathList) -> (listed: Double, rest: [Float]) {
        let rows = problem.rows
        var restWeights = [Float](repeating: 0, count: rows.rowCount)
        var listed = 0.0
        var entry = 0
        for row in 0..<rows.rowCount {
            let count = Int(list.counts[row])
            let weight = unsafe rows.weights[row]
            restWeights[row] = weight * list.rest[row]
            if count == 1 {
                let value = list.values[entry]
                let curvature = weight * value * (1 - value)
                rest[Int(list.classes[entry])] += Double(curvature)
                restWeights[row] += curvature
            } else if count > 1 {
                unsafe rowPlaces.append(rows.pointers[row])
                weights.append(weight)
                counts.append(UInt32(count))
                for index in entry..<entry + count {
                    let value = list.values[index]
                    classes.append(list.classes[index])
                    values.append(value)
                    listed += Double(weight * value * (1 - value))
                }
            }
            entry += count
        }
        return (listed, restWeights)
    }

    // MARK: - Sums of `x x^T`

    /// Adds the sums over rows of `x x^T`, x being features and a 1, to the upper triangle of a matrix.
    private func addGram(
        _ places: [UnsafePointer<Float>?], _ weights: [Float], to matrix: FloatBlock
    ) {
        let path = problem.path
        let (width, stride) = (width, problem.stride)
        let one = FloatBlock(count: PathProblem.lanes)
        one[0] = 1
        let ones = unsafe [UnsafePointer<Float>?](
            repeating: UnsafePointer(one.pointer), count: PathProblem.tile)
        unsafe places.withUnsafeBufferPointer { places in
            unsafe ones.withUnsafeBufferPointer { ones in
                unsafe weights.withUnsafeBufferPointer { weights in
                    for first in Swift.stride(from: 0, to: places.count, by: PathProblem.tile) {
                        var sums = unsafe head_path_products()
                        unsafe sums.left = places.baseAddress.map { unsafe $0 + first }
                        unsafe sums.right = sums.left
                        unsafe sums.row_weights = weights.baseAddress.map { unsafe $0 + first }
                        unsafe sums.row_count = min(PathProblem.tile, places.count - first)
                        unsafe sums.left_count = stride
                        unsafe sums.right_count = stride
                        unsafe sums.sums = matrix.pointer
                        unsafe sums.sum_stride = width
                        unsafe sums.is_upper = true
                        unsafe path.multiply(&sums)
                        unsafe sums.right = ones.baseAddress
                        unsafe sums.right_count = PathProblem.lanes
                        unsafe sums.sums = matrix.pointer + stride
                        unsafe sums.is_upper = false
                        unsafe path.multiply(&sums)
                    }
                }
            }
        }
        withExtendedLifetime(one) {}
        var sum = 0.0
        for weight in weights { sum += Double(weight) }
        matrix[stride * width + stride] += Float(sum)
    }

    /// The mean of `x x^T` as rows leave out; rows that leave little out are not asked.
    private func setCommon(_ weights: [Float]) {
        let mean = weights.reduce(0.0) { $0 + Double($1) } / Double(max(1, weights.count))
        var places: [UnsafePointer<Float>?] = unsafe []
        var some: [Float] = []
        var sum = 0.0
        for (row, weight) in weights.enumerated() where Double(weight) > 0.1 * mean {
            unsafe places.append(problem.rows.pointers[row])
            some.append(weight)
            sum += Double(weight)
        }
        guard sum > 0 else { return }
        unsafe addGram(places, some, to: common)
        let factor = Float(1 / sum)
        for index in 0..<width * width { unsafe common.pointer[index] *= factor }
        // The kernels of products want both triangles.
        for row in 0..<width {
            for column in 0..<row {
                unsafe common.pointer[row * width + column] = common.pointer[column * width + row]
            }
        }
        unsafe problem.path.pack(common.pointer, width, width, width, packedCommon.pointer)
    }

    // MARK: - Factors

    private func factoriseEach() {
        let count = outputCount
        var starts = [Int](repeating: 0, count: count + 1)
        for label in classes { starts[Int(label) + 1] += 1 }
        for output in 0..<count { starts[output + 1] += starts[output] }
        var places = unsafe [UnsafePointer<Float>?](repeating: nil, count: classes.count)
        var curvatures = [Float](repeating: 0, count: classes.count)
        var next = starts
        var entry = 0
        for row in counts.indices {
            for index in entry..<entry + Int(counts[row]) {
                let output = Int(classes[index])
                unsafe places[next[output]] = rowPlaces[row]
                curvatures[next[output]] = weights[row] * values[index] * (1 - values[index])
                next[output] += 1
            }
            entry += Int(counts[row])
        }
        for output in 0..<count {
            let matrix = FloatBlock(count: width * width)
            let own = starts[output]..<starts[output + 1]
            unsafe addGram(Array(places[own]), Array(curvatures[own]), to: matrix)
            add(matrix, listed: 1, common: rest[output])
        }
    }

    /// - Parameter left: the sum of what is left out.
    private func factoriseMean(_ left: Double) {
        var curvatures: [Float] = []
        var entry = 0
        for row in counts.indices {
            var sum: Float = 0
            for index in entry..<entry + Int(counts[row]) {
                sum += values[index] * (1 - values[index])
            }
            curvatures.append(weights[row] * sum)
            entry += Int(counts[row])
        }
        let matrix = FloatBlock(count: width * width)
        unsafe addGram(rowPlaces, curvatures, to: matrix)
        add(matrix, listed: 1 / Double(outputCount), common: left / Double(outputCount))
    }

    /// Factorises a class's block, scaled so that its diagonal is 1: `listed / n` times the matrix, `common` times what all
    /// have in common, and the penalty.
    private func add(_ matrix: FloatBlock, listed: Double, common share: Double) {
        let (width, stride) = (width, problem.stride)
        let scale = FloatBlock(count: width)
        // Classes' steps sum to zero: in what is left a class curves the more.
        let more = Double(outputCount) / Double(outputCount - 1)
        let own = Float(listed * more / problem.rows.weightSum)
        let all = Float(share * more)
        for row in 0..<width {
            let start = row * width
            for column in row..<width {
                unsafe matrix.pointer[start + column] =
                    own * matrix.pointer[start + column] + all * common.pointer[start + column]
            }
            if row < stride { matrix[start + row] += Float(problem.l2) }
            let diagonal = matrix[start + row]
            let isUsed = row <= stride && diagonal > 0 && diagonal < 1e37
            if !isUsed { matrix[start + row] = 1 }
            scale[row] = isUsed ? 1 / diagonal.squareRoot() : 1
        }
        for row in 0..<width {
            let factor = scale[row]
            for column in row..<width {
                unsafe matrix.pointer[row * width + column] *= factor * scale.pointer[column]
            }
        }
        let copy = FloatBlock(count: width * width)
        unsafe copy.pointer.update(from: matrix.pointer, count: width * width)
        for ridge in [1e-6, 1e-4, 1e-2] as [Float] {
            for row in 0..<width { matrix[row * width + row] = copy[row * width + row] + ridge }
            if unsafe problem.path.factorise(matrix.pointer, width) {
                factors.append(matrix)
                scales.append(scale)
                return
            }
            unsafe matrix.pointer.update(from: copy.pointer, count: width * width)
        }
        matrix.clear()
        for row in 0..<width { matrix[row * width + row] = 1 }
        factors.append(matrix)
        scales.append(scale)
    }

    // MARK: - Products

    /// Sets `result` to the product of the second derivatives, and the penalty's, with `vectors`.
    func multiply(_ source: DoubleBlock, into result: DoubleBlock) {
        let (width, stride, count) = (width, problem.stride, outputCount)
        for index in 0..<count * width {
            unsafe vectors.pointer[index] = Float(source.pointer[index])
        }
        products.clear()
        curve()
        multiplyCommon()
        let share = 1 / problem.rows.weightSum
        for output in 0..<count {
            let start = output * width
            let left = rest[output]
            for column in 0...stride {
                let penalty = column < stride ? problem.l2 : 0
                unsafe result.pointer[start + column] =
                    Double(products.pointer[start + column]) * share
                    + left * Double(commonProducts.pointer[start + column])
                    + penalty * source.pointer[start + column]
            }
        }
    }

    private func curve() {
        let path = problem.path
        unsafe rowPlaces.withUnsafeBufferPointer { places in
            unsafe weights.withUnsafeBufferPointer { weights in
                unsafe counts.withUnsafeBufferPointer { counts in
                    unsafe classes.withUnsafeBufferPointer { classes in
                        unsafe values.withUnsafeBufferPointer { values in
                            var request = unsafe head_path_curvature()
                            unsafe request.rows = places.baseAddress
                            unsafe request.row_count = places.count
                            unsafe request.feature_count = problem.stride
                            unsafe request.stride = problem.width
                            unsafe request.row_weights = weights.baseAddress
                            unsafe request.counts = counts.baseAddress
                            unsafe request.classes = classes.baseAddress
                            unsafe request.values = values.baseAddress
                            unsafe request.vectors = UnsafePointer(vectors.pointer)
                            unsafe request.products = products.pointer
                            unsafe request.scratch = scratch.pointer
                            unsafe path.curve(&request)
                        }
                    }
                }
            }
        }
    }

    private func multiplyCommon() {
        let path = problem.path
        let places = unsafe (0..<outputCount).map {
            unsafe UnsafePointer<Float>?(UnsafePointer(vectors.pointer + $0 * width))
        }
        unsafe places.withUnsafeBufferPointer { places in
            for first in Swift.stride(from: 0, to: outputCount, by: PathProblem.tile) {
                var request = unsafe head_path_rows()
                unsafe request.rows = places.baseAddress.map { unsafe $0 + first }
                unsafe request.row_count = min(PathProblem.tile, outputCount - first)
                unsafe request.feature_count = width
                unsafe request.output_count = UInt32(width)
                unsafe request.stride = UInt32(width)
                unsafe request.packed = UnsafePointer(packedCommon.pointer)
                unsafe request.biases = UnsafePointer(zeros.pointer)
                unsafe request.values = commonProducts.pointer + first * width
                unsafe path.forward(&request)
            }
        }
    }

    /// Sets `result` to about the inverse's product with `vectors`.
    func precondition(_ source: DoubleBlock, into result: DoubleBlock) {
        let path = problem.path
        let width = width
        for output in 0..<outputCount {
            let start = output * width
            let index = factors.count == 1 ? 0 : output
            let scale = scales[index]
            let some = unsafe vectors.pointer + start
            for column in 0..<width {
                unsafe some[column] = Float(
                    source.pointer[start + column] * Double(scale.pointer[column]))
            }
            unsafe path.solve(factors[index].pointer, width, some)
            for column in 0..<width {
                unsafe result.pointer[start + column] = Double(
                    some[column] * scale.pointer[column])
            }
        }
        // The classes' steps sum to zero, as their gradients do.
        let share = 1 / Double(outputCount)
        for column in 0..<width {
            var sum = 0.0
            for output in 0..<outputCount { sum += unsafe result.pointer[output * width + column] }
            for output in 0..<outputCount {
                unsafe result.pointer[output * width + column] -= sum * share
            }
        }
    }
}
