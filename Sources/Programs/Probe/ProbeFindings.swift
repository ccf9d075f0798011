import Decoding
import Display
import Formats
import Heads
import LogitKernels
import Model
import Numerics
import Probe
import ProbeWork
import RunFolder
import Sessions
import System

/// All that a probe found, on its way into files and onto the screen.
struct ProbeFindings {
    let options: ProbeOptions
    let data: RunData
    let rows: ProbeData
    let book: ProbeBook
    let chooser: ProbeChooser
    let collected: CollectedOutcomes?

    func publish(
        to directory: StudyDirectory, _ clock: ProbeClock, _ pool: ComputePool, _ console: Console
    ) async throws {
        var lines: [String] = []
        for family in book.plan.families {
            for (step, c) in book.plan.cValues.enumerated() {
                guard let metrics = chooser.metrics(of: family)[step],
                    let entries = book.entries(of: family, book.plan.places[0], step: step)
                else { continue }
                let certificates = entries.flatMap(\.record.certificates)
                lines.append(
                    "\(family.rawValue) C \(c) accuracy \(metrics.accuracy) nll \(metrics.negativeLogLikelihood) gap \(certificates.map(\.relativeGap).max() ?? 0) certified \(certificates.count(where: \.isCertified))/\(certificates.count) passes \(certificates.reduce(0) { $0 + $1.passCount }) seconds \(entries.reduce(0) { $0 + $1.busySeconds }) \(step == book.chosen(for: family) ? "*" : "") \(RunDigests.heads(entries.flatMap(\.record.result.heads)).prefix(8))"
                )
            }
        }
        try StandardStream.output(lines.map { $0 + "\n" }.joined())
    }
}
