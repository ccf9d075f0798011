import CHeadKernels
import Numerics

/// About the inverse of the second derivatives: of each output's own ones where few probabilities of a row
/// matter, else of what they would be if probabilities and features had nothing to do with each other.
enum PathPreconditioner {
    case outputs(OutputBlocks)
    case kronecker(KroneckerFactors)

    init(_ problem: PathProblem, _ state: PathProblem.Evaluation) {
        if let blocks = OutputBlocks(problem, state) {
            self = .outputs(blocks)
        } else {
            self = .kronecker(KroneckerFactors(problem, state))
        }
    }

    /// Sets `result` to about the inverse's product with `source`, its outputs summing to zero as gradients do.
    func apply(_ source: DoubleBlock, into result: DoubleBlock) {
        let turned: PathMatrix
        switch self {
        case .outputs(let blocks): turned = blocks.solve(source)
        case .kronecker(let factors): turned = factors.solve(source)
        }
        let share = 1 / Double(turned.rowCount)
        for column in 0..<turned.stride {
            var sum = 0.0
            for output in 0..<turned.rowCount { sum += Double(turned[output, column]) }
            for output in 0..<turned.rowCount {
                unsafe result.pointer[output * turned.stride + column] =
                    Double(turned[output, column]) - sum * share
            }
        }
    }
}

/// `M (x) G + l2`, M being the mean of `diag(p) - p p^T` and G that of `x x^T`; between the eigenvectors of the two its
/// inverse is a division.
struct KroneckerFactors {
    private let problem: PathProblem
    private let kernels: PathKernels
    /// The eigenvectors of M `[eigenvector, output]`, and transposed.
    private let vectors: (there: PathMatrix, back: PathMatrix)
    private let values: [Double]

    init(_ problem: PathProblem, _ state: PathProblem.Evaluation) {
        self.problem = problem
        kernels = problem.pathKernels
        let count = problem.outputCount
        let matrix = DoubleBlock(count: count * count)
        let share = 1 / max(1e-300, state.pairWeight)
        for output in 0..<count {
            for other in 0..<output {
                let pair = state.pairs[other * problem.valueStride + output] * share
                matrix[output * count + other] = -pair
                matrix[other * count + output] = -pair
                matrix[output * count + output] += pair
                matrix[other * count + other] += pair
            }
        }
        let diagonal = (0..<count).map { matrix[$0 * count + $0] }
        let there = PathMatrix(rowCount: count, stride: problem.valueStride)
        let back = PathMatrix(rowCount: count, stride: problem.valueStride)
        let found = kernels.diagonalise(matrix, size: count)
        values = found.map { $0.map { max(0, $0) } } ?? diagonal
        for row in 0..<count {
            for column in 0..<count {
                let axis: Float = row == column ? 1 : 0
                let value = found == nil ? axis : Float(matrix[row * count + column])
                there[row, column] = value
                back[column, row] = value
            }
        }
        vectors = (there, back)
    }

    func solve(_ source: DoubleBlock) -> PathMatrix {
        let (count, width) = (problem.outputCount, problem.width)
        var turned = PathMatrix(rowCount: count, stride: width)
        turned.fill(from: source)
        if let turns = problem.basis.turns { turned = kernels.products(turned, turns.there) }
        turned = kernels.transposedProduct(vectors.back, columnCount: count, turned)
        for row in 0..<count {
            for column in 0..<width {
                let divisor = values[row] * problem.basis.eigenvalues[column] + problem.l2
                unsafe turned.block.pointer[row * width + column] /= Float(divisor)
            }
        }
        turned = kernels.transposedProduct(vectors.there, columnCount: count, turned)
        if let turns = problem.basis.turns { turned = kernels.products(turned, turns.back) }
        return turned
    }
}

/// By output, the mean of `p (1 - p) x x^T` and the penalty: of rows whose p is not small from themselves, of the others
/// from the mean of `x x^T`.
struct OutputBlocks {
    private let problem: PathProblem
    private let kernels: PathKernels
    private var factors: [FloatBlock] = []
    private var scales: [FloatBlock] = []

    /// The share of the curvature that is asked of the rows themselves, and entries of a row up to which it is.
    private static let share = 0.85
    private static let entriesMax = 8
    /// What they may cost by what a pass over the rows does.
    private static let costMax = 8.0
    private static let byteCountMax = 256 << 20

    init?(_ problem: PathProblem, _ state: PathProblem.Evaluation) {
        let (count, width) = (problem.outputCount, problem.width)
        let rowCount = problem.rows.rowCount
        guard count > 2, let gram = problem.basis.gram,
            count * width * width * MemoryLayout<Float>.stride <= Self.byteCountMax
        else { return nil }
        self.problem = problem
        kernels = problem.pathKernels
        guard let least = Self.least(problem, state) else { return nil }
        var entries = [[Entry]](repeating: [], count: count)
        var rest = [Double](repeating: 0, count: count)
        var entryCount = 0
        unsafe problem.withDeltas(of: state) { first, some, deltas in
            for row in 0..<some {
                let weight = unsafe problem.rows.weights[first + row]
                let values = unsafe deltas + row * problem.valueStride
                for output in 0..<count {
                    let delta = unsafe abs(values[output])
                    let curvature = weight * (delta * (1 - delta))
                    if delta < least {
                        rest[output] += Double(curvature)
                    } else {
                        entries[output].append(Entry(row: first + row, curvature: curvature))
                        entryCount += 1
                    }
                }
            }
        }
        let cost =
            Double(entryCount * width) / Double(4 * count * rowCount)
            + Double(width * width) / Double(6 * rowCount)
        guard cost <= Self.costMax else { return nil }
        for output in 0..<count { add(entries[output], rest[output], gram) }
    }

    /// What is not small: a power of two, with few entries above it and most of the curvature.
    private static func least(_ problem: PathProblem, _ state: PathProblem.Evaluation) -> Float? {
        var counts = [Int](repeating: 0, count: 256)
        var sums = [Double](repeating: 0, count: 256)
        unsafe problem.withDeltas(of: state) { first, some, deltas in
            for row in 0..<some {
                let weight = unsafe problem.rows.weights[first + row]
                let values = unsafe deltas + row * problem.valueStride
                for output in 0..<problem.outputCount {
                    let delta = unsafe abs(values[output])
                    let bin = Int(delta.exponentBitPattern)
                    counts[bin] += 1
                    sums[bin] += Double(weight * (delta * (1 - delta)))
                }
            }
        }
        let all = sums.reduce(0, +)
        var (count, sum) = (0, 0.0)
        for bin in (1..<255).reversed() {
            count += counts[bin]
            guard count <= entriesMax * problem.rows.rowCount else { return nil }
            sum += sums[bin]
            if sum >= share * all {
                return Float(sign: .plus, exponentBitPattern: UInt(bin), significandBitPattern: 0)
            }
        }
        return nil
    }

    private struct Entry {
        let row: Int
        let curvature: Float
    }

    /// Factorises an output's block, scaled so that its diagonal is 1.
    private mutating func add(_ entries: [Entry], _ rest: Double, _ gram: PathMatrix) {
        let (width, stride) = (problem.width, problem.stride)
        // Steps sum to zero over the outputs: each curves the more.
        let more = Double(problem.outputCount) / Double(problem.outputCount - 1)
        let share = more / problem.rows.weightSum
        let sums = PathMatrix(rowCount: width, stride: width)
        problem.addSquares(of: entries.lazy.map { ($0.row, $0.curvature) }, to: sums)
        let matrix = sums.block
        let scale = FloatBlock(count: width)
        let (own, common) = (Float(share), Float(rest * share))
        for row in 0..<width {
            let start = row * width
            for column in row..<width {
                unsafe matrix.pointer[start + column] =
                    own * matrix.pointer[start + column]
                    + common * gram.block.pointer[start + column]
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
        copy.copy(from: matrix)
        scales.append(scale)
        for ridge in [1e-6, 1e-4, 1e-2] as [Float] {
            for row in 0..<width { matrix[row * width + row] = copy[row * width + row] + ridge }
            if unsafe kernels.table.factorise(matrix.pointer, width) {
                factors.append(matrix)
                return
            }
            matrix.copy(from: copy)
        }
        matrix.clear()
        for row in 0..<width { matrix[row * width + row] = 1 }
        factors.append(matrix)
    }

    func solve(_ source: DoubleBlock) -> PathMatrix {
        let width = problem.width
        let result = PathMatrix(rowCount: problem.outputCount, stride: width)
        for output in 0..<problem.outputCount {
            let start = output * width
            let scale = scales[output]
            let values = unsafe result.block.pointer + start
            for column in 0..<width {
                unsafe values[column] = Float(
                    source.pointer[start + column] * Double(scale.pointer[column]))
            }
            unsafe kernels.table.solve(factors[output].pointer, width, values)
            for column in 0..<width { unsafe values[column] *= scale.pointer[column] }
        }
        return result
    }
}
