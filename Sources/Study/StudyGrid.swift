import Heads

/// Which trials and arms a study asks for.
package struct StudyGrid: Hashable, Codable, Sendable {
    /// As in `--datasets`, none twice.
    package var datasets: [String]
    /// Shares of each class's rows in millionths, none twice.
    package var fractionsMillionths: [Int]
    /// Trials of each data set and fraction, counted from 0.
    package var trialCount: Int
    /// The arms, none twice.
    package var arms: [StudyArm]

    /// A grid of these.
    package init(
        datasets: [String], fractionsMillionths: [Int], trialCount: Int, arms: [StudyArm]
    ) {
        self.datasets = datasets
        self.fractionsMillionths = fractionsMillionths
        self.trialCount = trialCount
        self.arms = arms
    }

    /// Every trial: data sets, then fractions, then counts.
    package var trials: [TrialKey] {
        datasets.flatMap { dataset in
            fractionsMillionths.flatMap { fraction in
                (0..<trialCount).map {
                    TrialKey(dataset: dataset, fractionMillionths: fraction, trial: $0)
                }
            }
        }
    }

    /// What is to be computed for a trial, given what there is.
    ///
    /// - Parameters:
    ///   - hasBackbone: whether its backbone was evaluated before.
    ///   - armsDone: arms on frozen features that were.
    ///   - networksDone: whole networks that were, by arm.
    package func missingUnits(
        of key: TrialKey, classCount: Int, hasBackbone: Bool, armsDone: Set<StudyArm>,
        networksDone: [StudyArm: Set<[Int]>]
    ) -> [StudyUnit] {
        var units: [StudyUnit] = []
        let armsMissing = arms.filter { !$0.trainsNetworks && !armsDone.contains($0) }
        if !hasBackbone || !armsMissing.isEmpty {
            units.append(.trial(key, arms: armsMissing, isControlled: !hasBackbone))
        }
        for arm in arms where arm.trainsNetworks {
            let done = networksDone[arm] ?? []
            for spec in HeadPlan(.subsets, classCount: classCount).heads {
                let classes = spec.classes.members
                if !done.contains(classes) {
                    units.append(.network(key, arm: arm, classes: classes))
                }
            }
        }
        return units
    }
}

/// The size of a data set within a study, for foretelling what a unit costs.
package struct StudyDatasetSize: Hashable, Sendable {
    /// Training rows of each class that fraction 1 keeps.
    package var trainRowCounts: [Int]
    /// Rows tested on.
    package var testRowCount: Int
    /// Multiply-adds of one image on its way to the features, times two.
    package var forwardFlopsPerImage: Double

    /// The size of images of this shape under LeNet.
    package init(
        trainRowCounts: [Int], testRowCount: Int, channelCount: Int, height: Int, width: Int
    ) {
        self.trainRowCounts = trainRowCounts
        self.testRowCount = testRowCount
        let first = (height - 2) * (width - 2) * 32 * channelCount * 9
        let second = (height - 4) * (width - 4) * 64 * 32 * 9
        let dense = (height - 4) / 2 * ((width - 4) / 2) * 64 * 256
        forwardFlopsPerImage = 2 * Double(first + second + dense)
    }

    /// Floating-point operations of a unit, roughly: training an image costs three times predicting it.
    package func flops(of unit: StudyUnit, _ settings: StudySettings) -> Double {
        let fraction = unit.key.fraction
        let tests = Double(testRowCount) * forwardFlopsPerImage
        switch unit {
        case .trial(_, let arms, let isControlled):
            let rows = Double(trainRowCounts.reduce(0, +)) * fraction
            let epochs = Double(
                settings.epochCount + (isControlled ? settings.headEpochCount : 0))
            let network = rows * epochs * 3 * forwardFlopsPerImage
            // All classes of all subsets times the rows of each.
            let classCount = trainRowCounts.count
            let pairsOfClasses = Double(classCount * classCount) * Double(1 << (classCount - 2))
            let heads =
                4 * 256 * pairsOfClasses * rows / Double(classCount)
                * Double(settings.headEpochCount * arms.count)
            return network + heads + 3 * tests
        case .network(_, _, let classes):
            let rows = classes.reduce(0) { $0 + Double(trainRowCounts[$1]) } * fraction
            return rows * Double(settings.headEpochCount) * 3 * forwardFlopsPerImage + tests
        }
    }
}
