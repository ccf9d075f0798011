import Heads
import Simulation
import Testing

/// Small cases that a person can add up.
@Suite struct ExactTests {
    // One worker and a network that costs nothing: the time is the operations over the rate. Three
    // classes of 100 rows, 10 features, 2 epochs: three pairs of 4 * 2 * 10 * 200 * 2 = 32,000
    // operations and one head of three classes of 4 * 3 * 10 * 300 * 2 = 72,000.
    @Test func oneWorkerTakesTheSum() throws {
        let small = job(classCount: 3, rowCount: 300, featureCount: 10, epochCount: 2)
        #expect(small.totalFlops == 168_000)
        let outcome = try simulate(
            small, workers: 1, SimulationCosts(flopsPerSecond: 1_000), freeNetwork)
        #expect(abs(outcome.seconds - 168) < 1e-6)
        #expect(outcome.headSeconds == outcome.seconds)
        #expect(outcome.share(.training) == 1)
        #expect(outcome.idleShare == 0)
        #expect(outcome.limit == nil)
        #expect(outcome.acceptedHeadCount == 4)
    }

    // 2,000 rows of 256 features are 2,048,000 bytes in chunks of 1,024 and 976 rows (one class of
    // each of two: two chunks of 1,000 rows). At 8.192 Mbit/s they take 2 s for a worker; and three
    // workers are served at the same time: 6 s, and nobody is ready before the last chunk's round.
    @Test(arguments: [(1, 2.0), (2, 4.0), (3, 6.0)])
    func featuresTakeTheirTime(workers: Int, seconds: Double) throws {
        let network = NetworkModel(gigabitsPerSecond: 0.008192, latencySeconds: 0.25)
        let small = job(.pairs, classCount: 2, rowCount: 2_000)
        #expect(small.featureByteCount == 2_048_000)
        var costs = SimulationCosts(flopsPerSecond: 1e9)
        costs.readySeconds = 0.5
        let outcome = try simulate(small, workers: workers, costs, network) {
            $0.minWorkerCount = workers
        }
        // The chunks, the latency of the last, becoming ready, its latency; descriptions and words of
        // readiness are some hundred bytes.
        let broadcast = try #require(outcome.broadcastSeconds)
        #expect(broadcast > seconds + 1)
        #expect(broadcast < seconds + 1.01)
        // The assignment's latency, the head (81,920,000 operations at 10^9 a second), the result's.
        #expect(abs(outcome.headSeconds - 0.5 - 0.08192) < 0.01)
    }

    @Test func chunksAreThoseOfTheFeatureStore() throws {
        let uneven = SimulatedJob(
            plan: HeadPlan(.pairs, classCount: 2), classRowCounts: [1_025, 7], featureCount: 256,
            epochCount: 1)
        let network = NetworkModel(gigabitsPerSecond: 8e-9 * 1_024, latencySeconds: 0)
        // Bytes at 1,024 a second: a row a second. Whole chunks: 1,024, 1 and 7 rows.
        let outcome = try simulate(
            uneven, workers: 1, SimulationCosts(flopsPerSecond: 1e15), network)
        let broadcast = try #require(outcome.broadcastSeconds)
        #expect(broadcast > 1_032 && broadcast < 1_034)
    }

    @Test func streamingOrdersAndSwitchingAreAdded() throws {
        let small = job(.pairs, classCount: 2, rowCount: 1_000)
        var costs = SimulationCosts(flopsPerSecond: 1e9)
        costs.streamSecondsPerFeature = 1e-6
        costs.orderSecondsPerRow = 1e-4
        costs.switchSeconds = 0.125
        let outcome = try simulate(small, workers: 1, costs, freeNetwork)
        // 1,000 rows, 20 epochs: 5.12 s of streaming, 2 s of orders, 0.04096 s of training.
        #expect(abs(outcome.seconds - 0.125 - 5.12 - 2 - 0.04096) < 1e-6)
        #expect(abs(outcome.busySeconds - 7.16096) < 1e-6)
    }

    // One head: a second to send it, 0.08192 s to train it, a second to take it in.
    @Test func theCoordinatorTakesItsTime() throws {
        var costs = SimulationCosts(flopsPerSecond: 1e9)
        costs.headSeconds = 1
        let outcome = try simulate(
            job(.pairs, classCount: 2, rowCount: 2_000), workers: 1, costs, freeNetwork)
        #expect(abs(outcome.headSeconds - 2.08192) < 1e-6)
        #expect(abs(outcome.share(.processor) - 2 / 2.08192) < 1e-6)
        #expect(outcome.limit == .processor)
        #expect(abs(outcome.processorSeconds - 2) < 1e-6)
    }
}
