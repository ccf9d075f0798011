package import Heads
package import Scheduling
import Transfer

/// What is trained: the head phase's task, with the coordinator's costs.
package struct SimulatedJob: Sendable {
    /// The heads, as the scheduler gets them.
    package let work: [HeadWork]
    /// Training rows of each class.
    package let classRowCounts: [Int]
    /// Features of a row.
    package let featureCount: Int
    /// Epochs of every head.
    package let epochCount: Int
    /// Share of the features that are not zero, and so are sent, if leaving out the others saves
    /// anything.
    package let nonzeroShare: Double

    /// The job of training the plan's heads on so many rows a class.
    package init(
        plan: HeadPlan, classRowCounts: [Int], featureCount: Int, epochCount: Int,
        nonzeroShare: Double = 1
    ) {
        work = HeadWork.all(
            of: plan, classRowCounts: classRowCounts, featureCount: featureCount,
            epochCount: epochCount)
        self.classRowCounts = classRowCounts
        self.featureCount = featureCount
        self.epochCount = epochCount
        self.nonzeroShare = nonzeroShare
    }

    /// Rows spread over the classes as evenly as they can be.
    package static func evenClasses(rowCount: Int, classCount: Int) -> [Int] {
        (0..<classCount).map { rowCount * ($0 + 1) / classCount - rowCount * $0 / classCount }
    }

    /// Rows of all classes.
    package var rowCount: Int { classRowCounts.reduce(0, +) }

    /// Bytes of all features, as they are sent.
    package var featureByteCount: Int { chunkByteCounts.reduce(0, +) }

    /// Operations to train all heads, counted like ``HeadWork/trainingFlops``.
    package var totalFlops: Double { work.reduce(0) { $0 + $1.trainingFlops } }

    /// Features read for one bundle: rows times features times epochs.
    var streamedFeatureCount: Double {
        Double(rowCount) * Double(featureCount) * Double(epochCount)
    }

    /// Bytes of the chunks that carry the features, each the rows of one class.
    var chunkByteCounts: [Int] {
        ChunkManifest.cut(partCounts: classRowCounts, unitByteCount: 4 * featureCount).map {
            let floatCount = $0.count * featureCount
            // A bit for each float, and those that are not zero.
            let coded = floatCount / 8 + 4 * Int((nonzeroShare * Double(floatCount)).rounded())
            return min(4 * floatCount, coded)
        }
    }

    /// The scheduler as the coordinator makes it for this job.
    func scheduler(minWorkerCount: Int) -> HeadScheduler {
        HeadScheduler(
            heads: work,
            configuration: SchedulerConfiguration(
                minWorkerCount: minWorkerCount, rowCount: rowCount, featureCount: featureCount,
                epochCount: epochCount))
    }
}
