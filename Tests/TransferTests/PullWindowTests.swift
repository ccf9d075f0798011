import Numerics
import Testing
import Transfer

@Suite struct PullWindowTests {
    private func time(_ seconds: Double) -> Instant { .start.advanced(bySeconds: seconds) }

    private func window(_ indices: some Sequence<Int>, byteCount: Int = 20_000) -> PullWindow {
        PullWindow(missing: indices.map { ($0, byteCount) })
    }

    @Test func requestsFewBytesOfAnUnknownLine() {
        var window = window([2, 3, 5, 7, 11])
        #expect(window.requests(at: time(0)) == [2, 3, 5])
        #expect(window.isWaiting)
        #expect(window.requests(at: time(1_000)) == [])
        window.arrived(99, at: time(1_000))
        #expect(window.requests(at: time(1_000)) == [])
        for index in [2, 3, 5] { window.arrived(index, at: time(1_001)) }
        #expect(!window.isWaiting)
        // However slow, one at a time.
        #expect(window.requests(at: time(1_001)) == [7])
        window.arrived(11, at: time(1_002))
        window.arrived(7, at: time(1_003))
        #expect(window.isFinished)
        #expect(window.requests(at: time(1_004)) == [])
    }

    @Test func aLargeChunkGoesAlone() {
        var window = window(0..<3, byteCount: 1 << 20)
        #expect(window.requests(at: time(0)) == [0])
        window.arrived(0, at: time(60))
        #expect(window.requests(at: time(60)) == [1])
    }

    @Test func asManyBytesAreOnTheirWayAsArriveInASecond() {
        var window = window(0..<1_000, byteCount: 10_000)
        var now = 0.0
        var waiting: [Int] = window.requests(at: time(0))
        // A line of 200 KB/s.
        for _ in 0..<100 {
            now += 0.05
            window.arrived(waiting.removeFirst(), at: time(now))
            waiting += window.requests(at: time(now))
        }
        #expect((15...22).contains(waiting.count))
        // It becomes ten times as slow, and the window with it.
        for _ in 0..<60 {
            now += 0.5
            window.arrived(waiting.removeFirst(), at: time(now))
            waiting += window.requests(at: time(now))
        }
        #expect((1...3).contains(waiting.count))
    }

    @Test func aFastLineIsFilledUpToTheLimits() {
        var small = window(0..<1_000)
        var large = window(0..<1_000, byteCount: 1 << 20)
        for second in 0..<20 {
            for index in small.requests(at: time(Double(second))) {
                small.arrived(index, at: time(Double(second) + 0.001))
            }
            for index in large.requests(at: time(Double(second))) {
                large.arrived(index, at: time(Double(second) + 0.001))
            }
        }
        #expect(small.requests(at: time(30)).count == PullWindow.chunkCountMax)
        #expect(large.requests(at: time(30)).count >= PullWindow.byteCountMax >> 20 - 1)
    }

    @Test func whatArrivesUnaskedIsNotRequested() {
        var window = window(0..<3, byteCount: 1 << 20)
        window.arrived(1, at: time(0))
        #expect(window.requests(at: time(0)) == [0])
        window.arrived(0, at: time(0))
        #expect(window.requests(at: time(0)) == [2])
        window.arrived(2, at: time(1))
        #expect(window.isFinished)
    }

    @Test func aDamagedChunkIsRequestedAgainAfterAPause() {
        var window = window(0..<2)
        #expect(window.requests(at: time(0)) == [0, 1])
        window.arrivedDamaged(0, at: time(1))
        // One that nobody asked for is nobody's loss.
        window.arrivedDamaged(7, at: time(1))
        #expect(window.requests(at: time(5.9)) == [])
        #expect(window.requests(at: time(6)) == [0])
        window.arrivedDamaged(0, at: time(7))
        // The broadcast brought it after all.
        window.arrived(0, at: time(8))
        #expect(window.requests(at: time(20)) == [])
        window.arrived(1, at: time(21))
        #expect(window.isFinished)
    }

    @Test func nothingMissingIsFinished() {
        var window = window([])
        #expect(window.isFinished)
        #expect(!window.isWaiting)
        #expect(window.requests(at: time(0)) == [])
    }

    // Goal: whatever is damaged, everything arrives, and each chunk is requested once more than it
    // came damaged. Method: a line that keeps the order and damages by a seeded generator, then calm.
    @Test(arguments: 0..<50 as Range<UInt64>) func everythingArrives(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
        func draw(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var window = window(0..<40, byteCount: 5_000 + draw(100_000))
        var line: [Int] = []
        var requestCount = 0
        var damageCount = 0
        for second in 0..<5_000 where !window.isFinished {
            let now = time(Double(second))
            let wanted = window.requests(at: now)
            requestCount += wanted.count
            line += wanted
            #expect(line.count <= PullWindow.chunkCountMax, "seed \(seed)")
            guard !line.isEmpty, draw(3) > 0 else { continue }
            if second < 200, draw(4) == 0 {
                window.arrivedDamaged(line.removeFirst(), at: now)
                damageCount += 1
            } else {
                window.arrived(line.removeFirst(), at: now)
            }
        }
        #expect(window.isFinished, "seed \(seed)")
        #expect(requestCount == 40 + damageCount, "seed \(seed)")
    }
}
