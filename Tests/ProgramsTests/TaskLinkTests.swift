import CoordinatorNetwork
import FeatureStore
import HeadTraining
import Scheduling
import Sessions
import Synchronization
import System
import Testing
import WorkerRuntime

/// Jobs of tasks over real sockets, with workers on threads of this process.
@Suite struct TaskLinkTests {
    private struct Broken: Error, CustomStringConvertible {
        var description: String { "it is broken" }
    }

    /// Does all tasks but one.
    private struct PickyRunner: TaskRunner {
        let runner: SampleTasks.Runner
        let refused: [UInt8]

        func run(_ description: [UInt8], isCancelled: () -> Bool) throws -> [UInt8] {
            if description == refused { throw Broken() }
            return try runner.run(description, isCancelled: isCancelled)
        }
    }

    private func makeWorker(
        _ endpoint: String, _ preparation: TaskPreparation?
    ) throws -> WorkerProgram {
        WorkerProgram(
            WorkerConfiguration(
                endpoint: try #require(TCPEndpoint(endpoint)), threadCount: 2, name: "w",
                stays: false,
                endsWithStandardInput: false, variant: try KernelVariant.select("scalar"),
                taskPreparation: preparation))
    }

    // Materials of several whole chunks; one task that cannot be done.
    @Test(.timeLimit(.minutes(5))) func tasksGoOutAndOutcomesComeBack() async throws {
        let sample = SampleTasks(
            taskCount: 12, byteCounts: [3 << 20, 5, 0, 1 << 20], chunkByteCountMax: 1 << 20)
        let link = try CoordinatorLink()
        let endpoint = try await link.start(bind: "tcp://127.0.0.1:0", observer: Silence())
        let refused = sample.items[4].description
        let prepared = Mutex(0)
        let worker = try makeWorker(endpoint) { materials in
            prepared.withLock { $0 += 1 }
            #expect(materials == sample.materials)
            return PickyRunner(
                runner: SampleTasks.Runner(materials: materials), refused: refused)
        }
        async let exit = worker.run(handlesSignals: false)
        let stored = Mutex([WorkID: [UInt8]]())
        let collected = try await link.perform(sample.job(), on: sample.chunks) { outcomes in
            for outcome in outcomes {
                let former = stored.withLock { $0.updateValue(outcome.bytes, forKey: outcome.id) }
                #expect(former == nil)
            }
        }
        #expect(try await exit == .done)
        #expect(prepared.withLock { $0 } == 1)
        let ids = (0..<12).map { WorkID($0) }.filter { $0 != WorkID(4) }
        #expect(
            stored.withLock { $0 }
                == Dictionary(uniqueKeysWithValues: ids.map { ($0, sample.outcome(of: $0)) }))
        #expect(collected.failures.map(\.id) == [WorkID(4)])
        #expect(collected.failures.map(\.reason) == ["it is broken"])
        #expect(collected.workers.map(\.headCount) == [11])
        #expect(collected.spans.map(\.id).sorted() == ids)
        #expect(
            collected.spans.allSatisfy { $0.worker == 0 && 0 <= $0.start && $0.start <= $0.end })
        let trained = collected.timeline.events.filter { $0.kind == .bundleTrained }
        #expect(trained.compactMap(\.task).sorted() == ids.map(\.rawValue))
    }

    @Test(.timeLimit(.minutes(5))) func aStoreThatFailsEndsTheJob() async throws {
        let sample = SampleTasks()
        let link = try CoordinatorLink()
        let endpoint = try await link.start(bind: "tcp://127.0.0.1:0", observer: Silence())
        let worker = try makeWorker(endpoint) { SampleTasks.Runner(materials: $0) }
        let work = Task { try await worker.run(handlesSignals: false) }
        await #expect(throws: Broken.self) {
            try await link.perform(sample.job(), on: sample.chunks) { _ in throw Broken() }
        }
        // It would wait for the job to go on.
        work.cancel()
        #expect(try await work.value == .stopped(signal: 15))
    }

    @Test(.timeLimit(.minutes(5))) func workersThatCannotTakeTasksSaySo() async throws {
        let sample = SampleTasks()
        let link = try CoordinatorLink()
        let endpoint = try await link.start(bind: "tcp://127.0.0.1:0", observer: Silence())
        async let collected = link.perform(sample.job(), on: sample.chunks) { _ in }
        let plain = try await makeWorker(endpoint, nil).run(handlesSignals: false)
        #expect(
            plain == .refused("this worker trains heads and takes no tasks; start one that does"))
        let poor = try await makeWorker(endpoint) { _ in throw Broken() }.run(handlesSignals: false)
        #expect(poor == .refused("this worker cannot take the job's tasks: it is broken"))
        let good = try await makeWorker(endpoint) { SampleTasks.Runner(materials: $0) }
            .run(handlesSignals: false)
        #expect(good == .done)
        #expect(try await collected.failures.isEmpty)
    }
}
