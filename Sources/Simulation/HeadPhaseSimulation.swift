import Heads
import Numerics
import Scheduling

/// The head phase of a run in virtual time: the production scheduler, driven by events that a model
/// of network, coordinator and workers makes.
///
/// From the features' announcement (all workers joined, none has a row) to the last head. The same
/// job, costs, network and fleet give the same outcome, nanosecond by nanosecond. What is modelled
/// and what is not is in the article of this module.
package struct HeadPhaseSimulation {
    /// A bundle that a worker trained, on its way to the coordinator.
    struct Trained {
        let assignment: Assignment
        let worker: WorkerID
        /// All of its time at the worker.
        let nanoseconds: Int64
        /// The share of that time that its heads took.
        let headShare: Double
    }

    /// A message that the coordinator's thread handles.
    enum Message {
        case hello(worker: Int, life: Int)
        case ready(WorkerID)
        case chunkRequest(worker: Int, life: Int, count: Int)
        case trained(Trained)
        case declined(BundleID, attempt: UInt32, by: WorkerID)
        case lost(WorkerID)
        case tick
    }

    /// When a message passed each station, in nanoseconds.
    struct Path {
        /// It left its worker.
        var sentAt: Int64
        /// It came to the coordinator's link.
        var reachedAt: Int64
        /// The link had brought it in.
        var takenInAt: Int64
        /// The coordinator had decided, and sent what followed.
        var decidedAt: Int64 = 0
        /// What followed had left the link.
        var leftAt: Int64 = 0
    }

    /// A chunk on its way to a worker.
    struct Copy {
        let worker: Int
        let life: Int
        let byteCount: Int
        /// The worker asked for it, and asks for the next when it is there.
        let isPulled: Bool
    }

    enum Entry {
        case received(Message, Path)
        case decided
        case copied(Copy)
        case described(worker: Int, life: Int)
        case pulled(worker: Int, life: Int)
        case complete(worker: Int, life: Int)
        case assigned(Assignment, WorkerID, Path)
        case revoked(BundleID, attempt: UInt32, WorkerID, mayFinish: Bool)
        case ended(worker: Int, life: Int, run: Int)
        case died(worker: Int, life: Int)
        case restarted(worker: Int)
        case tick
    }

    let job: SimulatedJob
    let costs: SimulationCosts
    let network: NetworkModel
    let fleet: FleetModel

    let chunkByteCounts: [Int]
    let speeds: [Double]
    let latency: Int64
    var scheduler: HeadScheduler
    var transfers = FeatureTransfers()
    var queue = EventQueue<Entry>()
    var now: Int64 = 0
    var workers: [SimulatedWorker]
    /// The worker of each number that the coordinator gave out.
    var owners: [Int] = []
    var outcome = SimulationOutcome()

    /// Messages that the coordinator's thread has not begun with.
    var inbox = FIFOQueue<(Message, Path)>()
    var atHand: (message: Message, path: Path)?
    var processorFreeAt: Int64 = 0
    /// The factor by which the steady heartbeats slow everything else.
    let processorFactor: Double
    var inwardFreeAt: Int64 = 0
    var outwardFreeAt: Int64 = 0
    /// Chunks that wait for the link.
    var copies = FIFOQueue<Copy>()
    var isCopying = false
    /// Whether the first workers get the chunks without asking, all at the same time.
    var isBroadcast = true
    /// Time that messages took from the chunk under way.
    var stolen: Int64 = 0
    var awaited: Int
    var firstLeaseAt: Int64?
    /// Time of results that are under way.
    var reportedNanoseconds: Int64 = 0
    var finishedAt: Int64?

    /// A head phase that is about to begin.
    ///
    /// Traps unless there is a worker and something to train.
    package init(
        job: SimulatedJob, costs: SimulationCosts, network: NetworkModel, fleet: FleetModel
    ) {
        precondition(fleet.workerCount >= 1)
        precondition(!job.work.isEmpty)
        self.job = job
        self.costs = costs
        self.network = network
        self.fleet = fleet
        chunkByteCounts = job.chunkByteCounts
        speeds = fleet.speeds
        latency = Self.nanoseconds(network.latencySeconds)
        scheduler = job.scheduler(minWorkerCount: min(fleet.minWorkerCount, fleet.workerCount))
        workers = speeds.map { SimulatedWorker(speed: $0) }
        awaited = fleet.workerCount
        let heartbeatShare = 2 * Double(fleet.workerCount) * costs.messageSeconds
        processorFactor = 1 / (1 - min(0.95, heartbeatShare))
        outcome.workerCount = fleet.workerCount
    }

    static func nanoseconds(_ seconds: Double) -> Int64 {
        Int64(min(max(seconds, 0) * 1e9, 0x1p61).rounded())
    }

    /// Runs to the last head.
    ///
    /// - Throws: ``SimulationError`` if the run does not end.
    package mutating func run() throws(SimulationError) -> SimulationOutcome {
        begin()
        let ideal = job.totalFlops / costs.flopsPerSecond / Double(fleet.workerCount)
        let transfer =
            Double(fleet.workerCount * job.featureByteCount)
            / min(network.bytesPerSecond, costs.broadcastBytesPerSecond)
        let limit = 1_000 + 100 * (ideal + transfer)
        while finishedAt == nil, let (time, entry) = queue.popFirst() {
            now = time
            perform(entry)
            if Double(now) * 1e-9 > limit {
                throw .endless(workerCount: fleet.workerCount, seconds: limit)
            }
        }
        return outcome
    }

    private mutating func begin() {
        for worker in workers.indices {
            let id = makeID(of: worker)
            _ = scheduler.handle(
                .workerJoined(id, slotCount: 1), at: Instant(nanoseconds: 0))
            planDeath(of: worker)
        }
        isBroadcast = workers.count <= FeatureTransfers.countMax
        for worker in workers.indices { transfer(.wanted(workers[worker].id)) }
        if isBroadcast {
            work(Double(chunkByteCounts.count) * costs.messageSeconds)
            for byteCount in chunkByteCounts {
                for worker in workers.indices {
                    copies.append(
                        Copy(worker: worker, life: 0, byteCount: byteCount, isPulled: false))
                }
            }
            copyNext(at: processorFreeAt)
        }
        queue.insert(.tick, at: 0)
    }

    /// Bytes of a description of so many chunks: hash, class, rows and framing of each.
    static func description(_ chunkCount: Int) -> Int { 64 + 48 * chunkCount }

    mutating func makeID(of worker: Int) -> WorkerID {
        owners.append(worker)
        let id = WorkerID(UInt64(owners.count))
        workers[worker].id = id
        return id
    }

    func owner(of id: WorkerID) -> Int { owners[Int(id.rawValue) - 1] }

    private mutating func perform(_ entry: Entry) {
        switch entry {
        case .received(let message, let path):
            inbox.append((message, path))
            takeNext()
        case .decided:
            decide()
        case .copied(let copy):
            finish(copy)
        case .described(let worker, let life):
            if isAlive(worker, life) { beginPulling(worker) }
        case .pulled(let worker, let life):
            if isAlive(worker, life) { requestChunks(1, for: worker) }
        case .complete(let worker, let life):
            completeFeatures(of: worker, life)
        case .assigned(let assignment, let id, let path):
            take(assignment, for: id, path)
        case .revoked(let bundle, let attempt, let id, let mayFinish):
            revoke(bundle, attempt, from: id, mayFinish: mayFinish)
        case .ended(let worker, let life, let run):
            end(run, of: worker, life)
        case .died(let worker, let life):
            kill(worker, life)
        case .restarted(let worker):
            restart(worker)
        case .tick:
            queue.insert(.tick, at: now + 250_000_000)
            let path = Path(sentAt: now, reachedAt: now, takenInAt: now)
            inbox.append((.tick, path))
            takeNext()
        }
    }

    func isAlive(_ worker: Int, _ life: Int) -> Bool {
        workers[worker].isUp && workers[worker].life == life
    }
}
