import Statistics
import Testing

@Suite struct WilsonIntervalTests {
    // Wilson's formula evaluated in Python. With no success in n the upper end is z^2 / (n + z^2).
    @Test(arguments: [
        (0, 10, 0, 0.277_532_799), (10, 10, 0.722_467_201, 1),
        (5, 10, 0.236_593_091, 0.763_406_909),
        (9_125, 10_000, 0.906_802_200, 0.917_881_001),
    ])
    func wilsonIntervals(successes: Int, total: Int, lower: Double, upper: Double) {
        let interval = WilsonInterval(successes: successes, total: total)
        #expect(abs(interval.lower - lower) < 1e-6)
        #expect(abs(interval.upper - upper) < 1e-6)
    }

    @Test func anEmptyTestSetSaysNothing() {
        let interval = WilsonInterval(successes: 0, total: 0)
        #expect(interval.lower == 0)
        #expect(interval.upper == 1)
    }
}
