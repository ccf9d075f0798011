import Heads
import Scheduling
import TestSupport
import Testing

@Suite struct FleetSimulationTests {
    // Goal: whatever befalls the fleet, every head is accepted once, by a lease that had it, and when
    // the misfortunes stop the run ends. Method: a seed makes a fleet and its misfortunes; an outside
    // bookkeeping and the scheduler's own invariants are checked after every event.
    @Test(.timeLimit(.minutes(240)))
    func survivesMisfortune() {
        let range = SeedRange(suite: "FleetSimulationTests", usual: 3_000)
        var eventCount = 0
        var slowest = 0.0
        var tally: [String: Int] = [:]
        for seed in range.seeds {
            var simulation = FleetSimulation(seed: seed)
            let failure = simulation.run()
            #expect(failure == nil, "\(range.reproduction(of: seed))")
            if failure != nil { break }
            eventCount += simulation.checker.log.count
            tally.merge(simulation.checker.tally, uniquingKeysWith: +)
            slowest = max(slowest, simulation.calmSeconds)
            if seed % 16 == 0 {
                let difference = simulation.checker.replayFailure()
                #expect(difference == nil, "\(range.reproduction(of: seed))")
            }
        }
        print("\(range.count) seeds, \(eventCount) events, slowest calm \(slowest) s, \(tally)")
        // A simulation in which nothing goes wrong shows nothing.
        if range.count < 1_000 { return }
        for kind in [
            "attempt above 1", "compare", "check", "referee", "verdict", "guilty", "withdraw",
            "dismiss rejections", "dismiss distrust", "quarantine", "discard alreadyReported",
            "discard distrusted",
            "discard runFinished", "discard unknownBundle", "revoke expired", "revoke superseded",
            "revoke restarted", "revoke dismissed",
        ] {
            #expect(tally[kind, default: 0] > 0, "\(kind) never happened")
        }
    }
}
