import Numerics
import Testing

/// The one clock of all that is pure, which no duration brings down.
@Suite struct InstantTests {
    private let moment = Instant(nanoseconds: 1_500)
    private let first = Instant(nanoseconds: .min)
    private let last = Instant(nanoseconds: .max)
    /// Longer than an instant can tell.
    private let age = Duration(secondsComponent: .max, attosecondsComponent: 0)

    @Test func durationsMoveMoments() {
        #expect(Instant.start.nanoseconds == 0)
        #expect(moment + .zero == moment)
        #expect(moment + .nanoseconds(500) == Instant(nanoseconds: 2_000))
        #expect(moment - .microseconds(2) == Instant(nanoseconds: -500))
        #expect(Instant.start + .milliseconds(-1_500) == Instant(nanoseconds: -1_500_000_000))
        #expect(Instant.start - .milliseconds(-1_500) == Instant(nanoseconds: 1_500_000_000))
        #expect(Instant.start + .seconds(0.25) == Instant(nanoseconds: 250_000_000))
        // What is shorter than a nanosecond is none.
        #expect(
            Instant.start + Duration(secondsComponent: 0, attosecondsComponent: 999_999_999)
                == Instant.start)
        var moved = moment
        moved += .seconds(2)
        #expect(moved == Instant(nanoseconds: 2_000_001_500))
        #expect(moved.advanced(by: .seconds(-2)) == moment)
    }

    @Test func durationsLieBetweenMoments() {
        #expect(Instant.start.duration(to: moment) == .nanoseconds(1_500))
        #expect(moment.duration(to: .start) == .nanoseconds(-1_500))
        #expect(moment.duration(to: moment) == .zero)
        let later = moment + .seconds(86_400)
        #expect(moment.duration(to: later) == .seconds(86_400))
        #expect(later.seconds(since: moment) == 86_400)
        #expect(moment.seconds(since: later) == -86_400)
        #expect(moment < later)
        #expect(!(later < moment))
        #expect(first < Instant.start && Instant.start < last)
    }

    @Test func secondsMoveMomentsToo() {
        #expect(moment.advanced(bySeconds: 1.5) == Instant(nanoseconds: 1_500_001_500))
        #expect(moment.advanced(bySeconds: -1e-6) == Instant(nanoseconds: 500))
        #expect(moment.advanced(bySeconds: .nan) == moment)
        #expect(moment.advanced(byNanoseconds: -1_500) == Instant.start)
    }

    @Test func arithmeticSaturates() {
        #expect(last + .nanoseconds(1) == last)
        #expect(first - .nanoseconds(1) == first)
        #expect(last - .nanoseconds(1) == Instant(nanoseconds: .max - 1))
        #expect(Instant.start + age == last)
        #expect(Instant.start - age == first)
        // Whole seconds that fit, and a rest that does not.
        let most = Duration(
            secondsComponent: 9_223_372_036, attosecondsComponent: 900_000_000_000_000_000)
        #expect(Instant.start + most == last)
        #expect(Instant.start - most == first)
        #expect(first.duration(to: last) == .nanoseconds(Int64.max))
        #expect(last.duration(to: first) == .nanoseconds(Int64.min))
        #expect(last.advanced(byNanoseconds: .max) == last)
        #expect(first.advanced(byNanoseconds: .min) == first)
        #expect(moment.advanced(bySeconds: .infinity) == last)
        #expect(moment.advanced(bySeconds: -1e300) == first)
        #expect(last.seconds(since: first) == 0x1p64 * 1e-9)
    }
}
