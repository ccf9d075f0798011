import Foundation
package import Scheduling
package import Sessions
import Synchronization
import System

/// Standard error: log lines, and a progress display that stays below them.
///
/// On a terminal the display is drawn in place; elsewhere it is a line now and then, in a file with
/// the time.
package final class Console: SessionObserver {
    private struct State {
        var display = ProgressDisplay()
        var shown: ProgressState?
        var lastLine: (of: ProgressState, at: ContinuousClock.Instant)?
    }

    /// Between two progress lines of one kind where there is no terminal; a new kind is shown at
    /// once.
    private static let lineInterval = Duration.seconds(5)

    private let minimum: LogLevel
    private let showsProgress: Bool
    private let isTerminal: Bool
    private let state = Mutex(State())

    /// A console of lines that matter at least so much.
    package init(minimum: LogLevel, showsProgress: Bool) {
        self.minimum = minimum
        self.showsProgress = showsProgress
        let type = ProcessInfo.processInfo.environment["TERM"] ?? ""
        isTerminal = isatty(STDERR_FILENO) == 1 && !type.isEmpty && type != "dumb"
    }

    /// Writes a line of log.
    package func log(_ level: LogLevel, _ text: String) {
        guard level >= minimum else { return }
        let prefix = level >= .warning ? "\(level.rawValue): " : ""
        state.withLock { state in
            write(state.display.clear() + LogTime.stamped(prefix + Format.printable(text)) + "\n")
            if let shown = state.shown, isTerminal { draw(shown, &state) }
        }
    }

    /// Shows a session's progress.
    package func observe(_ progress: HeadsProgress) { show(.heads(progress)) }

    /// Shows how far the run is.
    ///
    /// Where nobody reads now it is not even made: the next one says all that this one does.
    package func show(_ progress: ProgressState) {
        guard showsProgress, StandardStream.isErrorRead else { return }
        state.withLock { state in
            state.shown = progress
            if isTerminal {
                draw(progress, &state)
                return
            }
            if let last = state.lastLine, progress.isAbout(last.of),
                last.at.duration(to: .now) < Self.lineInterval
            {
                return
            }
            state.lastLine = (progress, .now)
            write(LogTime.stamped(ProgressLine.rendered(progress)) + "\n")
        }
    }

    /// Leaves the last state on the screen, and writes a last line where there is no terminal.
    package func endPhase() {
        state.withLock { state in
            if let shown = state.shown, showsProgress, !isTerminal, shown.hasFigures {
                write(LogTime.stamped(ProgressLine.rendered(shown)) + "\n")
            }
            state.display.keep()
            state.shown = nil
            state.lastLine = nil
        }
    }

    private func draw(_ progress: ProgressState, _ state: inout State) {
        let size = Terminal.size(of: STDERR_FILENO)
        write(
            state.display.draw(progress, width: size?.columns ?? 80, height: size?.rows ?? 24))
    }

    private func write(_ text: String) {
        StandardStream.error(text)
    }
}

extension ProgressState {
    /// Whether there is more to say at its end than at its beginning.
    fileprivate var hasFigures: Bool {
        if case .activity = self { false } else { true }
    }

    /// Whether another state is of the same phase, with other figures.
    fileprivate func isAbout(_ other: ProgressState) -> Bool {
        switch (self, other) {
        case (.backbone, .backbone), (.heads, .heads): true
        case (.activity(let text, _), .activity(let other, _)): text == other
        default: self == other
        }
    }
}
