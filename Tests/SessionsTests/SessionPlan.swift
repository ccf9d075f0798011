import Heads
import TestSupport
import WireProtocol

/// What a seed makes of the world.
struct SessionPlan {
    var workerCount: Int
    var work: SessionWork
    var minWorkerCount: Int
    var bundleHeadCountMax: Int
    var chaosSeconds: Double
    var serveSeconds: Double
    var latencySecondsMax = 0.02
    var chunkLossChance = 0.0
    var breaksPerSecond = 0.0
    var crashesPerSecond = 0.0
    var pausesPerSecond = 0.0
    var hostilesPerSecond = 0.0
    var coordinatorRestartsPerSecond = 0.0
    /// Workers that are told to leave, as by SIGTERM.
    var drainsPerSecond = 0.0
    /// A direction of a connection stands still for a while; nothing of it is lost.
    var stallsPerSecond = 0.0
    /// Messages queued for one worker, and by one; the socket takes no more.
    var queueCountMax = Int.max
    /// Breaks after which the last messages before it come once more.
    var repeatChance = 0.0
    /// How long the disk may take.
    var storeSecondsMax = 0.01
    /// The first worker's share of results that fit no lease.
    var invalidChance = 0.0
    var slotCounts: [Int]
    /// Workers whose connections keep their identity, as a worker not ours might.
    var hasFixedIdentity: [Bool]
    var bundleSeconds: [Double]
    /// How long a chunk, or a result, takes each worker's link; its bytes are seen meanwhile.
    var linkSeconds: [Double]

    /// The least a task is leased for: some are done later.
    var taskLeaseSecondsMin = 3.0
    /// The share of tasks that their runner cannot do, this time.
    var taskFailureChance = 0.0
    /// How long a runner may take to be made of the materials.
    var preparationSecondsMax = 0.0

    init(seed: UInt64, isOfTasks: Bool = false) {
        var generator = SeededGenerator(seed: seed)
        workerCount = Int.random(in: 1...4, using: &generator)
        let sample = SampleJob(
            classCount: Int.random(in: 2...5, using: &generator),
            rowsPerClass: Int.random(in: 1...6, using: &generator), seed: seed)
        work = .heads(sample)
        minWorkerCount = Int.random(in: 1...workerCount, using: &generator)
        bundleHeadCountMax = Int.random(in: 1...6, using: &generator)
        chaosSeconds = Double.random(in: 2...20, using: &generator)
        serveSeconds = Double.random(in: 0.1...6, using: &generator)
        slotCounts = (0..<workerCount).map { _ in Int.random(in: 1...3, using: &generator) }
        hasFixedIdentity = (0..<workerCount).map { _ in generator.chance(0.3) }
        bundleSeconds = (0..<workerCount).map { _ in
            generator.chance(0.2) ? 8 : Double.random(in: 0.05...1, using: &generator)
        }
        linkSeconds = (0..<workerCount).map { _ in
            generator.chance(0.2) ? Double.random(in: 0.1...4, using: &generator) : 0
        }
        if generator.chance(0.7) { latencySecondsMax = 0.6 }
        if generator.chance(0.7) {
            chunkLossChance = Double.random(in: 0...0.6, using: &generator)
        }
        if generator.chance(0.6) { breaksPerSecond = 0.2 }
        if generator.chance(0.6) { crashesPerSecond = 0.15 }
        if generator.chance(0.5) { pausesPerSecond = 0.15 }
        if generator.chance(0.6) { hostilesPerSecond = 3 }
        if generator.chance(0.5) { coordinatorRestartsPerSecond = 0.15 }
        if generator.chance(0.3) { invalidChance = generator.chance(0.5) ? 1 : 0.3 }
        if generator.chance(0.5) { storeSecondsMax = generator.chance(0.5) ? 4 : 0.5 }
        if generator.chance(0.3) { drainsPerSecond = 0.1 }
        if generator.chance(0.4) { stallsPerSecond = 0.2 }
        if generator.chance(0.3) { queueCountMax = Int.random(in: 3...12, using: &generator) }
        if generator.chance(0.5) { repeatChance = 0.5 }
        guard isOfTasks else { return }
        work = .tasks(
            SampleTasks(
                taskCount: Int.random(in: 1...20, using: &generator),
                byteCounts: (0..<Int.random(in: 0...3, using: &generator)).map { _ in
                    Int.random(in: 0...100, using: &generator)
                }, seed: seed))
        if generator.chance(0.5) { taskLeaseSecondsMin = 1_800 }
        if generator.chance(0.4) { taskFailureChance = generator.chance(0.5) ? 0.7 : 0.1 }
        if generator.chance(0.5) { preparationSecondsMax = generator.chance(0.3) ? 9 : 0.5 }
    }

    /// A world in which nothing goes wrong, but links are slow.
    static func slowLinks(seed: UInt64) -> SessionPlan {
        var plan = SessionPlan(seed: seed)
        var generator = SeededGenerator(seed: seed ^ 0x510)
        // What describes the features is there before their first chunk, which would be thrown away.
        plan.latencySecondsMax = 0.02
        plan.linkSeconds = plan.linkSeconds.map { _ in
            Double.random(in: 0.1...15, using: &generator)
        }
        plan.chaosSeconds = 1_000
        plan.chunkLossChance = 0
        plan.breaksPerSecond = 0
        plan.crashesPerSecond = 0
        plan.pausesPerSecond = 0
        plan.hostilesPerSecond = 0
        plan.coordinatorRestartsPerSecond = 0
        plan.drainsPerSecond = 0
        plan.stallsPerSecond = 0
        plan.queueCountMax = .max
        plan.invalidChance = 0
        return plan
    }
}
