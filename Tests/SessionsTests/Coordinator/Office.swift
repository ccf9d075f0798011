import FeatureStore
import Heads
import Numerics
import Scheduling
import Sessions
import Transfer
import WireProtocol

/// A small task: rows, heads, and what training would make of each head.
struct SampleJob {
    let plan: HeadPlan
    let chunks: FeatureChunks
    let training: Training

    init(classCount: Int = 3, rowsPerClass: Int = 4, seed: UInt64 = 0) {
        let rowCount = classCount * rowsPerClass
        let table = FeatureTable(
            grouping: Matrix(
                rowCount: rowCount, columnCount: 2, values: (0..<rowCount * 2).map { Float($0) }),
            labels: (0..<rowCount).map { $0 % classCount }, classCount: classCount)
        guard let chunks = try? FeatureChunks(table, chunkByteCountMax: 16) else {
            preconditionFailure("the sample has chunks")
        }
        self.chunks = chunks
        plan = HeadPlan(.subsets, classCount: classCount)
        training = .epochs(HeadHyperparameters(epochCount: 1, seed: seed))
    }

    func job(minWorkerCount: Int = 1, bundleHeadCountMax: Int = 2) -> HeadJob {
        var job = HeadJob(
            plan: plan, training: training, derivedHead: nil, manifest: chunks.manifest,
            minWorkerCount: minWorkerCount)
        job.schedulerConfiguration.bundleHeadCountMax = bundleHeadCountMax
        return job
    }

    func bytes(ofChunk index: Int) -> [UInt8] {
        unsafe chunks.withUnsafeBytes(ofChunk: index) { unsafe [UInt8]($0) }
    }

    /// A stand-in for training: numbers made of the head's own.
    func head(_ key: HeadKey, error: Float = 0) -> Head {
        let count = key.outputCount
        let base = Float(plan.position(of: key) ?? -1) + error
        return Head(
            key: key,
            weights: Matrix(
                rowCount: count, columnCount: 2, values: (0..<count * 2).map { base + Float($0) }),
            biases: (0..<count).map { base - Float($0) })
    }

    func result(
        _ assignment: BundleAssignment, error: Float = 0, busySeconds: Double = 0.5
    ) -> BundleTrained {
        BundleTrained(
            bundle: assignment.bundle, attempt: assignment.attempt, busySeconds: busySeconds,
            content: .heads(
                HeadBlock.runs(of: assignment.heads.map { head($0, error: error) })))
    }

    /// The plan's head beside the given one, or one that is in no plan if there is no other.
    func other(than key: HeadKey) -> HeadKey {
        let position = (plan.position(of: key) ?? 0) ^ 1
        return position < plan.heads.count ? plan.heads[position] : Self.foreign
    }

    /// A head of no sample's plan.
    static let foreign = HeadKey(ClassSet([0, 9]))
}

extension BundleTrained {
    /// The heads, none of a task; setting them makes it a result of heads.
    var heads: [Head] {
        get { if case .heads(let blocks) = content { blocks.flatMap(\.heads) } else { [] } }
        set { content = .heads(HeadBlock.runs(of: newValue)) }
    }

    /// Makes it a result of heads of the same keys over so many features, all zeros.
    mutating func setFeatureCount(_ count: Int) {
        heads = heads.map {
            Head(
                key: $0.key, weights: Matrix(rowCount: $0.outputCount, columnCount: count),
                biases: $0.biases)
        }
    }
}

/// A coordinator's session, driven by hand in a time of its own.
struct Office {
    let sample: SampleJob
    var session: CoordinatorSession
    var now = Instant.start
    private(set) var actions: [CoordinatorSession.Action] = []
    /// Whether heads are on disk the moment they are to be.
    var storesAtOnce = true

    init(_ sample: SampleJob = SampleJob(), waitLimit: WaitLimit? = nil) {
        self.sample = sample
        session = CoordinatorSession(
            runID: [UInt8](repeating: 1, count: 16), featurePort: 5_556, endpoint: "tcp://here:1",
            waitLimit: waitLimit)
    }

    @discardableResult
    mutating func feed(_ event: CoordinatorSession.Event) -> [CoordinatorSession.Action] {
        actions = session.handle(event, at: now)
        if storesAtOnce {
            for batch in actions.stored {
                actions += session.handle(.stored(through: batch.number), at: now)
            }
        }
        return actions
    }

    @discardableResult
    mutating func receive(_ message: WorkerMessage, from peer: UInt8)
        -> [CoordinatorSession.Action]
    {
        feed(.received(message.encode(), from: .init(bytes: [peer])))
    }

    @discardableResult
    mutating func hello(_ peer: UInt8, incarnation: UInt64? = nil, name: String? = nil)
        -> [CoordinatorSession.Action]
    {
        receive(
            .hello(
                Hello(
                    incarnation: incarnation ?? UInt64(peer), name: name ?? "w\(peer)", host: "h",
                    isa: "scalar", threadCount: 1, slotCount: 1, processID: 1)),
            from: peer)
    }

    mutating func wait(_ seconds: Double) -> [CoordinatorSession.Action] {
        now = now.advanced(bySeconds: seconds)
        return feed(.tick)
    }

    /// Lets time pass while the given peers are heard.
    mutating func pass(_ seconds: Int, heard: [UInt8]) -> [CoordinatorSession.Action] {
        var all: [CoordinatorSession.Action] = []
        for _ in 0..<seconds * 2 {
            for peer in heard {
                all += receive(.heartbeat(Self.heartbeat(UInt64(peer))), from: peer)
            }
            all += wait(0.5)
        }
        return all
    }

    static func heartbeat(_ incarnation: UInt64, peakRSSByteCount: Int = 5) -> WorkerHeartbeat {
        WorkerHeartbeat(
            incarnation: incarnation, busySeconds: 0, peakRSSByteCount: peakRSSByteCount,
            receivedByteCount: 6, runningBundles: [])
    }

    /// The head phase with these workers ready; the broadcast is over.
    mutating func serve(
        to peers: [UInt8], minWorkerCount: Int = 1, bundleHeadCountMax: Int = 2
    ) -> [CoordinatorSession.Action] {
        for peer in peers { hello(peer) }
        feed(
            .serve(
                sample.job(minWorkerCount: minWorkerCount, bundleHeadCountMax: bundleHeadCountMax)))
        var all = wait(0.5)
        for peer in peers { all += receive(.ready, from: peer) }
        return all
    }
}

extension [CoordinatorSession.Action] {
    /// The messages to one peer.
    func sent(to peer: UInt8) -> [CoordinatorMessage] {
        compactMap {
            guard case .send(let message, let id) = $0, id.bytes == [peer] else { return nil }
            return message
        }
    }

    func assigned(to peer: UInt8) -> [BundleAssignment] {
        sent(to: peer).compactMap {
            guard case .assign(let assignment) = $0 else { return nil }
            return assignment
        }
    }

    func refusals(to peer: UInt8) -> [Refused.Code] {
        sent(to: peer).compactMap {
            guard case .refused(let refusal) = $0 else { return nil }
            return refusal.code
        }
    }

    func descriptions(to peer: UInt8) -> [FeatureDescription] {
        sent(to: peer).compactMap {
            guard case .features(let description) = $0 else { return nil }
            return description
        }
    }

    func welcomes(to peer: UInt8) -> [Welcome] {
        sent(to: peer).compactMap {
            guard case .welcome(let welcome) = $0 else { return nil }
            return welcome
        }
    }

    func acknowledged(to peer: UInt8) -> [UInt64] {
        sent(to: peer).compactMap {
            guard case .acknowledge(let bundle, _) = $0 else { return nil }
            return bundle
        }
    }

    /// What is to be brought to the disk.
    var stored: [HeadBatch] {
        compactMap {
            guard case .store(let batch) = $0 else { return nil }
            return batch
        }
    }

    var published: [Int] {
        compactMap {
            guard case .publish(let index) = $0 else { return nil }
            return index
        }
    }

    var lines: [String] {
        compactMap {
            guard case .log(_, let text) = $0 else { return nil }
            return text
        }
    }
}
