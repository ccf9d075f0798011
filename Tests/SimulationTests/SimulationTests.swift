import Heads
import Simulation
import Testing

/// What holds of every simulated run.
@Suite struct SimulationTests {
    private let small = job(classCount: 10, rowCount: 6_000)

    private func checkAccounts(
        _ outcome: SimulationOutcome, _ job: SimulatedJob,
        _ place: SourceLocation = #_sourceLocation
    ) {
        let total = Double(outcome.nanoseconds.values.reduce(0, +)) * 1e-9
        let expected = outcome.seconds * Double(outcome.workerCount)
        #expect(abs(total - expected) < 1e-6 * max(1, expected), sourceLocation: place)
        #expect(outcome.nanoseconds.values.allSatisfy { $0 >= 0 }, sourceLocation: place)
        #expect(
            outcome.acceptedHeadCount + outcome.quarantinedHeadCount == job.work.count,
            sourceLocation: place)
        #expect(outcome.headSeconds <= outcome.seconds, sourceLocation: place)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 8, 16, 33, 64, 300])
    func everyHeadComesAndEveryNanosecondIsAccountedFor(workers: Int) throws {
        let outcome = try simulate(small, workers: workers)
        checkAccounts(outcome, small)
        #expect(outcome.acceptedHeadCount == 1_013)
        // The heads' own time is what it is, whoever trains them.
        let training = Double(outcome.nanoseconds[.training, default: 0]) * 1e-9
        #expect(abs(training - small.totalFlops / usualCosts.flopsPerSecond) < 1e-5)
        #expect(outcome.seconds >= small.totalFlops / usualCosts.flopsPerSecond / Double(workers))
    }

    @Test(arguments: [0, 1, 2, 3, 4, 5] as [UInt64])
    func deathsLoseNothing(seed: UInt64) throws {
        let full = job(classCount: 10, rowCount: 60_000)
        let outcome = try simulate(full, workers: 8) {
            $0.failuresPerHour = 300
            $0.seed = seed
        }
        checkAccounts(outcome, full)
        #expect(outcome.deathCount > 0)
        #expect(outcome.quarantinedHeadCount == 0)
        #expect(outcome.acceptedHeadCount == 1_013)
        #expect(outcome.share(.failures) > 0)
        let calm = try simulate(full, workers: 8)
        #expect(outcome.seconds > calm.seconds)
    }

    @Test func whoNeverGetsAnythingDoneIsSaidSo() throws {
        let slow = NetworkModel(gigabitsPerSecond: 0.01, latencySeconds: 0.01)
        let error = #expect(throws: SimulationError.self) {
            try simulate(self.small, workers: 2, usualCosts, slow) { $0.failuresPerHour = 3_600 }
        }
        #expect(error?.message.contains("does not end") == true)
    }

    @Test func theSameTwiceAndAnotherSeedAnother() throws {
        func run(_ seed: UInt64) throws -> SimulationOutcome {
            try simulate(small, workers: 24) {
                $0.spread = 0.4
                $0.failuresPerHour = 200
                $0.seed = seed
            }
        }
        let first = try run(7)
        #expect(try run(7) == first)
        #expect(try run(8) != first)
    }

    @Test func moreBandwidthIsNeverSlower() throws {
        var last = Double.infinity
        for gigabits in [0.1, 0.3, 1, 3, 10, 100, 1_000] as [Double] {
            let network = NetworkModel(gigabitsPerSecond: gigabits, latencySeconds: 1e-4)
            let outcome = try simulate(small, workers: 32, usualCosts, network)
            // Half a second in all: the end game may fall a bundle differently.
            #expect(outcome.seconds < last * 1.05, "at \(gigabits) Gbit/s")
            last = min(last, outcome.seconds)
        }
    }

    // The reason why few get features at a time: workers that come to nothing harm nobody.
    @Test func moreWorkersAreNeverMuchSlower() throws {
        let full = job(classCount: 10, rowCount: 60_000)
        var best = Double.infinity
        for workers in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] {
            let outcome = try simulate(full, workers: workers)
            #expect(outcome.seconds < best * 1.1, "\(workers) workers")
            best = min(best, outcome.seconds)
        }
    }

    @Test func bytesAreTheFeaturesTimesTheWorkersAndLittleMore() throws {
        for workers in [1, 4, 16] {
            let outcome = try simulate(small, workers: workers)
            let features = workers * small.featureByteCount
            #expect(outcome.sentByteCount > features)
            #expect(outcome.sentByteCount < features + workers * 20_000 + 100_000)
            // 1,013 heads with 5,110 classes in all.
            #expect(outcome.receivedByteCount > 5_110 * 257 * 4)
        }
    }

    @Test func slowAndFastWorkersEndTogether() throws {
        let full = job(classCount: 10, rowCount: 60_000)
        let even = try simulate(full, workers: 8)
        let uneven = try simulate(full, workers: 8) { $0.spread = 0.5 }
        // The same rate in sum; the end is a little less even.
        #expect(uneven.seconds < even.seconds * 1.15)
    }

    // The goal of the project is that 64 workers keep nine tenths of their worth; with the costs of
    // today it is a hair less on a network as fast as the coordinator can send, and at 10 Gbit/s the
    // features take two hundredths more. What is reached is not to be lost. And the simulation of many
    // workers takes seconds.
    @Test(.timeLimit(.minutes(5)))
    func sixteenThousandHeadsOnSixtyFourWorkers() throws {
        let large = job(classCount: 14, rowCount: 60_000)
        #expect(large.work.count == 16_369)
        for (gigabits, least) in [(25.0, 0.89), (10.0, 0.87)] {
            let network = NetworkModel(gigabitsPerSecond: gigabits, latencySeconds: 1e-4)
            let one = try simulate(large, workers: 1, usualCosts, network)
            let many = try simulate(large, workers: 64, usualCosts, network)
            let efficiency = one.seconds / many.seconds / 64
            #expect(efficiency > least, "\(efficiency) at \(gigabits) Gbit/s")
        }
        let most = try simulate(large, workers: 4_096)
        checkAccounts(most, large)
    }

    @Test(arguments: [(7.0, 6.9), (7.0, 7.0), (3.0, 2.0)])
    func costsAreFittedToOneWorker(seconds: Double, busySeconds: Double) throws {
        let measured = MeasuredHeadPhase(seconds: seconds, busySeconds: busySeconds)
        let loopback = NetworkModel(gigabitsPerSecond: 100, latencySeconds: 3e-5)
        let costs = try usualCosts.fitted(to: measured, job: small, network: loopback)
        let outcome = try simulate(small, workers: 1, costs, loopback)
        #expect(abs(outcome.busySeconds / busySeconds - 1) < 0.01)
        #expect(abs(outcome.headSeconds / seconds - 1) < 0.02)
        #expect(costs.switchSeconds >= 0)
    }
}
