import ArgumentParser
import FeatureStore
import Foundation
import Heads
import Numerics
import Programs
import Sessions
import Statistics
import System
import Transfer

/// `bench broadcast`: features to worker processes over loopback, beside a plain copy of the bytes.
struct BroadcastBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broadcast",
        abstract: "Sends features to worker processes, beside plain TCP.",
        discussion: """
            The coordinator's network thread runs in this process; the program worker beside this \
            one receives, checks every hash, puts the rows together and trains one head. Plain TCP \
            is measured in turn with it, and so is the same broadcast encrypted with CURVE.

            Example: bench broadcast --json
            """)

    @Flag(help: "Print JSON instead of a line a case.")
    var json = false

    @Option(help: "Numbers of workers, a comma-separated list.")
    var subscribers = "1,2,4,8"

    @Option(help: "Rows; 60000 of 256 features are 61 MB.")
    var rows = 60_000

    @Option(help: "Features of a row.")
    var features = 256

    @Option(help: "Share of the features that are zero; what ReLU leaves has some 0.6.")
    var zeros = 0.6

    @Option(help: "Compute threads of each worker (default: all cores, as a worker has).")
    var threads: Int?

    @Option(help: "Trials of each case; the median counts.")
    var trials = 5

    @Option(help: "What to measure: none, curve or both.")
    var encryption = EncryptionChoice.both

    enum EncryptionChoice: String, ExpressibleByArgument, CaseIterable {
        case none, curve, both

        /// Whether it is encrypted, each way that is wanted.
        var kinds: [Bool] {
            switch self {
            case .none: [false]
            case .curve: [true]
            case .both: [false, true]
            }
        }
    }

    func validate() throws {
        guard let counts, counts.allSatisfy({ (1...256).contains($0) }), !counts.isEmpty else {
            throw ValidationError("--subscribers must be numbers from 1 to 256, as in 1,2,4")
        }
        guard zeros >= 0, zeros <= 1 else {
            throw ValidationError("--zeros must be a share of 0 to 1, not \(zeros)")
        }
        try SampleJob.check(rows: rows, features: features, threads: threads, trials: trials)
    }

    /// Nil if one is not a number.
    private var counts: [Int]? {
        let words = subscribers.split(separator: ",")
        let counts = words.compactMap { Int($0) }
        return counts.count == words.count ? counts : nil
    }

    func run() async throws {
        let (job, chunks) = try SampleJob.make(
            rowCount: rows, featureCount: features, zeroShare: zeros)
        var results: [BroadcastResult] = []
        let say = { (result: BroadcastResult) in
            results.append(result)
            if !json { print(result) }
        }
        try await Output.failing {
            var encrypted: [BroadcastResult] = []
            for count in counts ?? [] {
                let found = try await measure(job, chunks, count)
                found.filter { $0.encryption == Self.none }.forEach(say)
                encrypted += found.filter { $0.encryption == Self.curve }
            }
            defer { encrypted.forEach(say) }
            // One more, which is stopped, must not slow the others down.
            guard let alone = results.min(by: { $0.subscribers < $1.subscribers }) else { return }
            for var stopped in try await measure(job, chunks, alone.subscribers, stopped: 1)
            where stopped.encryption == Self.none {
                stopped.secondsWithoutStopped = alone.seconds
                say(stopped)
            }
        }
        if json { print(try Output.json(results)) }
    }

    private static let none = "none"
    private static let curve = "curve"

    /// The case without encryption, with it, or both, as asked for; a stopped worker only without.
    private func measure(
        _ job: HeadJob, _ chunks: FeatureChunks, _ count: Int, stopped: Int = 0
    ) async throws -> [BroadcastResult] {
        let threadCount = threads ?? Processor.availableCoreCount
        let bytes = Self.bytes(of: chunks.table.features)
        let sent = chunks.keeper.map { Self.bytes(of: $0) } ?? []
        let kinds = stopped > 0 ? [false] : encryption.kinds
        var outcomes: [Bool: [BroadcastTrial.Outcome]] = [:]
        var plain: [PlainCopy.Mode: [Double]] = [:]
        var plainSent: [Double] = []
        for _ in 0..<trials {
            // In turn, so that a machine that slows down slows all.
            for isEncrypted in kinds {
                outcomes[isEncrypted, default: []].append(
                    try await BroadcastTrial(
                        job: job, chunks: chunks, workerCount: count, threadCount: threadCount,
                        stoppedCount: stopped, isEncrypted: isEncrypted
                    ).run())
            }
            for mode in [PlainCopy.Mode.keep, .discard] {
                plain[mode, default: []].append(
                    try PlainCopy.measure(bytes, receiverCount: count, mode))
            }
            plainSent.append(try PlainCopy.measure(sent, receiverCount: count, .keep))
        }
        let unencrypted = outcomes[false].map { Median.of($0.map(\.seconds)) }
        return kinds.map { isEncrypted in
            let outcomes = outcomes[isEncrypted] ?? []
            let seconds = Median.of(outcomes.map(\.seconds))
            let kept = Median.of(plain[.keep] ?? [])
            var digest = Digest()
            for head in outcomes.flatMap(\.heads) { digest.add(head.weights.values + head.biases) }
            return BroadcastResult(
                case: stopped == 0 ? "broadcast" : "one_stopped",
                encryption: isEncrypted ? Self.curve : Self.none, subscribers: count,
                stopped: stopped, workerThreads: threadCount, bytes: bytes.count,
                bytesSent: chunks.manifest.byteCount,
                seconds: seconds, bytesPerSecondPerSubscriber: Double(bytes.count) / seconds,
                ratioToUnencrypted: isEncrypted ? unencrypted.map { $0 / seconds } : nil,
                bytesReceived: outcomes.flatMap(\.receivedByteCounts).max() ?? 0,
                coordinatorPeakRssBytes: outcomes.map(\.peakRSSByteCount).max() ?? 0,
                plainSeconds: kept, ratio: kept / seconds,
                ratioOfBytesSent: Median.of(plainSent) / seconds,
                plainDiscardSeconds: Median.of(plain[.discard] ?? []),
                allSeconds: outcomes.map(\.seconds), digest: digest.text)
        }
    }

    private static func bytes(of buffer: FloatBuffer) -> [UInt8] {
        unsafe buffer.withUnsafeBufferPointer {
            unsafe [UInt8](UnsafeRawBufferPointer($0))
        }
    }
}

/// One measured case; keys as in `--json`.
private struct BroadcastResult: Encodable, CustomStringConvertible {
    let `case`: String
    /// `none` or `curve`.
    let encryption: String
    /// Those that received.
    let subscribers: Int
    /// Further ones that were stopped.
    let stopped: Int
    let workerThreads: Int
    /// Of the features.
    let bytes: Int
    /// To each worker: without zeros, if that is less.
    let bytesSent: Int
    let seconds: Double
    let bytesPerSecondPerSubscriber: Double
    /// Of an encrypted broadcast: the speed of the same one without encryption is 1.
    let ratioToUnencrypted: Double?
    /// The same number without the one that is stopped; absent in other cases.
    var secondsWithoutStopped: Double?
    /// By a worker's own count; the largest.
    let bytesReceived: Int
    let coordinatorPeakRssBytes: Int
    /// Of receivers that keep the bytes, as workers do.
    let plainSeconds: Double
    /// Broadcast over plain, in bytes of features a second.
    let ratio: Double
    /// Broadcast over a plain copy of only the bytes that were sent, in these a second.
    let ratioOfBytesSent: Double
    /// Of receivers that read into one small buffer.
    let plainDiscardSeconds: Double
    let allSeconds: [Double]
    let digest: String

    var description: String {
        String(
            format:
                "%@ (%@) %d (+%d stopped), %@ each: %.1f MB (%.1f sent) in %.1f ms, %.2f GB/s each, plain %.1f ms (discarded %.1f), ratio %.2f (of bytes sent %.2f), coordinator %.1f MiB, %@",
            `case`, encryption, subscribers, stopped, workerThreads.counted("thread"),
            Double(bytes) * 1e-6,
            Double(bytesSent) * 1e-6,
            seconds * 1e3,
            bytesPerSecondPerSubscriber * 1e-9, plainSeconds * 1e3, plainDiscardSeconds * 1e3,
            ratio, ratioOfBytesSent, Double(coordinatorPeakRssBytes) / Double(1 << 20), digest)
    }
}
