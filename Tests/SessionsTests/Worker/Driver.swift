import FeatureStore
import Heads
import Numerics
import Sessions
import Transfer
import WireProtocol

/// A worker's session, driven by hand in a time of its own.
struct Driver {
    var session: WorkerSession
    var now = Instant.start
    private(set) var actions: [WorkerSession.Action] = []
    /// Otherwise the test does, when it likes.
    let insertsAtOnce: Bool

    init(
        stays: Bool = false, slotCount: Int = 1, insertsAtOnce: Bool = true,
        featureByteCountMax: Int = 1 << 30, takesTasks: Bool = false
    ) {
        self.insertsAtOnce = insertsAtOnce
        session = WorkerSession(
            hello: Hello(
                incarnation: 7, name: "w", host: "h", isa: "scalar", threadCount: slotCount,
                slotCount: slotCount, processID: 1),
            stays: stays, featureByteCountMax: featureByteCountMax,
            takesTasks: takesTasks, at: now, makeAssembly: makeAssembly)
    }

    @discardableResult
    mutating func feed(_ event: WorkerSession.Event) -> [WorkerSession.Action] {
        actions = []
        take(session.handle(event, at: now, peakRSSByteCount: 4_096))
        return actions
    }

    /// Keeps actions; chunks that are inserted at once are not among them.
    private mutating func take(_ new: [WorkerSession.Action]) {
        for action in new {
            if case .insert(let index, let bytes, let assembly) = action, insertsAtOnce {
                take(session.handle(.inserting(index, bytes, into: assembly), at: now))
            } else {
                actions.append(action)
            }
        }
    }

    @discardableResult
    mutating func receive(_ message: CoordinatorMessage) -> [WorkerSession.Action] {
        feed(.message(message))
    }

    mutating func wait(_ duration: Duration) -> [WorkerSession.Action] {
        now += duration
        return feed(.tick)
    }

    /// Says hello and is welcomed.
    mutating func join(run: UInt8 = 1) {
        feed(.tick)
        receive(.welcome(Sample.welcome(run: run)))
    }

    /// Joins and takes in every row.
    mutating func becomeReady(_ task: Sample.Task = Sample.Task()) {
        join()
        receive(.features(task.description(broadcastComplete: false)))
        for chunk in task.chunks { receive(.chunk(chunk)) }
    }
}

enum Sample {
    static func welcome(run: UInt8 = 1) -> Welcome {
        Welcome(
            runID: [UInt8](repeating: run, count: 16), workerNumber: 1,
            heartbeatMilliseconds: 1_000, featurePort: 5_556, featuresReady: false)
    }

    /// Two classes of four rows, in chunks of one row.
    struct Task {
        let source: FeatureChunks
        let training: Training

        init(seed: UInt64 = 0) {
            let values = (0..<16).map { Float($0) + Float(seed) }
            let table = FeatureTable(
                grouping: Matrix(rowCount: 8, columnCount: 2, values: values),
                labels: [0, 0, 0, 0, 1, 1, 1, 1], classCount: 2)
            guard let chunks = try? FeatureChunks(table, chunkByteCountMax: 8) else {
                preconditionFailure("the sample has chunks")
            }
            source = chunks
            training = .epochs(HeadHyperparameters(epochCount: 1, seed: seed))
        }

        func description(broadcastComplete: Bool) -> FeatureDescription {
            FeatureDescription(
                manifest: source.manifest, training: training,
                broadcastComplete: broadcastComplete)
        }

        var chunks: [FeatureChunk] {
            source.manifest.chunks.indices.map { index in
                let bytes = unsafe source.withUnsafeBytes(ofChunk: index) { unsafe [UInt8]($0) }
                return FeatureChunk(index: index, bytes: bytes)
            }
        }
    }

    /// Two materials in three chunks.
    struct Materials {
        let value: FeatureStore.Materials
        let chunks: MaterialChunks

        init(seed: UInt8 = 0) {
            value = FeatureStore.Materials([
                .init(name: "images", bytes: (0..<25).map { $0 &+ seed }),
                .init(name: "labels", bytes: [1, 2, seed]),
            ])
            chunks = MaterialChunks(value, chunkByteCountMax: 16)
        }

        func description(broadcastComplete: Bool) -> MaterialDescription {
            MaterialDescription(
                manifest: chunks.manifest, broadcastComplete: broadcastComplete)
        }

        var messages: [CoordinatorMessage] {
            chunks.manifest.chunks.indices.map { index in
                let bytes = unsafe chunks.withUnsafeBytes(ofChunk: index) { unsafe [UInt8]($0) }
                return .chunk(FeatureChunk(index: index, bytes: bytes))
            }
        }
    }

    static func task(_ bundle: UInt64, attempt: UInt32 = 1) -> BundleAssignment {
        BundleAssignment(bundle: bundle, attempt: attempt, content: .task([1, 2]))
    }

    static func outcome(_ bundle: UInt64, attempt: UInt32 = 1) -> BundleTrained {
        BundleTrained(
            bundle: bundle, attempt: attempt, busySeconds: 60, content: .task([9, 8, 7]))
    }

    static func assignment(_ bundle: UInt64, attempt: UInt32 = 1) -> BundleAssignment {
        BundleAssignment(
            bundle: bundle, attempt: attempt,
            content: .heads([HeadKey(ClassSet([0, 1]))]))
    }

    static func result(_ bundle: UInt64, attempt: UInt32 = 1) -> BundleTrained {
        BundleTrained(
            bundle: bundle, attempt: attempt, busySeconds: 0.5,
            content: .heads(
                HeadBlock.runs(of: [
                    Head(
                        classes: ClassSet([0, 1]), weights: Matrix(rowCount: 2, columnCount: 2),
                        biases: [0, 0])
                ])))
    }
}

extension [WorkerSession.Action] {
    /// The messages to be sent, without heartbeats.
    var sent: [WorkerMessage] {
        compactMap {
            guard case .send(let message) = $0 else { return nil }
            if case .heartbeat = message { return nil }
            return message
        }
    }

    /// What the compute threads would report of the chunks that are to be inserted.
    var insertions: [WorkerSession.Event] {
        compactMap {
            guard case .insert(let index, let bytes, let assembly) = $0 else { return nil }
            return .inserting(index, bytes, into: assembly)
        }
    }

    var heartbeats: [WorkerHeartbeat] {
        compactMap {
            guard case .send(.heartbeat(let heartbeat)) = $0 else { return nil }
            return heartbeat
        }
    }

    var begun: [(ticket: WorkerSession.Ticket, bundle: UInt64)] {
        compactMap {
            guard case .begin(let ticket, let assignment) = $0 else { return nil }
            return (ticket, assignment.bundle)
        }
    }

    var cancelled: [WorkerSession.Ticket] {
        compactMap {
            guard case .cancel(let ticket) = $0 else { return nil }
            return ticket
        }
    }

    var exit: WorkerExit? {
        for case .exit(let reason) in self { return reason }
        return nil
    }

    var prepareCount: Int {
        reduce(0) { sum, action in
            if case .prepare = action { return sum + 1 }
            return sum
        }
    }

    /// Runners that are to be made.
    var preparations: [WorkerSession.Preparation] {
        compactMap {
            guard case .prepareTasks(_, let preparation) = $0 else { return nil }
            return preparation
        }
    }

    var reconnects: Bool {
        contains { action in
            if case .reconnect = action { return true }
            return false
        }
    }

    /// Bundles given back untrained.
    var declined: [UInt64] {
        sent.compactMap {
            guard case .bundleFailed(let failure) = $0, failure.isDeclined else { return nil }
            return failure.bundle
        }
    }
}
