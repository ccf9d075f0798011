import Numerics
import Testing
import Transfer

@Suite struct PullWindowTests {
    private func time(_ seconds: Int) -> Instant {
        Instant.start + .seconds(seconds)
    }

    @Test func requestsUpToItsCredit() {
        var window = PullWindow(missing: [2, 3, 5, 7, 11], credit: 3)
        #expect(window.requests(at: time(0)) == [2, 3, 5])
        #expect(window.requests(at: time(0)) == [])
        window.arrived(3)
        #expect(window.requests(at: time(1)) == [7])
        window.arrived(3)
        window.arrived(99)
        #expect(window.requests(at: time(1)) == [])
        window.arrived(2)
        window.arrived(5)
        #expect(window.requests(at: time(2)) == [11])
        window.arrived(11)
        #expect(!window.isFinished)
        window.arrived(7)
        #expect(window.isFinished)
    }

    @Test func overdueRequestsAreRepeatedFirst() {
        var window = PullWindow(missing: [0, 1, 2, 3], credit: 2, timeout: .seconds(5))
        #expect(window.requests(at: time(0)) == [0, 1])
        window.arrived(0)
        #expect(window.requests(at: time(3)) == [2])
        #expect(window.requests(at: time(4)) == [])
        #expect(window.requests(at: time(5)) == [1])
        #expect(window.requests(at: time(20)) == [1, 2])
    }

    @Test func whatArrivesUnaskedIsNotRequested() {
        var window = PullWindow(missing: [0, 1, 2], credit: 1)
        window.arrived(1)
        #expect(window.requests(at: time(0)) == [0])
        window.arrived(0)
        #expect(window.requests(at: time(0)) == [2])
        // Late, after its time was over: not asked for again.
        _ = window.requests(at: time(10))
        window.arrived(2)
        #expect(window.requests(at: time(20)) == [])
        #expect(window.isFinished)
    }

    @Test func nothingMissingIsFinished() {
        var window = PullWindow(missing: [])
        #expect(window.isFinished)
        #expect(window.requests(at: time(0)) == [])
    }

    // Goal: whatever is lost or duplicated, everything arrives, and never more than the credit is
    // on its way. Method: a line that drops and repeats by a seeded generator, then calm.
    @Test(arguments: 0..<50 as Range<UInt64>) func everythingArrives(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func draw(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var window = PullWindow(missing: Array(0..<40), credit: 4, timeout: .seconds(3))
        var held: Set<Int> = []
        var onLine: [Int: Int] = [:]
        for second in 0..<2_000 where !window.isFinished {
            for index in window.requests(at: time(second)) { onLine[index] = second + 3 }
            #expect(onLine.values.filter { $0 > second }.count <= 4, "seed \(seed)")
            for index in onLine.keys.sorted() where draw(second < 200 ? 4 : 1) == 0 {
                held.insert(index)
                window.arrived(index)
                onLine[index] = nil
            }
        }
        #expect(window.isFinished, "seed \(seed)")
        #expect(held == Set(0..<40), "seed \(seed)")
    }
}
