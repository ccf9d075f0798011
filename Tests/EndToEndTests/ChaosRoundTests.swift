import Foundation
import Heads
import Journal
import RunFolder
import TestSupport
import Testing

extension EndToEndTests {
    // Goal: whatever happens to real processes at whatever moment, the run ends with the digests and
    // files of an undisturbed one, every head is accepted once, and nothing is left behind. Method: a
    // seed makes a plan of what happens when to whom; the journal is copied at every death and
    // compared with the last one. The clock is the real one, so a seed does not give the same
    // interleaving twice: a failure that does not come again at once may after some rounds.
    @Suite(.timeLimit(.minutes(ChaosSeeds.minutes))) struct ChaosRoundTests {
        @Test func everyRoundEndsLikeAnUndisturbedRun() async throws {
            var tally: [String: Int] = [:]
            var survivedCount = 0
            var failureCount = 0
            for seed in ChaosSeeds.all where failureCount < 5 {
                let run = try await ChaosRun(ChaosPlan(seed: seed))
                do {
                    try await run.run()
                    try run.check()
                    survivedCount += 1
                } catch {
                    failureCount += 1
                    Issue.record(
                        """
                        seed \(seed): \(error); once more: \
                        MANYHEADS_CHAOS_SEED=\(seed) Scripts/test --filter ChaosRoundTests
                        \(run.story)
                        """)
                }
                tally.merge(run.tally, uniquingKeysWith: +)
            }
            let events = tally.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            print("\(survivedCount) rounds survived: \(events.joined(separator: ", "))")
            // Chaos in which nothing happens shows nothing.
            #expect(tally["coordinator started", default: 0] > ChaosSeeds.all.count)
            for kind in ["worker killed", "worker frozen", "worker drained"]
            where ChaosSeeds.all.count > 1 {
                #expect(tally[kind, default: 0] > 0, "\(kind) never happened")
            }
        }

        @Test func theChecksNoticeWhatIsWrong() async throws {
            let quiet = ChaosPlan(seed: 0, localWorkerCount: 0, workerCount: 2, misfortunes: [])
            let run = try await ChaosRun(quiet)
            try await run.run()
            try run.check()
            let draft = run.path + "/.partial-model.safetensors.1"
            try Data().write(to: URL(filePath: draft))
            #expect(throws: ChaosFailure.self, "a temporary file") { try run.check() }
            try FileManager.default.removeItem(atPath: draft)
            // As if a coordinator had died with heads on disk that the next one trained again.
            var snapshot = try JournalSnapshot(of: run.path)
            snapshot.isFinished = false
            snapshot.heads[3].worker = "somebody else"
            run.snapshots = [snapshot]
            #expect(throws: ChaosFailure.self, "a head accepted twice") { try run.check() }
            run.snapshots = []
            try run.check()
            let model = RunDirectory.path(of: .model, in: run.path)
            var changed = try bytes(of: model)
            changed[changed.count - 1] ^= 1
            try Data(changed).write(to: URL(filePath: model))
            #expect(throws: ChaosFailure.self, "one bit of the model") { try run.check() }
        }

        @Test func aLateResultAndThenUnacknowledgedOnesAndANewCoordinator() async throws {
            let folder = try TemporaryDirectory()
            let path = folder.path("run")
            // Long enough that the late one's two bundles are not all there is to do.
            var job = try Job.long()
            let expected = try await LongRun.results
            job.bind = try freeEndpoint()
            try await job.beginWithBackbone(in: path)
            let first = try job.start(in: path)
            let late = try startWorker(job.bind, name: "late")
            try await late.line(containing: "holding 1,200 rows")
            try await hasComputed(late.identifier, seconds: 0.2)
            late.send(SIGSTOP)
            try await first.line(containing: "worker late fell silent")
            // It goes on while nobody tells it that its leases are over.
            first.send(SIGSTOP)
            let before = progress(in: path).headCount
            late.send(SIGCONT)
            try await isIdle(late.identifier)
            late.send(SIGSTOP)
            // Nobody is there to train anything: what is stored now came late.
            first.send(SIGCONT)
            let patience = ContinuousClock.now + .seconds(5)
            try await eventually("the late result is kept") {
                // On a busy machine both were silent so long that the connection is closed, and what it
                // carried is lost: the worker sends it again over a new one.
                if ContinuousClock.now > patience { late.send(SIGCONT) }
                return progress(in: path).headCount > before
            }
            late.send(SIGSTOP)
            // Another one has results when nobody is there to take them.
            let waiting = try startWorker(job.bind, name: "waiting")
            try await waiting.line(containing: "holding 1,200 rows")
            try await hasComputed(waiting.identifier, seconds: 0.1)
            first.send(SIGSTOP)
            try await isIdle(waiting.identifier)
            first.send(SIGKILL)
            #expect(try await first.exitStatus() == 128 + SIGKILL)
            let kept = try JournalSnapshot(of: path).heads
            let second = try job.start(in: path)
            // Alone, or the late one might end the run before this one is back.
            try await waiting.line(containing: "results that nobody acknowledged are dropped")
            late.send(SIGCONT)
            #expect(try await second.exitStatus() == 0)
            for worker in [late, waiting] {
                // The run may have been over before the late one was back.
                worker.send(SIGTERM)
                #expect(try await worker.exitStatus() == 0)
            }
            let results = try RunDirectory.readResults(in: path)
            #expect(results.digests == expected.digests)
            #expect(results.heads.resumed == kept.count)
            #expect(results.heads.trained == ChaosJob.headCount - kept.count)
            let final = try JournalSnapshot(of: path).headsByKey()
            #expect(final.keys.sorted() == ChaosJob.plan.heads)
            #expect(kept.allSatisfy { final[$0.head.key] == $0 })
        }
    }
}

/// The seeds of this process: a few, or as many as the environment asks for.
enum ChaosSeeds {
    /// In which every phase is hit and every kind of thing happens.
    private static let usual: [UInt64] = [1, 2, 3]

    /// Of `MANYHEADS_CHAOS_ROUNDS`, from `MANYHEADS_CHAOS_SEED` on.
    static let all: [UInt64] = {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["MANYHEADS_CHAOS_ROUNDS"].flatMap(UInt64.init)
        let first = environment["MANYHEADS_CHAOS_SEED"].flatMap(UInt64.init)
        if count == nil && first == nil { return usual }
        return (0..<(count ?? 1)).map { (first ?? 1_000) &+ $0 }
    }()

    static var minutes: Int { 5 + all.count }
}
