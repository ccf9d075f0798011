import Decoding
import HeadTraining
import Numerics
import Probe
import ProbeWork
import System

/// The rows of a probe, as workers and the coordinator need them.
struct ProbeData: Sendable {
    let training: FeatureTable
    /// Nil with folds.
    let validation: FeatureTable?
    /// By training row of the table; none without folds.
    let folds: [UInt8]
    /// Rows that heads of the sweep have not seen.
    let judge: ProbeJudge
    /// `[sample, feature]`; no rows without test rows.
    let test: Matrix
    let testLabels: [Int]
    /// What a person should know of them.
    let advice: ProbeAdvice

    /// Takes the rows into memory.
    ///
    /// - Throws: `usage` for images and for rows that nothing can be chosen by.
    init(_ data: RunData, _ options: ProbeOptions) throws {
        guard case .features(let train, let validation, let test) = data.rows else {
            throw RunError.usage(
                "probe works on features, and \(data.name) holds images: coordinator run trains a backbone on them, and --save-features writes its features"
            )
        }
        let count = data.classCount
        training = try FeatureTable(
            RowGrouping(
                labels: data.trainLabels, classCount: count, classKeys: data.classKeys,
                weights: data.trainWeights), of: train)
        self.test = try Self.matrix(test)
        testLabels = data.testLabels
        guard let foldCount = options.folds else {
            let rows = try Self.matrix(validation)
            guard rows.rowCount > 0 else {
                throw RunError(
                    .data,
                    "no row is left to choose C by: give --val, a larger --holdout, or --folds")
            }
            self.validation = try FeatureTable(
                RowGrouping(
                    labels: data.validationLabels, classCount: count, classKeys: data.classKeys,
                    weights: data.validationWeights), of: rows)
            folds = []
            judge = ProbeJudge(
                validation: rows, labels: data.validationLabels, classCount: count)
            advice = ProbeAdvice(
                training: training, validation: self.validation, folds: [], test: self.test)
            return
        }
        self.validation = nil
        folds = RowFolds(table: training, seed: options.run.seed, count: foldCount).folds
            .joined().map { $0.map { UInt8($0) } ?? ProbeMaterials.neverHeldOut }
        let labels = training.classRowCounts.enumerated().flatMap {
            [Int](repeating: $0.offset, count: $0.element)
        }
        let matrix = Matrix(
            rowCount: training.rowCount, columnCount: training.featureCount,
            values: unsafe training.features.withUnsafeBufferPointer { unsafe Array($0) })
        judge = ProbeJudge(
            training: matrix, labels: labels, folds: folds, foldCount: foldCount,
            classCount: count)
        advice = ProbeAdvice(training: training, validation: nil, folds: folds, test: self.test)
    }

    private static func matrix(_ rows: any FeatureRows) throws -> Matrix {
        try rows.held ?? rows.matrix(of: 0..<rows.rowCount)
    }
}
