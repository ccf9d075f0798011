import Foundation
import Statistics
import TestSupport
import Testing

@Suite struct LogitIntervalTests {
    private func interval(_ shares: [Double], rowCount: Int = 5_000) throws -> LogitInterval {
        try #require(try LogitInterval(shares, rowCount: rowCount))
    }

    // In Python, with q = scipy.stats.t.ppf(.975, 2), m and s the mean and standard deviation:
    // 1 / (1 + exp(-(log(m / (1 - m)) -+ q * s / 3**.5 / (m * (1 - m)))))
    @Test func fewTrialsNearTheEnd() throws {
        let found = try interval([0.88, 0.99, 0.97])
        #expect(isClose(found.lower, 0.498_357_674_557_558_7, within: 1e-9))
        #expect(isClose(found.upper, 0.996_856_720_468_268_1, within: 1e-9))
        // Student's own interval ends at 109%.
        let plain = try #require(try Summary([0.88, 0.99, 0.97]).interval())
        #expect(plain.upperBound > 1.09)
        let turned = try interval([0.12, 0.01, 0.03])
        #expect(isClose(turned.lower, 1 - found.upper) && isClose(turned.upper, 1 - found.lower))
    }

    @Test func farFromTheEndsItIsStudents() throws {
        let shares = [0.51, 0.49, 0.503]
        let plain = try #require(try Summary(shares).interval())
        let found = try interval(shares)
        #expect(isClose(found.lower, plain.lowerBound, within: 1e-3))
        #expect(isClose(found.upper, plain.upperBound, within: 1e-3))
    }

    @Test func equalTrialsShowNoMoreThanTheirRows() throws {
        let right = try interval([1, 1, 1])
        #expect(right.upper == 1 && right.lower > 0.999 && right.lower < 1 - 1.0 / 5_000)
        let wrong = try interval([0, 0, 0])
        #expect(wrong.lower == 0 && isClose(wrong.upper, 1 - right.lower, within: 1e-9))
        let half = try interval([0.5, 0.5, 0.5])
        #expect(half.lower < 0.5 - 1e-4 && half.lower > 0.499)
        let few = try interval([1, 1, 1], rowCount: 10)
        #expect(few.upper == 1 && few.lower < 0.75)
        #expect(try interval([1, 1], rowCount: 1).lower < 0.01)
    }

    @Test func whatHasNoIntervalIsRefused() throws {
        #expect(try LogitInterval([0.5], rowCount: 10) == nil)
        for wrong in [[], [0.5, .nan], [0.5, 1.01], [-0.01, 0.5]] {
            #expect(throws: StatisticsError.self) { try LogitInterval(wrong, rowCount: 10) }
        }
        #expect(throws: StatisticsError.self) { try LogitInterval([0, 1], rowCount: 0) }
        #expect(throws: StatisticsError.self) {
            try LogitInterval([0, 1], rowCount: 9, confidence: 1)
        }
    }

    /// Accuracies whose logits are normal, counted on 5,000 rows; the true mean is that of 20,000.
    @Test(arguments: [
        (share: 0.4, spread: 1.0, trialCount: 3), (0.85, 0.4, 2), (0.85, 0.4, 3), (0.98, 0.4, 3),
        (0.98, 0.4, 10), (0.98, 0.1, 10), (0.998, 0.4, 3),
    ])
    func holdsTheTrueMeanAsOftenAsItSays(
        share: Double, spread: Double, trialCount: Int
    ) throws {
        var random = SeededGenerator(seed: 1)
        func draw() -> Double {
            let logit = log(share / (1 - share)) + spread * random.normal()
            return (5_000 / (1 + exp(-logit))).rounded() / 5_000
        }
        let mean = (0..<20_000).reduce(0.0) { sum, _ in sum + draw() } / 20_000
        var held = 0
        for _ in 0..<2_000 {
            let shares = (0..<trialCount).map { _ in draw() }
            let found = try interval(shares)
            let own = shares.reduce(0, +) / Double(trialCount)
            #expect(found.lower >= 0 && found.lower <= own + 1e-12)
            #expect(found.upper <= 1 && found.upper >= own - 1e-12)
            if found.lower <= mean, mean <= found.upper { held += 1 }
        }
        // Three standard errors of a share of 2,000 at 95% are 1.5 points.
        #expect(held >= 1_870, "\(held) of 2,000")
    }
}
