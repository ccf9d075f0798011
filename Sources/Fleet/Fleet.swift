package import CoordinatorNetwork
package import Sessions
import System

/// A coordinator's network thread and the worker processes that it starts, around some work.
package struct Fleet: Sendable {
    /// Where to listen.
    package var bind: String
    /// Who may join, where all is encrypted.
    package var admission: Admission?
    /// Who is told how it goes.
    package var observer: any SessionObserver
    /// When the run's time began.
    package var origin = ContinuousClock.now
    /// Whether a worker that dies is started again; otherwise the first loss ends the work.
    package var replacesLosses = true
    /// How long to wait for workers at most; nil is for ever.
    package var waitLimit: WaitLimit?
    /// Whether workers of an earlier start may still look for this one.
    package var expectsOthers = false
    /// What workers are told if the work ends before it is done.
    package var farewell: @Sendable (any Error) -> String

    /// A fleet that listens at `bind`.
    package init(
        bind: String, admission: Admission? = nil, observer: any SessionObserver,
        farewell: @escaping @Sendable (any Error) -> String
    ) {
        self.bind = bind
        self.admission = admission
        self.observer = observer
        self.farewell = farewell
    }

    /// What the work is done with.
    package struct Members: Sendable {
        /// The network thread.
        package let link: CoordinatorLink
        /// The processes.
        package let workers: LocalWorkers
        /// Where workers connect to.
        package let endpoint: String
    }

    /// Listens, starts workers, does the work, and returns when the processes are gone.
    ///
    /// - Parameters:
    ///   - launches: what to start, given the endpoint that was bound.
    ///   - work: cancelled when the network thread fails: for want of workers, say.
    /// - Throws: what the work throws, or why the network thread failed; `unavailable` if no worker
    ///   that was started here can run, or one was lost that nobody replaces.
    package func run<Result: Sendable>(
        launches: (_ endpoint: String) throws -> [WorkerLaunch],
        _ work: @escaping @Sendable (Members) async throws -> Result
    ) async throws -> Result {
        let link = try CoordinatorLink(origin: origin)
        let endpoint = try await link.start(
            bind: bind, admission: admission, waitLimit: waitLimit, observer: observer)
        var started: LocalWorkers?
        do {
            let toStart = try launches(endpoint)
            let names = Set(toStart.map(\.name))
            let workers = LocalWorkers(
                toStart,
                onLoss: replacesLosses
                    ? .startAgain { [expectsOthers] error, remaining in
                        link.giveUpUnlessJoined(
                            error, started: names, remaining: remaining,
                            expectsOthers: expectsOthers)
                    }
                    : .report { link.abort(reason: $0.message) }, observer: observer)
            started = workers
            try workers.start()
            let members = Members(link: link, workers: workers, endpoint: endpoint)
            let result = try await untilFailure(of: link) { try await work(members) }
            workers.stop()
            return result
        } catch {
            link.abort(reason: farewell(error))
            // The farewell leaves with the thread, and workers that are still there answer it.
            _ = try? await link.collected()
            started?.stop()
            throw started?.loss ?? error
        }
    }

    /// Does the work, and cancels it if the network thread fails meanwhile.
    private func untilFailure<Result: Sendable>(
        of link: CoordinatorLink, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let end: Swift.Result<Result, any Error> = await withTaskGroup(
            of: FleetEnd<Result>.self
        ) { group in
            group.addTask {
                // The group waits for the network thread, which therefore has to be told first.
                do {
                    let result = try await work()
                    link.abort(reason: "the work is done")
                    return .work(.success(result))
                } catch {
                    link.abort(reason: farewell(error))
                    return .work(.failure(error))
                }
            }
            group.addTask {
                do {
                    _ = try await link.collected()
                    return .network(nil)
                } catch {
                    return .network(error)
                }
            }
            var outcome: Swift.Result<Result, any Error>?
            var failure: (any Error)?
            for await end in group {
                switch end {
                case .work(let result):
                    outcome = result
                    group.cancelAll()
                case .network(let error):
                    // One that was aborted may end before the work that had it aborted, which says why.
                    if outcome == nil, !(error is CancellationError) { failure = error }
                    if error != nil { group.cancelAll() }
                }
            }
            if let failure { return .failure(failure) }
            return outcome ?? .failure(CancellationError())
        }
        return try end.get()
    }
}

/// What ended of a fleet: its work, or its network thread, with the error if it failed.
private enum FleetEnd<Value: Sendable>: Sendable {
    case work(Result<Value, any Error>)
    case network((any Error)?)
}
