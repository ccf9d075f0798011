import Statistics

/// How large true differences have to be for a study of so many trials and comparisons to show them
/// as often as ``StudyVerdict/power`` says.
package struct StudyReach: Sendable, Equatable {
    /// Trials of the comparisons.
    package let trialCounts: ClosedRange<Int>
    /// From the least to the largest of the comparisons, shares of one; above 1 none can be shown.
    package let gains: ClosedRange<Double>
    /// The same with ten trials whose differences vary as much; nil where all have as many.
    package let gainsWithTenTrials: ClosedRange<Double>?

    /// The reach of these comparisons; nil where none was tested.
    ///
    /// - Parameter count: all comparisons of the study, which are corrected for.
    package init?(_ comparisons: [StudyComparison], of count: Int) {
        let tested = comparisons.filter { $0.detectableGain?.isFinite == true }
        guard let trials = Self.range(tested.map(\.trialCount)),
            let gains = Self.range(tested.compactMap(\.detectableGain))
        else { return nil }
        trialCounts = trials
        self.gains = gains
        let deviations = Self.range(tested.compactMap(\.differenceDeviation).filter(\.isFinite))
        let effect = trials.lowerBound < 10 ? try? Self.effect(trialCount: 10, of: count) : nil
        gainsWithTenTrials = deviations.flatMap { ends in
            effect.map { ends.lowerBound * $0...ends.upperBound * $0 }
        }
    }

    /// The smallest detectable difference in standard deviations of the differences, at the strictest
    /// level of Holm's correction.
    ///
    /// - Throws: ``StatisticsError`` for fewer than two trials.
    static func effect(trialCount: Int, of count: Int) throws(StatisticsError) -> Double {
        try PairedPower(trialCount: trialCount, level: StudyVerdict.level / Double(max(1, count)))
            .detectableEffect(power: StudyVerdict.power)
    }

    private static func range<Value: Comparable>(_ values: [Value]) -> ClosedRange<Value>? {
        guard let least = values.min(), let most = values.max() else { return nil }
        return least...most
    }
}
