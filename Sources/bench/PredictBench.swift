import ArgumentParser
import Decoding
import Foundation
import HeadTraining
import Heads
import LogitKernels
import Numerics
import Programs
import Statistics
import System

/// `bench predict`: rows through every scheme on one thread, features in memory.
struct PredictBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Predicts rows by every scheme on one core.",
        discussion: "Example: bench predict --only all_vs_all_hard_vote --json")

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    @Option(help: "Classes and features, a comma-separated list as in 10x256.")
    var cases = "10x256,150x384"

    @Option(help: "Rows; schemes that ask many heads predict fewer.")
    var rows = 16_384

    @Option(help: "Only this scheme, by its key in results.json.")
    var only: Scheme?

    @Option(help: "Runs of every scheme; their medians count.")
    var repetitions = 11

    private var sizes: [(classCount: Int, featureCount: Int)] {
        cases.split(separator: ",", omittingEmptySubsequences: false).compactMap { text in
            let numbers = text.split(separator: "x").compactMap { Int($0) }
            guard numbers.count == 2, (2...1_000).contains(numbers[0]),
                (1...65_536).contains(numbers[1])
            else { return nil }
            return (numbers[0], numbers[1])
        }
    }

    func validate() throws {
        guard sizes.count == cases.split(separator: ",", omittingEmptySubsequences: false).count
        else {
            throw ValidationError(
                "--cases must be 2 to 1,000 classes x 1 to 65,536 features, as in 10x256, not '\(cases)'"
            )
        }
        guard (1...1_000_000).contains(rows), (1...1_000).contains(repetitions) else {
            throw ValidationError("--rows must be 1 to 1,000,000 and --repetitions 1 to 1,000")
        }
    }

    func run() throws { try Output.failing(measure) }

    private func measure() throws {
        let isa = ProcessInfo.processInfo.environment["MANYHEADS_ISA"]
        let variant = try KernelVariant.select(isa)
        var results: [PredictResult] = []
        for (classCount, featureCount) in sizes {
            let work = try PredictWork(
                classCount: classCount, featureCount: featureCount, rowCount: rows,
                variant: variant)
            let schemes = Scheme.allCases.filter {
                [.allClasses, .pairs, .outputAndPairs, .rest].contains($0.asks)
                    && ($0 != .oneVsRest || classCount > 2)
                    && ($0 != .shortlist || classCount > Scheme.shortlistClassCount)
            }
            for scheme in schemes where only == nil || only == scheme {
                let result = try work.measure(scheme, repetitions: repetitions)
                if !json { print(result.line) }
                results.append(result)
            }
        }
        if json { print(try Output.json(results)) }
    }
}

extension Scheme: ExpressibleByArgument {}

/// Heads and rows of one size.
private struct PredictWork {
    private let heads: PreparedHeads
    private let features: Matrix
    private let variant: KernelVariant
    private let kernel: LogitKernelVariant
    private let classCount: Int

    /// Heads and rows drawn by a fixed seed, the rows half-sparse as a relu layer gives them.
    init(
        classCount: Int, featureCount: Int, rowCount: Int, variant: KernelVariant
    ) throws {
        let plan = HeadPlan(.pairs, classCount: classCount, withAllClasses: true)
        // Last, so that other heads' numbers stay what they were.
        let rests =
            classCount > 2 ? (0..<classCount).map { HeadKey.rest($0, of: .all(classCount)) } : []
        let heads = (plan.heads + rests).enumerated().map { index, key in
            let count = key.outputCount
            return Head(
                key: key,
                weights: Self.matrix(count, featureCount, seed: 7, UInt32(index)),
                biases: [Float](repeating: 0, count: count))
        }
        self.heads = PreparedHeads(try HeadBank(heads))
        var features = Self.matrix(rowCount, featureCount, seed: 8, 0)
        for index in features.values.indices {
            features.values[index] = max(0, features.values[index])
        }
        self.features = features
        self.variant = variant
        self.classCount = classCount
        kernel =
            LogitKernelVariant.supported.first { $0.name == variant.name } ?? .fastest
    }

    /// Numbers in plus or minus a half.
    private static func matrix(
        _ rowCount: Int, _ columnCount: Int, seed: UInt64, _ stream: UInt32
    ) -> Matrix {
        var matrix = Matrix(rowCount: rowCount, columnCount: columnCount)
        for block in 0..<(matrix.values.count + 3) / 4 {
            let words = Philox.block(seed: seed, UInt32(block), stream, 0, 0)
            for lane in 0..<min(4, matrix.values.count - 4 * block) {
                matrix.values[4 * block + lane] = Philox.uniform(words[lane]) - 0.5
            }
        }
        return matrix
    }

    func measure(_ scheme: Scheme, repetitions: Int) throws -> PredictResult {
        let source = try HeadLogits(heads, features, variant: kernel)
        let decoder = try SchemeDecoder([scheme], classes: .all(classCount), heads: source)
        var room = decoder.room()
        let clock = ContinuousClock()
        var rates: [Double] = []
        var fractions: [Double] = []
        var digests: Set<String> = []
        let rowCount = rowCount(scheme)
        for _ in 0..<repetitions {
            // Beside each run, so that it knows the same machine as the work does.
            let peak = Peak.measure(variant)
            var predictions: [Int] = []
            let elapsed = try clock.measure {
                try decoder.forEachBlock(of: 0..<rowCount, in: &room) {
                    _, _, found throws(DecodingError) in
                    predictions += found.predictions
                }
            }
            let rate = Double(rowCount) / (elapsed / .seconds(1))
            rates.append(rate)
            fractions.append(rate * flopsPerRow(scheme) / 1e9 / peak)
            var digest = Digest()
            digest.add(predictions.map { Float($0) })
            digests.insert(digest.text)
        }
        guard digests.count == 1, let digest = digests.first else {
            throw RunError(
                .internal, "two runs of one case predicted different classes: \(digests.sorted())")
        }
        let rate = Median.of(rates)
        return PredictResult(
            scheme: scheme.rawValue, classes: classCount, features: features.columnCount,
            rows: rowCount, isa: kernel.name, rowsPerSecond: rate,
            gflopsPerSecond: rate * flopsPerRow(scheme) / 1e9, fractionOfPeak: Median.of(fractions),
            oneRowMicroseconds: try oneRow(decoder, &room, min(200, rowCount)), digest: digest)
    }

    /// All rows where a scheme asks no more than the pairs of ten classes, and else fewer; few where all
    /// pairs of many classes are coupled.
    private func rowCount(_ scheme: Scheme) -> Int {
        if scheme == .pairwiseCoupling, classCount > 20 { return min(features.rowCount, 16) }
        let fitting = Int(Double(features.rowCount) * 24_000 / flopsPerRow(scheme))
        return min(features.rowCount, max(512, fitting))
    }

    /// The median time of a call with one row.
    private func oneRow(
        _ decoder: SchemeDecoder, _ room: inout SchemeDecoder.Room, _ rowCount: Int
    ) throws -> Double {
        let clock = ContinuousClock()
        var times: [Double] = []
        for row in 0..<rowCount {
            let elapsed = try clock.measure {
                try decoder.forEachBlock(of: row..<row + 1, in: &room) {
                    _, _, _ throws(DecodingError) in
                }
            }
            times.append(elapsed / .microseconds(1))
        }
        return Median.of(times)
    }

    /// Of the logits that a row needs: a pair is one.
    private func flopsPerRow(_ scheme: Scheme) -> Double {
        let outputCount =
            switch scheme.asks {
            case .pairs: classCount * (classCount - 1) / 2
            case .outputAndPairs:
                classCount + Scheme.shortlistClassCount * (Scheme.shortlistClassCount - 1) / 2
            default: classCount
            }
        return Double(2 * outputCount * features.columnCount)
    }
}

/// One measured scheme; keys as in `--json`.
private struct PredictResult: Encodable {
    let scheme: String
    let classes: Int
    let features: Int
    let rows: Int
    let isa: String
    let rowsPerSecond: Double
    let gflopsPerSecond: Double
    let fractionOfPeak: Double
    let oneRowMicroseconds: Double
    let digest: String

    var line: String {
        String(
            format:
                "%d classes %d features %@ %@: %.0f rows/s, %.1f GFLOP/s, fraction of peak %.3f, one row %.2f us, %@",
            classes, features, scheme, isa, rowsPerSecond, gflopsPerSecond, fractionOfPeak,
            oneRowMicroseconds, digest)
    }
}
