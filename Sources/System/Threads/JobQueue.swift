import Glibc

/// What a thread of ours waits for: a first-in, first-out queue and who drains it.
///
/// The thread retains the queue and never the executor, so an executor that nobody holds any more
/// can end its thread from `deinit`.
@safe final class JobQueue: @unchecked Sendable {
    /// A task's next piece, or something that blocks.
    typealias Work = @Sendable () -> Void

    /// What to do after `append`.
    enum AppendResult {
        case queued
        /// The thread is gone: the caller starts another one, which calls `drain`.
        case needsThread
    }

    // `@unchecked Sendable`: everything below is read and written under `mutex`.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var work: [Work] = []
    // Taken from `head` on, so that a long queue is not shifted for each of its items.
    private var head = 0
    private var isClosed = false
    private var hasThread = true
    private var drainer: pthread_t?

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe condition = .allocate(capacity: 1)
        let mutexStatus = unsafe pthread_mutex_init(mutex, nil)
        precondition(mutexStatus == 0, "pthread_mutex_init: \(mutexStatus)")
        let conditionStatus = unsafe pthread_cond_init(condition, nil)
        precondition(conditionStatus == 0, "pthread_cond_init: \(conditionStatus)")
    }

    deinit {
        unsafe pthread_cond_destroy(condition)
        unsafe pthread_mutex_destroy(mutex)
        unsafe condition.deallocate()
        unsafe mutex.deallocate()
    }

    /// Whether the caller is in ``drain()`` of this queue.
    var isDrainedByCurrentThread: Bool {
        locked { drainer.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }

    /// Adds work at the end.
    func append(_ item: @escaping Work) -> AppendResult {
        locked {
            work.append(item)
            guard hasThread else {
                hasThread = true
                return .needsThread
            }
            unsafe pthread_cond_signal(condition)
            return .queued
        }
    }

    /// Runs work as it comes, until the queue is closed and empty.
    func drain() {
        locked { drainer = pthread_self() }
        while let work = next() { work() }
    }

    private func next() -> Work? {
        locked {
            while head == work.count {
                work.removeAll(keepingCapacity: true)
                head = 0
                if isClosed {
                    // Said under the lock: work that arrives a moment later asks for a new thread.
                    hasThread = false
                    drainer = nil
                    return nil
                }
                unsafe pthread_cond_wait(condition, mutex)
            }
            let item = work[head]
            // What the closure holds goes when it has run, not when the queue is next empty.
            work[head] = {}
            head += 1
            return item
        }
    }

    /// Ends the thread once the queue is empty.
    func close() {
        locked {
            isClosed = true
            unsafe pthread_cond_signal(condition)
        }
    }

    private func locked<T>(_ body: () -> T) -> T {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }
}
