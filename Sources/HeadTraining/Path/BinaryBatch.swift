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
    /// `[member, width]`: what rows are multiplied with.
    private let vectors: PathMatrix

    /// Blocks after which sums go on from zero, in double.
    private static let blockCount = 8

    /// The heads that have a class, one a column.
    private struct ClassColumns {
        let label: Int
        let weights: [Float]
        var members: [Int]
        var signs: [Float]
        var factors: [Float]
        var deltas: PathMatrix
    }

    init(_ table: ConvexTable, _ members: [Member], kernels: PathKernels) {
        self.table = table
        self.kernels = kernels
        self.members = members
        stride = table.stride
        width = stride + PathKernels.lanes
        vectors = PathMatrix(rowCount: members.count, stride: width)
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
                deltas: PathMatrix(
                    rowCount: table.classRowCounts[label], stride: PathKernels.padded(own.count)))
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
        var sums: [DoubleBlock?] = members.map { _ in nil }
        for index in active {
            isActive[index] = true
            unsafe members[index].head.place(vectors.block.pointer + index * width)
            sums[index] = DoubleBlock(count: width)
        }
        var losses = [Double](repeating: 0, count: members.count)
        var curvatures = losses
        var last: (members: [Int], packed: PackedMatrix, biases: FloatBlock)?
        for index in classes.indices {
            narrow(&classes[index], isActive)
            let columns = classes[index]
            guard !columns.members.isEmpty else { continue }
            let (packed, biases): (PackedMatrix, FloatBlock)
            if let last, last.members == columns.members {
                (packed, biases) = (last.packed, last.biases)
            } else {
                (packed, biases) = pack(columns.members)
                last = (columns.members, packed, biases)
            }
            add(columns, packed, biases, sums, &losses, &curvatures)
        }
        for index in active {
            guard let sums = sums[index] else { continue }
            members[index].head.take(sums, loss: losses[index], curvature: curvatures[index])
        }
    }

    /// Leaves heads out that have ended, once that saves a panel of columns.
    private func narrow(_ columns: inout ClassColumns, _ isActive: [Bool]) {
        let left = columns.members.indices.filter { isActive[columns.members[$0]] }
        let stride = PathKernels.padded(left.count)
        guard stride < columns.deltas.stride else { return }
        let deltas = PathMatrix(rowCount: columns.deltas.rowCount, stride: stride)
        for row in 0..<deltas.rowCount {
            for (place, column) in left.enumerated() {
                unsafe deltas.block.pointer[row * stride + place] =
                    columns.deltas.block.pointer[row * columns.deltas.stride + column]
            }
        }
        columns.deltas = deltas
        columns.members = left.map { columns.members[$0] }
        columns.signs = left.map { columns.signs[$0] }
        columns.factors = left.map { columns.factors[$0] }
    }

    private func pack(_ some: [Int]) -> (PackedMatrix, FloatBlock) {
        let matrix = PathMatrix(rowCount: some.count, stride: stride)
        let biases = FloatBlock(count: PathKernels.padded(some.count))
        for (place, member) in some.enumerated() {
            unsafe (matrix.block.pointer + place * stride).update(
                from: vectors.block.pointer + member * width, count: stride)
            biases[place] = vectors[member, stride]
        }
        return (kernels.pack(matrix), biases)
    }

    /// Adds a class's rows.
    private func add(
        _ columns: ClassColumns, _ packed: PackedMatrix, _ biases: FloatBlock,
        _ sums: [DoubleBlock?], _ losses: inout [Double], _ curvatures: inout [Double]
    ) {
        let count = columns.members.count
        let padded = columns.deltas.stride
        let rest = [Float](repeating: 1, count: padded - count)
        let isProduct =
            columns.members.map { members[$0].head.wish == .gradient ? 0 : 1 as Float } + rest
        let signs = columns.signs + rest
        // What fills the panel is multiplied by nothing.
        let factors = columns.factors + rest.map { _ in 0 }
        let values = PathMatrix(rowCount: PathKernels.tile, stride: padded)
        let blockSums = PathMatrix(rowCount: count, stride: stride)
        let (loss, bias, curvature) = (
            DoubleBlock(count: padded), DoubleBlock(count: padded), DoubleBlock(count: padded)
        )
        let rowCount = columns.weights.count
        let tile = PathKernels.tile
        let valuePlaces = unsafe values.places
        unsafe table.withRows(of: columns.label) { rows, _ in
            let rowPlaces = unsafe (0..<rowCount).map {
                unsafe UnsafePointer<Float>?(rows + $0 * stride)
            }
            for (number, first) in Swift.stride(from: 0, to: rowCount, by: tile).enumerated() {
                let some = min(tile, rowCount - first)
                unsafe forward(rowPlaces, first, some, packed, biases, values)
                apply(
                    columns, first, some, values, isProduct, signs, factors, loss, bias, curvature)
                unsafe multiply(valuePlaces, rowPlaces, first, some, columns, blockSums)
                guard (number + 1) % Self.blockCount == 0 || first + some == rowCount else {
                    continue
                }
                for (place, member) in columns.members.enumerated() {
                    guard let target = sums[member] else { continue }
                    let source = unsafe blockSums.block.pointer + place * stride
                    for column in 0..<stride {
                        unsafe target.pointer[column] += Double(source[column])
                        unsafe source[column] = 0
                    }
                }
            }
        }
        for (place, member) in columns.members.enumerated() {
            guard let target = sums[member] else { continue }
            target[stride] += bias[place]
            losses[member] += loss[place]
            curvatures[member] += curvature[place]
        }
    }

    private func forward(
        _ rowPlaces: [UnsafePointer<Float>?], _ first: Int, _ rowCount: Int,
        _ packed: PackedMatrix, _ biases: FloatBlock, _ values: PathMatrix
    ) {
        unsafe rowPlaces.withUnsafeBufferPointer { rows in
            var request = unsafe head_path_rows()
            unsafe request.rows = rows.baseAddress.map { unsafe $0 + first }
            unsafe request.row_count = rowCount
            unsafe request.feature_count = stride
            unsafe request.output_count = UInt32(values.stride)
            unsafe request.stride = UInt32(values.stride)
            unsafe request.packed = UnsafePointer(packed.block.pointer)
            unsafe request.biases = UnsafePointer(biases.pointer)
            unsafe request.values = values.block.pointer
            unsafe kernels.table.forward(&request)
        }
    }

    private func apply(
        _ columns: ClassColumns, _ first: Int, _ rowCount: Int, _ values: PathMatrix,
        _ isProduct: [Float], _ signs: [Float], _ factors: [Float], _ loss: DoubleBlock,
        _ bias: DoubleBlock, _ curvature: DoubleBlock
    ) {
        unsafe columns.weights.withUnsafeBufferPointer { weights in
            unsafe isProduct.withUnsafeBufferPointer { isProduct in
                unsafe signs.withUnsafeBufferPointer { signs in
                    unsafe factors.withUnsafeBufferPointer { factors in
                        var request = unsafe head_path_binary()
                        unsafe request.row_count = rowCount
                        unsafe request.stride = values.stride
                        unsafe request.row_weights = weights.baseAddress.map { unsafe $0 + first }
                        unsafe request.is_product = isProduct.baseAddress
                        unsafe request.signs = signs.baseAddress
                        unsafe request.factors = factors.baseAddress
                        unsafe request.values = values.block.pointer
                        unsafe request.deltas =
                            columns.deltas.block.pointer + first * columns.deltas.stride
                        unsafe request.losses = loss.pointer
                        unsafe request.bias_sums = bias.pointer
                        unsafe request.curvatures = curvature.pointer
                        unsafe kernels.table.binary(&request)
                    }
                }
            }
        }
    }

    private func multiply(
        _ valuePlaces: [UnsafePointer<Float>?], _ rowPlaces: [UnsafePointer<Float>?],
        _ first: Int, _ rowCount: Int, _ columns: ClassColumns, _ blockSums: PathMatrix
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
                    unsafe sums.sums = blockSums.block.pointer
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
            guard basis.turns == nil else {
                turning.append(index)
                continue
            }
            for column in 0..<width {
                let divisor = divisor(head, basis, column)
                unsafe head.scaled.pointer[column] = head.rest.pointer[column] / divisor
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
            let (head, basis) = (members[index].head, members[index].basis)
            for column in 0..<width {
                unsafe turned.block.pointer[place * width + column] /= Float(
                    divisor(head, basis, column))
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

    private func divisor(_ head: BinaryHead, _ basis: PathBasis, _ column: Int) -> Double {
        head.curvature * basis.eigenvalues[column] + head.strength
    }
}
