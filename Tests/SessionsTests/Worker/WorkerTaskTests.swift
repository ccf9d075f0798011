import FeatureStore
import Heads
import Sessions
import Testing
import Transfer
import WireProtocol

/// A worker's session with tasks instead of heads.
@Suite struct WorkerTaskTests {
    private func driver(takesTasks: Bool = true, slotCount: Int = 1) -> Driver {
        Driver(slotCount: slotCount, takesTasks: takesTasks)
    }

    /// A worker that holds all materials; its runner is still to be made.
    private func holding(
        _ materials: Sample.Materials = Sample.Materials(), slotCount: Int = 1
    ) -> (Driver, WorkerSession.Preparation)? {
        var worker = driver(slotCount: slotCount)
        worker.join()
        worker.receive(.materials(materials.description(broadcastComplete: false)))
        var actions: [WorkerSession.Action] = []
        for chunk in materials.messages { actions += worker.receive(chunk) }
        guard let preparation = actions.preparations.first else { return nil }
        return (worker, preparation)
    }

    @Test func isReadyOnceItsRunnerIsMade() throws {
        let sample = Sample.Materials()
        var worker = driver()
        worker.join()
        worker.receive(.materials(sample.description(broadcastComplete: false)))
        var prepared: [Materials] = []
        var preparation: WorkerSession.Preparation?
        for chunk in sample.messages {
            let actions = worker.receive(chunk)
            #expect(!actions.sent.contains(.ready))
            for case .prepareTasks(let assembly, let number) in actions {
                prepared.append(try #require(assembly.materials))
                preparation = number
            }
        }
        #expect(prepared == [sample.value])
        // Told again meanwhile, as by a coordinator that waits: nothing is made twice.
        let again = worker.receive(.materials(sample.description(broadcastComplete: true)))
        #expect(again.preparations.isEmpty)
        #expect(worker.receive(.assign(Sample.task(1))).declined == [1])
        let ready = worker.feed(.tasksPrepared(try #require(preparation), failure: nil))
        #expect(ready.sent == [.ready])
        #expect(worker.receive(.assign(Sample.task(2))).begun.map(\.bundle) == [2])
    }

    @Test func outcomesAreSentAndKeptLikeHeads() throws {
        var (worker, preparation) = try #require(holding())
        worker.feed(.tasksPrepared(preparation, failure: nil))
        let ticket = try #require(worker.receive(.assign(Sample.task(3))).begun.first).ticket
        let result = Sample.outcome(3)
        #expect(worker.feed(.bundleTrained(ticket, result)).sent == [.bundleTrained(result)])
        // Asked after it, it is on its way; once it is stored, the worker has nothing any more.
        let revoked = CoordinatorMessage.revoke(bundle: 3, attempt: 1, mayFinish: true)
        #expect(worker.receive(revoked).isEmpty)
        #expect(worker.feed(.connectionRenewed).sent == [.bundleTrained(result)])
        worker.receive(.acknowledge(bundle: 3, attempt: 1))
        #expect(worker.receive(revoked).declined == [3])
    }

    // What runs for minutes is asked after while it runs.
    @Test func aTaskThatRunsGoesOnWhenAskedAfter() throws {
        var (worker, preparation) = try #require(holding())
        worker.feed(.tasksPrepared(preparation, failure: nil))
        let ticket = try #require(worker.receive(.assign(Sample.task(3))).begun.first).ticket
        let asked = worker.receive(.revoke(bundle: 3, attempt: 1, mayFinish: true))
        #expect(asked.isEmpty)
        let stopped = worker.receive(.revoke(bundle: 3, attempt: 1, mayFinish: false))
        #expect(stopped.cancelled == [ticket])
    }

    @Test func withoutARunnerTheJobIsRefusedInASentence() {
        var worker = driver(takesTasks: false)
        worker.join()
        let sample = Sample.Materials()
        let actions = worker.receive(.materials(sample.description(broadcastComplete: false)))
        #expect(
            actions.exit
                == .refused("this worker trains heads and takes no tasks; start one that does"))
    }

    @Test func aRunnerThatCannotBeMadeEndsTheWorker() throws {
        var (worker, preparation) = try #require(holding())
        let actions = worker.feed(.tasksPrepared(preparation, failure: "no images"))
        #expect(actions.exit == .refused("this worker cannot take the job's tasks: no images"))
    }

    @Test func materialsThatDoNotFitAreRefused() {
        var worker = Driver(featureByteCountMax: 20, takesTasks: true)
        worker.join()
        let sample = Sample.Materials()
        let exit = worker.receive(.materials(sample.description(broadcastComplete: false))).exit
        guard case .refused(let reason) = exit else {
            Issue.record("\(String(describing: exit))")
            return
        }
        #expect(reason.hasPrefix("the coordinator's materials are unusable: "))
    }

    @Test func aRunnerIsMadeThroughAReconnection() throws {
        let sample = Sample.Materials()
        var (worker, preparation) = try #require(holding(sample))
        // Silence: a new connection to the same coordinator while the runner is being made.
        #expect(worker.wait(.seconds(6)).reconnects)
        worker.receive(.welcome(Sample.welcome()))
        let told = worker.receive(.materials(sample.description(broadcastComplete: true)))
        #expect(told.sent.isEmpty && told.preparations.isEmpty)
        #expect(worker.feed(.tasksPrepared(preparation, failure: nil)).sent == [.ready])
        // And the other way round: it is there before the coordinator is.
        (worker, preparation) = try #require(holding(sample))
        #expect(worker.wait(.seconds(6)).reconnects)
        #expect(worker.feed(.tasksPrepared(preparation, failure: nil)).sent.isEmpty)
        worker.receive(.welcome(Sample.welcome()))
        let ready = worker.receive(.materials(sample.description(broadcastComplete: true)))
        #expect(ready.sent == [.ready])
    }

    @Test func theRunnerOfAFormerJobIsNothingForTheNext() throws {
        var (worker, former) = try #require(holding())
        let next = Sample.Materials(seed: 1)
        worker.receive(.materials(next.description(broadcastComplete: false)))
        #expect(worker.feed(.tasksPrepared(former, failure: "too late")).isEmpty)
        var actions: [WorkerSession.Action] = []
        for chunk in next.messages { actions += worker.receive(chunk) }
        let preparation = try #require(actions.preparations.first)
        #expect(preparation != former)
        #expect(worker.feed(.tasksPrepared(former, failure: nil)).isEmpty)
        #expect(worker.feed(.tasksPrepared(preparation, failure: nil)).sent == [.ready])
        // Heads may come after tasks, and tasks are none of theirs.
        worker.becomeReady()
        let wrong = worker.receive(.assign(Sample.task(9)))
        #expect(wrong.begun.isEmpty)
        guard case .bundleFailed(let failure)? = wrong.sent.first else {
            Issue.record("\(wrong.sent)")
            return
        }
        #expect(!failure.isDeclined)
        #expect(worker.receive(.assign(Sample.assignment(10))).begun.map(\.bundle) == [10])
    }

    @Test func headsAreNothingForAJobOfTasks() throws {
        var (worker, preparation) = try #require(holding())
        worker.feed(.tasksPrepared(preparation, failure: nil))
        let wrong = worker.receive(.assign(Sample.assignment(1)))
        #expect(wrong.begun.isEmpty && wrong.sent.count == 1)
    }

    // What the broadcast did not bring is asked for, as rows are.
    @Test func missingMaterialsAreAskedFor() throws {
        let sample = Sample.Materials()
        var worker = driver()
        worker.join()
        worker.receive(.materials(sample.description(broadcastComplete: false)))
        let messages = sample.messages
        for index in messages.indices where index != 1 { worker.receive(messages[index]) }
        worker.receive(.broadcastComplete)
        #expect(worker.wait(.milliseconds(250)).sent == [.chunkRequest([1])])
        #expect(worker.receive(messages[1]).preparations.count == 1)
    }
}
