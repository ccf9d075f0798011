import Heads
import Numerics

/// Logits of many heads for a few rows, in one fixed order of operations per number.
///
/// A logit is `bias + sum of weight * feature`: feature `f` is added in lane `f % 16` in ascending
/// order (multiply, round, add, round: never fused), the lanes by one tree of halves. So a logit
/// depends on its row and its head only: not on the rows beside it, on the CPU, or on threads.
///
/// The rows are copied once, in tiles of four: a tile's eight sums of eight lanes (half of sixteen,
/// for four rows) fill half of the sixteen registers of SSE2, which is what Swift compiles for on
/// x86-64, and share the loads of the weights. Tiles go in groups that stay in the first-level cache
/// while all heads pass over them.
struct LogitKernel {
    /// Rows of a tile.
    private static let tileRowCount = 4
    /// Bytes of a group of tiles, half of a first-level cache.
    private static let groupByteCount = 16 << 10

    private let width: Int
    /// Sixteen features each, the last padded with zeros.
    private let vectorCount: Int
    private let tileCount: Int
    /// `[tile, half, vector, tileRow]` of eight lanes; rows of the last tile may be zeros.
    private let lanes: [SIMD8<Float>]

    /// Takes the rows listed of `features`, `[sample, feature]`.
    ///
    /// Traps on more than ``LogitBlock/rowCountMax`` rows, or a row outside the matrix.
    init(_ features: Matrix, rows: ArraySlice<Int32>) {
        precondition(rows.count <= LogitBlock.rowCountMax)
        precondition(rows.allSatisfy { $0 >= 0 && $0 < features.rowCount })
        let width = features.columnCount
        let vectorCount = (width + 15) / 16
        let tileCount = (rows.count + Self.tileRowCount - 1) / Self.tileRowCount
        let placeCount = tileCount * 2 * vectorCount * Self.tileRowCount
        let lanes = unsafe [SIMD8<Float>](unsafeUninitializedCapacity: placeCount) { lanes, count in
            if !rows.count.isMultiple(of: Self.tileRowCount) {
                unsafe lanes.initialize(repeating: .zero)
            }
            unsafe features.values.withUnsafeBufferPointer { values in
                for (index, row) in rows.enumerated() {
                    let (tile, tileRow) = index.quotientAndRemainder(dividingBy: Self.tileRowCount)
                    let first = Int(row) * width
                    let halfStride = vectorCount * Self.tileRowCount
                    var place = tile * 2 * halfStride + tileRow
                    for start in stride(from: 0, to: width & ~15, by: 16) {
                        let sixteen = unsafe UnsafeRawBufferPointer(values).loadUnaligned(
                            fromByteOffset: (first &+ start) &* 4, as: SIMD16<Float>.self)
                        unsafe lanes[place] = sixteen.lowHalf
                        unsafe lanes[place &+ halfStride] = sixteen.highHalf
                        place &+= Self.tileRowCount
                    }
                    guard width % 16 > 0 else { continue }
                    for half in 0..<2 {
                        let last = width & ~15 + half * 8
                        unsafe lanes[place + half * halfStride] = unsafe Self.eight(
                            of: values, at: first + last, count: width - last)
                    }
                }
            }
            count = placeCount
        }
        self.width = width
        self.vectorCount = vectorCount
        self.tileCount = tileCount
        self.lanes = lanes
    }

    /// Fills `logits` as ``LogitSource/fill(_:classifiers:rows:)`` says.
    ///
    /// Traps on heads of another width than the features', and on too little room.
    func fill(_ logits: inout [Float], _ heads: some Collection<Head>) {
        let tileByteCount = max(1, vectorCount * Self.tileRowCount * 64)
        let groupTileCount = max(1, Self.groupByteCount / tileByteCount)
        unsafe logits.withUnsafeMutableBufferPointer { logits in
            unsafe lanes.withUnsafeBufferPointer { lanes in
                for first in stride(from: 0, to: tileCount, by: groupTileCount) {
                    let tiles = first..<min(first + groupTileCount, tileCount)
                    var output = 0
                    for head in heads {
                        unsafe fill(logits, from: output, tiles, lanes, head)
                        output += head.outputCount
                    }
                }
            }
        }
    }

    private func fill(
        _ logits: UnsafeMutableBufferPointer<Float>, from output: Int, _ tiles: Range<Int>,
        _ lanes: UnsafeBufferPointer<SIMD8<Float>>, _ head: Head
    ) {
        precondition(head.featureCount == width)
        precondition(logits.count >= (output + head.outputCount) * LogitBlock.rowCountMax)
        let first = head.index * head.outputCount
        unsafe head.block.weights.withUnsafeBufferPointer { weights in
            for position in 0..<head.outputCount {
                let bias = head.block.biases[first + position]
                let target = (output + position) * LogitBlock.rowCountMax
                for tile in tiles {
                    let sums = unsafe sums(
                        weights, at: (first + position) * width, lanes, tile)
                    let values = sums + bias
                    let ordered = values.replacing(with: -.infinity, where: values .!= values)
                    for row in 0..<Self.tileRowCount {
                        unsafe logits[target + tile * Self.tileRowCount + row] = ordered[row]
                    }
                }
            }
        }
    }

    /// The products of one head's weights, from `start`, with the rows of a tile.
    @inline(__always)
    private func sums(
        _ weights: UnsafeBufferPointer<Float>, at start: Int,
        _ lanes: UnsafeBufferPointer<SIMD8<Float>>, _ tile: Int
    ) -> SIMD4<Float> {
        let low = unsafe halfSums(weights, at: start, lanes, tile, half: 0)
        let high = unsafe halfSums(weights, at: start, lanes, tile, half: 1)
        let row0 = low.0 + high.0
        let row1 = low.1 + high.1
        let row2 = low.2 + high.2
        let row3 = low.3 + high.3
        let pairs01 = Self.halved(row0.lowHalf + row0.highHalf, row1.lowHalf + row1.highHalf)
        let pairs23 = Self.halved(row2.lowHalf + row2.highHalf, row3.lowHalf + row3.highHalf)
        return SIMD4(lowHalf: pairs01.evenHalf, highHalf: pairs23.evenHalf)
            + SIMD4(lowHalf: pairs01.oddHalf, highHalf: pairs23.oddHalf)
    }

    /// Adds the upper to the lower half of each.
    @inline(__always)
    private static func halved(_ first: SIMD4<Float>, _ second: SIMD4<Float>) -> SIMD4<Float> {
        SIMD4(lowHalf: first.lowHalf, highHalf: second.lowHalf)
            + SIMD4(lowHalf: first.highHalf, highHalf: second.highHalf)
    }

    /// Eight of the sixteen sums of each row of a tile.
    @inline(__always)
    private func halfSums(
        _ weights: UnsafeBufferPointer<Float>, at start: Int,
        _ lanes: UnsafeBufferPointer<SIMD8<Float>>, _ tile: Int, half: Int
    ) -> (SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>) {
        var sum0 = SIMD8<Float>.zero
        var sum1 = SIMD8<Float>.zero
        var sum2 = SIMD8<Float>.zero
        var sum3 = SIMD8<Float>.zero
        let bytes = UnsafeRawBufferPointer(weights)
        var place = (tile * 2 + half) * vectorCount * Self.tileRowCount
        var offset = (start + half * 8) * 4
        for _ in 0..<width / 16 {
            let weight = unsafe bytes.loadUnaligned(
                fromByteOffset: offset, as: SIMD8<Float>.self)
            unsafe sum0 += weight * lanes[place]
            unsafe sum1 += weight * lanes[place + 1]
            unsafe sum2 += weight * lanes[place + 2]
            unsafe sum3 += weight * lanes[place + 3]
            place &+= Self.tileRowCount
            offset &+= 64
        }
        if width % 16 > 0 {
            let last = width / 16 * 16 + half * 8
            let weight = unsafe Self.eight(of: weights, at: start + last, count: width - last)
            unsafe sum0 += weight * lanes[place]
            unsafe sum1 += weight * lanes[place + 1]
            unsafe sum2 += weight * lanes[place + 2]
            unsafe sum3 += weight * lanes[place + 3]
        }
        return (sum0, sum1, sum2, sum3)
    }

    /// Eight values, those from `count` on zeros.
    @inline(__always)
    private static func eight(
        of values: UnsafeBufferPointer<Float>, at start: Int, count: Int
    ) -> SIMD8<Float> {
        if count >= 8 {
            return unsafe UnsafeRawBufferPointer(values).loadUnaligned(
                fromByteOffset: start * 4, as: SIMD8<Float>.self)
        }
        var result = SIMD8<Float>.zero
        for index in 0..<max(0, count) { unsafe result[index] = values[start + index] }
        return result
    }
}
