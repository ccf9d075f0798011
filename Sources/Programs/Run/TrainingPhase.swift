import CoordinatorNetwork
import Decoding
import Display
import FeatureStore
import HeadTraining
import Heads
import ImageData
import Journal
import LogitKernels
import Numerics
import RunFolder
import Scheduling
import Sessions
import System
import WireProtocol

/// What the head phase leaves.
struct TrainedHeads: Sendable {
    /// What answers for rows.
    enum Answers: Sendable {
        /// Heads, asked about the features of any rows.
        case heads(PreparedHeads)
        /// What whole networks have said of all test rows.
        case stored(StoredLogits)
    }

    let collected: CollectedHeads
    /// What nobody could train.
    let missing: [HeadKey]
    /// What schemes ask: the heads, and the backbone's own outputs in the place of
    /// those missing.
    let answers: Answers
    /// Whether the backbone's own outputs stand in for what is missing.
    let hasStandIns: Bool
    /// As results.json has it.
    let digest: String
    /// Of heads at their optimum.
    var optimum: RunResults.Optimum?
    var certifiedCount: Int?
    /// Of whole networks, parameters of each besides its last layer.
    var bodyParameterCount = 0

    /// Heads as the model's file has them, in the plan's order; none of whole networks.
    var heads: [Head] { collected.heads.compactMap(\.self) }

    /// Checks that nothing is missing.
    ///
    /// - Throws: `RunError` of code `incomplete` that says what was given up, and why.
    func checkComplete() throws(RunError) {
        let consequence =
            hasStandIns
            ? "the backbone's own outputs stand in for what is missing"
            : "schemes that ask what is missing are left out"
        if let incompleteness = collected.incompleteness(consequence: consequence) {
            throw RunError(.incomplete, incompleteness)
        }
        guard let first = missing.first else { return }
        let reason =
            collected.givenUp.first.flatMap { collected.reasons[$0] } ?? "three workers died of it"
        throw RunError(
            .incomplete,
            "\(missing.count == 1 ? "a network" : missing.count.counted("network")) could not be trained, the first, over \(first), because \(reason); \(consequence), and all others are kept: the same command tries again"
        )
    }
}

/// Has workers train the heads of a run, and says how they came out.
struct TrainingPhase {
    let options: RunOptions
    let data: RunData
    let plan: HeadPlan
    let backbone: BackboneOutcome
    let pool: ComputePool
    let console: Console

    /// Trains what an earlier start has not, each head on the disk before its worker hears so.
    ///
    /// - Throws: `RunError` if no two machines agree about a head, so that none can be trusted.
    func run(
        _ link: CoordinatorLink, _ directory: RunDirectory, _ clock: PhaseClock
    ) async throws -> TrainedHeads {
        let journal = try directory.openJournal
        if options.headMode != .frozen, let dataset = data.images, let weights = backbone.weights {
            let phase = NetworkPhase(
                options: options, plan: plan, dataset: dataset, weights: weights,
                testFeatures: try backbone.testFeatures.matrix())
            var (job, chunks) = try phase.job(known: phase.known(journal))
            job.choose(shareToCheck: options.verify)
            describe(resumedCount: job.resumedProducts.count { $0 != nil }, job.noun)
            let writer = try JournalWriter(
                journal, naming: .outcomes { phase.name(of: $0) }, timeline: clock.timeline)
            let collected = try await train(job, chunks, writer, link, directory, clock)
            return try await pool.threads[0].run { try phase.trained(collected, journal) }
        }
        try checkSizes(featureCount: backbone.testFeatures.columnCount)
        let optimum = OptimumPhase(
            options: options, data: data, backbone: backbone, pool: pool, console: console)
        let penalty =
            options.headEpochs == .converge ? try await optimum.penalty(journal, clock) : nil
        var job = HeadJob(
            options, plan, backbone, l2: penalty?.l2, minWorkerCount: options.minWorkers)
        if let former = options.from {
            try takeOver(former, l2: penalty?.l2, into: journal)
        }
        try job.resume(journal)
        job.choose(shareToCheck: options.verify)
        describe(resumedCount: job.resumedHeads.count { $0 != nil }, job.noun)
        let collected = try await train(
            job, backbone.chunks,
            try JournalWriter(
                journal, naming: .heads { [plan] in plan.heads[Int($0.rawValue)] },
                timeline: clock.timeline), link, directory, clock)
        let heads = collected.heads.compactMap(\.self)
        // What is missing is taken from the backbone's own outputs for the head's classes, if there are
        // any.
        let standIns = collected.quarantined.compactMap {
            backbone.output?.restricted(to: $0.classes)
        }
        var trained = TrainedHeads(
            collected: collected, missing: collected.quarantined,
            answers: .heads(PreparedHeads(try HeadBank(heads + standIns))),
            hasStandIns: backbone.output != nil, digest: RunDigests.heads(heads))
        if let penalty {
            console.show(.activity("certifying"))
            let certificate = try await optimum.certificate(heads, l2: penalty.l2)
            trained.certifiedCount = certificate.certifiedCount
            trained.optimum = RunResults.Optimum(
                l2: penalty.l2, crossValidation: data.hasValidation ? nil : penalty.curve,
                crossValidationRows: penalty.sampleRowCount,
                validation: data.hasValidation ? penalty.curve : nil,
                gradientTolerance: BundleTrainer.optimumGradientTolerance,
                gradientMax: certificate.gradientMax)
        }
        return trained
    }

    /// Stores the heads of a former run that are the same here.
    private func takeOver(_ folder: String, l2: Double?, into journal: RunJournal) throws {
        let former = try FormerRun(folder)
        let heads = former.heads(
            options.config, l2: l2, classKeys: data.classKeys, backbone.chunks.manifest)
        let known = Set(plan.heads)
        let count = try journal.take(heads.filter { known.contains($0.key) }, of: folder)
        console.log(
            count > 0 ? .info : .warning,
            count > 0
                ? "\(count.grouped) of \(plan.heads.count.counted("head")) are taken over from \(folder), bit for bit"
                : "no head of \(folder) is the same here: its rows, penalty or training are others")
    }

    /// - Throws: `RunError` for a head that no result has room for: nobody could train it.
    private func checkSizes(featureCount: Int) throws(RunError) {
        guard let largest = plan.heads.max(by: { $0.outputCount < $1.outputCount }) else { return }
        let byteCount = BundleTrained.byteCount(of: [largest], featureCount: featureCount)
        let limit = WireLimits().resultByteCountMax
        guard byteCount <= limit else {
            throw RunError(
                .data,
                "a head over \(largest.outputCount) classes and \(featureCount) features takes \(byteCount >> 20) MiB, and a worker's result \(limit >> 20) at most; reduce the features, or keep fewer classes"
            )
        }
    }

    private func describe(resumedCount: Int, _ noun: String) {
        guard resumedCount > 0 else { return }
        let rest = resumedCount == plan.heads.count ? "" : "; going on with the others"
        console.log(
            .info,
            "\(resumedCount.grouped) of \(plan.heads.count.grouped) \(noun) were trained before\(rest)"
        )
    }

    private func train(
        _ job: any WorkSource, _ chunks: any ChunkSource, _ writer: JournalWriter,
        _ link: CoordinatorLink,
        _ directory: RunDirectory, _ clock: PhaseClock
    ) async throws -> CollectedHeads {
        let journal = try directory.openJournal
        let result: Result<CollectedHeads, any Error>
        do { result = .success(try await link.train(job, on: chunks, writer)) } catch {
            result = .failure(error)
        }
        // Also what came last before a signal is on the disk before the program ends.
        try await writer.finish()
        console.endPhase()
        let collected = try result.get()
        // What the network's thread did not see.
        try journal.commit(JournalEntries(clock.events))
        if let task = collected.contradicted, options.headMode != .frozen {
            var entries = JournalEntries()
            entries.withdrawnOutcomes = [writer.outcomeName(of: task)].compactMap(\.self)
            try journal.commit(entries)
        }
        // Before anything is written: results of a machine that computes wrongly are none.
        try collected.check()
        clock.add(\.broadcast, collected.broadcastSeconds)
        clock.end(\.heads, less: collected.broadcastSecondsBeforeHeads)
        try journal.commit(JournalEntries(clock.timing))
        return collected
    }
}
