import ArgumentParser
import FeatureStore
import Heads
import Numerics
import Programs
import Sessions

/// Features to send and one head to train on them.
enum SampleJob {
    /// Rows of two classes, at random; one pair head and one epoch, so that training is short.
    ///
    /// - Parameter zeroShare: of the features, as after ReLU.
    static func make(
        rowCount: Int, featureCount: Int, zeroShare: Double = 0
    ) throws -> (job: HeadJob, chunks: FeatureChunks) {
        let least = Float(zeroShare)
        let buffer = FloatBuffer(count: rowCount * featureCount)
        unsafe buffer.withUnsafeMutableBufferPointer { floats in
            for block in 0..<(floats.count + 3) / 4 {
                let words = Philox.block(seed: 4, UInt32(truncatingIfNeeded: block), 0, 0, 0)
                for lane in 0..<min(4, floats.count - 4 * block) {
                    let value = Philox.uniform(words[lane])
                    unsafe floats[4 * block + lane] = value < least ? 0 : value
                }
            }
        }
        let table = FeatureTable(
            features: buffer, featureCount: featureCount,
            classRowCounts: [rowCount - rowCount / 2, rowCount / 2])
        let chunks = try FeatureChunks(table)
        let job = HeadJob(
            plan: HeadPlan(.pairs, classCount: 2),
            training: .epochs(HeadHyperparameters(epochCount: 1)), derivedHead: nil,
            manifest: chunks.manifest, minWorkerCount: 1)
        return (job, chunks)
    }

    /// Checks the options that make the job and its trials.
    static func check(rows: Int, features: Int, threads: Int?, trials: Int) throws {
        guard (2...10_000_000).contains(rows) else {
            throw ValidationError("--rows must be 2 to 10,000,000, not \(rows)")
        }
        guard (1...65_536).contains(features), rows * features <= 1 << 30 else {
            throw ValidationError("--features must be 1 to 65,536, and all rows 4 GiB at most")
        }
        if let threads, !(1...1_024).contains(threads) {
            throw ValidationError("--threads must be 1 to 1,024, not \(threads)")
        }
        guard (1...1_000).contains(trials) else {
            throw ValidationError("--trials must be 1 to 1,000, not \(trials)")
        }
    }
}
