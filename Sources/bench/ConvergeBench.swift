import ArgumentParser
import Foundation
import HeadTraining
import Heads
import Numerics
import System

/// `bench converge`: heads to their optimum on one core, on the rows of `bench heads`.
struct ConvergeBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "converge", abstract: "Trains heads to their optimum on one core.",
        discussion: "Example: bench converge --rows 6000 --l2 0.001 --json")

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    @Option(help: "Training rows.")
    var rows = 6_000

    @Option(help: "Features.")
    var features = 256

    @Option(help: "Classes.")
    var classes = 10

    @Option(help: "Only these heads: pairs or subsets.")
    var only: HeadPlan.Kind?

    @Option(help: "Strength of the penalty; chosen by cross-validation if left out.")
    var l2: Double?

    @Option(help: "Largest component of the gradient at a certified optimum.")
    var tolerance = ConvergedHeadTrainer.standardGradientTolerance

    @Option(help: "Runs of every case; the fastest counts.")
    var repetitions = 3

    func validate() throws {
        guard rows >= 2, rows <= 10_000_000, features >= 1, features <= 65_536, repetitions >= 1
        else {
            throw ValidationError(
                "--rows must be 2 to 10,000,000, --features 1 to 65,536 and --repetitions at least 1"
            )
        }
        guard classes >= 2, classes <= 12, classes <= rows else {
            throw ValidationError("--classes must be 2 to 12, and no more than rows")
        }
        guard l2.map({ $0 > 0 && $0.isFinite }) ?? true, tolerance > 0, tolerance.isFinite else {
            throw ValidationError("--l2 and --tolerance must be numbers above 0")
        }
    }

    func run() throws { try Output.failing(measure) }

    private func measure() throws {
        let variant = try KernelVariant.select(ProcessInfo.processInfo.environment["MANYHEADS_ISA"])
        let table = HeadsBench.table(
            rowCount: rows, featureCount: features, classCount: classes)
        let clock = ContinuousClock()
        var strength = l2
        var choiceSeconds: Double?
        if strength == nil {
            let elapsed = try clock.measure {
                strength = try ConvergedHeadTrainer.chooseL2(
                    table: table, seed: 1, variant: variant
                ).l2
            }
            choiceSeconds = elapsed / .seconds(1)
        }
        guard let strength else { return }
        var results: [Result] = []
        for kind in HeadPlan.Kind.allCases where only == nil || only == kind {
            var result: Result?
            for _ in 0..<repetitions {
                let next = try measure(kind, table, l2: strength, choiceSeconds, variant)
                guard result.map({ $0.digest == next.digest }) ?? true else {
                    throw RunError(.internal, "two runs of one case trained different heads")
                }
                if next.seconds < result?.seconds ?? .infinity { result = next }
            }
            guard let result else { continue }
            if !json { print(result.line) }
            results.append(result)
        }
        if json { print(try Output.json(results)) }
    }

    private func measure(
        _ kind: HeadPlan.Kind, _ table: FeatureTable, l2: Double, _ choiceSeconds: Double?,
        _ variant: KernelVariant
    ) throws -> Result {
        let plan = HeadPlan(kind, classCount: table.classCount)
        var heads: [ConvergedHead] = []
        let elapsed = try ContinuousClock().measure {
            heads = try ConvergedHeadTrainer(
                table: table, l2: l2, gradientTolerance: tolerance, variant: variant
            ).train(plan.heads)
        }
        var digest = Digest()
        for trained in heads { digest.add(trained.head.weights.values + trained.head.biases) }
        let iterationCount = heads.reduce(0) { $0 + $1.iterationCount }
        return Result(
            case: kind.rawValue, rows: table.rowCount, features: table.featureCount,
            heads: heads.count, isa: variant.name, l2: l2, l2ChoiceSeconds: choiceSeconds,
            tolerance: tolerance, seconds: elapsed / .seconds(1),
            certified: heads.count(where: \.isCertified),
            meanIterations: Double(iterationCount) / Double(heads.count),
            worstGradient: heads.reduce(0) { max($0, $1.gradientNorm) }, digest: digest.text)
    }
}

/// One measured case; keys as in `--json`.
private struct Result: Encodable {
    let `case`: String
    let rows: Int
    let features: Int
    let heads: Int
    let isa: String
    let l2: Double
    let l2ChoiceSeconds: Double?
    let tolerance: Double
    let seconds: Double
    let certified: Int
    let meanIterations: Double
    let worstGradient: Double
    let digest: String

    var line: String {
        String(
            format: "%@ rows %d l2 %g %@: %.3f s, %d of %d certified, %.1f iterations, %@",
            `case`, rows, l2, isa, seconds, certified, heads, meanIterations, digest)
    }
}
