package import FeatureStore
import Heads
package import Numerics
package import Scheduling
package import Sessions
import Synchronization
package import System
import WireProtocol
import ZeroMQ

/// The coordinator's network thread, from the first worker's hello to the last one's farewell.
///
/// It never computes; what it is told to do comes through a mailbox, what it brings is awaited.
package final class CoordinatorLink: Sendable {
    enum Command: Sendable {
        /// Without a store heads are kept in memory only.
        case serve(any WorkSource, any ChunkSource, (any ProductStore)?)
        case stored(through: Int)
        case released([WorkID])
        case refereed([Head])
        /// Something of ours is broken: end the run, and tell the workers why.
        case failed(any Error, reason: String)
        case abort(reason: String)
        /// Only so many remain of the workers of these names, which were started here: end the run if
        /// that is too few, unless others are there or may be expected.
        case giveUpUnlessJoined(
            RunError, started: Set<String>, remaining: Int, expectsOthers: Bool)
        /// Finish the stream once that is reached.
        case tell(Milestone, AsyncStream<Void>.Continuation)
    }

    /// What can be waited for.
    package enum Milestone: Sendable {
        /// So many workers are there and receive the broadcast.
        case audience(Int)
        /// The broadcast is over: who joins from now on asks for the features.
        case broadcastOver
    }

    /// How long workers that are started here may take to join.
    package static let joiningLimit = Duration.seconds(60)

    /// Where the coordinator's time, and so the run's timeline, begins.
    package let origin: ContinuousClock.Instant
    private let thread: ThreadExecutor
    private let inbox: Mailbox<Command>
    private let loop = Mutex<Task<CollectedHeads, any Error>?>(nil)

    /// A link that has not begun: no socket, and a thread that waits.
    ///
    /// - Throws: `ZeroMQError`, or `RunError` of code `unavailable`, where the system gives no more.
    package init(origin: ContinuousClock.Instant = .now) throws {
        self.origin = origin
        inbox = try Mailbox()
        thread = try ThreadExecutor(name: "network")
    }

    /// Binds both sockets, starts the thread, and returns the control endpoint workers connect to.
    ///
    /// - Parameters:
    ///   - admission: who may join an encrypted run; nil is everybody, without encryption.
    ///   - waitLimit: how long to wait for workers at most once they are needed; nil is for ever.
    /// - Throws: `ZeroMQError` if an address is not to be had, `RunError` if the host has none.
    package func start(
        bind: String, admission: Admission? = nil, waitLimit: WaitLimit? = nil,
        observer: any SessionObserver
    ) async throws -> String {
        let runID = (0..<Welcome.runIDByteCount).map { _ in UInt8.random(in: 0...255) }
        let (bound, report) = AsyncStream.makeStream(of: Result<String, any Error>.self)
        let inbox = inbox
        let origin = origin
        // Unstructured: it runs beside everything else; collected() awaits its end.
        let task = Task(executorPreference: thread) { () throws -> CollectedHeads in
            defer { report.finish() }
            do {
                var loop = try NetworkLoop(
                    bind: bind, runID: runID, admission: admission, origin: origin,
                    waitLimit: waitLimit, observer: observer, inbox: inbox)
                report.yield(.success(loop.endpoint))
                return try loop.run()
            } catch {
                report.yield(.failure(error))
                throw error
            }
        }
        loop.withLock { $0 = task }
        for await result in bound { return try result.get() }
        throw RunError(.internal, "the network thread ended before it began")
    }

    /// Waits for a milestone.
    ///
    /// - Throws: `unavailable` if it is not reached within `limit`.
    package func reach(_ milestone: Milestone, within limit: Duration) async throws {
        let (moment, continuation) = AsyncStream.makeStream(of: Void.self)
        inbox.post(.tell(milestone, continuation))
        let isReached = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in moment {}
                return !Task.isCancelled
            }
            group.addTask {
                try await Task.sleep(for: limit)
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
        guard isReached else {
            throw RunError(
                .unavailable,
                "the workers did not join within \(limit); look for what keeps them from starting")
        }
    }

    /// An instant of the coordinator's time on the clock of this machine.
    package func instant(of moment: Instant) -> ContinuousClock.Instant {
        origin + .seconds(moment.seconds(since: .start))
    }

    /// Has workers do a job; a cancelled task aborts it and tells the workers.
    ///
    /// One job a link.
    ///
    /// - Parameters:
    ///   - chunks: the bytes of the job's manifest.
    ///   - store: where each product goes before its worker hears that it was accepted; without one
    ///     products are kept in memory only.
    /// - Throws: `data` for a job that no worker could take: its description breaks the wire's limits.
    package func train(
        _ job: any WorkSource, on chunks: any ChunkSource, _ store: (any ProductStore)? = nil
    ) async throws -> CollectedHeads {
        do throws(WireError) {
            _ = try job.description(broadcastComplete: false).checkedFrames()
        } catch {
            throw RunError(.data, "no worker could take this job: \(error.message)")
        }
        inbox.post(.serve(job, chunks, store))
        let collected = try await withTaskCancellationHandler {
            try await self.collected()
        } onCancel: {
            abort(reason: "the coordinator was interrupted")
        }
        try Task.checkCancellation()
        return collected
    }

    /// Does a job of tasks; a cancelled task aborts it and tells the workers.
    ///
    /// - Parameter store: keeps outcomes, on a thread of its own and never twice at a time; their
    ///   workers hear that they were accepted when it has returned. If it throws, the job is given up
    ///   with that error.
    /// - Parameter withdraw: forgets an outcome that was stored: two machines of one kind do not agree
    ///   about its task, so it is to be done again.
    /// - Throws: `RunError` if two machines of one kind do not agree about a task.
    package func perform(
        _ job: TaskJob, on chunks: MaterialChunks,
        store: @escaping @Sendable ([AcceptedOutcome]) throws -> Void,
        withdraw: @Sendable (WorkID) throws -> Void = { _ in }
    ) async throws -> CollectedOutcomes {
        let writer = try OutcomeWriter(store)
        let result: Result<CollectedHeads, any Error>
        do { result = .success(try await train(job, on: chunks, writer)) } catch {
            result = .failure(error)
        }
        await writer.finish()
        let collected = try result.get()
        if let task = collected.contradicted { try withdraw(task) }
        try collected.check()
        return CollectedOutcomes(collected)
    }

    /// Lets held work of the job be given out: the callback that stores outcomes calls it before it
    /// returns, or what is held is given up when nothing else is left.
    package func release(_ work: [WorkID]) {
        if !work.isEmpty { inbox.post(.released(work)) }
    }

    /// Gives the run up and tells the workers.
    package func abort(reason: String) { inbox.post(.abort(reason: reason)) }

    /// Gives the run up with this error once too few workers are there: at once where only those of the
    /// names `started` ever were, otherwise when too few have come for
    /// ``CoordinatorSession/returnSeconds``.
    ///
    /// - Parameters:
    ///   - remaining: how many of those started have not ended for good.
    ///   - expectsOthers: whether an earlier start of the run may have had other workers.
    package func giveUpUnlessJoined(
        _ error: RunError, started: Set<String>, remaining: Int, expectsOthers: Bool
    ) {
        inbox.post(
            .giveUpUnlessJoined(
                error, started: started, remaining: remaining, expectsOthers: expectsOthers))
    }

    /// What the head phase brought, once all heads are there.
    ///
    /// - Throws: `CancellationError` after an abort.
    package func collected() async throws -> CollectedHeads {
        guard let task = loop.withLock({ $0 }) else {
            throw RunError(.internal, "the network thread was never started")
        }
        return try await task.value
    }
}

extension CollectedHeads {
    /// Checks what came.
    ///
    /// - Throws: `RunError` if no two machines agree about a head, so that none can be trusted.
    package func check() throws(RunError) {
        if let contradiction { throw RunError(.internal, contradiction) }
    }
}
