/// How long one side waits for the other at most.
package struct WaitLimit: Hashable, Sendable, CustomStringConvertible {
    /// Seconds, above 0 and at most 1e9.
    package let seconds: Double

    /// So many seconds; nil where nobody could wait for that long, or not at all.
    package init?(seconds: Double) {
        guard seconds > 0, seconds <= 1e9 else { return nil }
        self.seconds = seconds
    }

    /// A number of seconds, as a person gives it.
    package init?(argument: String) {
        guard let seconds = Double(argument) else { return nil }
        self.init(seconds: seconds)
    }

    /// As in "60 s".
    package var description: String {
        seconds == seconds.rounded() ? "\(Int(seconds)) s" : "\(seconds) s"
    }
}
