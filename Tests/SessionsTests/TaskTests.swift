import FeatureStore
import Heads
import Numerics
import Scheduling
import Sessions
import Synchronization
import Testing
import WireProtocol

/// Jobs of tasks between the real sessions of both ends, over bytes.
@Suite struct TaskTests {
    private func outcomes(_ sample: SampleTasks) -> [[UInt8]?] {
        sample.items.indices.map { sample.outcome(of: WorkID(UInt32($0))) }
    }

    @Test func everyTaskIsDoneAndStored() {
        var hall = TaskHall(SampleTasks())
        hall.run(hall.sample.job())
        #expect(hall.failure == nil)
        #expect(hall.workers[0].exit == .done)
        #expect(hall.stored == outcomes(hall.sample))
        #expect(hall.office.isFinished && hall.finishCount == 1)
        #expect(hall.prepared == [hall.sample.materials])
        let collected = hall.office.collected
        #expect(collected.rejectedCount == 0)
        #expect(collected.workers.map(\.headCount) == [5])
        #expect(collected.heads.allSatisfy { $0 == nil })
    }

    @Test func whatIsKnownIsNotDoneAgain() {
        let sample = SampleTasks(taskCount: 6)
        var hall = TaskHall(sample)
        var known = outcomes(sample)
        for index in [1, 4] { known[index] = nil }
        hall.run(sample.job(known: known))
        #expect(hall.workers[0].exit == .done)
        #expect(hall.stored.indices.filter { hall.stored[$0] != nil } == [1, 4])
        #expect(hall.office.collected.resumedCount == 4)
        // All of it, and nothing at all.
        for sample in [sample, SampleTasks(taskCount: 0)] {
            var idle = TaskHall(sample)
            idle.run(sample.job(known: outcomes(sample), minWorkerCount: 3))
            #expect(idle.office.isFinished && idle.finishCount == 1)
            #expect(idle.stored.allSatisfy { $0 == nil })
        }
    }

    @Test func aDescriptionThatNoMessageTakesIsRefused() {
        let chunks = MaterialChunks(Materials([]))
        let limit = WireLimits().taskDescriptionByteCountMax
        func job(_ byteCount: Int) throws -> TaskJob {
            let description = [UInt8](repeating: 0, count: byteCount)
            return try TaskJob(
                tasks: [.init("piece", flops: 1, description: description)],
                on: chunks.manifest, digest: SampleTasks.digest)
        }
        #expect(throws: Never.self) { try job(limit) }
        let error = #expect(throws: WireError.self) { try job(limit + 1) }
        #expect(error?.code == .overLimit)
        #expect(
            error?.message.contains("the description of task 0 with 983,041 bytes") == true)
    }

    // MARK: - Tasks that wait for others

    /// Each task begins where the one before ended: it is described by that one's outcome.
    private func chain(
        _ sample: SampleTasks, known: [[UInt8]?]? = nil, held: Range<UInt32>,
        _ describe: @escaping @Sendable (WorkID) -> [UInt8]
    ) throws -> TaskJob {
        try TaskJob(
            tasks: sample.items, on: sample.chunks.manifest, known: known,
            held: Set(held.map { WorkID($0) }), describe: describe, digest: SampleTasks.digest)
    }

    @Test func aTaskIsDescribedWhenItIsReleased() throws {
        let sample = SampleTasks()
        let asked = Mutex<[UInt32]>([])
        var hall = TaskHall(sample)
        hall.successor = { $0.rawValue < 4 ? WorkID($0.rawValue + 1) : nil }
        hall.run(
            try chain(sample, held: 1..<5) { id in
                asked.withLock { $0.append(id.rawValue) }
                return sample.items[Int(id.rawValue)].description
            })
        #expect(hall.workers[0].exit == .done)
        #expect(hall.stored == outcomes(sample))
        #expect(asked.withLock { $0 } == [0, 1, 2, 3, 4])
    }

    @Test func whatWaitsForATaskThatFailsIsGivenUp() throws {
        let sample = SampleTasks()
        var hall = TaskHall(sample)
        hall.successor = { $0.rawValue < 4 ? WorkID($0.rawValue + 1) : nil }
        hall.conduct = { _, task in task.rawValue == 2 ? .fails("no") : .honest }
        hall.run(
            try chain(sample, held: 1..<5) { sample.items[Int($0.rawValue)].description })
        #expect(hall.workers[0].exit == .done)
        #expect(hall.office.collected.givenUp == [WorkID(2), WorkID(3), WorkID(4)])
        #expect(hall.stored[1] != nil && hall.stored[3] == nil)
    }

    // MARK: - Checks

    private func verified(
        _ cpus: [String],
        _ conduct: @escaping (Int, WorkID) -> TaskHall.Conduct = { _, _ in .honest }
    ) -> TaskHall {
        var hall = TaskHall(SampleTasks(), cpus: cpus)
        hall.conduct = conduct
        var job = hall.sample.job(minWorkerCount: cpus.count)
        job.choose(shareToCheck: 1)
        hall.run(job)
        return hall
    }

    @Test func aSecondWorkerChecksWhatTheFirstDid() {
        let hall = verified(["fast", "fast"])
        #expect(hall.workers.allSatisfy { $0.exit == .done })
        #expect(hall.stored == outcomes(hall.sample))
        #expect(hall.office.collected.checkedCount == 5)
        #expect(hall.office.collected.uncheckedCount == 0)
        #expect(hall.office.collected.contradiction == nil)
    }

    @Test func twoOfAKindThatDifferEndTheJob() throws {
        let hall = verified(["fast", "fast"]) { $0 == 1 && $1 == WorkID(3) ? .wrong : .honest }
        #expect(hall.office.isFinished && hall.finishCount == 0)
        let contradiction = try #require(hall.office.collected.contradiction)
        #expect(
            contradiction.hasPrefix("piece 3 came with different bytes from w"),
            "\(contradiction)")
        // Nobody is told that all is well.
        #expect(hall.workers.allSatisfy { $0.exit == nil })
        // Whoever kept it has to forget it.
        #expect(hall.office.collected.contradicted == WorkID(3))
    }

    @Test func machinesOfTwoKindsMayDiffer() {
        let hall = verified(["fast", "old"]) { $0 == 1 && $1 == WorkID(3) ? .wrong : .honest }
        #expect(hall.workers.allSatisfy { $0.exit == .done })
        #expect(hall.office.collected.contradiction == nil)
        #expect(hall.office.collected.mismatchCount == 0)
        #expect(hall.office.collected.checkedCount == 4)
        #expect(hall.office.collected.uncheckedCount == 1)
    }

    @Test func aWorkerAloneLeavesTasksUnchecked() {
        let hall = verified(["fast"])
        #expect(hall.workers[0].exit == .done)
        #expect(hall.stored == outcomes(hall.sample))
        #expect(hall.office.collected.checkedCount == 0)
        #expect(hall.office.collected.uncheckedCount == 5)
        // For a while somebody else might have come.
        #expect(hall.seconds > 15 && hall.seconds < 20)
    }

    // MARK: - Trouble

    @Test func whatNobodyCanDoIsGivenUp() {
        var hall = TaskHall(SampleTasks(taskCount: 8))
        hall.conduct = { $1.rawValue % 2 == 1 ? .fails("odd") : .honest }
        hall.run(hall.sample.job())
        #expect(hall.workers[0].exit == .done)
        #expect(hall.stored.indices.filter { hall.stored[$0] == nil } == [1, 3, 5, 7])
        #expect(hall.office.isFinished && hall.finishCount == 1)
    }

    // With leases of half an hour: whoever has none says so when asked.
    @Test func aLeaseThatTheNetworkLostIsGivenAgain() {
        var hall = TaskHall(SampleTasks())
        hall.lostCount = 2
        hall.run(hall.sample.job())
        #expect(hall.workers[0].exit == .done)
        #expect(hall.stored == outcomes(hall.sample))
        #expect(hall.seconds > 10 && hall.seconds < 15)
    }

    // A result comes right behind a heartbeat that does not name its task any more.
    @Test func whoIsAtItIsNotAskedAndWhoEndsIsNotEither() {
        let sample = SampleTasks(taskCount: 1)
        var session = CoordinatorSession(
            runID: [UInt8](repeating: 1, count: 16), featurePort: 5_556, endpoint: "tcp://here:1")
        func receive(_ message: WorkerMessage, at seconds: Double) -> [CoordinatorMessage] {
            let now = Instant.start.advanced(bySeconds: seconds)
            let received = CoordinatorSession.Event.received(
                message.encode(), from: .init(bytes: [1]))
            return (session.handle(.tick, at: now) + session.handle(received, at: now))
                .sent(to: 1)
        }
        func beat(_ running: [UInt64], at seconds: Double) -> Bool {
            receive(
                .heartbeat(
                    WorkerHeartbeat(
                        incarnation: 1, busySeconds: 0, peakRSSByteCount: 1, receivedByteCount: 1,
                        runningBundles: running)), at: seconds
            ).contains { if case .revoke(_, _, mayFinish: true) = $0 { true } else { false } }
        }
        let hello = Hello(
            incarnation: 1, name: "w", host: "h", isa: "scalar", threadCount: 1, slotCount: 1,
            processID: 1)
        _ = receive(.hello(hello), at: 0)
        _ = session.handle(.serve(sample.job()), at: .start)
        let bundles = receive(.ready, at: 1).compactMap { message -> UInt64? in
            if case .assign(let assignment) = message { assignment.bundle } else { nil }
        }
        #expect(bundles.count == 1)
        for second in 2..<60 { #expect(!beat(bundles, at: Double(second))) }
        #expect(!beat([], at: 60))
        for second in 61..<70 { #expect(!beat([], at: Double(second))) }
        #expect(beat([], at: 70))
        #expect(!beat([], at: 71))
        #expect(!beat(bundles, at: 72))
        for second in 73..<83 { #expect(!beat([], at: Double(second))) }
        #expect(beat([], at: 83))
    }
}
