import Decoding
import Display
import Heads
import Numerics
import Sessions
import Synchronization
import System

/// What validation rows say of the schemes.
struct SchemeChoice: Sendable {
    /// The scheme with the least loss on the validation rows, of equals the first.
    let scheme: Scheme
    /// What each scheme's probabilities go through.
    let calibrations: [Scheme: Calibration]
    /// How every scheme does on the validation rows themselves, calibrated.
    let evaluation: SchemeEvaluation
}

/// Calibrates every scheme on the validation rows, and chooses the one that a model predicts by.
struct CalibrationPhase {
    let pool: ComputePool
    let console: Console

    /// What the rows say; nil where there is no scheme.
    func run(_ rows: JudgedRows) async throws -> SchemeChoice? {
        console.show(.activity("calibrating"))
        let calibrations = try await calibrations(rows)
        let evaluation = try await rows.evaluation(calibrations, pool)
        var best: Evaluator.Result?
        for result in evaluation.results
        where result.metrics.negativeLogLikelihood
            < best?.metrics.negativeLogLikelihood ?? .infinity
        {
            best = result
        }
        guard let best else { return nil }
        console.log(
            .info,
            "\(best.scheme.title) has the least loss on \(rows.labels.count.counted("validation row")), so the model predicts by it; every scheme's probabilities are calibrated on them"
        )
        return SchemeChoice(
            scheme: best.scheme, calibrations: calibrations, evaluation: evaluation)
    }

    /// The calibration of every scheme that fits the rows best, the rows split over the threads.
    private func calibrations(_ rows: JudgedRows) async throws -> [Scheme: Calibration] {
        let schemes = rows.schemes
        let fits = schemes.map { Fit($0, rows) }
        for block in rows.blocks {
            let decoder = try await pool.threads[0].run { try rows.decoder(of: block) }
            let first = block.lowerBound
            try await pool.parallelRanges(block.count) { range in
                try decoder.forEachBlock(of: range) { scheme, part, probabilities in
                    guard let index = schemes.firstIndex(of: scheme) else { return }
                    let part = first + part.lowerBound..<first + part.upperBound
                    fits[index].state.withLock { $0.add(probabilities, rows: part) }
                }
            }
        }
        let found = try await pool.parallelRanges(fits.count) { range in
            range.map { index in fits[index].state.withLock { $0.calibration } }
        }
        var calibrations: [Scheme: Calibration] = [:]
        for (scheme, calibration) in zip(schemes, found.joined()) {
            calibrations[scheme] = calibration
        }
        return calibrations
    }

    /// A scheme's, to which threads add in any order.
    private final class Fit: Sendable {
        let state: Mutex<CalibrationFit>

        init(_ scheme: Scheme, _ rows: JudgedRows) {
            state = Mutex(CalibrationFit(of: scheme, classes: rows.classes, labels: rows.labels))
        }
    }
}
