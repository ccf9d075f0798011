package import Scheduling
package import Sessions
import Synchronization
import System
import WireProtocol

/// Where products go before their workers hear that they were accepted.
package protocol ProductStore: Sendable {
    /// Stores a batch behind all earlier ones, soon.
    ///
    /// - Parameter completion: called from any thread when it is stored, or cannot be.
    func store(
        _ batch: HeadBatch, _ completion: @escaping @Sendable (Result<Void, any Error>) -> Void)

    /// Keeps what happened, without anybody waiting for it.
    func record(_ events: [RunEvent])
}

/// Hands outcomes on to whoever keeps them, on a thread of its own.
///
/// Whatever comes while it is busy goes out together afterwards.
final class OutcomeWriter: ProductStore {
    typealias Completion = @Sendable (Result<Void, any Error>) -> Void

    private struct State {
        var outcomes: [AcceptedOutcome] = []
        var completions: [Completion] = []
        var isWriting = false
        var failure: (any Error)?
    }

    private let write: @Sendable ([AcceptedOutcome]) throws -> Void
    private let thread: ThreadExecutor
    private let state = Mutex(State())

    /// - Throws: `unavailable` where the system has no thread left.
    init(_ write: @escaping @Sendable ([AcceptedOutcome]) throws -> Void) throws(RunError) {
        self.write = write
        thread = try ThreadExecutor(name: "outcomes")
    }

    func store(_ batch: HeadBatch, _ completion: @escaping Completion) {
        let begins = state.withLock { state in
            state.outcomes += batch.outcomes
            state.completions.append(completion)
            defer { state.isWriting = true }
            return !state.isWriting
        }
        // Unstructured: nobody waits for it but finish().
        if begins { Task(executorPreference: thread) { self.drain() } }
    }

    func record(_ events: [RunEvent]) {}

    private func drain() {
        while true {
            let next = state.withLock { state -> ([AcceptedOutcome], [Completion], (any Error)?)? in
                guard !state.completions.isEmpty else {
                    state.isWriting = false
                    return nil
                }
                defer { (state.outcomes, state.completions) = ([], []) }
                return (state.outcomes, state.completions, state.failure)
            }
            guard let (outcomes, completions, failure) = next else { return }
            let result = Result {
                if let failure { throw failure }
                if !outcomes.isEmpty { try write(outcomes) }
            }
            if case .failure(let error) = result { state.withLock { $0.failure = error } }
            for completion in completions { completion(result) }
        }
    }

    /// Ends the thread once all is stored, or cannot be.
    func finish() async { await thread.shutdown() }
}
