import Heads
import Numerics
import Scheduling
import TestSupport
import Testing

/// A fleet without faults: slots of known speeds, a network of known latency, virtual time.
struct FaultlessFleet {
    struct Outcome {
        var seconds = 0.0
        var busySeconds = 0.0
        var slotCount = 0
        var eventCount = 0
        var bundleCount = 0
        /// Copies that were started.
        var copyCount = 0
        var handleSeconds = 0.0

        var idleShare: Double { 1 - busySeconds / (seconds * Double(slotCount)) }
    }

    private enum Entry {
        case arrival(Assignment, worker: Int)
        case end(Assignment, worker: Int, seconds: Double)
        case report(HeadScheduler.Event)
        case tick
    }

    let works: [HeadWork]
    let configuration: SchedulerConfiguration
    let workerCount: Int
    let slotCount: Int
    /// By worker.
    let flopsPerSecond: [Double]
    var latencySeconds = 0.002
    /// Relative, uniform.
    var speedNoise = 0.03
    private var generator = SeededGenerator(seed: 7)

    init(
        _ works: [HeadWork], configuration: SchedulerConfiguration, workerCount: Int,
        slotCount: Int, flopsPerSecond: [Double]
    ) {
        self.works = works
        self.configuration = configuration
        self.workerCount = workerCount
        self.slotCount = slotCount
        self.flopsPerSecond = flopsPerSecond
    }

    /// Runs to the end; time is counted from the moment the workers are ready.
    mutating func run() -> Outcome {
        let flops = Dictionary(uniqueKeysWithValues: works.map { ($0.id, $0.trainingFlops) })
        var scheduler = HeadScheduler(heads: works, configuration: configuration)
        var timeline = Timeline<Entry>()
        var queues = Array(repeating: [Assignment](), count: workerCount)
        var busySlots = Array(repeating: 0, count: workerCount)
        var begun = busySlots
        var outcome = Outcome()
        let clock = ContinuousClock()
        for worker in 0..<workerCount {
            let id = WorkerID(UInt64(worker))
            timeline.insert(.report(.workerJoined(id, slotCount: slotCount)), at: 0)
            timeline.insert(.report(.workerReady(id)), at: 0)
        }
        timeline.insert(.tick, at: 0)
        while let (time, entry) = timeline.popFirst(), !scheduler.isFinished {
            var event = HeadScheduler.Event.tick
            switch entry {
            case .arrival(let assignment, let worker):
                queues[worker].append(assignment)
                start(worker, at: time)
                continue
            case .end(let assignment, let worker, let seconds):
                busySlots[worker] -= 1
                let report = HeadScheduler.Event.bundleTrained(
                    assignment.bundle, attempt: assignment.attempt, by: WorkerID(UInt64(worker)),
                    busySeconds: seconds)
                timeline.insert(.report(report), at: time + Int64(latencySeconds * 1e9))
                start(worker, at: time)
                continue
            case .report(let reported): event = reported
            case .tick: timeline.insert(.tick, at: time + 250_000_000)
            }
            let begin = clock.now
            let actions = scheduler.handle(event, at: Instant(nanoseconds: time))
            outcome.handleSeconds += (clock.now - begin) / .seconds(1)
            outcome.eventCount += 1
            for case .assign(let assignment, let worker) in actions {
                outcome.bundleCount += 1
                timeline.insert(
                    .arrival(assignment, worker: Int(worker.rawValue)),
                    at: time + Int64(latencySeconds * 1e9))
            }
            outcome.seconds = Double(time) * 1e-9
        }
        outcome.slotCount = workerCount * slotCount
        return outcome

        func start(_ worker: Int, at time: Int64) {
            while busySlots[worker] < slotCount, !queues[worker].isEmpty {
                let assignment = queues[worker].removeFirst()
                begun[worker] += 1
                var cost = begun[worker] > slotCount ? 0 : configuration.firstBundleFlops
                cost += configuration.bundleFixedFlops
                for head in assignment.heads { cost += flops[head] ?? 0 }
                let noise = 1 + Double.random(in: -speedNoise...speedNoise, using: &generator)
                let seconds = cost / (flopsPerSecond[worker] * noise)
                busySlots[worker] += 1
                // A copy is no work that was needed, and the last ones outlive the run.
                if assignment.attempt == 1 {
                    outcome.busySeconds += seconds
                } else {
                    outcome.copyCount += 1
                }
                timeline.insert(
                    .end(assignment, worker: worker, seconds: seconds),
                    at: time + Int64(seconds * 1e9))
            }
        }
    }
}

/// Heads of a plan over classes of equal size.
func works(
    _ kind: HeadPlan.Kind, classCount: Int, rowCount: Int, featureCount: Int = 256,
    epochCount: Int = 20
) -> [HeadWork] {
    HeadPlan(kind, classCount: classCount).heads.enumerated().map { position, head in
        let size = head.classes.count
        return HeadWork(
            id: WorkID(UInt32(position)),
            trainingFlops: head.trainingFlops(
                rowCount: rowCount * size / classCount, featureCount: featureCount,
                epochCount: epochCount),
            resultByteCount: 4 * size * (featureCount + 1))
    }
}

/// What streaming the rows costs a bundle, at eight operations per feature, row and epoch: less than a
/// run reckons with, so that bundles are many.
func streaming(rowCount: Int, featureCount: Int = 256, epochCount: Int = 20) -> Double {
    8 * Double(rowCount * featureCount * epochCount)
}

@Suite struct BalanceTests {
    // Goal: many workers keep what they gain though every bundle streams all rows, which is a large
    // part of so short a job. Method: the scheduler's own idea of streaming; ideal is no streaming.
    @Test(arguments: [
        (6_000, 2, 0.95), (6_000, 16, 0.78), (60_000, 2, 0.95), (60_000, 8, 0.88),
        (60_000, 16, 0.81), (60_000, 32, 0.75),
    ])
    func efficiency(rowCount: Int, workerCount: Int, limit: Double) {
        let works = works(.subsets, classCount: 10, rowCount: rowCount)
        let rate = 70e9
        var fleet = FaultlessFleet(
            works,
            configuration: SchedulerConfiguration(
                minWorkerCount: workerCount, rowCount: rowCount, featureCount: 256, epochCount: 20),
            workerCount: workerCount, slotCount: 1,
            flopsPerSecond: Array(repeating: rate, count: workerCount))
        let outcome = fleet.run()
        let ideal = works.reduce(0) { $0 + $1.trainingFlops } / rate / Double(workerCount)
        print("rows=\(rowCount) workers=\(workerCount): \(ideal / outcome.seconds), \(outcome)")
        #expect(ideal / outcome.seconds > limit)
    }

    // Goal: all slots end together. Method: a fleet without faults, speeds that wobble by 3%, and
    // the share of its time that nobody computed.
    @Test(arguments: [
        (10, 6_000, 2, 1, 0.02), (10, 60_000, 2, 1, 0.01), (10, 60_000, 4, 8, 0.08),
        (14, 60_000, 64, 1, 0.02), (14, 60_000, 8, 8, 0.02), (14, 60_000, 64, 8, 0.09),
    ])
    func idleShare(
        classCount: Int, rowCount: Int, workerCount: Int, slotCount: Int, limit: Double
    ) {
        var configuration = SchedulerConfiguration()
        configuration.minWorkerCount = workerCount
        configuration.bundleFixedFlops = streaming(rowCount: rowCount)
        var fleet = FaultlessFleet(
            works(.subsets, classCount: classCount, rowCount: rowCount),
            configuration: configuration, workerCount: workerCount, slotCount: slotCount,
            flopsPerSecond: Array(repeating: 60e9, count: workerCount))
        let outcome = fleet.run()
        print(
            "K=\(classCount) rows=\(rowCount) workers=\(workerCount)x\(slotCount): "
                + "idle \(outcome.idleShare), \(outcome)")
        #expect(outcome.idleShare < limit)
    }

    @Test func handlesEveryPairOfAThousandClasses() {
        var configuration = SchedulerConfiguration()
        configuration.minWorkerCount = 64
        configuration.bundleHeadCountMax = 64
        configuration.bundleFixedFlops = streaming(rowCount: 60_000)
        var fleet = FaultlessFleet(
            works(.pairs, classCount: 1_000, rowCount: 6_000_000),
            configuration: configuration, workerCount: 64, slotCount: 4,
            flopsPerSecond: (0..<64).map { 40e9 + 1e9 * Double($0) })
        let outcome = fleet.run()
        print("pairs of 1,000: \(outcome)")
        #if DEBUG
        let limit = 60.0
        #else
        let limit = 2.0
        #endif
        #expect(outcome.handleSeconds < limit)
    }
}
