import Study
import Testing

@Suite struct TrialKeyTests {
    private let grid = StudyGrid(
        datasets: ["mnist", "cifar10"], fractionsMillionths: [10_000, 1_000_000], trialCount: 20,
        arms: [.frozen, .scratch])

    @Test func seedsNeverChangeAndNeverMeet() {
        let key = TrialKey(dataset: "mnist", fractionMillionths: 10_000, trial: 3)
        // What trials of studies on disk were drawn by.
        #expect(key.seed(base: 0) == 0x160D_EBED_E1B3_79BD)
        let seeds = (0..<4 as Range<UInt64>).flatMap { base in
            grid.trials.map { $0.seed(base: base) }
        }
        #expect(Set(seeds).count == 4 * 80)
        // Halves of the bits at random: 320 seeds differ from 1/2 by 4.5 sigma at most.
        let bits = seeds.reduce(0) { $0 + $1.nonzeroBitCount }
        #expect(abs(Double(bits) / Double(320 * 64) - 0.5) < 0.016)
    }

    @Test func whatIsNewIsComputedAndNothingElse() {
        let key = TrialKey(dataset: "mnist", fractionMillionths: 10_000, trial: 0)
        let nothing = grid.missingUnits(
            of: key, classCount: 3, hasBackbone: false, armsDone: [], networksDone: [:])
        #expect(
            nothing == [
                .trial(key, arms: [.frozen], isControlled: true),
                .network(key, arm: .scratch, classes: [0, 1]),
                .network(key, arm: .scratch, classes: [0, 2]),
                .network(key, arm: .scratch, classes: [1, 2]),
                .network(key, arm: .scratch, classes: [0, 1, 2]),
            ])
        let some = grid.missingUnits(
            of: key, classCount: 3, hasBackbone: true, armsDone: [.derived],
            networksDone: [.scratch: [[0, 2], [0, 1, 2]], .warm: [[0, 1]]])
        #expect(
            some == [
                .trial(key, arms: [.frozen], isControlled: false),
                .network(key, arm: .scratch, classes: [0, 1]),
                .network(key, arm: .scratch, classes: [1, 2]),
            ])
        let rest = grid.missingUnits(
            of: key, classCount: 3, hasBackbone: true, armsDone: [.frozen],
            networksDone: [.scratch: [[0, 1], [0, 2], [1, 2], [0, 1, 2]]])
        #expect(rest == [])
    }

    @Test func unitsHaveNamesOfTheirOwn() {
        let units = grid.trials.flatMap {
            grid.missingUnits(
                of: $0, classCount: 4, hasBackbone: false, armsDone: [], networksDone: [:])
        }
        #expect(Set(units.map(\.description)).count == units.count)
        #expect(units[0].description == "mnist/0.01/0 backbone frozen,control")
        #expect(units[1].description == "mnist/0.01/0 scratch 0,1")
    }
}
