import Display
import FeatureStore
import Heads
import Numerics
import Simulation
import Statistics
import System
import Transfer

// The simulation's prediction of a benchmark's trials from those with one worker.
extension SpeedupReport {
    /// What was trained, for simulations of this benchmark.
    struct Job: Encodable, Sendable {
        let classRowCounts: [Int]
        let featureCount: Int
        let nonzeroShare: Double
    }

    /// Largest error of a prediction that counts as right.
    static let predictionErrorMax = 0.05

    /// Fits the simulation's costs to the trials with one worker, and simulates every worker count.
    ///
    /// Without such a trial nothing is predicted.
    ///
    /// - Throws: `internal` if the simulation of such a job does not end.
    mutating func predict(_ job: SimulatedJob) throws(RunError) {
        self.job = Job(
            classRowCounts: job.classRowCounts, featureCount: job.featureCount,
            nonzeroShare: job.nonzeroShare)
        let alone = TrialGroup(workers: 1, of: trials).counted
        guard !alone.isEmpty else { return }
        let measured = MeasuredHeadPhase(
            seconds: Median.of(alone.map(\.seconds)),
            busySeconds: Median.of(alone.map { $0.seconds * (1 - max(0, $0.idleShare)) }))
        do throws(SimulationError) {
            let costs = try SimulationCosts.measured.fitted(
                to: measured, job: job, network: .loopback)
            for index in summary.indices {
                var fleet = FleetModel(workerCount: summary[index].workers)
                fleet.minWorkerCount = summary[index].workers
                var simulation = HeadPhaseSimulation(
                    job: job, costs: costs, network: .loopback, fleet: fleet)
                let predicted = try simulation.run().headSeconds
                summary[index].predictedSeconds = predicted
                summary[index].predictionError = predicted / summary[index].seconds - 1
            }
        } catch {
            throw RunError(.internal, error.message)
        }
    }

    /// The predictions beside what was measured, for people; empty without any.
    var predictionText: String {
        var lines: [String] = []
        for row in summary {
            guard let predicted = row.predictedSeconds, let error = row.predictionError else {
                continue
            }
            let sign = error < 0 ? "" : "+"
            var line =
                "\(row.workers): \(Format.decimal(predicted, places: 3)) s predicted, "
                + "\(Format.decimal(row.seconds, places: 3)) s measured, \(sign)\(Format.percent(error, places: 1))"
            if row.doubt != nil {
                line += " (of trials that allow no conclusion)"
            } else if let cores, row.workers > cores {
                line += " (the simulation gives every worker a core)"
            } else if abs(error) > Self.predictionErrorMax {
                line += " (more than it should be)"
            }
            lines.append(line)
        }
        guard !lines.isEmpty else { return "" }
        return "\nsimulated from the trials with one worker:\n"
            + lines.map { "  " + $0 }.joined(separator: "\n") + "\n"
    }
}

extension HeadPhase {
    /// The same task for a simulation.
    var simulatedJob: SimulatedJob {
        let manifest = backbone.chunks.manifest
        return SimulatedJob(
            plan: plan, classRowCounts: backbone.chunks.shape.classRowCounts,
            featureCount: backbone.chunks.shape.featureCount,
            epochCount: options.training(l2: nil).passCount,
            nonzeroShare: manifest.sentShare)
    }
}
