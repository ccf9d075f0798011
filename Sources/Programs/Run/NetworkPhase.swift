import Decoding
import FeatureStore
import Hashing
import Heads
import ImageData
import Journal
import LeNet
import LogitKernels
import Numerics
import RunFolder
import Scheduling
import Sessions
import Study
import StudyWork
import System
import WireProtocol

/// The head phase of a run of whole networks: each is a task, trained from the raw images.
///
/// A network comes back as its logits of the test rows, which is all that schemes ask, and is kept so
/// in the journal; weights of megabytes each stay with the worker.
struct NetworkPhase {
    let options: RunOptions
    let plan: HeadPlan
    let dataset: Dataset
    let weights: BackboneWeights
    /// `[sample, feature]` of the test rows, as the backbone makes them.
    let testFeatures: Matrix

    /// The run as a study's one trial: its rows are all that the run keeps.
    private var key: TrialKey {
        TrialKey(dataset: dataset.name, fractionMillionths: 1_000_000, trial: 0)
    }

    private var settings: StudySettings {
        var settings = StudySettings(scope: .full)
        settings.epochCount = options.epochs
        if case .count(let count) = options.headEpochs { settings.headEpochCount = count }
        settings.batchSize = options.batchSize
        settings.learningRate = options.learningRate
        settings.seed = options.seed
        return settings
    }

    private var isWarm: Bool { options.headMode == .warm }

    private func unit(_ id: WorkID) -> StudyUnit {
        .network(
            key, arm: isWarm ? .warm : .scratch,
            classes: plan.heads[Int(id.rawValue)].classes.members)
    }

    /// What a network's outcome is kept under.
    func name(of id: WorkID) -> String { unit(id).description }

    /// Outcomes that an earlier start has, in the plan's order.
    ///
    /// - Throws: `RunError` for an outcome that this run's plan does not have.
    func known(_ journal: RunJournal) throws -> [[UInt8]?] {
        var found = [[UInt8]?](repeating: nil, count: plan.heads.count)
        try forEach(in: journal) { index, record, _ in found[index] = record.payload }
        return found
    }

    private func forEach(
        in journal: RunJournal, _ body: (Int, StudyRecord, NetworkOutcome) -> Void
    ) throws {
        var positions: [String: WorkID] = [:]
        for index in plan.heads.indices {
            let id = WorkID(UInt32(index))
            positions[name(of: id)] = id
        }
        try journal.forEachOutcome { record in
            guard let id = positions[record.unit], let network = network(record.payload, id) else {
                throw RunError(
                    .data,
                    "\(journal.path) holds a network, \(record.unit), which is none of this run's; use another --run-dir"
                )
            }
            body(Int(id.rawValue), record, network)
        }
    }

    /// Nil for bytes that are not that network's outcome.
    private func network(_ bytes: [UInt8], _ id: WorkID) -> NetworkOutcome? {
        guard let record = try? UnitRecord(decoding: bytes), record.unit == unit(id),
            record.fits(labels: dataset.test.labels, classCount: dataset.classCount),
            case .network(let network) = record.outcome
        else { return nil }
        return network
    }

    /// The networks as tasks for workers.
    ///
    /// - Throws: `data` for a class without training rows.
    func job(known: [[UInt8]?]) throws -> (TaskJob, MaterialChunks) {
        let counts = dataset.train.classCounts(classCount: dataset.classCount)
        if let empty = counts.firstIndex(of: 0) {
            throw RunError(
                .data,
                "class \(empty) has no training rows to train networks on: keep more rows, or leave it out by --classes"
            )
        }
        let size = dataset.size
        let chunks = MaterialChunks(
            try StudyMaterials.materials(
                settings: settings, datasets: [dataset],
                backbones: isWarm ? [dataset.name: weights] : [:]))
        let job = try TaskJob(
            tasks: plan.heads.enumerated().map { index, key in
                let unit = unit(WorkID(UInt32(index)))
                return TaskJob.Item(
                    "the network over \(key)",
                    flops: size.flops(of: unit, settings),
                    description: try StudyMaterials.description(of: unit))
            },
            on: chunks.manifest, known: known, minWorkerCount: options.minWorkers,
            noun: "networks", digest: BLAKE2b.digest
        ) { self.network($1, $0) != nil }
        return (job, chunks)
    }

    /// What the networks say of the test rows, once workers have done what they can.
    ///
    /// - Throws: `DecodingError` for logits that are not finite, and what reading the journal throws.
    func trained(_ collected: CollectedHeads, _ journal: RunJournal) throws -> TrainedHeads {
        var logits: [(key: HeadKey, values: Matrix)] = []
        var digests: [String] = []
        var missing: [HeadKey] = []
        let rowCount = dataset.test.count
        var networks = [NetworkOutcome?](repeating: nil, count: plan.heads.count)
        try forEach(in: journal) { index, _, network in networks[index] = network }
        for (spec, network) in zip(plan.heads, networks) {
            if let network {
                digests.append(network.weightDigest)
                logits.append(
                    (
                        spec,
                        Matrix(
                            rowCount: rowCount, columnCount: spec.classes.count,
                            values: network.logits)
                    ))
            } else {
                missing.append(spec)
                let standIn = weights.outputHead.restricted(to: spec.classes)
                logits.append((spec, try standIn.logits(testFeatures)))
            }
        }
        var trained = TrainedHeads(
            collected: collected, missing: missing, answers: .stored(try StoredLogits(logits)),
            hasStandIns: true,
            digest: RunDigests.networks(digests))
        // All layers below the last: that one is counted as a head on features is.
        trained.bodyParameterCount = weights.tensors.dropLast(2).reduce(0) {
            $0 + $1.values.count
        }
        return trained
    }
}
