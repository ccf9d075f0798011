import Heads

/// Which trials and arms a study asks for.
package struct StudyGrid: Hashable, Sendable {
    /// As in `--datasets`, without duplicates.
    package var datasets: [String]
    /// Shares of each class's rows in millionths, without duplicates.
    package var fractionsMillionths: [Int]
    /// Trials of each data set and fraction, counted from 0.
    package var trialCount: Int
    /// The arms, without duplicates.
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

    /// The units of a trial that still have to be computed.
    ///
    /// - Parameters:
    ///   - hasBackbone: whether its backbone was evaluated before.
    ///   - armsDone: arms on frozen features that were evaluated before.
    ///   - networksDone: class sets of whole networks that were, by arm.
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
