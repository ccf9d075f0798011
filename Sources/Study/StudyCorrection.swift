package import Statistics

// What follows from all comparisons of a study together.

extension StudyReport {
    /// Corrects all p-values of the study for their number, each kind of test separately (Holm 1979),
    /// and finds what so many tests could have shown.
    ///
    /// - Throws: ``StatisticsError`` for a p-value that is not a probability.
    package mutating func correctPValues() throws(StatisticsError) {
        try correct(from: \.tTestPValue, to: \.tTestPValueHolm)
        try correct(from: \.wilcoxonPValue, to: \.wilcoxonPValueHolm)
        try correct(from: \.equivalencePValue, to: \.equivalencePValueHolm)
        try findDetectableGains()
    }

    /// Comparisons of the whole study, which is how many tests of a kind are corrected for.
    package var comparisonCount: Int { datasets.reduce(0) { $0 + $1.comparisons.count } }

    private mutating func findDetectableGains() throws(StatisticsError) {
        let comparisonCount = comparisonCount
        var effects: [Int: Double] = [:]
        for dataset in datasets.indices {
            for index in datasets[dataset].comparisons.indices {
                let comparison = datasets[dataset].comparisons[index]
                guard let deviation = comparison.differenceDeviation else { continue }
                let count = comparison.trialCount
                let effect: Double
                if let known = effects[count] {
                    effect = known
                } else {
                    effect = try StudyReach.effect(trialCount: count, of: comparisonCount)
                    effects[count] = effect
                }
                datasets[dataset].comparisons[index].detectableGain = effect * deviation
            }
        }
    }

    private mutating func correct(
        from source: KeyPath<StudyComparison, Double?>,
        to target: WritableKeyPath<StudyComparison, Double?>
    ) throws(StatisticsError) {
        // A comparison that cannot be tested still counts as a test.
        let values: [Double] = datasets.flatMap { dataset in
            dataset.comparisons.map { $0[keyPath: source] ?? 1 }
        }
        let corrected = try Holm.adjusted(values)
        var adjusted = corrected.makeIterator()
        for dataset in datasets.indices {
            for index in datasets[dataset].comparisons.indices {
                let value = adjusted.next()
                if datasets[dataset].comparisons[index][keyPath: source] != nil {
                    datasets[dataset].comparisons[index][keyPath: target] = value
                }
            }
        }
    }
}
