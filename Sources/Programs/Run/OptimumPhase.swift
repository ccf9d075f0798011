import Display
import FeatureStore
import Formats
import Foundation
import HeadTraining
import Heads
import Journal
import Numerics
import RunFolder
import Scheduling
import Sessions
import System
import Transfer

/// What heads at their optimum need besides workers: the strength of their penalty before, and a look
/// at each of them after.
struct OptimumPhase {
    private static let eventKind = "l2_chosen"

    let options: RunOptions
    let data: RunData
    let backbone: BackboneOutcome
    let pool: ComputePool
    let console: Console

    /// The penalty in force, and what it was chosen from.
    struct Penalty: Sendable {
        let l2: Double
        /// Losses of rows held out; nil where `--l2` was given.
        let curve: [RunResults.Optimum.Point]?
        /// Rows that it was chosen on, where those are not all.
        var sampleRowCount: Int?
    }

    /// Chooses the penalty, or takes what `--l2` or an earlier start of the run says.
    ///
    /// What is chosen is in the journal before it is used: whoever goes on trains under the same.
    ///
    /// - Throws: `data` for rows that no penalty can be chosen on.
    func penalty(_ journal: RunJournal, _ clock: PhaseClock) async throws -> Penalty {
        let counts = backbone.chunks.shape.classRowCounts
        if let empty = counts.firstIndex(of: 0) {
            throw RunError(
                .data,
                "class \(empty) has no training rows, and heads with it no optimum: keep more rows, or leave it out by --classes"
            )
        }
        if let l2 = options.l2 { return Penalty(l2: l2, curve: nil) }
        if let known = try journal.events(kind: Self.eventKind).last(where: {
            $0.payload["features"] == .string(backbone.featureDigest)
        }) {
            guard let penalty = Penalty(known.payload) else {
                throw RunError(
                    .data,
                    "\(journal.path) has a choice of --l2 that cannot be read; say --l2, with another --run-dir"
                )
            }
            console.log(.info, "l2 \(penalty.l2), as chosen before")
            return penalty
        }
        console.show(.activity("choosing l2"))
        let choice: L2Choice
        let sample: FeatureTable
        do {
            sample = try await rowsToChooseOn()
            choice = try await chosen(sample)
        } catch let error as HeadTrainingError {
            throw RunError(
                .data, "\(error.message); say --l2, with another --run-dir, to do without")
        }
        FreedMemory.release()
        // A backbone that was trained on these rows makes weak penalties look too good on them, and it
        // has not seen validation rows.
        let isCautious = backbone.weights != nil && !data.hasValidation
        let rowCount = backbone.chunks.shape.rowCount
        var penalty = Penalty(
            l2: isCautious ? choice.cautiousL2 : choice.l2,
            curve: choice.curve.map {
                .init(l2: $0.l2, nll: $0.negativeLogLikelihood, standardError: $0.standardError)
            })
        if sample.rowCount < rowCount {
            penalty = penalty.scaled(from: sample, to: backbone.chunks.classWeightSums)
        }
        var entries = JournalEntries()
        entries.events = [
            JournalEvent(
                seconds: clock.secondsSinceStart, kind: Self.eventKind,
                payload: penalty.payload.merging(
                    ["features": .string(backbone.featureDigest)]) { first, _ in first })
        ]
        try journal.commit(entries)
        console.log(.info, "l2 \(penalty.l2), \(origin(of: penalty, rowCount: rowCount))")
        return penalty
    }

    private func origin(of penalty: Penalty, rowCount: Int) -> String {
        let sample = penalty.sampleRowCount.map {
            "on \($0.grouped) of the \(rowCount.grouped) training rows, and scaled to all of them"
        }
        guard data.hasValidation else {
            return "chosen by cross-validation \(sample ?? "on the training rows")"
        }
        return
            "chosen on the validation rows\(sample.map { " by heads trained \($0)" } ?? ""); heads train on the training rows alone"
    }

    /// All training rows, or as many of every class as memory is to have room for.
    private func rowsToChooseOn() async throws -> FeatureTable {
        guard let streamed = backbone.chunks as? StreamedChunks else {
            return try backbone.chunks.table(of: [])
        }
        let seed = options.seed
        return try await pool.threads[0].run { _ in
            try streamed.sample(byteCountMax: Self.sampleByteCountMax, seed: seed)
        }
    }

    /// Bytes of the rows to train on, and of those to choose by, where not all are in memory; each fold of
    /// cross-validation has most of them once more.
    private static let sampleByteCountMax = 12 << 20
    /// Bytes that its folds take besides, where not all rows are in memory.
    private static let foldByteCountMax = 64 << 20

    /// The validation rows to choose by, likewise.
    private func validationTable() throws -> FeatureTable {
        let rows = backbone.validationFeatures
        var grouping = RowGrouping(
            labels: data.validationLabels, classCount: data.classCount, classKeys: data.classKeys,
            weights: data.validationWeights)
        if backbone.chunks.held == nil || rows.held == nil {
            grouping = grouping.sample(
                rowCountMax: Self.sampleByteCountMax / (4 * rows.columnCount), seed: options.seed)
        }
        return try FeatureTable(grouping, of: rows)
    }

    /// Validation rows with the rows to train on, where there are some, else folds of the latter.
    private func validation(
        _ table: FeatureTable, isFrugal: Bool
    ) throws -> L2CrossValidation {
        guard data.hasValidation else {
            return try L2CrossValidation(
                table: table, seed: options.seed, isBalanced: options.isBalanced,
                isFrugal: isFrugal)
        }
        return try L2CrossValidation(
            table: table, held: validationTable(), isBalanced: options.isBalanced,
            isFrugal: isFrugal)
    }

    /// Tries one strength after the other: on the validation rows, where there are some, else on folds of
    /// the training rows, those of each strength on all threads, as far as memory allows.
    private func chosen(_ table: FeatureTable) async throws -> L2Choice {
        let isFrugal = backbone.chunks.held == nil
        let validation = try await pool.threads[0].run { _ in
            try self.validation(table, isFrugal: isFrugal)
        }
        let foldByteCount = L2CrossValidation.frugalByteCount(
            featureCount: table.featureCount, classCount: table.classCount)
        let step =
            isFrugal
            ? max(1, Self.foldByteCountMax / foldByteCount) : validation.foldCount
        var curve = L2Curve()
        while let l2 = curve.next {
            var losses: [L2CrossValidation.Losses] = []
            for first in stride(from: 0, to: validation.foldCount, by: step) {
                let count = min(step, validation.foldCount - first)
                losses += try await pool.parallelRanges(count) { range, flag in
                    try range.map { fold in
                        do throws(HeadTrainingError) {
                            return try validation.losses(ofFold: first + fold, l2: l2) {
                                flag.isCancelled
                            }
                        } catch {
                            try flag.check()
                            throw error
                        }
                    }
                }.flatMap(\.self)
            }
            curve.add(losses, l2: l2)
        }
        return curve.choice
    }

    /// How heads are, whoever trained them.
    struct Certificate: Sendable {
        /// Heads at their optimum.
        var certifiedCount = 0
        /// The largest component of any head's gradient.
        var gradientMax = 0.0

        /// Takes in a head by the largest component of its gradient.
        mutating func add(_ norm: Double, _ tolerance: Double) {
            // What is no number certifies nothing, and is no number in JSON either.
            gradientMax = max(gradientMax, norm.isFinite ? norm : .greatestFiniteMagnitude)
            if norm <= tolerance { certifiedCount += 1 }
        }
    }

    /// Looks at every head's gradient: what workers say of it is not asked for.
    func certificate(_ heads: [Head], l2: Double) async throws -> Certificate {
        if let streamed = backbone.chunks as? StreamedChunks {
            return try await certificate(heads, streamed, l2: l2)
        }
        let tolerance = BundleTrainer.optimumGradientTolerance
        let trainer = try ConvergedHeadTrainer(
            table: backbone.chunks.table(of: []), isBalanced: options.isBalanced, l2: l2,
            gradientTolerance: tolerance)
        let threadCount = pool.threads.count
        let parts = try await pool.parallelRanges(threadCount) { range, flag in
            var part = Certificate()
            for thread in range {
                // In turns: heads are in the order of their sizes.
                for index in stride(from: thread, to: heads.count, by: threadCount) {
                    try flag.check()
                    part.add(try trainer.gradientNorm(of: heads[index]), tolerance)
                }
            }
            return part
        }
        return parts.reduce(into: Certificate()) {
            $0.certifiedCount += $1.certifiedCount
            $0.gradientMax = max($0.gradientMax, $1.gradientMax)
        }
    }
}

extension OptimumPhase.Penalty {
    /// What the journal says of it; nil if that makes no sense.
    fileprivate init?(_ payload: [String: JSONValue]) {
        guard let l2 = payload["l2"]?.number, l2 > 0, l2.isFinite,
            case .array(let values)? = payload["curve"]
        else { return nil }
        var curve: [RunResults.Optimum.Point] = []
        for case .object(let point) in values {
            guard let strength = point["l2"]?.number, let nll = point["nll"]?.number,
                let error = point["standard_error"]?.number
            else { return nil }
            curve.append(.init(l2: strength, nll: nll, standardError: error))
        }
        self.init(
            l2: l2, curve: curve,
            sampleRowCount: payload["rows"]?.number.flatMap { Int(exactly: $0) })
    }

    /// The same for more rows than it was chosen on.
    ///
    /// A row weighs the same against the penalty then: in scikit-learn's words C stays, and so does the
    /// product of `l2` and what all rows weigh.
    fileprivate func scaled(from sample: FeatureTable, to classWeightSums: [Double]) -> Self {
        let sampled = sample.classRowCounts.indices.reduce(0) { $0 + sample.weightSum(of: $1) }
        return Self(
            l2: l2 * sampled / classWeightSums.reduce(0, +), curve: curve,
            sampleRowCount: sample.rowCount)
    }

    fileprivate var payload: [String: JSONValue] {
        let rows = sampleRowCount.map { ["rows": JSONValue.integer(Int64($0))] } ?? [:]
        return rows.merging([
            "l2": .number(l2),
            "curve": .array(
                (curve ?? []).map {
                    .object([
                        "l2": .number($0.l2), "nll": .number($0.nll),
                        "standard_error": .number($0.standardError),
                    ])
                }),
        ]) { first, _ in first }
    }
}
