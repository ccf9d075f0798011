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
    }

    /// Chooses the penalty, or takes what `--l2` or an earlier start of the run says.
    ///
    /// What is chosen is in the journal before it is used: whoever goes on trains under the same.
    ///
    /// - Throws: `data` for rows that no penalty can be chosen on.
    func penalty(_ journal: RunJournal, _ clock: PhaseClock) async throws -> Penalty {
        let counts = backbone.chunks.table.classRowCounts
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
        do {
            choice = try await chosen()
        } catch let error as HeadTrainingError {
            throw RunError(
                .data, "\(error.message); say --l2, with another --run-dir, to do without")
        }
        FreedMemory.release()
        // A backbone that was trained on these rows makes weak penalties look too good on them, and it
        // has not seen validation rows.
        let isCautious = backbone.weights != nil && !data.hasValidation
        let penalty = Penalty(
            l2: isCautious ? choice.cautiousL2 : choice.l2,
            curve: choice.curve.map {
                .init(l2: $0.l2, nll: $0.negativeLogLikelihood, standardError: $0.standardError)
            })
        var entries = JournalEntries()
        entries.events = [
            JournalEvent(
                seconds: clock.secondsSinceStart, kind: Self.eventKind,
                payload: penalty.payload.merging(
                    ["features": .string(backbone.featureDigest)]) { first, _ in first })
        ]
        try journal.commit(entries)
        console.log(
            .info,
            data.hasValidation
                ? "l2 \(penalty.l2), chosen on the validation rows; heads train on the training rows alone"
                : "l2 \(penalty.l2), chosen by cross-validation on the training rows")
        return penalty
    }

    /// Tries one strength after the other: on the validation rows, where there are some, else on folds of
    /// the training rows, on all threads.
    private func chosen() async throws -> L2Choice {
        let table = backbone.chunks.table
        let (seed, isBalanced) = (options.seed, options.isBalanced)
        let held = data.hasValidation ? validationTable : nil
        let validation = try await pool.threads[0].run { _ in
            if let held {
                return try L2CrossValidation(table: table, held: held, isBalanced: isBalanced)
            }
            return try L2CrossValidation(table: table, seed: seed, isBalanced: isBalanced)
        }
        var curve = L2Curve()
        while let l2 = curve.next {
            let parts = try await pool.parallelRanges(validation.foldCount) { range, flag in
                try range.map { fold in
                    do throws(HeadTrainingError) {
                        return try validation.losses(ofFold: fold, l2: l2) { flag.isCancelled }
                    } catch {
                        try flag.check()
                        throw error
                    }
                }
            }
            curve.add(parts.flatMap(\.self), l2: l2)
        }
        return curve.choice
    }

    private var validationTable: FeatureTable {
        FeatureTable(
            grouping: backbone.validationFeatures, labels: data.validationLabels,
            classCount: data.classCount, classKeys: data.classKeys,
            weights: data.validationWeights)
    }

    /// How heads are, whoever trained them.
    struct Certificate: Sendable {
        /// Heads at their optimum.
        var certifiedCount = 0
        /// The largest component of any head's gradient.
        var gradientMax = 0.0
    }

    /// Looks at every head's gradient: what workers say of it is not asked for.
    func certificate(_ heads: [Head], l2: Double) async throws -> Certificate {
        let tolerance = BundleTrainer.optimumGradientTolerance
        let trainer = try ConvergedHeadTrainer(
            table: backbone.chunks.table, isBalanced: options.isBalanced, l2: l2,
            gradientTolerance: tolerance)
        let threadCount = pool.threads.count
        let parts = try await pool.parallelRanges(threadCount) { range, flag in
            var part = Certificate()
            for thread in range {
                // In turns: heads are in the order of their sizes.
                for index in stride(from: thread, to: heads.count, by: threadCount) {
                    try flag.check()
                    let norm = try trainer.gradientNorm(of: heads[index])
                    // What is no number certifies nothing, and is no number in JSON either.
                    part.gradientMax = max(
                        part.gradientMax, norm.isFinite ? norm : .greatestFiniteMagnitude)
                    if norm <= tolerance { part.certifiedCount += 1 }
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
        self.init(l2: l2, curve: curve)
    }

    fileprivate var payload: [String: JSONValue] {
        [
            "l2": .number(l2),
            "curve": .array(
                (curve ?? []).map {
                    .object([
                        "l2": .number($0.l2), "nll": .number($0.nll),
                        "standard_error": .number($0.standardError),
                    ])
                }),
        ]
    }
}
