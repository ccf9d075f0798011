import Glibc
import Synchronization

/// Where signals arrive: one pipe and one thread for the whole process, both for good.
///
/// The handler writes the signal's number into the pipe, the thread reads it and hands it to whoever
/// watches that signal then. Neither ever goes away, so a signal that is on its way while a watcher
/// stops is not lost: the thread finds nobody, and sends it to the process again, which now does what
/// it did before somebody watched.
enum SignalDesk {
    /// Takes a signal, or says that it cannot any more.
    typealias Receiver = @Sendable (TerminationSignal) -> Bool

    /// Who watches a signal.
    private struct Watch {
        let identifier: Int
        let signal: TerminationSignal
        let receiver: Receiver
        let former: SignalDisposition
        /// Came, and was not taken.
        var isUntaken = false
    }

    private struct State {
        var isOpen = false
        var watches: [Int32: Watch] = [:]
        var lastIdentifier = 0
    }

    private static let state = Mutex(State())
    /// The end of the pipe that the handler writes into.
    private static let writingEnd = Atomic<Int32>(-1)

    private static let handler: @convention(c) (Int32) -> Void = { number in
        // Runs in the middle of anything: one system call, and what it changes is put back.
        let error = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = unsafe write(writingEnd.load(ordering: .relaxed), &byte, 1)
        errno = error
    }

    /// Has signals handed to a receiver from now on, on the desk's thread.
    ///
    /// - Returns: what ``unwatch(_:ignoring:)`` takes.
    /// - Throws: `unavailable` where the system has no pipe or no thread left.
    static func watch(
        _ signals: [TerminationSignal], _ receiver: @escaping Receiver
    ) throws(RunError) -> Int {
        try state.withLock { (state) throws(RunError) in
            if !state.isOpen { try open() }
            state.isOpen = true
            state.lastIdentifier += 1
            for signal in signals {
                // Of a signal that is watched already, what was before that.
                let former =
                    state.watches[signal.number]?.former ?? SignalDisposition(of: signal.number)
                // In the table first: the thread may be asked at once.
                state.watches[signal.number] = Watch(
                    identifier: state.lastIdentifier, signal: signal, receiver: receiver,
                    former: former)
                SignalDisposition(handler: handler).install(for: signal.number)
            }
            return state.lastIdentifier
        }
    }

    /// Gives signals back the effect they had before, also on those that came and nobody took.
    ///
    /// - Parameter ignoring: they do nothing from now on.
    static func unwatch(_ identifier: Int, ignoring: Bool) {
        let untaken = state.withLock { state in
            let mine = state.watches.filter { $0.value.identifier == identifier }
            for (number, watch) in mine {
                (ignoring ? SignalDisposition.ignored : watch.former).install(for: number)
                state.watches[number] = nil
            }
            return mine.filter(\.value.isUntaken).keys.sorted()
        }
        for number in untaken { kill(getpid(), number) }
    }

    private static func open() throws(RunError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw SystemLimit.failure("make a pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // A handler that waits would stop the thread it interrupts.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        writingEnd.store(ends[1], ordering: .sequentiallyConsistent)
        let readingEnd = ends[0]
        do throws(RunError) {
            try NamedThread.detached(name: "signals") { serve(readingEnd) }
        } catch {
            for end in ends { close(end) }
            throw error
        }
    }

    private static func serve(_ readingEnd: Int32) {
        // Threads inherit what is blocked, and Dispatch's block nearly all: here nothing is, so that
        // the system always finds a thread to run the handler on.
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
        var byte: UInt8 = 0
        while true {
            let count = unsafe read(readingEnd, &byte, 1)
            if count == 1 {
                handOver(Int32(byte))
            } else if count == 0 || errno != EINTR {
                return
            }
        }
    }

    private static func handOver(_ number: Int32) {
        // Not under the lock: a receiver may do what it likes.
        let watch = state.withLock { $0.watches[number] }
        if let watch, watch.receiver(watch.signal) { return }
        let isOver = state.withLock { state in
            guard let watch, state.watches[number]?.identifier == watch.identifier else {
                return true
            }
            // Kept for the end of the watch: sent again now, it would come here again, for ever.
            state.watches[number]?.isUntaken = true
            return false
        }
        if isOver { kill(getpid(), number) }
    }
}
