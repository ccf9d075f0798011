package import Heads

extension HeadWork {
    /// The heads of a plan as a scheduler weighs them, in the plan's order.
    ///
    /// - Parameter classRowCounts: training rows of each of the plan's classes.
    package static func all(
        of plan: HeadPlan, classRowCounts: [Int], featureCount: Int, epochCount: Int
    ) -> [HeadWork] {
        precondition(classRowCounts.count == plan.classCount)
        return plan.heads.enumerated().map { position, key in
            HeadWork(
                id: WorkID(UInt32(position)),
                trainingFlops: key.trainingFlops(
                    rowCount: key.classes.members.reduce(0) { $0 + classRowCounts[$1] },
                    featureCount: featureCount, epochCount: epochCount),
                resultByteCount: key.outputCount * (featureCount + 1) * 4)
        }
    }
}

extension SchedulerConfiguration {
    /// Textbook operations of a row that is streamed but belongs to no head: a masked copy of a row
    /// that lies anywhere in memory costs about as much as 17 multiply-adds a feature (measured: 111
    /// ns a row of 256 at 76 GFLOP/s, of 60,000 rows; fewer rows lie in the caches and cost less).
    private static let streamFlopsPerFeature = 33.0

    /// Of a row in a worker's first bundle: its place in an epoch's order (measured: 44 ns).
    private static let orderFlopsPerRow = 3_300.0

    /// The settings of a run over so many rows, features and epochs.
    package init(minWorkerCount: Int, rowCount: Int, featureCount: Int, epochCount: Int) {
        self.init()
        self.minWorkerCount = minWorkerCount
        bundleFixedFlops =
            Self.streamFlopsPerFeature * Double(featureCount) * Double(rowCount)
            * Double(epochCount)
        firstBundleFlops = Self.orderFlopsPerRow * Double(rowCount) * Double(epochCount)
    }
}
