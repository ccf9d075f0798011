import RunFolder
import Scheduling
import Synchronization

/// Measures the phases of a run, one after the other.
final class PhaseClock: Sendable {
    private struct State {
        var timing = RunResults.Timing()
        var phaseStart = ContinuousClock.now
        var events: [RunEvent] = []
        var timeline: TimelineFile?
    }

    /// When the run began.
    let start = ContinuousClock.now
    private let state = Mutex(State())

    /// Ends a phase: what passed since the last end, less what is counted elsewhere, is its time.
    func end(_ phase: WritableKeyPath<RunResults.Timing, Double>, less other: Double = 0) {
        state.withLock { state in
            let now = ContinuousClock.now
            let seconds = state.phaseStart.duration(to: now) / .seconds(1)
            state.timing[keyPath: phase] += max(0, seconds - other)
            state.phaseStart = now
            var event = RunEvent(
                .phaseEnded, at: start.duration(to: now) / .seconds(1), detail: Self.name(phase))
            event.busySeconds = seconds
            state.events.append(event)
            state.timeline?.append([event])
        }
    }

    /// Where what ended, and what will, is written as it comes; nil before it is set.
    var timeline: TimelineFile? {
        get { state.withLock { $0.timeline } }
        set {
            state.withLock { state in
                state.timeline = newValue
                newValue?.append(state.events)
            }
        }
    }

    /// As results.json calls it.
    private static func name(_ phase: WritableKeyPath<RunResults.Timing, Double>) -> String {
        RunResults.Timing.phases.first { $0.path == phase }?.name ?? ""
    }

    /// Seconds since the run began.
    var secondsSinceStart: Double { start.duration(to: .now) / .seconds(1) }

    /// The phases that ended, for the timeline.
    var events: [RunEvent] { state.withLock { $0.events } }

    /// Adds a time that was measured elsewhere.
    func add(_ phase: WritableKeyPath<RunResults.Timing, Double>, _ seconds: Double) {
        state.withLock { $0.timing[keyPath: phase] += seconds }
    }

    /// Seconds of everything so far but the heads.
    var serialSeconds: Double {
        let timing = timing
        return timing.data + timing.backbone + timing.features + timing.evaluate
    }

    /// Everything so far, and the total up to now.
    var timing: RunResults.Timing {
        state.withLock { state in
            var timing = state.timing
            timing.total = start.duration(to: .now) / .seconds(1)
            return timing
        }
    }
}
