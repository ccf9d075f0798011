import Reporting
import RunStore

/// speedup.json: every trial, and a summary by worker count.
struct SpeedupReport: Codable, Sendable {
    /// One head phase.
    struct Trial: Codable, Sendable {
        let workers: Int
        let trial: Int
        /// From the first lease to the last head.
        let seconds: Double
        /// Share of that time in which compute threads had nothing to train.
        let idleShare: Double
        /// SHA-256 of the heads.
        let digest: String
        /// Times as fast as the base: the median with the fewest workers, over that number.
        var speedup = 0.0
        /// Speedup by worker.
        var efficiency = 0.0

        private enum CodingKeys: String, CodingKey {
            case workers, trial, seconds, speedup, efficiency, digest
            case idleShare = "idle_share"
        }
    }

    /// The median trial with one number of workers.
    struct Summary: Codable, Sendable {
        let workers: Int
        let seconds: Double
        let speedup: Double
        let efficiency: Double
        let idleShare: Double
        let digest: String
        /// What the simulation says, fitted to the trials with one worker.
        var predictedSeconds: Double?
        /// Predicted over measured seconds, less one.
        var predictionError: Double?

        private enum CodingKeys: String, CodingKey {
            case workers, seconds, speedup, efficiency, digest
            case idleShare = "idle_share"
            case predictedSeconds = "predicted_seconds"
            case predictionError = "prediction_error"
        }
    }

    let trials: [Trial]
    var summary: [Summary]
    /// What was trained; known once it was simulated.
    var job: Job?
    /// Seconds of the whole job outside the head phase.
    let serialSeconds: Double
    let cores: Int
    let config: [String: JSONValue]

    private enum CodingKeys: String, CodingKey {
        case trials, summary, cores, config, job
        case serialSeconds = "serial_seconds"
    }

    /// - Throws: `internal` if not all digests are equal: then there is nothing to compare.
    init(
        trials: [Trial], serialSeconds: Double, coreCount: Int, config: [String: JSONValue]
    ) throws(RunError) {
        let digests = Set(trials.map(\.digest))
        guard digests.count == 1, let digest = digests.first else {
            throw RunError(
                .internal,
                "the trials trained different heads (\(digests.count) digests): no speedup is reported"
            )
        }
        let counts = Set(trials.map(\.workers)).sorted()
        let medians = counts.map { count in
            Self.median(trials.filter { $0.workers == count }.map(\.seconds))
        }
        // With one worker first this is its median; else the fewest workers are taken as ideal.
        let base = medians[0] * Double(counts[0])
        self.trials = trials.map { trial in
            var trial = trial
            trial.speedup = base / trial.seconds
            trial.efficiency = trial.speedup / Double(trial.workers)
            return trial
        }
        summary = zip(counts, medians).map { count, seconds in
            Summary(
                workers: count, seconds: seconds, speedup: base / seconds,
                efficiency: base / seconds / Double(count),
                idleShare: Self.median(
                    trials.filter { $0.workers == count }.map(\.idleShare)), digest: digest)
        }
        self.serialSeconds = serialSeconds
        cores = coreCount
        self.config = config
    }

    /// The middle value; of an even count the mean of the two in the middle.
    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// What standard output gets.
    var table: String {
        var table = TextTable(columns: [
            ("workers", .right), ("seconds", .right), ("speedup", .right), ("efficiency", .right),
            ("idle", .right),
        ])
        for row in summary {
            table.add([
                "\(row.workers)", Format.decimal(row.seconds, places: 3),
                Format.decimal(row.speedup, places: 2), Format.percent(row.efficiency, places: 1),
                Format.percent(row.idleShare),
            ])
        }
        return table.lines.joined(separator: "\n")
            + "\n\nmedians of \(trials.count / max(1, summary.count)) trials on \(cores) cores; sha256 heads \(summary[0].digest)\n"
    }

    /// The picture.
    var chart: SpeedupChart {
        let alone = summary[0].seconds * Double(summary[0].workers)
        return SpeedupChart(
            points: summary.map { row in
                let speedups = trials.filter { $0.workers == row.workers }.map(\.speedup)
                return SpeedupChart.Point(
                    workerCount: row.workers, lowest: speedups.min() ?? row.speedup,
                    median: row.speedup, highest: speedups.max() ?? row.speedup)
            }, serialShare: serialSeconds / (serialSeconds + alone), coreCount: cores,
            subtitle:
                "medians and range of \(trials.count / max(1, summary.count)) trials; one worker: \(Format.duration(seconds: alone))"
        )
    }
}
