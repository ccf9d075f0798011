import Display
import Numerics

/// What a person should know of the rows before a probe's numbers are believed: a sentence each.
struct ProbeAdvice: Sendable {
    /// The sentences, the gravest first.
    private(set) var notes: [String] = []
    /// Why no head can be trained on these features; nil where some can.
    private(set) var obstacle: String?

    /// Features this much larger than others make the penalty one of the others alone.
    private static let scaleRatioMax: Float = 1e4
    /// Features below this count as 0 in training.
    private static let tiny: Float = 1e-20

    /// - Parameters:
    ///   - folds: by training row, the fold that it is in; none where there are validation rows.
    ///   - test: rows to test by; none.
    init(training: FeatureTable, validation: FeatureTable?, folds: [UInt8], test: Matrix) {
        let columnCount = training.featureCount
        let trained = Self.hashes(training)
        var known = Set(trained)
        if let validation {
            let held = Self.hashes(validation)
            noteCopies(
                held.count { known.contains($0) }, "validation row",
                "a training row", "C is chosen by what heads have seen")
        } else {
            noteCopies(
                Self.copiesAcross(trained, folds), "training row", "a row of another fold",
                "C is chosen by what heads have seen")
        }
        if test.rowCount > 0 {
            known.formUnion(validation.map { Self.hashes($0) } ?? [])
            let found = (0..<test.rowCount).count { known.contains(Self.hash(test.row($0))) }
            noteCopies(
                found, "test row", "a training or validation row",
                "test figures are of rows that heads have seen")
        }
        noteSizes(Self.columns(training), columnCount)
        noteRows(training)
    }

    private mutating func noteCopies(
        _ count: Int, _ row: String, _ other: String, _ meaning: String
    ) {
        guard count > 0 else { return }
        let verb = count == 1 ? "equals" : "equal"
        notes.append("\(count.counted(row)) \(verb) \(other): \(meaning)")
    }

    private mutating func noteSizes(
        _ columns: [(least: Float, most: Float)], _ columnCount: Int
    ) {
        let sizes = columns.map { max(abs($0.least), abs($0.most)) }
        let largest = sizes.max() ?? 0
        if largest < Self.tiny {
            obstacle =
                largest == 0
                ? "every feature of every training row is 0"
                : "no feature is larger than \(largest), which counts as 0: multiply them, or add --normalize standardize"
        }
        let constant = columns.count { $0.least == $0.most }
        if constant > 0, obstacle == nil {
            notes.append(
                "\(constant.counted("feature")) of \(columnCount.grouped) \(constant == 1 ? "is" : "are") the same in all training rows: nothing is learnt from \(constant == 1 ? "it" : "them")"
            )
        }
        let varying = zip(columns, sizes).compactMap {
            $0.most > $0.least && $1 >= Self.tiny ? $0.most - $0.least : nil
        }
        // One that is nearly constant, as networks have them, is no matter of scale.
        let ranges = varying.sorted()
        let least = ranges.isEmpty ? 0 : ranges[ranges.count / 10]
        if let most = ranges.last, most / least > Self.scaleRatioMax {
            notes.append(
                "features reach over ranges from \(least) to \(most): the penalty weighs on the small ones alone, and --normalize standardize makes them alike"
            )
        }
    }

    private mutating func noteRows(_ training: FeatureTable) {
        let zeroCount = unsafe training.features.withUnsafeBufferPointer { features in
            (0..<training.rowCount).count { row in
                let start = row * training.featureCount
                return unsafe features[start..<start + training.featureCount].allSatisfy { $0 == 0 }
            }
        }
        if zeroCount > 0, obstacle == nil {
            notes.append(
                "\(zeroCount.counted("training row")) \(zeroCount == 1 ? "has" : "have") no feature but 0: \(zeroCount == 1 ? "it says" : "they say") nothing but how large \(zeroCount == 1 ? "its class is" : "their classes are")"
            )
        }
        let single = training.classRowCounts.count { $0 == 1 }
        if single > 0 {
            notes.append(
                "\(single.counted("class")) \(single == 1 ? "has" : "have") one training row: no held-out row can be of \(single == 1 ? "it" : "them") without it"
            )
        }
    }

    /// By column the least and the largest value.
    private static func columns(_ table: FeatureTable) -> [(least: Float, most: Float)] {
        var columns = [(least: Float, most: Float)](
            repeating: (.infinity, -.infinity), count: table.featureCount)
        unsafe table.features.withUnsafeBufferPointer { features in
            for row in 0..<table.rowCount {
                for column in 0..<table.featureCount {
                    let value = unsafe features[row * table.featureCount + column]
                    columns[column].least = min(columns[column].least, value)
                    columns[column].most = max(columns[column].most, value)
                }
            }
        }
        return columns
    }

    private static func hashes(_ table: FeatureTable) -> [UInt64] {
        unsafe table.features.withUnsafeBufferPointer { features in
            (0..<table.rowCount).map { row in
                let start = row * table.featureCount
                return unsafe hash(features[start..<start + table.featureCount])
            }
        }
    }

    private static func hash(_ values: some Sequence<Float>) -> UInt64 {
        var hash = FNV1a()
        for value in values { hash.add(value.bitPattern) }
        return hash.value
    }

    /// Rows that are in another fold as well.
    private static func copiesAcross(_ hashes: [UInt64], _ folds: [UInt8]) -> Int {
        var foldOf: [UInt64: UInt8] = [:]
        var shared: Set<UInt64> = []
        for (hash, fold) in zip(hashes, folds) {
            if let known = foldOf[hash], known != fold { shared.insert(hash) }
            foldOf[hash] = fold
        }
        return hashes.count { shared.contains($0) }
    }
}
