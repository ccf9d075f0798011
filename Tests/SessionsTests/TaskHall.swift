import FeatureStore
import Heads
import Numerics
import Scheduling
import Sessions
import Transfer
import WireProtocol

/// A coordinator and its workers in one place: messages arrive at once, tasks take no time.
struct TaskHall {
    enum Conduct {
        case honest
        /// Other bytes than everybody else.
        case wrong
        case fails(String)
    }

    struct Worker {
        var session: WorkerSession
        var exit: WorkerExit?
        var runner: SampleTasks.Runner?
    }

    let sample: SampleTasks
    var office = CoordinatorSession(
        runID: [UInt8](repeating: 1, count: 16), featurePort: 5_556, endpoint: "tcp://here:1")
    var workers: [Worker] = []
    var stored: [[UInt8]?]
    var prepared: [Materials] = []
    var failure: String?
    var finishCount = 0
    /// How a worker does a task.
    var conduct: (_ worker: Int, _ task: WorkID) -> Conduct = { _, _ in .honest }
    /// What is released when a task's outcome is stored.
    var successor: (WorkID) -> WorkID? = { _ in nil }
    /// Assignments that the network loses.
    var lostCount = 0
    private(set) var seconds = 0.0
    private var now: Instant { .start.advanced(bySeconds: seconds) }

    init(_ sample: SampleTasks, cpus: [String] = ["fast"]) {
        self.sample = sample
        stored = [[UInt8]?](repeating: nil, count: sample.items.count)
        for (index, cpu) in cpus.enumerated() {
            workers.append(
                Worker(
                    session: WorkerSession(
                        hello: Hello(
                            incarnation: UInt64(index + 1), name: "w\(index)", host: "h",
                            isa: "scalar", threadCount: 2, slotCount: 2, processID: 1,
                            cpu: cpu),
                        stays: false, takesTasks: true, at: .start,
                        makeAssembly: makeAssembly)))
        }
    }

    /// Everybody's time passes until all workers have ended, or a minute is over.
    mutating func run(_ job: TaskJob) {
        for index in workers.indices { feed(.tick, to: index) }
        feed(.serve(job))
        while workers.contains(where: { $0.exit == nil }), seconds < 60 {
            seconds += 0.1
            feed(.tick)
            for index in workers.indices where workers[index].exit == nil {
                feed(.tick, to: index)
            }
        }
    }

    mutating func feed(_ event: CoordinatorSession.Event) {
        let now = now
        for action in office.handle(event, at: now) {
            switch action {
            case .send(let message, let peer):
                if case .assign = message, lostCount > 0 {
                    lostCount -= 1
                    continue
                }
                deliver(message.encode(), to: Int(peer.bytes[0]))
            case .sendChunk(let index, let peer):
                let chunk = FeatureChunk(index: index, bytes: sample.bytes(ofChunk: index))
                deliver(CoordinatorMessage.chunk(chunk).encode(), to: Int(peer.bytes[0]))
            case .publish(let index):
                let chunk = FeatureChunk(index: index, bytes: sample.bytes(ofChunk: index))
                for worker in workers.indices {
                    deliver(CoordinatorMessage.chunk(chunk).encode(), to: worker)
                }
            case .publishEnd:
                for worker in workers.indices { feed(.broadcastEnded, to: worker) }
            case .store(let batch):
                for outcome in batch.outcomes { stored[Int(outcome.id.rawValue)] = outcome.bytes }
                feed(.released(batch.outcomes.compactMap { successor($0.id) }))
                feed(.stored(through: batch.number))
            case .referee: failure = "tasks have no referee"
            case .finish: finishCount += 1
            case .log: break
            }
        }
    }

    private mutating func deliver(_ frames: [[UInt8]], to index: Int) {
        do { feed(.message(try CoordinatorMessage.decode(frames)), to: index) } catch {
            failure = "\(error)"
        }
    }

    mutating func feed(_ event: WorkerSession.Event, to index: Int) {
        let now = now
        for action in workers[index].session.handle(event, at: now) {
            switch action {
            case .send(let message):
                feed(.received(message.encode(), from: .init(bytes: [UInt8(index)])))
            case .subscribe: feed(.subscriptions(change: 1))
            case .insert(let chunk, let bytes, let assembly):
                feed(.inserting(chunk, bytes, into: assembly), to: index)
            case .prepareTasks(let assembly, let preparation):
                guard let materials = assembly.materials else {
                    failure = "materials are missing"
                    continue
                }
                prepared.append(materials)
                workers[index].runner = SampleTasks.Runner(materials: materials)
                feed(.tasksPrepared(preparation, failure: nil), to: index)
            case .begin(let ticket, let assignment):
                feed(end(of: ticket, assignment, at: index), to: index)
            case .exit(let exit): workers[index].exit = exit
            case .prepare: failure = "there are no features"
            case .cancel, .reconnect, .log: break
            }
        }
    }

    private func end(
        of ticket: WorkerSession.Ticket, _ assignment: BundleAssignment, at index: Int
    ) -> WorkerSession.Event {
        var result = sample.result(assignment)
        guard case .task(let description) = assignment.content else {
            preconditionFailure("a job of tasks has nothing else")
        }
        let id = sample.id(of: description)
        switch conduct(index, id) {
        case .honest: return .bundleTrained(ticket, result)
        case .wrong:
            result.content = .task(sample.outcome(of: id) + [0])
            return .bundleTrained(ticket, result)
        case .fails(let reason):
            return .bundleFailed(
                ticket,
                BundleFailed(
                    bundle: assignment.bundle, attempt: assignment.attempt, reason: reason))
        }
    }
}
