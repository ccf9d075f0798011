import TestSupport
import Testing

@Suite struct SessionSimulationTests {
    // Goal: whatever befalls processes and connections, every head comes once and right and is on disk
    // before its worker is told so, and when the misfortunes stop the run ends and every worker knows. Method: a seed makes the misfortunes,
    // both sides are the real sessions and the messages real bytes. Only training is made up.
    @Test(.timeLimit(.minutes(240)))
    func everyHeadComesAndEveryWorkerIsTold() {
        let range = SeedRange(suite: "SessionSimulationTests", usual: 1_200)
        let tally = run(range, isOfTasks: false)
        // A simulation in which nothing goes wrong shows nothing.
        for kind in Self.misfortunes where range.count >= 1_000 {
            #expect(tally[kind, default: 0] > 0, "\(kind) never happened")
        }
    }

    // The same for tasks, whose runners take their time to be made and cannot do everything.
    @Test(.timeLimit(.minutes(240)))
    func everyTaskIsDoneAndEveryWorkerIsTold() {
        let range = SeedRange(suite: "SessionSimulationTests", usual: 500)
        let tally = run(range, isOfTasks: true)
        for kind in Self.misfortunes + ["task failure", "preparation"] where range.count >= 500 {
            #expect(tally[kind, default: 0] > 0, "\(kind) never happened")
        }
    }

    // Goal: slowness alone costs nothing: no connection is given up, no chunk and no result crosses a link
    // twice. Method: links on which a chunk takes up to 15 s, and no misfortune.
    @Test(.timeLimit(.minutes(5))) func slowLinksCarryNothingTwice() {
        for seed in SeedRange(suite: "SessionSimulationTests", usual: 200).seeds {
            let plan = SessionPlan.slowLinks(seed: seed)
            var simulation = SessionSimulation(seed: seed, plan)
            #expect(simulation.run() == nil, "seed \(seed)")
            for kind in ["reconnect", "result again", "coordinator says refused"] {
                #expect(simulation.tally[kind] == nil, "seed \(seed): \(kind)")
            }
            #expect(simulation.crossings.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        }
    }

    private static let misfortunes = [
        "crash", "break", "pause", "reconnect", "coordinator restart", "invalid result",
        "crash before the commit", "crash before the word", "resumed", "result again",
        "coordinator says acknowledge", "hostility", "pulled chunk", "unreachable",
        "refused exit", "coordinator says revoke",
        "drain", "stall", "full queue", "sent twice", "late after a break",
        "kept for the next coordinator", "forged for its own lease",
    ]

    private func run(_ range: SeedRange, isOfTasks: Bool) -> [String: Int] {
        var tally: [String: Int] = [:]
        var slowest = 0.0
        var failureCount = 0
        for seed in range.seeds {
            var simulation = SessionSimulation(seed: seed, isOfTasks: isOfTasks)
            let failure = simulation.run()
            #expect(failure == nil, "\(range.reproduction(of: seed))")
            if failure != nil { failureCount += 1 }
            if failureCount >= 5 { break }
            tally.merge(simulation.tally, uniquingKeysWith: +)
            slowest = max(slowest, simulation.calmSeconds)
        }
        print("\(range.count) seeds, slowest calm \(slowest) s, \(tally)")
        return tally
    }
}
