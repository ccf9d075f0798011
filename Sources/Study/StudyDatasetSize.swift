/// The size of a data set within a study, for predicting what a unit costs.
package struct StudyDatasetSize: Hashable, Sendable {
    /// Training rows of each class that fraction 1 keeps.
    package var trainRowCounts: [Int]
    /// Rows tested on.
    package var testRowCount: Int
    /// Features that a head reads.
    package var featureCount: Int
    /// Floating-point operations of one image on its way to the features.
    package var flopsPerImage: Double

    /// The size of a data set with these rows, under a backbone of these figures.
    package init(
        trainRowCounts: [Int], testRowCount: Int, featureCount: Int, flopsPerImage: Double
    ) {
        self.trainRowCounts = trainRowCounts
        self.testRowCount = testRowCount
        self.featureCount = featureCount
        self.flopsPerImage = flopsPerImage
    }

    /// Floating-point operations of a unit, roughly: training on an image costs three times
    /// predicting it.
    package func flops(of unit: StudyUnit, _ settings: StudySettings) -> Double {
        let fraction = unit.key.fraction
        let tests = Double(testRowCount) * flopsPerImage
        switch unit {
        case .trial(_, let arms, let isControlled):
            let rows = Double(trainRowCounts.reduce(0, +)) * fraction
            let epochs = Double(
                settings.epochCount + (isControlled ? settings.headEpochCount : 0))
            let network = rows * epochs * 3 * flopsPerImage
            // The sum of |S|² over all sets S of two or more of K classes, K (K + 1) 2^(K-2) - K: a
            // head's rows and its outputs both grow with |S|.
            let classCount = Double(trainRowCounts.count)
            let squares =
                classCount * (classCount + 1)
                * Double(sign: .plus, exponent: trainRowCounts.count - 2, significand: 1)
                - classCount
            let heads =
                4 * Double(featureCount) * squares * rows / classCount
                * Double(settings.headEpochCount * arms.count)
            return network + heads + 3 * tests
        case .network(_, _, let classes):
            let rows = classes.reduce(0) { $0 + Double(trainRowCounts[$1]) } * fraction
            return rows * Double(settings.headEpochCount) * 3 * flopsPerImage + tests
        }
    }
}
