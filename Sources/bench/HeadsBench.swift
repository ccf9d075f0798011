import ArgumentParser
import Foundation
import HeadTraining
import Heads
import Numerics
import System

/// `bench heads`: one core, K = 10, d = 256, all pairs and all subsets.
struct HeadsBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heads", abstract: "Trains pair and subset heads on one core.",
        discussion: "Example: bench heads --rows 6000 --json")

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    @Option(help: "Training rows, a comma-separated list.")
    var rows = "6000,60000"

    @Option(help: "Epochs; 20 is the job's.")
    var epochs = 20

    @Option(help: "Features.")
    var features = 256

    @Option(help: "Only this case: pairs or subsets.")
    var only: HeadPlan.Kind?

    @Option(help: "Only this dropout: 0.5 or 0, or any other below 1.")
    var dropout: Float?

    @Option(help: "Runs of every case; the fastest counts.")
    var repetitions = 3

    func validate() throws {
        guard
            rows.split(separator: ",", omittingEmptySubsequences: false)
                .allSatisfy({ Int($0).map { (1...10_000_000).contains($0) } ?? false })
        else {
            throw ValidationError(
                "--rows must be numbers from 1 to 10,000,000, as in 6000,60000, not '\(rows)'")
        }
        guard epochs >= 1, features >= 1, repetitions >= 1 else {
            throw ValidationError("--epochs, --features and --repetitions must be at least 1")
        }
    }

    func run() throws { try Output.failing(measure) }

    private func measure() throws {
        let variant = try KernelVariant.select(ProcessInfo.processInfo.environment["MANYHEADS_ISA"])
        var results: [Result] = []
        for rowCount in rows.split(separator: ",").compactMap({ Int($0) }) {
            let table = Self.table(rowCount: rowCount, featureCount: features)
            for kind in HeadPlan.Kind.allCases where only == nil || only == kind {
                for dropout in dropout.map({ [$0] }) ?? [0.5, 0] {
                    let result = try measure(kind, table, dropout: dropout, variant: variant)
                    if !json { print(result.line) }
                    results.append(result)
                }
            }
        }
        if json { print(try Output.json(results)) }
    }

    private func measure(
        _ kind: HeadPlan.Kind, _ table: FeatureTable, dropout: Float, variant: KernelVariant
    ) throws -> Result {
        let plan = HeadPlan(kind, classCount: table.classCount)
        let trainer = try HeadTrainer(
            table: table,
            hyperparameters: HeadHyperparameters(epochCount: epochs, dropout: dropout),
            derivedFrom: nil, variant: variant)
        let clock = ContinuousClock()
        var peak = Peak.measure(variant)
        var seconds = Double.infinity
        var digests: Set<String> = []
        for _ in 0..<repetitions {
            var digest = Digest()
            var sum = Duration.zero
            // Bundles of at most 128 heads, as a worker trains them.
            for start in stride(from: 0, to: plan.heads.count, by: 128) {
                let bundle = Array(plan.heads[start..<min(start + 128, plan.heads.count)])
                var heads: [Head] = []
                sum += try clock.measure { heads = try trainer.train(bundle) }
                for head in heads { digest.add(head.weights.values + head.biases) }
                // All along, so that it knows the same machine as the work does.
                peak = max(peak, Peak.measure(variant))
            }
            seconds = min(seconds, sum / .seconds(1))
            digests.insert(digest.text)
        }
        guard digests.count == 1, let digest = digests.first else {
            throw RunError(
                .internal, "two runs of one case trained different heads: \(digests.sorted())")
        }
        var flops = 0.0
        for head in plan.heads {
            let rowCount = head.classes.members.reduce(0) { $0 + table.classRowCounts[$1] }
            flops += head.trainingFlops(
                rowCount: rowCount, featureCount: table.featureCount, epochCount: epochs)
        }
        let rate = flops / seconds / 1e9
        return Result(
            case: kind.rawValue, rows: table.rowCount, dropout: dropout, isa: variant.name,
            seconds: seconds, gflopsPerSecond: rate, peakGflopsPerSecond: peak,
            fractionOfPeak: rate / peak, digest: digest)
    }

    /// Half-sparse, non-negative features around a centre per class, as a relu layer gives them.
    static func table(rowCount: Int, featureCount: Int, classCount: Int = 10) -> FeatureTable {
        var matrix = Matrix(rowCount: rowCount, columnCount: featureCount)
        var labels: [Int] = []
        for row in 0..<rowCount {
            labels.append(row % classCount)
            for block in 0..<(featureCount + 3) / 4 {
                let noise = Philox.block(seed: 1, UInt32(row), UInt32(block), 0, 0)
                let centre = Philox.block(seed: 2, UInt32(row % classCount), UInt32(block), 0, 0)
                for lane in 0..<min(4, featureCount - 4 * block) {
                    let value = Philox.uniform(noise[lane]) + Philox.uniform(centre[lane]) - 1
                    matrix[row, 4 * block + lane] = max(0, value)
                }
            }
        }
        return FeatureTable(grouping: matrix, labels: labels, classCount: classCount)
    }
}

/// One measured case; keys as in `--json`.
private struct Result: Encodable {
    let `case`: String
    let rows: Int
    let dropout: Float
    let isa: String
    let seconds: Double
    let gflopsPerSecond: Double
    let peakGflopsPerSecond: Double
    let fractionOfPeak: Double
    let digest: String

    var line: String {
        String(
            format:
                "%@ rows %d dropout %.1f %@: %.2f s, %.1f GFLOP/s, peak %.1f, fraction %.3f, %@",
            `case`, rows, dropout, isa, seconds, gflopsPerSecond, peakGflopsPerSecond,
            fractionOfPeak, digest)
    }
}

extension HeadPlan.Kind: ExpressibleByArgument {}
