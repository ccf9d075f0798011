import CHeadKernels
import Numerics

/// The rows of one head, by ascending key of their classes, where they are in memory.
///
/// Outputs are in the order of their lowest key. Used by one thread.
@safe
final class PathRows {
    let table: ConvexTable
    /// By output, its classes by ascending key.
    let outputs: [[Int]]
    let rowCount: Int
    /// What the rows weigh by themselves, all together.
    let weightSum: Double
    /// By row: what it weighs, by its output too.
    let exactWeights: DoubleBlock
    /// The longest row.
    let largestNorm: Double
    private let storage: UnsafeMutablePointer<UnsafePointer<Float>?>
    private let labelStorage: UnsafeMutablePointer<UInt32>
    private let weightStorage: FloatBuffer

    /// - Parameter classNorms: by class, the length of its longest row.
    init(_ table: ConvexTable, outputs: [[Int]], isBalanced: Bool, classNorms: [Double]) {
        self.table = table
        self.outputs = outputs
        let outputOf = Dictionary(
            uniqueKeysWithValues: outputs.enumerated().flatMap { output, classes in
                classes.map { ($0, output) }
            })
        let classes = outputs.joined().sorted { table.classKeys[$0] < table.classKeys[$1] }
        let rowCount = classes.reduce(0) { $0 + table.classRowCounts[$1] }
        let sums = outputs.map { $0.reduce(0.0) { $0 + table.classWeightSums[$1] } }
        let factors =
            isBalanced
            ? ClassWeights.balanced(rowWeights: sums) : sums.map { _ in 1 }
        self.rowCount = rowCount
        weightSum = sums.reduce(0, +)
        let exact = DoubleBlock(count: rowCount)
        let places = UnsafeMutablePointer<UnsafePointer<Float>?>.allocate(
            capacity: max(1, rowCount))
        let labels = UnsafeMutablePointer<UInt32>.allocate(capacity: max(1, rowCount))
        var at = 0
        for label in classes {
            let output = outputOf[label] ?? 0
            let own = table.weights(of: label)
            unsafe table.withRows(of: label) { rows, _ in
                for row in 0..<table.classRowCounts[label] {
                    let start = unsafe rows + row * table.stride
                    unsafe (places + at).initialize(to: start)
                    unsafe (labels + at).initialize(to: UInt32(output))
                    exact[at] = Double(own[row]) * factors[output]
                    at += 1
                }
            }
        }
        largestNorm = classes.reduce(0) { max($0, classNorms[$1]) }
        exactWeights = exact
        unsafe storage = places
        unsafe labelStorage = labels
        weightStorage = FloatBuffer(count: max(1, rowCount))
        unsafe weightStorage.withUnsafeMutableBufferPointer { target in
            for row in 0..<rowCount { unsafe target[row] = Float(exact[row]) }
        }
    }

    deinit {
        unsafe storage.deallocate()
        unsafe labelStorage.deallocate()
    }

    /// `[row]`: where each row is; valid while this lives.
    var pointers: UnsafeMutablePointer<UnsafePointer<Float>?> { unsafe storage }
    /// `[row]`: its output.
    var labels: UnsafeMutablePointer<UInt32> { unsafe labelStorage }
    /// `[row]`: what it weighs.
    var weights: UnsafePointer<Float> {
        unsafe weightStorage.withUnsafeBufferPointer { buffer in
            guard let address = buffer.baseAddress else {
                preconditionFailure("a buffer is never without memory")
            }
            return unsafe address
        }
    }

    /// By class, the length of its longest row; 0 of no rows.
    static func classNorms(_ table: ConvexTable) -> [Double] {
        table.classRowCounts.enumerated().map { label, rowCount in
            var largest = 0.0
            unsafe table.withRows(of: label) { rows, _ in
                for row in 0..<rowCount {
                    var sum = 0.0
                    for column in 0..<table.featureCount {
                        let value = unsafe Double(rows[row * table.stride + column])
                        sum += value * value
                    }
                    largest = max(largest, sum)
                }
            }
            return largest.squareRoot()
        }
    }
}

extension FeatureTable {
    /// What is smaller counts as 0.
    private static let tiny: Float = 1e-20

    /// The same rows, features below 1e-20 being 0; in place where there are none.
    ///
    /// Their products with weights are not normal numbers, which make a pass take several times as long. Networks
    /// have such features: two of 384 of all-MiniLM-L6-v2 are about 1e-33.
    func withoutTinyFeatures() -> FeatureTable {
        let isClean = unsafe features.withUnsafeBufferPointer {
            unsafe $0.allSatisfy { $0 == 0 || abs($0) >= Self.tiny }
        }
        if isClean { return self }
        let copy = FloatBuffer(count: features.count)
        unsafe features.withUnsafeBufferPointer { source in
            unsafe copy.withUnsafeMutableBufferPointer { target in
                for index in source.indices {
                    let value = unsafe source[index]
                    unsafe target[index] = abs(value) < Self.tiny ? 0 : value
                }
            }
        }
        return FeatureTable(
            features: copy, featureCount: featureCount, classRowCounts: classRowCounts,
            classKeys: classKeys, isHeld: isHeld, rowWeights: rowWeights)
    }
}
