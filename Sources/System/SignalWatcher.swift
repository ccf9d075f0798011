import Dispatch
import Glibc
import Synchronization

/// The signals that ask a program to end.
package enum TerminationSignal: CaseIterable, Hashable, Sendable {
    /// SIGINT: Ctrl-C.
    case interrupt
    /// SIGTERM: a service manager, `docker stop`, `kill`.
    case terminate
    /// SIGHUP: the terminal went away.
    case hangUp

    /// The number the system knows it by.
    package var number: Int32 {
        switch self {
        case .interrupt: SIGINT
        case .terminate: SIGTERM
        case .hangUp: SIGHUP
        }
    }

    /// The status of a program that the signal ended, as shells say it.
    package var exitStatus: Int32 { 128 + number }
}

/// Turns signals into a stream of values, in place of what they do by default.
///
/// The first one usually drains, the second one ends at once: whoever watches decides.
package final class SignalWatcher: Sendable {
    /// The signals as they arrive, for one reader.
    ///
    /// The stream ends with ``stop()``.
    package let signals: AsyncStream<TerminationSignal>

    private let continuation: AsyncStream<TerminationSignal>.Continuation
    private let sources: Mutex<[any DispatchSourceSignal]>

    /// Begins to watch, and returns once no signal can slip through any more.
    ///
    /// - Parameter again: gets every signal after the first in place of the stream, on a thread
    ///   that waits for nobody: tasks may be what hangs.
    package init(
        _ watched: [TerminationSignal] = [.interrupt, .terminate],
        again: (@Sendable (TerminationSignal) -> Void)? = nil
    ) async {
        let (signals, continuation) = AsyncStream.makeStream(of: TerminationSignal.self)
        self.signals = signals
        self.continuation = continuation
        var sources: [any DispatchSourceSignal] = []
        // One queue for all, so that of two signals at one moment only one is the first.
        let queue = DispatchQueue(label: "signals")
        let hasCome = CancellationFlag()
        for watched in watched {
            signal(watched.number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: watched.number, queue: queue)
            source.setEventHandler {
                if let again, hasCome.isCancelled { return again(watched) }
                hasCome.cancel()
                continuation.yield(watched)
            }
            await withCheckedContinuation { registered in
                source.setRegistrationHandler { registered.resume() }
                source.activate()
            }
            sources.append(source)
        }
        self.sources = Mutex(sources)
    }

    deinit { stop() }

    /// Ends the stream and gives the signals back their default effect.
    ///
    /// - Parameter restoresDefaults: false for a program at its very end: signals then do nothing.
    package func stop(restoresDefaults: Bool = true) {
        let sources = sources.withLock { sources in
            defer { sources = [] }
            return sources
        }
        for source in sources {
            source.cancel()
            if restoresDefaults { signal(Int32(source.handle), SIG_DFL) }
        }
        continuation.finish()
    }
}
