import ArgumentParser
import Foundation
import HeadTraining
import Numerics
import Programs
import System

/// A short digest of floats' bits, to see at a glance that results are equal.
struct Digest {
    private var hash = FNV1a()

    mutating func add(_ values: [Float]) {
        for value in values { hash.add(value.bitPattern) }
    }

    var text: String { String(hash.value, radix: 16) }
}

/// The arithmetic limit of a core.
enum Peak {
    /// GFLOP/s of one core: the best of ten short runs of independent fused multiply-adds.
    static func measure(_ variant: KernelVariant) -> Double {
        let clock = ContinuousClock()
        var best = 0.0
        for _ in 0..<10 {
            var flops = 0.0
            let elapsed = clock.measure { flops = variant.runPeak(iterationCount: 1_000_000) }
            best = max(best, flops / (elapsed / .seconds(1)) / 1e9)
        }
        return best
    }
}

/// Results on standard output.
enum Output {
    static func print(
        _ value: some Encodable & CustomStringConvertible, asJSON: Bool
    ) throws {
        Swift.print(asJSON ? try json(value) : value.description)
    }

    /// Does a case's work; an error becomes one sentence and its exit status.
    static func failing(_ work: () async throws -> Void) async throws {
        do { try await work() } catch { throw reported(error) }
    }

    /// The same for synchronous work.
    static func failing(_ work: () throws -> Void) throws {
        do { try work() } catch { throw reported(error) }
    }

    private static func reported(_ error: any Error) -> ExitCode {
        let code: RunError.Code =
            switch error {
            case let error as RunError: error.code
            case is StreamSocket.Failure: .unavailable
            case let error as HeadTrainingError where error.code == .unknownVariant: .usage
            default: .internal
            }
        StandardStream.error("bench: \(error)\n")
        return ExitCode(code.exitStatus)
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
