import Numerics
import Sessions

/// A worker's wait for a coordinator that does not answer: when to look for it, what to say, and when
/// the wait is over.
struct CoordinatorWait {
    /// How long a coordinator may take to answer before it is looked for.
    private static let firstPause = Duration.seconds(2)
    private static let longestPause = Duration.seconds(30)

    /// How long at most; nil is for ever.
    let limit: WaitLimit?
    private var pause = firstPause
    private var nextLook: Instant?
    private var reason: String?

    init(_ limit: WaitLimit?) { self.limit = limit }

    /// Forgets a wait that is over: the next one begins from the start.
    mutating func answered() {
        guard nextLook != nil || reason != nil else { return }
        self = CoordinatorWait(limit)
    }

    /// Whether it is time to look again, at ever longer intervals.
    ///
    /// - Parameter isUrgent: something happened that calls for a first look at once.
    mutating func isLookDue(since start: Instant, at now: Instant, isUrgent: Bool) -> Bool {
        guard now >= nextLook ?? start + pause || isUrgent && nextLook == nil else { return false }
        nextLook = now + pause
        pause = min(pause * 2, Self.longestPause)
        return true
    }

    /// Takes in why no coordinator answers.
    ///
    /// - Returns: a line for the log where the reason is a new one.
    mutating func line(for reason: String) -> String? {
        guard reason != self.reason else { return nil }
        self.reason = reason
        return "\(reason); trying on" + (limit.map { " for \($0) at most" } ?? "")
    }

    /// Why the worker ends, once it has waited for as long as it may.
    func verdict(since start: Instant, at now: Instant) -> String? {
        guard let limit, now.seconds(since: start) >= limit.seconds else { return nil }
        return "no coordinator answered within \(limit) (--wait)"
            + (reason.map { ": \($0)" } ?? "")
    }
}
