import Display
import Formats
import Heads
import Pages
import Simulation

/// simulate.json: what was simulated, at which costs, and the results.
struct SimulationReport: Encodable, Sendable {
    /// A head phase with one number of workers.
    struct Point: Encodable, Sendable {
        let workers: Int
        /// From the features' announcement to the last head.
        let seconds: Double
        /// From the first lease to the last head.
        let headSeconds: Double
        /// Until the last worker had the features; absent if the run was over before.
        let broadcastSeconds: Double?
        /// Times as fast as one worker.
        let speedup: Double
        /// Speedup by worker.
        let efficiency: Double
        /// Share of the workers' time without anything to train.
        let idleShare: Double
        let bytesFromCoordinator: Int
        let bytesToCoordinator: Int
        let leases: Int
        /// Heads that came twice.
        let duplicated: Int
        /// Heads given up, because workers died while they ran them.
        let quarantined: Int
        let deaths: Int
        /// Seconds the coordinator's thread worked.
        let coordinatorSeconds: Double
        /// What took most of the workers' time besides training.
        let limit: String
        /// Share of the workers' time by use; they sum to one.
        let shares: [String: Double]

        /// - Parameter oneWorkerSeconds: of the same job with one worker.
        init(_ outcome: SimulationOutcome, oneWorkerSeconds: Double) {
            workers = outcome.workerCount
            seconds = outcome.seconds
            headSeconds = outcome.headSeconds
            broadcastSeconds = outcome.broadcastSeconds
            speedup = outcome.seconds > 0 ? oneWorkerSeconds / outcome.seconds : 0
            efficiency = speedup / Double(outcome.workerCount)
            idleShare = outcome.idleShare
            bytesFromCoordinator = outcome.sentByteCount
            bytesToCoordinator = outcome.receivedByteCount
            leases = outcome.leaseCount
            duplicated = outcome.comparedHeadCount
            quarantined = outcome.quarantinedHeadCount
            deaths = outcome.deathCount
            coordinatorSeconds = outcome.processorSeconds
            limit = outcome.limit?.rawValue ?? "nothing"
            shares = Dictionary(
                uniqueKeysWithValues: TimeUse.allCases.map { ($0.rawValue, outcome.share($0)) })
        }

        func share(_ use: TimeUse) -> Double { shares[use.rawValue] ?? 0 }
    }

    let points: [Point]
    let config: [String: JSONValue]
    let costs: [String: Double]
    /// Where the costs come from.
    let origin: String

    /// What standard output gets.
    var table: String {
        var table = TextTable(columns: [
            ("workers", .right), ("seconds", .right), ("broadcast", .right), ("speedup", .right),
            ("efficiency", .right), ("idle", .right), ("from coordinator", .right),
            ("what limits, in shares of the workers' time", .left),
        ])
        for point in points {
            table.add([
                "\(point.workers)", Format.decimal(point.seconds, places: 2),
                point.broadcastSeconds.map { Format.decimal($0, places: 2) } ?? "-",
                Format.decimal(point.speedup, places: 2),
                Format.percent(point.efficiency, places: 1),
                Format.percent(point.idleShare, places: 1),
                Format.bytes(point.bytesFromCoordinator), Self.limits(of: point),
            ])
        }
        return table.lines(width: Terminal.outputColumns).joined(separator: "\n") + "\n"
    }

    /// The three largest losses of at least a thousandth, largest first.
    private static func limits(of point: Point) -> String {
        let losses = TimeUse.allCases.filter { $0 != .training && point.share($0) >= 0.0005 }
            .sorted { point.share($0) > point.share($1) }
        let named = losses.prefix(3).map {
            "\($0.rawValue) \(Format.percent(point.share($0), places: 1))"
        }
        return named.isEmpty ? "nothing" : named.joined(separator: ", ")
    }

    /// The picture.
    func chart(subtitle: String) -> ScalingChart {
        ScalingChart(
            points: points.map { point in
                ScalingChart.Point(
                    workerCount: point.workers, speedup: point.speedup,
                    shares: TimeUse.allCases.map { point.share($0) })
            }, uses: TimeUse.allCases.map(\.rawValue), subtitle: subtitle)
    }
}

extension SimulationCosts {
    /// The figures as files name them.
    var named: [String: Double] {
        [
            "gflops_per_second": flopsPerSecond * 1e-9,
            "stream_nanoseconds_per_feature": streamSecondsPerFeature * 1e9,
            "order_nanoseconds_per_row": orderSecondsPerRow * 1e9,
            "switch_microseconds": switchSeconds * 1e6,
            "intake_bytes_per_second": intakeBytesPerSecond,
            "ready_milliseconds": readySeconds * 1e3,
            "message_microseconds": messageSeconds * 1e6,
            "head_microseconds": headSeconds * 1e6,
            "result_nanoseconds_per_byte": resultByteSeconds * 1e9,
            "scheduler_nanoseconds_per_worker": schedulerSecondsPerWorker * 1e9,
            "broadcast_bytes_per_second": broadcastBytesPerSecond,
        ]
    }
}
