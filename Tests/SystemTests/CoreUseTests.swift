import Foundation
import System
import Testing

@Suite struct CoreUseTests {
    private func use(_ lines: [String], allowed: String? = nil, own: Double) -> CoreUse? {
        CoreUse(
            stat: "cpu  9 9 9 9 9 9 9 9 9 9\n" + lines.joined(separator: "\n") + "\nintr 1\n",
            status: allowed.map { "Name:\tx\nCpus_allowed_list:\t\($0)\n" } ?? "Name:\tx\n",
            ticksPerSecond: 100, ownSeconds: own)
    }

    /// Ten seconds of two cores: 8 s of work, of which 5 are ours.
    @Test func othersShareIsWorkThatIsNotOurs() throws {
        let start = try #require(
            use(["cpu0 100 0 0 100 0 0 0 0 0 0", "cpu1 0 0 0 200 0 0 0 0 0 0"], own: 1))
        let end = try #require(
            use(
                ["cpu0 500 100 100 300 0 50 50 100 0 0", "cpu1 100 0 0 1000 100 0 0 0 0 0"], own: 6)
        )
        #expect(abs((end.otherShare(since: start) ?? 0) - 3.0 / 20) < 1e-12)
        #expect(end.otherShare(since: end) == nil)
        // The clocks of the system and of a process differ by some ticks.
        let ours = try #require(
            use(["cpu0 300 0 0 300 0 0 0 0 0 0", "cpu1 0 0 0 600 0 0 0 0 0 0"], own: 9))
        #expect(ours.otherShare(since: start) == 0)
    }

    @Test func onlyCoresThatMayBeUsedCount() throws {
        let lines = (0..<12).map { "cpu\($0) \($0) 0 0 100 0 0 0 0 0 0" }
        let some = try #require(use(lines, allowed: "0-1,3,10-11", own: 0))
        #expect(abs(some.busySeconds - 0.25) < 1e-12)
        #expect(abs(some.totalSeconds - 5.25) < 1e-12)
        #expect(try #require(use(lines, own: 0)).busySeconds == 0.66)
        #expect(use(lines, allowed: "40", own: 0) == nil)
        #expect(use(["cpu0 1 2"], own: 0) == nil)
        #expect(use(["cpux 1 2 3 4 5 6 7 8"], own: 0) == nil)
    }

    /// Work in this process, until its clock has moved, is its own.
    @Test(.timeLimit(.minutes(4))) func theSystemTells() throws {
        let start = try #require(CoreUse.now())
        var end = start
        var value = 1.0
        while end.ownSeconds < start.ownSeconds + 0.05 || end.totalSeconds <= start.totalSeconds {
            for _ in 0..<100_000 { value = value * 0.999 + 1 }
            end = try #require(CoreUse.now())
        }
        #expect(value > 0)
        #expect(end.busySeconds >= start.busySeconds)
        #expect((0...1).contains(end.otherShare(since: start) ?? -1))
    }
}
