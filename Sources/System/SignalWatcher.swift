import Glibc
import Synchronization

/// Turns signals into a stream of values, in place of what they do by default.
///
/// The first one usually drains, the second one ends at once: whoever watches decides.
package final class SignalWatcher: Sendable {
    /// The signals as they arrive, for one reader.
    ///
    /// The stream ends with ``stop()``.
    package let signals: AsyncStream<TerminationSignal>

    private let continuation: AsyncStream<TerminationSignal>.Continuation
    /// Nil once it was stopped.
    private let watch: Mutex<Int?>

    /// Begins to watch; from here on no signal slips through.
    ///
    /// - Parameter again: gets every signal after the first in place of the stream, on a thread
    ///   that waits for nobody: tasks may be what hangs.
    /// - Throws: `unavailable` where the system has no pipe or no thread left.
    package init(
        _ watched: [TerminationSignal] = TerminationSignal.ending(),
        again: (@Sendable (TerminationSignal) -> Void)? = nil
    ) throws(RunError) {
        let (signals, continuation) = AsyncStream.makeStream(of: TerminationSignal.self)
        self.signals = signals
        self.continuation = continuation
        // All come on one thread, so that of two at one moment only one is the first.
        let hasCome = CancellationFlag()
        watch = Mutex(
            try SignalDesk.watch(watched) { signal in
                if let again, hasCome.isCancelled {
                    // The system repeats this one every second, and means nothing more by it.
                    if signal != .processorTime { again(signal) }
                    return true
                }
                hasCome.cancel()
                if case .enqueued = continuation.yield(signal) { return true }
                return false
            })
    }

    deinit { stop() }

    /// Ends the stream and gives the signals back the effect they had before.
    ///
    /// A signal that came and that nobody could take has that effect now.
    ///
    /// - Parameter restoresDefaults: false for a program at its very end: signals then do nothing.
    package func stop(restoresDefaults: Bool = true) {
        guard let watch = watch.withLock({ $0.take() }) else { return }
        SignalDesk.unwatch(watch, ignoring: !restoresDefaults)
        // After that: a signal that finds the stream at its end finds its effect restored.
        continuation.finish()
    }
}
