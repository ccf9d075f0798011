/// One worker's measured head phase, by which costs are fitted.
package struct MeasuredHeadPhase: Hashable, Sendable {
    /// From the first lease to the last head.
    package var seconds: Double
    /// Of that, the time its compute thread trained.
    package var busySeconds: Double

    /// A measurement of one worker with one compute thread.
    package init(seconds: Double, busySeconds: Double) {
        self.seconds = seconds
        self.busySeconds = busySeconds
    }
}

extension SimulationCosts {
    /// Costs under which one simulated worker is busy for as long, and idle for as long, as one
    /// measured worker was: the worker's rates are scaled by a common factor, and what is left of
    /// its idle time is spread over its bundles.
    ///
    /// The coordinator's own costs stay. Where the measured idle time is less than they make, the
    /// time between bundles is zero.
    package func fitted(
        to measured: MeasuredHeadPhase, job: SimulatedJob, network: NetworkModel
    ) throws(SimulationError) -> SimulationCosts {
        precondition(measured.busySeconds > 0 && measured.seconds > 0)
        var costs = self
        costs.switchSeconds = 0
        // The rate decides how many bundles there are, and so how much is streamed: a few rounds
        // settle it.
        for _ in 0..<6 {
            var simulation = HeadPhaseSimulation(
                job: job, costs: costs, network: network, fleet: FleetModel(workerCount: 1))
            let outcome = try simulation.run()
            let factor = outcome.busySeconds / measured.busySeconds
            costs.flopsPerSecond *= factor
            costs.streamSecondsPerFeature /= factor
            costs.orderSecondsPerRow /= factor
            let idle = measured.seconds - measured.busySeconds
            let known =
                outcome.headSeconds - outcome.busySeconds
                - Double(outcome.leaseCount) * costs.switchSeconds
            costs.switchSeconds = max(0, (idle - known) / Double(max(1, outcome.leaseCount)))
        }
        return costs
    }
}
