/// A moment of a run's time: nanoseconds since an arbitrary start.
///
/// The one clock of everything that is pure: schedulers and sessions never read another. A runtime
/// counts from its own start, a simulation invents the numbers. Arithmetic saturates, so that no duration whatever can trap.
package struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the start; may be negative.
    package let nanoseconds: Int64

    /// The moment so many nanoseconds after the start.
    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// The arbitrary start.
    package static let start = Instant(nanoseconds: 0)

    /// The moment so many nanoseconds later (earlier when negative).
    package func advanced(byNanoseconds count: Int64) -> Instant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(count)
        if overflow { return Instant(nanoseconds: count > 0 ? .max : .min) }
        return Instant(nanoseconds: sum)
    }

    /// The moment so many seconds later (earlier when negative); NaN counts as zero.
    package func advanced(bySeconds seconds: Double) -> Instant {
        let count = (seconds * 1e9).rounded()
        if count.isNaN { return self }
        if count >= 0x1p63 { return Instant(nanoseconds: .max) }
        if count <= -0x1p63 { return Instant(nanoseconds: .min) }
        return advanced(byNanoseconds: Int64(count))
    }

    /// Seconds from another moment to this one; negative when this one is the earlier.
    package func seconds(since other: Instant) -> Double {
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(other.nanoseconds)
        if overflow { return (Double(nanoseconds) - Double(other.nanoseconds)) * 1e-9 }
        return Double(difference) * 1e-9
    }

    /// Whether a moment comes before another.
    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

extension Instant: CustomStringConvertible {
    /// Seconds since the start, for failure messages.
    package var description: String { "\(Double(nanoseconds) * 1e-9) s" }
}

extension Instant: InstantProtocol {
    /// The moment after a duration, to the nanosecond.
    package func advanced(by duration: Duration) -> Instant {
        advanced(byNanoseconds: Self.nanoseconds(duration))
    }

    /// From this moment to another.
    package func duration(to other: Instant) -> Duration {
        let (difference, overflow) = other.nanoseconds.subtractingReportingOverflow(nanoseconds)
        return .nanoseconds(overflow ? (other > self ? .max : .min) : difference)
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        // Beyond 64 bits of seconds `components` would trap.
        if duration > .seconds(Int64.max >> 2) { return .max }
        if duration < .seconds(Int64.min >> 2) { return .min }
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds > 0 ? .max : .min }
        let (sum, isTooMuch) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return isTooMuch ? (seconds > 0 ? .max : .min) : sum
    }
}

extension Instant {
    /// The moment a duration later.
    package static func + (moment: Instant, duration: Duration) -> Instant {
        moment.advanced(by: duration)
    }

    /// The moment a duration earlier.
    package static func - (moment: Instant, duration: Duration) -> Instant {
        moment.advanced(by: .zero - duration)
    }

    /// Moves a moment by a duration.
    package static func += (moment: inout Instant, duration: Duration) {
        moment = moment + duration
    }
}
