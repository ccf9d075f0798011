import Decoding
import Heads
import Numerics
import Testing

@Suite struct SpeedTests {
    // Takes about 0.1 s optimised; the bound only catches a lost vectorisation or an allocation
    // per row, also on a busy machine.
    @Test(.timeLimit(.minutes(4)))
    func predictsTheWholeTestSetWithAllHeads() throws {
        let heads = HeadPlan(.subsets, classCount: 10).heads.enumerated().map { position, spec in
            let size = spec.classes.count
            return Head(
                classes: spec.classes,
                weights: randomMatrix(size, 256, seed: UInt64(position)),
                biases: [Float](repeating: 0, count: size))
        }
        let bank = try HeadBank(heads)
        let root = try bank.head(over: .all(10))
        #if DEBUG
        let rowCount = 100
        #else
        let rowCount = 10_000
        #endif
        let features = randomMatrix(rowCount, 256, seed: 1 << 40)
        let clock = ContinuousClock()
        var checksum = 0
        let started = clock.now
        checksum += try root.predictions(features).reduce(0, +)
        let first = clock.now
        checksum += try bank.predictions(.softVote, classes: .all(10), features).reduce(0, +)
        let second = clock.now
        checksum += try bank.predictions(.treeElimination, classes: .all(10), features).reduce(0, +)
        let third = clock.now
        print("one-vs-all \(first - started), all-vs-all \(second - first), tree \(third - second)")
        #expect(checksum > 0)
        for rule in Scheme.overPairs {
            let before = clock.now
            _ = try bank.probabilities(rule, classes: .all(10), features)
            print("\(rule.title) \(clock.now - before)")
        }
        for policy in [EliminationPolicy.lowest(1), .lowest(3), .below(0.01)] {
            let before = clock.now
            _ = try bank.eliminate(classes: .all(10), features, policy: policy)
            print("tree, \(policy.title) \(clock.now - before)")
        }
        let last = clock.now
        #if !DEBUG
        #expect(third - started < .seconds(5))
        #expect(last - third < .seconds(15))
        #endif
    }
}
