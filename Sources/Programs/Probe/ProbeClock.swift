import Synchronization

/// How long the parts of a probe took, in this process.
final class ProbeClock: Sendable {
    /// A part of the work.
    enum Part: String, Sendable {
        case data
        case path
        case refit
        case evaluate
    }

    private let start = ContinuousClock.now
    private let state: Mutex<(last: ContinuousClock.Instant, seconds: [Part: Double])>

    init() { state = Mutex((start, [:])) }

    /// Ends a part.
    func end(_ part: Part) {
        state.withLock { state in
            let now = ContinuousClock.now
            state.seconds[part, default: 0] += state.last.duration(to: now) / .seconds(1)
            state.last = now
        }
    }

    /// Ends the path once every penalty is chosen, and, said again, the refit.
    func endPathOrRefit() { end(seconds(.path) == 0 ? .path : .refit) }

    /// Seconds of a part; 0 for one that is not over.
    func seconds(_ part: Part) -> Double { state.withLock { $0.seconds[part] ?? 0 } }

    /// Since the beginning.
    var totalSeconds: Double { start.duration(to: .now) / .seconds(1) }
}
