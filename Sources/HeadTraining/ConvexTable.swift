import CHeadKernels
import Numerics
import Synchronization

/// A feature table as training to the optimum reads it: in rows of whole cache lines; and Gram matrices of
/// the classes' rows, computed when asked for.
///
/// The kernels add the feature that is 1 in every row, whose weight is the bias.
final class ConvexTable: Sendable {
    let featureCount: Int
    /// Values of a row in double precision: features, the 1 and zeros.
    let width: Int
    /// Values of a row in single precision, which has the bias apart: features and zeros.
    ///
    /// From one row to the next are as many.
    let stride: Int
    let classRowCounts: [Int]
    let classKeys: [UInt64]
    /// By class, whether its rows are here.
    let isHeld: [Bool]
    /// By class, the sum of what its rows weigh: without weights their number.
    let classWeightSums: [Double]
    private let classRowOffsets: [Int]
    private let rows: FloatBuffer
    private let rowWeights: FloatBuffer?
    private let grams: Mutex<GramCache>

    /// Bytes of a head's factors up to which each class has one of its own, see ``ConvexPreconditioner``.
    let factorByteCountMax: Int

    /// Bytes of Gram matrices that are kept, unless somebody says otherwise.
    static let gramByteCountMax = 256 << 20

    /// - Parameter gramByteCountMax: bytes of Gram matrices to keep; but for 0 one is kept in any case.
    init(
        _ table: FeatureTable, gramByteCountMax: Int = gramByteCountMax,
        factorByteCountMax: Int = ConvexPreconditioner.separateByteCountMax
    ) {
        self.factorByteCountMax = factorByteCountMax
        featureCount = table.featureCount
        width = Self.width(featureCount: table.featureCount)
        let lines = Int(HEAD_LANES)
        stride = (table.featureCount + lines - 1) / lines * lines
        classRowCounts = table.classRowCounts
        classKeys = table.classKeys
        isHeld = table.isHeld
        classRowOffsets = table.classRowOffsets
        rowWeights = table.rowWeights
        classWeightSums = table.classRowCounts.indices.map { table.weightSum(of: $0) }
        rows =
            stride == table.featureCount
            ? table.features : Self.padded(table, stride: stride)
        grams = Mutex(
            GramCache(
                classCount: table.classCount,
                countMax: max(gramByteCountMax.signum(), gramByteCountMax / (width * width * 8))))
    }

    /// Values of a row in double precision.
    static func width(featureCount: Int) -> Int {
        let lanes = ConvexKernels.laneCount
        return (featureCount + 1 + lanes - 1) / lanes * lanes
    }

    /// A copy of the features, `[row, stride]`.
    private static func padded(_ table: FeatureTable, stride: Int) -> FloatBuffer {
        let columnCount = table.featureCount
        let rows = FloatBuffer(count: table.rowCount * stride)
        unsafe rows.withUnsafeMutableBufferPointer { target in
            unsafe table.features.withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                for row in 0..<table.rowCount {
                    unsafe (to + row * stride).update(
                        from: from + row * columnCount, count: columnCount)
                }
            }
        }
        return rows
    }

    /// Lends a class's rows, `[row, stride]`, and what each weighs, nil if all weigh 1.
    func withRows(
        of label: Int,
        _ body: (_ rows: UnsafePointer<Float>, _ weights: UnsafePointer<Float>?) -> Void
    ) {
        guard classRowCounts[label] > 0 else { return }
        let first = classRowOffsets[label]
        unsafe rows.withUnsafeBufferPointer { rows in
            guard let rows = rows.baseAddress else { return }
            guard let rowWeights else { return unsafe body(rows + first * stride, nil) }
            unsafe rowWeights.withUnsafeBufferPointer { weights in
                unsafe body(rows + first * stride, weights.baseAddress.map { unsafe $0 + first })
            }
        }
    }

    /// What each row of a class weighs.
    func weights(of label: Int) -> [Float] {
        var result = [Float](repeating: 1, count: classRowCounts[label])
        unsafe withRows(of: label) { _, weights in
            guard let weights = unsafe weights else { return }
            for row in result.indices { result[row] = unsafe weights[row] }
        }
        return result
    }

    /// Whether rows weigh something by themselves.
    var isWeighted: Bool { rowWeights != nil }

    /// What sums over rows need besides: one thread's at a time.
    struct Scratch {
        fileprivate let rows: DoubleBlock
        fileprivate let logits: DoubleBlock

        init(width: Int, classCountMax: Int) {
            rows = DoubleBlock(count: ConvexKernels.tileRowCount * width)
            logits = DoubleBlock(count: ConvexKernels.tileRowCount * classCountMax)
        }
    }

    /// Adds the sums over a class's rows that a head asks for, as `head_convex_rows` says.
    ///
    /// - Parameters:
    ///   - position: the class's, among the `classCount` of the head.
    ///   - differences: weights less those of the last class.
    ///   - sums: `[class, width]`, of all classes but the last; nil, as the others, for none.
    ///   - chosen: set to the probability of each row's own class.
    func accumulate(
        rowsOf label: Int, position: Int, classCount: Int, differences: DoubleBlock,
        sums: DoubleBlock?, squares: DoubleBlock? = nil, chosen: DoubleBlock? = nil,
        _ scratch: Scratch, kernels: ConvexKernels
    ) {
        precondition(differences.count == (classCount - 1) * width)
        precondition(scratch.logits.count >= ConvexKernels.tileRowCount * classCount)
        withExtendedLifetime((sums, squares, chosen, differences, scratch)) {
            unsafe withRows(of: label) { rows, weights in
                unsafe kernels.accumulate(
                    head_convex_rows(
                        rows: rows, stride: stride, row_count: classRowCounts[label],
                        value_count: UInt32(featureCount), feature_count: UInt32(width),
                        class_count: UInt32(classCount),
                        label: UInt32(position), weights: weights,
                        differences: differences.pointer,
                        gradients: sums?.pointer, squares: squares?.pointer,
                        chosen: chosen?.pointer, scratch: scratch.rows.pointer,
                        logits: scratch.logits.pointer))
            }
        }
    }

    /// The features of one row.
    func row(_ index: Int, of label: Int) -> DoubleBlock {
        precondition(index >= 0 && index < classRowCounts[label])
        let result = DoubleBlock(count: featureCount)
        unsafe withRows(of: label) { rows, _ in
            for column in 0..<featureCount {
                result[column] = Double(unsafe rows[index * stride + column])
            }
        }
        return result
    }

    /// Sum over a class's rows of `row^T row`, each times what the row weighs; only its lower triangle means anything.
    func gram(of label: Int, kernels: ConvexKernels) -> DoubleBlock {
        if let known = grams.withLock({ $0.find(label) }) { return known }
        // Two threads may both compute a matrix; they get the same one, and neither waits.
        let matrix = DoubleBlock(count: width * width)
        let scratch = DoubleBlock(count: ConvexKernels.tileRowCount * width)
        unsafe withRows(of: label) { rows, weights in
            unsafe kernels.gram(
                rows: rows, weights: weights, stride: stride, rowCount: classRowCounts[label],
                featureCount: featureCount, width: width, scratch: scratch, into: matrix)
        }
        grams.withLock { $0.insert(matrix, of: label) }
        return matrix
    }
}

/// The Gram matrices that were asked for last, as many as fit.
private struct GramCache {
    private var grams: [DoubleBlock?]
    /// By class, the number of the request that asked for it last.
    private var requests: [Int]
    private var requestCount = 0
    private var heldCount = 0
    private let heldCountMax: Int

    init(classCount: Int, countMax: Int) {
        grams = [DoubleBlock?](repeating: nil, count: classCount)
        requests = [Int](repeating: 0, count: classCount)
        heldCountMax = countMax
    }

    mutating func find(_ label: Int) -> DoubleBlock? {
        requestCount += 1
        requests[label] = requestCount
        return grams[label]
    }

    mutating func insert(_ gram: DoubleBlock, of label: Int) {
        if grams[label] == nil { heldCount += 1 }
        grams[label] = gram
        guard heldCount > heldCountMax else { return }
        let held = grams.indices.filter { grams[$0] != nil }
        if let oldest = held.min(by: { requests[$0] < requests[$1] }) {
            grams[oldest] = nil
            heldCount -= 1
        }
    }
}
