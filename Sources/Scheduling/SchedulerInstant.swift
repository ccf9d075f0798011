/// A moment of the scheduler's time: nanoseconds since an arbitrary start.
///
/// The scheduler never reads a clock. A runtime counts from its own start, a simulation invents
/// the numbers. Arithmetic saturates, so that no duration whatever can trap.
package struct SchedulerInstant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the start; may be negative.
    package let nanoseconds: Int64

    /// The moment so many nanoseconds after the start.
    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// The arbitrary start.
    package static let start = SchedulerInstant(nanoseconds: 0)

    /// The moment so many nanoseconds later (earlier when negative).
    package func advanced(byNanoseconds count: Int64) -> SchedulerInstant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(count)
        if overflow { return SchedulerInstant(nanoseconds: count > 0 ? .max : .min) }
        return SchedulerInstant(nanoseconds: sum)
    }

    /// The moment so many seconds later (earlier when negative); NaN counts as zero.
    package func advanced(bySeconds seconds: Double) -> SchedulerInstant {
        let count = (seconds * 1e9).rounded()
        if count.isNaN { return self }
        if count >= 0x1p63 { return SchedulerInstant(nanoseconds: .max) }
        if count <= -0x1p63 { return SchedulerInstant(nanoseconds: .min) }
        return advanced(byNanoseconds: Int64(count))
    }

    /// Seconds from another moment to this one; negative when this one is the earlier.
    package func seconds(since other: SchedulerInstant) -> Double {
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(other.nanoseconds)
        if overflow { return (Double(nanoseconds) - Double(other.nanoseconds)) * 1e-9 }
        return Double(difference) * 1e-9
    }

    /// Whether a moment comes before another.
    package static func < (left: SchedulerInstant, right: SchedulerInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}

extension SchedulerInstant: CustomStringConvertible {
    /// Seconds since the start, for failure messages.
    package var description: String { "\(Double(nanoseconds) * 1e-9) s" }
}
