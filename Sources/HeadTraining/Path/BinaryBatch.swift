import CHeadKernels
import Numerics

/// Heads of two outputs side by side: each class's rows are multiplied with the vectors of all heads that have the class.
///
/// A head's sums run over its classes by ascending key, each class's rows in blocks from its first one, so that its
/// bits are the same beside whatever others. Used by one thread.
final class BinaryBatch {
    /// A head, and by output its classes.
    struct Member {
        let head: BinaryHead
        let outputs: [[Int]]
        /// By output, what its rows weigh more than by themselves.
        let factors: [Double]
        /// Of the preconditioner: by axis, the mean of what second derivatives are of.
        let basis: PathBasis
    }

    private let table: ConvexTable
    private let kernels: PathKernels
    private let members: [Member]
    private let stride: Int
    private let width: Int
    private var classes: [ClassColumns]
    private let values: PathMatrix
    /// `[member, width]`: what rows are multiplied with.
    private let vectors: PathMatrix

    /// Blocks after which sums go on from zero, in double.
    private static let blockCount = 8

    init(_ table: ConvexTable, _ members: [Member], kernels: PathKernels) {
        self.table = table
        self.kernels = kernels
        self.members = members
        stride = table.stride
        width = stride + PathKernels.lanes
        vectors = PathMatrix(rowCount: members.count, stride: width)
        values = PathMatrix(
            rowCount: PathKernels.tile, stride: PathKernels.padded(members.count))
        var columns: [Int: [(member: Int, output: Int)]] = [:]
        for (index, member) in members.enumerated() {
            for (output, classes) in member.outputs.enumerated() {
                for label in classes { columns[label, default: []].append((index, output)) }
            }
        }
        let labels = columns.keys.sorted { table.classKeys[$0] < table.classKeys[$1] }
        classes = labels.map { label in
            let own = columns[label] ?? []
            return ClassColumns(
                label: label, weights: table.weights(of: label), members: own.map(\.member),
                signs: own.map { $0.output == 0 ? 1 : -1 },
                factors: own.map { Float(members[$0.member].factors[$0.output]) },
                stride: table.stride)
        }
    }

    /// Takes all heads to their ends.
    func run(isCancelled: () -> Bool) throws(HeadTrainingError) {
        while true {
            if isCancelled() { throw .cancelled }
            precondition()
            let active = members.indices.filter { members[$0].head.wish != .nothing }
            if active.isEmpty { return }
            pass(active)
        }
    }

    // MARK: - A pass over the rows

    private func pass(_ active: [Int]) {
        var isActive = [Bool](repeating: false, count: members.count)
        for index in active {
            isActive[index] = true
            unsafe members[index].head.begin(vectors.block.pointer + index * width)
        }
        var last: ClassColumns?
        for index in classes.indices {
            classes[index] = classes[index].narrowed(isActive)
            let columns = classes[index]
            guard !columns.members.isEmpty else { continue }
            if let last, last.members == columns.members {
                columns.packed = last.packed
                columns.biases = last.biases
            } else {
                pack(columns)
            }
            last = columns
            add(columns)
        }
        for index in active { members[index].head.finish() }
    }

    private func pack(_ columns: ClassColumns) {
        for (place, member) in columns.members.enumerated() {
            unsafe (columns.matrix.block.pointer + place * stride).update(
                from: vectors.block.pointer + member * width, count: stride)
            columns.ownBiases[place] = vectors[member, stride]
        }
        unsafe kernels.table.pack(
            columns.matrix.block.pointer, stride, columns.members.count, stride,
            columns.ownPacked.pointer)
        columns.packed = columns.ownPacked
        columns.biases = columns.ownBiases
    }

    /// Adds a class's rows.
    private func add(_ columns: ClassColumns) {
        columns.begin(members.map(\.head.wish))
        let rowCount = columns.weights.count
        let tile = PathKernels.tile
        let valuePlaces = unsafe (0..<tile).map {
            unsafe UnsafePointer<Float>?(
                UnsafePointer(values.block.pointer + $0 * columns.stride))
        }
        unsafe table.withRows(of: columns.label) { rows, _ in
            let rowPlaces = unsafe (0..<rowCount).map {
                unsafe UnsafePointer<Float>?(rows + $0 * stride)
            }
            for (number, first) in Swift.stride(from: 0, to: rowCount, by: tile).enumerated() {
                let some = min(tile, rowCount - first)
                unsafe forward(rowPlaces, first, some, columns)
                apply(columns, first, some)
                unsafe multiply(valuePlaces, rowPlaces, first, some, columns)
                guard (number + 1) % Self.blockCount == 0 || first + some == rowCount else {
                    continue
                }
                for (place, member) in columns.members.enumerated() {
                    unsafe members[member].head.add(
                        columns.blockSums.block.pointer + place * stride)
                }
                columns.blockSums.block.clear()
            }
        }
        for (place, member) in columns.members.enumerated() {
            members[member].head.add(
                bias: columns.bias[place], loss: columns.loss[place],
                curvature: columns.curvature[place])
        }
    }

    private func forward(
        _ rowPlaces: [UnsafePointer<Float>?], _ first: Int, _ rowCount: Int,
        _ columns: ClassColumns
    ) {
        unsafe rowPlaces.withUnsafeBufferPointer { rows in
            var request = unsafe head_path_rows()
            unsafe request.rows = rows.baseAddress.map { unsafe $0 + first }
            unsafe request.row_count = rowCount
            unsafe request.feature_count = stride
            unsafe request.output_count = UInt32(columns.stride)
            unsafe request.stride = UInt32(columns.stride)
            unsafe request.packed = UnsafePointer(columns.packed.pointer)
            unsafe request.biases = UnsafePointer(columns.biases.pointer)
            unsafe request.values = values.block.pointer
            unsafe kernels.table.forward(&request)
        }
    }

    private func apply(_ columns: ClassColumns, _ first: Int, _ rowCount: Int) {
        unsafe columns.weights.withUnsafeBufferPointer { weights in
            var request = unsafe head_path_binary()
            unsafe request.row_count = rowCount
            unsafe request.stride = columns.stride
            unsafe request.row_weights = weights.baseAddress.map { unsafe $0 + first }
            unsafe request.is_product = UnsafePointer(columns.isProduct.pointer)
            unsafe request.signs = UnsafePointer(columns.signs.pointer)
            unsafe request.factors = UnsafePointer(columns.factors.pointer)
            unsafe request.values = values.block.pointer
            unsafe request.deltas = columns.deltas.block.pointer + first * columns.stride
            unsafe request.losses = columns.loss.pointer
            unsafe request.bias_sums = columns.bias.pointer
            unsafe request.curvatures = columns.curvature.pointer
            unsafe kernels.table.binary(&request)
        }
    }

    private func multiply(
        _ valuePlaces: [UnsafePointer<Float>?], _ rowPlaces: [UnsafePointer<Float>?],
        _ first: Int, _ rowCount: Int, _ columns: ClassColumns
    ) {
        unsafe valuePlaces.withUnsafeBufferPointer { values in
            unsafe rowPlaces.withUnsafeBufferPointer { rows in
                unsafe columns.weights.withUnsafeBufferPointer { weights in
                    var sums = unsafe head_path_products()
                    unsafe sums.left = values.baseAddress
                    unsafe sums.right = rows.baseAddress.map { unsafe $0 + first }
                    unsafe sums.row_weights = weights.baseAddress.map { unsafe $0 + first }
                    unsafe sums.row_count = rowCount
                    unsafe sums.left_count = columns.members.count
                    unsafe sums.right_count = stride
                    unsafe sums.sums = columns.blockSums.block.pointer
                    unsafe sums.sum_stride = stride
                    unsafe kernels.table.multiply(&sums)
                }
            }
        }
    }

    // MARK: - The preconditioner

    /// Divides, between the eigenvectors of the mean of `x x^T` or the axes, by what the second derivatives would be if
    /// every row curved as the mean of all.
    private func precondition() {
        let some = members.indices.filter { members[$0].head.wish == .preconditioning }
        var turning: [Int] = []
        for index in some {
            let (head, basis) = (members[index].head, members[index].basis)
            head.setDivisors(basis.eigenvalues)
            if basis.turns == nil {
                for column in 0..<width {
                    unsafe head.scaled.pointer[column] =
                        head.rest.pointer[column] * head.inverses.pointer[column]
                }
            } else {
                turning.append(index)
            }
        }
        // Heads of the same rows, and only those, have the same eigenvectors.
        while let first = turning.first {
            let together = turning.filter {
                members[$0].basis.turns?.there.block === members[first].basis.turns?.there.block
            }
            turning.removeAll { together.contains($0) }
            turn(together)
        }
        for index in some { members[index].head.takePreconditioned() }
    }

    private func turn(_ some: [Int]) {
        guard let turns = members[some[0]].basis.turns else { return }
        let rests = PathMatrix(rowCount: some.count, stride: width)
        for (place, index) in some.enumerated() {
            let rest = members[index].head.rest
            for column in 0..<width {
                unsafe rests.block.pointer[place * width + column] = Float(rest.pointer[column])
            }
        }
        let turned = kernels.products(rests, turns.there)
        for (place, index) in some.enumerated() {
            let inverses = members[index].head.inverses
            for column in 0..<width {
                unsafe turned.block.pointer[place * width + column] *= Float(
                    inverses.pointer[column])
            }
        }
        let back = kernels.products(turned, turns.back)
        for (place, index) in some.enumerated() {
            let scaled = members[index].head.scaled
            for column in 0..<width {
                unsafe scaled.pointer[column] =
                    column <= stride ? Double(back.block.pointer[place * width + column]) : 0
            }
        }
    }
}

/// The heads that have a class, one a column, and what a pass over its rows needs.
private final class ClassColumns {
    let label: Int
    let weights: [Float]
    let members: [Int]
    /// Columns, padded.
    let stride: Int
    let signs: FloatBlock
    let factors: FloatBlock
    let isProduct: FloatBlock
    /// `[row, stride]`.
    let deltas: PathMatrix
    let matrix: PathMatrix
    let ownPacked: FloatBlock
    let ownBiases: FloatBlock
    /// Its own, or those of a class with the same heads.
    var packed: FloatBlock
    var biases: FloatBlock
    let blockSums: PathMatrix
    let loss: DoubleBlock
    let bias: DoubleBlock
    let curvature: DoubleBlock
    private let featureStride: Int

    init(
        label: Int, weights: [Float], members: [Int], signs: [Float], factors: [Float],
        stride featureStride: Int
    ) {
        self.label = label
        self.weights = weights
        self.members = members
        self.featureStride = featureStride
        stride = PathKernels.padded(members.count)
        self.signs = FloatBlock(count: stride)
        // What fills the panel is multiplied by nothing.
        self.factors = FloatBlock(count: stride)
        isProduct = FloatBlock(count: stride)
        for index in 0..<stride { self.signs[index] = index < signs.count ? signs[index] : 1 }
        for (index, factor) in factors.enumerated() { self.factors[index] = factor }
        deltas = PathMatrix(rowCount: weights.count, stride: stride)
        matrix = PathMatrix(rowCount: members.count, stride: featureStride)
        ownPacked = FloatBlock(count: stride * featureStride)
        ownBiases = FloatBlock(count: stride)
        packed = ownPacked
        biases = ownBiases
        blockSums = PathMatrix(rowCount: members.count, stride: featureStride)
        loss = DoubleBlock(count: stride)
        bias = DoubleBlock(count: stride)
        curvature = DoubleBlock(count: stride)
    }

    /// - Parameter wishes: by member.
    func begin(_ wishes: [BinaryHead.Wish]) {
        for index in 0..<stride {
            let isGradient = index < members.count && wishes[members[index]] == .gradient
            isProduct[index] = isGradient ? 0 : 1
        }
        loss.clear()
        bias.clear()
        curvature.clear()
    }

    /// Without the heads that have ended, once that saves a panel of columns.
    func narrowed(_ isActive: [Bool]) -> ClassColumns {
        let left = members.indices.filter { isActive[members[$0]] }
        guard PathKernels.padded(left.count) < stride else { return self }
        let result = ClassColumns(
            label: label, weights: weights, members: left.map { members[$0] },
            signs: left.map { signs[$0] }, factors: left.map { factors[$0] }, stride: featureStride)
        for row in 0..<weights.count {
            for (place, column) in left.enumerated() {
                unsafe result.deltas.block.pointer[row * result.stride + place] =
                    deltas.block.pointer[row * stride + column]
            }
        }
        return result
    }
}
