import Formats
import Heads
import LeNet
import Numerics
import Simulation
import Statistics
import System

/// What a simulation is of and what it costs, and where each figure comes from.
struct SimulationSource {
    var rowCount = 60_000
    var classCount = 14
    /// Rows of each class where they are known.
    var classRowCounts: [Int]?
    var featureCount = BackboneConfiguration.featureCount
    /// As measured on Fashion-MNIST's: what ReLU leaves.
    var nonzeroShare = 0.4
    var heads = HeadPlan.Kind.subsets
    var headEpochs = 20
    var costs = SimulationCosts.measured
    /// Where the costs come from, for people.
    var origin = "as measured on one core of an AMD Zen 3 server"

    /// The job, as the options change it.
    ///
    /// - Throws: `usage` for more subsets than can be listed.
    func job(_ options: SimulationOptions) throws(RunError) -> SimulatedJob {
        let classCount = options.classCount ?? self.classCount
        let rowCount = options.rowCount ?? self.rowCount
        let kind = options.heads ?? heads
        if kind == .subsets && classCount > HeadPlan.subsetClassCountMax {
            throw .usage(
                "\(classCount.counted("class")) have 2^\(classCount) subsets; use --heads pairs, or --classes of at most \(HeadPlan.subsetClassCountMax)"
            )
        }
        guard rowCount >= classCount else {
            throw .usage("--rows must be at least one a class, not \(rowCount) for \(classCount)")
        }
        let isOwn = options.rowCount == nil && options.classCount == nil
        return SimulatedJob(
            plan: HeadPlan(kind, classCount: classCount),
            classRowCounts: (isOwn ? classRowCounts : nil)
                ?? SimulatedJob.evenClasses(rowCount: rowCount, classCount: classCount),
            featureCount: options.featureCount ?? featureCount,
            epochCount: options.headEpochs ?? headEpochs,
            nonzeroShare: options.nonzeroShare ?? nonzeroShare)
    }
}

extension SimulationCosts {
    /// For jobs without a run to take figures from: one core of an AMD Zen 3 server, AVX2.
    ///
    /// Measured, with 60,000 rows of 256 features: rate, stream and order by the 17 bundles of a run,
    /// head and result byte by the processor time of the coordinator's thread over 1,013 heads,
    /// intake by a broadcast to one worker. Estimated: all others.
    static let measured: SimulationCosts = {
        var costs = SimulationCosts(flopsPerSecond: 76e9)
        costs.streamSecondsPerFeature = 0.44e-9
        costs.orderSecondsPerRow = 44e-9
        costs.switchSeconds = 100e-6
        costs.intakeBytesPerSecond = 450e6
        costs.readySeconds = 5e-3
        costs.messageSeconds = 20e-6
        costs.headSeconds = 2e-6
        costs.resultByteSeconds = 1e-9
        costs.schedulerSecondsPerWorker = 50e-9
        costs.broadcastBytesPerSecond = 2e9
        return costs
    }()
}

extension SimulationSource {
    /// The job and the costs of a run: its folder, or its speedup.json or results.json.
    ///
    /// - Throws: `data` for files that are missing, damaged or lack what is needed.
    init(run path: String) throws(RunError) {
        let names = path.hasSuffix(".json") ? [""] : ["/speedup.json", "/results.json"]
        for name in names {
            let file: JSONValue
            do throws(FormatError) {
                file = try FileSystem.readJSON(JSONValue.self, at: path + name)
            } catch {
                if error.code == .cannotRead && names.count > 1 { continue }
                throw RunError(.data, error.message)
            }
            try self.init(file, path: path + name)
            return
        }
        throw RunError(
            .data,
            "\(path) holds neither speedup.json nor results.json that can be read; give the folder of a finished run or benchmark"
        )
    }

    /// Takes what it needs from the file; unknown keys are ignored.
    private init(_ file: JSONValue, path: String) throws(RunError) {
        func need(_ value: Double?, _ what: String) throws(RunError) -> Double {
            // Larger values are damage, and would not fit an integer.
            guard let value, value > 0, value < 1e15 else {
                throw RunError(.data, "\(path) lacks \(what): no simulation can be made from it")
            }
            return value
        }
        let config = file["config"]
        if config?["head_epochs"] == "converge"
            || config?["head_mode"].map({ $0 != .string(HeadMode.frozen.rawValue) }) == true
        {
            throw RunError(
                .data,
                "\(path) is of heads at their optimum or whole networks; simulations are of frozen heads trained by epochs"
            )
        }
        headEpochs = Int(try need(config?["head_epochs"]?.number, "config.head_epochs"))
        if case .string(let text)? = config?["heads"], let kind = HeadPlan.Kind(rawValue: text) {
            heads = kind
        }
        if let job = file["job"] {
            guard let counts = job["class_row_counts"]?.numbers, counts.count >= 2 else {
                throw RunError(.data, "\(path) lacks job.class_row_counts")
            }
            classRowCounts = counts.map { Int($0) }
            rowCount = Int(try need(counts.reduce(0, +), "rows in job.class_row_counts"))
            classCount = counts.count
            featureCount = Int(try need(job["feature_count"]?.number, "job.feature_count"))
            nonzeroShare = min(1, try need(job["nonzero_share"]?.number, "job.nonzero_share"))
        } else {
            rowCount = Int(try need(file["data"]?["train_rows"]?.number, "job and data.train_rows"))
            classCount = Int(try need(file["data"]?["classes"]?.number, "data.classes"))
            featureCount = Int(
                try need(file["data"]?["feature_count"]?.number, "data.feature_count"))
            // A bit for each feature, and those that are not zero.
            let sent = try need(file["data"]?["feature_bytes"]?.number, "data.feature_bytes")
            let share = sent / (4 * Double(rowCount) * Double(featureCount)) - 1.0 / 32
            nonzeroShare = min(1, max(0, share))
        }
        try checkSizes(path)
        let measured: MeasuredHeadPhase
        if case .array(let trials)? = file["trials"] {
            measured = try Self.oneWorker(trials, path)
        } else {
            measured = try Self.oneThread(file, path)
        }
        origin = "fitted to \(path)"
        try fit(to: measured)
    }

    /// Checks that the file describes a possible job.
    private func checkSizes(_ path: String) throws(RunError) {
        let isSane =
            (1...1_000_000_000).contains(rowCount) && (2...2_048).contains(classCount)
            && (1...65_536).contains(featureCount) && (1...100_000).contains(headEpochs)
            && (heads == .pairs || classCount <= HeadPlan.subsetClassCountMax)
            && classRowCounts?.allSatisfy { $0 >= 1 } != false
        if !isSane {
            throw RunError(.data, "\(path) describes a job of impossible size; it is damaged")
        }
    }

    mutating func fit(to measured: MeasuredHeadPhase) throws(RunError) {
        let job = try job(SimulationOptions())
        do throws(SimulationError) {
            costs = try costs.fitted(to: measured, job: job, network: .loopback)
        } catch {
            throw RunError(.data, error.message)
        }
    }

    /// The median of a benchmark's trials with one worker.
    private static func oneWorker(
        _ trials: [JSONValue], _ path: String
    ) throws(RunError) -> MeasuredHeadPhase {
        var seconds: [Double] = []
        var busy: [Double] = []
        for trial in trials where trial["workers"]?.number == 1 {
            guard let time = trial["seconds"]?.number, let idle = trial["idle_share"]?.number,
                time > 0, time < 1e9, idle < 1
            else { continue }
            seconds.append(time)
            busy.append(time * (1 - max(0, idle)))
        }
        guard !seconds.isEmpty else {
            throw RunError(
                .data, "\(path) has no trial with one worker; run the benchmark with --workers 1,2")
        }
        return MeasuredHeadPhase(
            seconds: Median.of(seconds), busySeconds: Median.of(busy))
    }

    /// A run with any number of workers, as if one thread had done it all.
    private static func oneThread(
        _ file: JSONValue, _ path: String
    ) throws(RunError) -> MeasuredHeadPhase {
        var busy = 0.0
        if case .array(let workers)? = file["workers"] {
            for worker in workers { busy += worker["busy_seconds"]?.number ?? 0 }
        }
        if let resumed = file["heads"]?["resumed"]?.number, resumed > 0 {
            throw RunError(
                .data,
                "\(path) is of a run that was resumed: its busy seconds are not those of all heads")
        }
        guard busy > 0, busy < 1e12 else {
            throw RunError(.data, "\(path) has no busy_seconds of workers")
        }
        return MeasuredHeadPhase(seconds: busy, busySeconds: busy)
    }
}

extension NetworkModel {
    /// One machine talking to itself.
    static let loopback = NetworkModel(gigabitsPerSecond: 100, latencySeconds: 30e-6)
}

extension JSONValue {
    /// The member of an object.
    fileprivate subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { return members[key] }
        return nil
    }

    fileprivate var numbers: [Double]? {
        guard case .array(let values) = self else { return nil }
        let found = values.compactMap(\.number).filter { $0 >= 0 && $0 < 1e9 }
        return found.count == values.count ? found : nil
    }
}
