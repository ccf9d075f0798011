import Glibc
import Synchronization

/// One named thread of our own that runs tasks, an actor, and closures that block.
///
/// Swift's cooperative pool must never block, so sockets and kernels live on threads like this:
/// as the `unownedExecutor` of an actor (which holds it in a `let`), as the preference of a task
/// (`Task(executorPreference:)`, `addTask(executorPreference:)`), or through ``run(_:)``. Whatever
/// reaches it runs one after the other, in order of arrival; priorities are ignored.
///
/// Work that arrives after ``shutdown()`` is still run, in turn, on a thread that lives just as
/// long as there is such work: a task is never lost, nor its program stopped, by a late resumption.
package final class ThreadExecutor: TaskExecutor, SerialExecutor {
    /// The thread's name, of which the system shows the first 15 bytes.
    package let name: String

    private let queue = JobQueue()
    // Nil once somebody has joined or detached it.
    private let thread: Mutex<pthread_t?>

    /// Starts the thread.
    ///
    /// - Throws: `unavailable`, naming the limit, when the system has no thread left to give.
    package init(name: String) throws(RunError) {
        self.name = name
        self.thread = Mutex(try NamedThread.start(name: name) { [queue] in queue.drain() })
    }

    deinit {
        // The thread may be this one (it dropped the last reference), so it is not joined here.
        queue.close()
        if let thread = thread.withLock({ $0.take() }) { pthread_detach(thread) }
    }

    /// Whether the caller runs on this thread.
    package var isCurrent: Bool { queue.isDrainedByCurrentThread }

    /// Runs a task's or an actor's next piece on the thread.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        // Both identities, because a job does not say which of the two it came for (SE-0417). The
        // closure keeps the executor alive until the job has run.
        append { [self] in
            unsafe job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        }
    }

    /// Traps unless the caller runs on this thread; for `assumeIsolated` and its kin.
    package func checkIsolated() {
        precondition(isCurrent, "This is not the thread \(name).")
    }

    /// Runs a closure that may block on the thread and awaits its result.
    ///
    /// It waits its turn behind what arrived before.
    ///
    /// - Throws: What the closure throws; `CancellationError` if the task is cancelled before the
    ///   closure has begun. A closure that runs already is not interrupted: see the form that
    ///   takes a flag.
    package func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await run { _ in try body() }
    }

    /// Runs a closure that may block on the thread, with a flag that follows the task.
    ///
    /// The flag is set when the awaiting task is cancelled; the closure polls it and throws (see
    /// ``CancellationFlag/check()``) or returns what it has.
    ///
    /// - Throws: What the closure throws; `CancellationError` if the task is cancelled before the
    ///   closure has begun.
    package func run<Result: Sendable>(
        _ body: @escaping @Sendable (CancellationFlag) throws -> Result
    ) async throws -> Result {
        let flag = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                append {
                    continuation.resume(
                        with: Swift.Result {
                            try flag.check()
                            return try body(flag)
                        })
                }
            }
        } onCancel: {
            flag.cancel()
        }
    }

    /// Runs what has arrived, ends the thread, and blocks until it is gone.
    ///
    /// For places that may block, such as the end of a program; tasks await the other form. Called
    /// on the thread itself it returns at once, and the thread ends by itself. Calling it again
    /// does nothing.
    package func shutdown() {
        closeAndJoin()
    }

    /// Runs what has arrived, ends the thread, and returns when it is gone, without blocking.
    package func shutdown() async {
        guard thread.withLock({ $0 != nil }) else { return }
        await withCheckedContinuation { continuation in
            append { continuation.resume() }
        }
        // All that had arrived is done: the thread about to be joined has nothing left to run.
        closeAndJoin()
    }

    private func closeAndJoin() {
        queue.close()
        guard let thread = thread.withLock({ $0.take() }) else { return }
        if isCurrent {
            pthread_detach(thread)
        } else {
            _ = pthread_join(thread, nil)
        }
    }

    private func append(_ work: @escaping @Sendable () -> Void) {
        switch queue.append(work) {
        case .queued: break
        case .needsThread: startAgain()
        }
    }

    /// Starts a thread for what came late.
    ///
    /// Where the system has none left it is asked again for a while, since one of ours has just ended.
    private func startAgain() {
        for _ in 0..<1_000 {
            if let thread = try? NamedThread.start(name: name, { [queue] in queue.drain() }) {
                pthread_detach(thread)
                return
            }
            usleep(10_000)
        }
        StandardStream.error("no thread for \(name) in ten seconds: the limit is too low\n")
        _exit(RunError.Code.unavailable.exitStatus)
    }
}
