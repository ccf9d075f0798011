import Numerics
import Scheduling
import Testing

@Suite struct WorkerLivenessTests {
    private func at(_ seconds: Double) -> Instant {
        Instant.start.advanced(bySeconds: seconds)
    }

    @Test func threeMissesMeanDeathOnce() {
        var liveness = WorkerLiveness()
        #expect(liveness.handle(.heard(WorkerID(2)), at: at(0)) == [])
        #expect(liveness.handle(.heard(WorkerID(1)), at: at(0)) == [])
        for tick in 1..<12 {
            #expect(liveness.handle(.tick, at: at(Double(tick) * 0.25)) == [])
        }
        let lost = liveness.handle(.tick, at: at(3))
        #expect(lost == [.declareLost(WorkerID(1)), .declareLost(WorkerID(2))])
        #expect(liveness.handle(.tick, at: at(10)) == [])
        #expect(liveness.workers == [])
    }

    @Test func anySoundStartsTheCountAnew() {
        var liveness = WorkerLiveness()
        for second in 0..<10 {
            let sound = liveness.handle(.heard(WorkerID(1)), at: at(Double(second) * 2.9))
            #expect(sound == [])
            for tick in 1..<12 {
                let now = at(Double(second) * 2.9 + Double(tick) * 0.25)
                #expect(liveness.handle(.tick, at: now) == [])
            }
        }
    }

    @Test func coordinatorThatSleptDoesNotBuryTheFleet() {
        var liveness = WorkerLiveness()
        _ = liveness.handle(.heard(WorkerID(1)), at: at(0))
        #expect(liveness.handle(.tick, at: at(3_600)) == [])
        #expect(liveness.handle(.tick, at: at(3_600.1)) == [])
        _ = liveness.handle(.heard(WorkerID(1)), at: at(3_600.2))
        #expect(liveness.handle(.tick, at: at(3_603)) == [])
        #expect(liveness.workers == [WorkerID(1)])
    }

    @Test func goneWorkersAreNotWatched() {
        var liveness = WorkerLiveness(intervalSeconds: 0.5, missCountMax: 1)
        _ = liveness.handle(.heard(WorkerID(1)), at: at(0))
        _ = liveness.handle(.heard(WorkerID(2)), at: at(0))
        #expect(liveness.handle(.left(WorkerID(1)), at: at(0)) == [])
        #expect(liveness.handle(.left(WorkerID(9)), at: at(0)) == [])
        #expect(liveness.handle(.tick, at: at(0.5)) == [.declareLost(WorkerID(2))])
    }
}

@Suite struct InstantTests {
    @Test func addsAndSubtracts() {
        let instant = Instant.start.advanced(bySeconds: 1.5)
        #expect(instant.nanoseconds == 1_500_000_000)
        #expect(instant.advanced(byNanoseconds: -1).nanoseconds == 1_499_999_999)
        #expect(instant.seconds(since: .start) == 1.5)
        #expect(Instant.start.seconds(since: instant) == -1.5)
        #expect(Instant.start < instant)
        #expect("\(instant)" == "1.5 s")
    }

    @Test func saturates() {
        let instant = Instant(nanoseconds: 5)
        let end = Instant(nanoseconds: .max)
        let begin = Instant(nanoseconds: .min)
        #expect(instant.advanced(bySeconds: .infinity) == end)
        #expect(instant.advanced(bySeconds: 1e300) == end)
        #expect(instant.advanced(bySeconds: -.infinity) == begin)
        #expect(instant.advanced(bySeconds: .nan) == instant)
        #expect(end.advanced(byNanoseconds: 1) == end)
        #expect(begin.advanced(byNanoseconds: -1) == begin)
        #expect(end.seconds(since: begin) > 1.8e10)
    }
}
